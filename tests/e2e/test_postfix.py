"""Postfix in front, over LMTP, and as the smarthost: two ways a mail can wait, and none it can be lost."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store.database import FILE_NAME
from tests.e2e.town import PATIENCE_S, SETTINGS, Town
from tests.parts import swaks
from tests.parts.daemon import Daemons
from tests.parts.ports import LOOPBACK, wait_for
from tests.parts.postfix import Postfix, Postfixes
from tests.parts.scripted_smtp import ScriptedSMTP, permanent
from tests.people import ALICE, CAROL, DESK, mail

SALES = "sales@desk.example"
UNKNOWN = "nobody@desk.example"
AS_DOCUMENTED = {
    "recipient_delimiter": "",
    "relay_recipient_maps": "",
    "smtpd_recipient_restrictions": "reject_unauth_destination, reject_unverified_recipient",
    "unverified_recipient_reject_code": "550",
    # As on a busy server, but this test cannot wait six times three seconds.
    "address_verify_poll_delay": "1s",
}


@pytest.fixture
def town(new_daemon: Daemons, smarthost: ScriptedSMTP) -> Town:
    """Postfix is the same on both engines."""
    town = Town(new_daemon(SETTINGS), smarthost)
    town.daemon.smarthost(smarthost.port)
    town.furnish()
    return town


@pytest.fixture
def front(town: Town, new_postfix: Postfixes) -> Postfix:
    """A Postfix that hands the desk's mail to us, and all other mail to the world."""
    front = new_postfix(
        {"desk.example": f"lmtp:inet:{LOOPBACK}:{town.daemon.lmtp_port}"},
        next_hop=f"{LOOPBACK}:{town.smarthost.port}",
    )
    town.port = front.port
    return front


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Where Postfix's own user may go, and a socket's path is short."""
    folder = Path(tempfile.mkdtemp(prefix="hg-e2e-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def waits(front: Postfix) -> None:
    """Until Postfix has tried in vain and keeps the mail."""
    wait_for(
        lambda: any(one["queue_name"] == "deferred" for one in front.queue()), "a deferred mail", PATIENCE_S
    )


def is_through(front: Postfix) -> None:
    """Until Postfix has nothing left."""
    wait_for(lambda: front.queue() == [], "an empty queue", PATIENCE_S)


def said_of(front: Postfix, recipient: str) -> str:
    """The last line of Postfix's log about a recipient."""
    return [line for line in front.log_text().splitlines() if f"to=<{recipient}>" in line][-1]


def test_a_mail_comes_through_lmtp(town: Town, front: Postfix) -> None:
    town.daemon.start()
    town.writes(CAROL, "Printer", "It burns.")
    assert "It burns." in town.awaits(ALICE, "It burns.").text
    (row,) = town.daemon.journal()
    assert (row["channel"], row["fate"], row["envelope"]["from"]) == ("lmtp", "applied", CAROL.address)
    assert row["envelope"]["to"] == [DESK]
    assert f"250 2.6.0 queued as {row['id']}" in front.log_text()


def test_a_mail_comes_through_a_socket(
    new_daemon: Daemons, new_postfix: Postfixes, smarthost: ScriptedSMTP, short_folder: Path
) -> None:
    path = short_folder / "lmtp.sock"
    front = new_postfix({"desk.example": f"lmtp:unix:{path}"})
    daemon = new_daemon(SETTINGS | {"lmtp.listen": f"unix:{path}"})
    town = Town(daemon, smarthost)
    town.furnish()
    daemon.start()
    shutil.chown(path, group="postfix")
    town.port = front.port
    town.writes(CAROL, "Printer", "It burns.")
    is_through(front)
    assert [row["channel"] for row in daemon.journal()] == ["lmtp"]
    daemon.run("deliver", "--rcpt", DESK, stdin=mail(CAROL, DESK, "Pipe", "It burns."))
    assert [row["channel"] for row in daemon.journal()] == ["lmtp", "pipe"]


