"""`helpgate explain`: the whole reasoning for a mail, and for a file without keeping anything of it."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.cli.reasoning import EFFECTS
from tests.cli.conftest import Wait
from tests.parts.daemon import Daemon
from tests.people import ALICE, BOB, CAROL, DESK, Attachment, mail

THREAD = "carriers_tried carrier ticket may_belong_to carriers_disagree proof missing authentication"
OF_A_MAIL = {
    "envelope": "id received_at channel desk from to detail peer helo tls login size sha256 octets_kept",
    "reading": "message_id author subject notes verdict effect reasons report fingerprint carriers_tried carrier proof"
    " authentication",
    "outcome": "fate reason attempts released seconds duplicate_of ticket status message kind audience remark"
    " what_to_do",
    "consequences": "events notifications letters",
    "judged_today": f"verdict reasons {THREAD}",
}
OF_A_FILE = {
    "parse": "message_id from one_sender to cc reply_to subject date in_reply_to references text_lines folded_lines"
    " html files notes fingerprint",
    "verdict": "verdict effect reasons report",
    "thread": THREAD,
}


def chapters(daemon: Daemon, what: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(daemon.run("explain", what, "--json"))
    return found


def shape(told: dict[str, dict[str, object]]) -> dict[str, str]:
    """The keys of each chapter, in their order."""
    return {name: " ".join(facts) for name, facts in told.items()}


def test_a_mail_of_the_journal(either: Daemon, decided: Wait) -> None:
    either.start()
    either.run("deliver", "-f", CAROL.address, stdin=mail(CAROL, DESK, "Printer", "It burns."))
    decided(either, 1)
    told = chapters(either, "1")
    assert shape(told) == OF_A_MAIL
    assert told["envelope"]["channel"] == "pipe" and told["envelope"]["from"] == f"<{CAROL.address}>"
    assert told["reading"]["verdict"] == "human" and told["reading"]["authentication"] == "no signature"
    assert told["outcome"]["fate"] == "applied" and told["outcome"]["message"] == 1
    assert told["judged_today"]["proof"] == "claimed"
    whom = [one["to"] for one in told["consequences"]["notifications"]]  # type: ignore[attr-defined]
    assert sorted(whom) == [ALICE.address, BOB.address, CAROL.address]
    plain = either.run("explain", "1")
    assert "ENVELOPE" in plain and "CONSEQUENCES" in plain and "event: opened" in plain


def test_a_held_mail_says_what_to_do(house: Daemon, decided: Wait) -> None:
    answer = mail(CAROL, DESK, "Out of office", "I am away.", headers={"Auto-Submitted": "auto-replied"})
    house.start()
    house.run("deliver", stdin=answer)
    decided(house, 1)
    told = chapters(house, "1")
    assert told["outcome"]["fate"] == "held"
    assert "helpgate release 1" in str(told["outcome"]["what_to_do"])
    assert told["reading"]["reasons"] == told["judged_today"]["reasons"] != []
    assert told["reading"]["effect"] == EFFECTS["auto-reply"]


def test_a_filter_in_front_is_named(house: Daemon, decided: Wait, tmp_path: Path) -> None:
    spam = mail(CAROL, DESK, "Printer", "It burns.", headers={"X-Spam-Flag": "YES"})
    house.start()
    house.run("deliver", stdin=spam)
    decided(house, 1)
    told = chapters(house, "1")
    assert told["reading"]["reasons"] == told["judged_today"]["reasons"] == ["X-Spam-Flag calls it spam"]
    assert "X-Spam-Flag: YES" in str(told["outcome"]["remark"])
    file = tmp_path / "mail.eml"
    file.write_bytes(spam)
    assert chapters(house, str(file))["verdict"]["reasons"] == ["X-Spam-Flag calls it spam"]


def test_a_file_is_read_and_nothing_kept(house: Daemon, tmp_path: Path) -> None:
    hostile = mail(
        CAROL,
        DESK,
        "=?utf-8?q?Move_=1B=5B2J_cursor?=",
        "See the picture.",
        attachments=[Attachment("burns.png", "image/png", b"\x89PNG")],
    )
    file = tmp_path / "mail.eml"
    file.write_bytes(hostile)
    told = chapters(house, str(file))
    assert shape(told) == OF_A_FILE
    assert told["verdict"]["verdict"] == "human"
    assert told["parse"]["files"] == ["burns.png (image/png, 4 octets)"]
    assert told["thread"]["carrier"] is None
    assert "\x1b" not in house.run("explain", str(file))
    assert house.journal() == []


def test_what_is_not_there(house: Daemon) -> None:
    for what in ("7", "no-such-file.eml"):
        done = house.try_run("explain", what)
        assert done.returncode == 1 and b"Traceback" not in done.stderr
