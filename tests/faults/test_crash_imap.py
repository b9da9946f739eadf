"""SIGKILL between the commit of a fetched mail and what is done with it in its folder: nothing lost or doubled."""

from __future__ import annotations

import json
from signal import SIGKILL

from gateway.store.imap import SETTLED
from tests.faults.ledger import House, Ledger, letter_of, until
from tests.parts import crash_launcher
from tests.parts.daemon import COMMAND
from tests.parts.dovecot import PASSWORD, Dovecot, Dovecots

BOXES = {"box-seen": "seen", "box-move": "move:Done", "box-delete": "delete"}
DEATHS = ("accept.before-commit,1", "accept.committed,1", "imap.settling,1", "imap.touched,2")
"""Where one daemon after the other ends; each finds a new mail in every box."""


def test_killed_between_commit_and_folder(either_house: House, ledger: Ledger, new_dovecot: Dovecots) -> None:
    house, dovecot = either_house, new_dovecot(list(BOXES))
    house.daemon.settings["imap"] = json.dumps([table(dovecot, box) for box in BOXES])
    house.daemon.start()
    until(lambda: house.number("SELECT count(*) FROM imap_folder WHERE began_at > 0") == 3, "the first look")
    assert house.daemon.stop() == 0
    marks: list[str] = []
    in_doubt = 0
    for death in DEATHS:
        fresh = ledger.marks(len(BOXES))
        for box, mark in zip(BOXES, fresh, strict=True):
            dovecot.put([letter_of(mark)], box)
        marks += fresh
        die(house, death)
        in_doubt += house.number("SELECT count(*) FROM outbox WHERE state = 'sending'")
        bury(house)
    house.daemon.launcher = COMMAND
    house.daemon.start()
    taken = f"SELECT count(*) FROM imap_mail WHERE state = '{SETTLED}' AND inbound_id IS NOT NULL"
    until(lambda: house.number(taken) == len(marks), "every mail taken, and done with")
    house.settle()
    assert house.daemon.stop() == 0
    rows = house.rows("SELECT id, subject FROM inbound")
    assert sorted(str(subject).split()[0] for _, subject in rows) == sorted(marks), "each came once"
    ledger.promised = {str(subject).split()[0]: str(id) for id, subject in rows}
    outcome = house.audit(ledger)
    assert outcome.letters == 2 * len(marks)
    assert outcome.doubles <= in_doubt
    look_into_folders(dovecot)


def look_into_folders(dovecot: Dovecot) -> None:
    """What was to be done with the mails has been done, once."""
    with dovecot.client("box-seen") as client:
        assert len(client.search("SEEN")) == len(client.search("ALL")) == len(DEATHS)
    with dovecot.client("box-delete") as client:
        assert client.search("ALL") == []
    with dovecot.client("box-move") as client:
        assert client.search("ALL") == []
        assert client.select_folder("Done")[b"EXISTS"] == len(DEATHS)


def table(dovecot: Dovecot, box: str) -> dict[str, object]:
    """An [[imap]] table."""
    way = {"host": dovecot.host, "port": dovecot.port, "security": "none", "password": PASSWORD}
    return {"desk": "Support", "username": box, "after": BOXES[box]} | way


def die(house: House, death: str) -> None:
    """A daemon that kills itself there."""
    house.daemon.launcher = crash_launcher.launcher(f"die={death}")
    house.daemon.launch()
    until(lambda: not house.daemon.is_running, f"death at {death}")
    assert house.daemon.exit_code == -SIGKILL, house.daemon.log_text()


def bury(house: House) -> None:
    """The minute passes after which another daemon may read the folders."""
    house.bury()
    with house.store() as store, store.unit("test") as unit:
        unit.run("UPDATE imap_folder SET lease_until = 1")