def test_each_recipient_is_answered_for_itself(town: Town, front: Postfix) -> None:
    town.daemon.run("desk", "add", "Sales", "--address", SALES)
    town.daemon.start()
    town.writes(CAROL, "Printer", "It burns.")
    sealed = town.awaits(CAROL, "ticket").reply_to
    letter = mail(CAROL, DESK, "Toner", "It burns, too.")
    town.sends(letter, CAROL.address, SALES, sealed, UNKNOWN, DESK)
    is_through(front)
    rows = town.daemon.journal()[1:]
    assert sorted((row["desk"], row["carrier"]) for row in rows) == [("Sales", None), ("Support", "address")]
    ids = {row["desk"]: row["id"] for row in rows}
    for recipient, id in ((SALES, ids["Sales"]), (sealed, ids["Support"]), (DESK, ids["Support"])):
        line = said_of(front, recipient)
        assert "status=sent" in line and f"queued as {id})" in line, line
    line = said_of(front, UNKNOWN)
    assert "status=bounced" in line and "said: 550 5.1.1" in line and "in reply to RCPT TO" in line
    returned = town.awaits(CAROL, UNKNOWN)
    assert returned.reverse_path == ""
    assert "no desk here has this address" in returned.everything


def test_unknown_recipients_are_refused_while_the_sender_is_there(town: Town, new_postfix: Postfixes) -> None:
    """The settings that `docs/postfix.md` gives."""
    town.daemon.start()
    to_us = {"desk.example": f"lmtp:inet:{LOOPBACK}:{town.daemon.lmtp_port}"}
    front = new_postfix(to_us, settings=AS_DOCUMENTED)
    refused = swaks.send(mail(CAROL, UNKNOWN, "x", "y"), from_=CAROL.address, to=[UNKNOWN], port=front.port)
    assert any(answer.startswith("550 5.1.1") for answer in refused.answers), refused.text
    town.port = front.port
    town.writes(CAROL, "Printer", "It burns.")
    is_through(front)
    assert len(town.daemon.journal()) == 1, "asking for a recipient leaves nothing behind"


def test_mail_waits_while_the_daemon_is_away(town: Town, front: Postfix) -> None:
    town.writes(CAROL, "Printer", "It burns.")
    waits(front)
    town.daemon.start()
    is_through(front)
    assert len(town.daemon.journal()) == 1
    town.awaits(ALICE, "It burns.")


def test_mail_waits_while_the_store_is_locked(town: Town, front: Postfix) -> None:
    town.daemon.start()
    with closing(
        sqlite3.connect(Path(town.daemon.settings["data_dir"]) / FILE_NAME, isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        town.writes(CAROL, "Printer", "It burns.")
        waits(front)
        other.execute("ROLLBACK")
    assert "said: 451 4.3.0" in front.log_text()
    is_through(front)
    town.awaits(ALICE, "It burns.")
    town.settle()
    fates = Counter(row["fate"] for row in town.daemon.journal())
    assert fates["applied"] == 1 and fates.total() == fates["applied"] + fates["dropped"]
    assert len(town.daemon.export()) == 1


def test_letters_leave_through_postfix_and_their_failure_comes_back(town: Town, front: Postfix) -> None:
    town.smarthost.recipients[CAROL.address] = permanent("5.1.1 no such customer")
    town.daemon.smarthost(front.port)
    town.daemon.start()
    town.writes(CAROL, "Printer", "It burns.")
    notice = town.awaits(ALICE, "It burns.")
    assert notice.mail["Received"] and "Postfix" in notice.mail["Received"]
    assert notice.reverse_path.startswith("help+") and notice.reverse_path.endswith("@desk.example")

    def failed() -> bool:
        return [one["state"] for one in town.daemon.outbox() if one["kind"] == "receipt"] == ["failed"]

    wait_for(failed, "the receipt known to have failed", PATIENCE_S)
    is_through(front)
    town.settle()
    letters = town.daemon.outbox()
    assert Counter((one["kind"], one["state"]) for one in letters) == {
        ("receipt", "failed"): 1,
        ("notice", "sent"): 2,
    }
    assert "no such customer" in next(one["last_reply"] for one in letters if one["kind"] == "receipt")
    question, report = town.daemon.journal()
    assert (report["channel"], report["fate"], report["verdict"]) == ("lmtp", "applied", "bounce")
    assert report["envelope"]["from"] == ""
    assert report["bounce"] == {"kind": "permanent", "recipients": [CAROL.address]}
    (ticket,) = town.daemon.export()
    assert ticket["status"] == "open" and question["ticket"] == ticket["number"]
    assert [one["kind"] for one in ticket["messages"]] == ["client"]
