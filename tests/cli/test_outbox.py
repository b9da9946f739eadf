"""`helpgate outbox`: every letter and where it stands, and what an operator can do about it."""

from __future__ import annotations

import re
import smtplib

import pytest

from tests.cli.conftest import Wait
from tests.parts.daemon import Daemon
from tests.parts.ports import LOOPBACK, wait_for
from tests.parts.scripted_smtp import ScriptedSMTP, permanent
from tests.people import ALICE, BOB, CAROL, DESK, mail

FIELDS = [
    "id",
    "kind",
    "to",
    "ticket",
    "message_id",
    "state",
    "attempts",
    "next_attempt_at",
    "last_reply",
    "created_at",
    "sent_at",
]


@pytest.fixture
def written(either: Daemon, decided: Wait) -> Daemon:
    """A new ticket's receipt and two notices, and nobody to take them."""
    either.start()
    with smtplib.SMTP(LOOPBACK, either.smtp_port, local_hostname="client.example") as client:
        client.sendmail(CAROL.address, [DESK], mail(CAROL, DESK, "Printer", "It burns."))
    decided(either, 1)
    wait_for(lambda: len(either.outbox()) == 3, "three letters")
    return either


def test_list_has_the_promised_fields(written: Daemon) -> None:
    rows = written.outbox()
    assert [list(row) for row in rows] == [FIELDS] * 3
    assert [(row["id"], row["kind"], row["state"]) for row in rows] == [
        ("1", "receipt", "queued"),
        ("2", "notice", "queued"),
        ("3", "notice", "queued"),
    ]
    assert rows[0]["to"] == CAROL.address and {row["to"] for row in rows[1:]} == {ALICE.address, BOB.address}
    assert rows[0]["ticket"] == written.journal()[0]["ticket"]
    assert rows[0]["next_attempt_at"].endswith("Z") and rows[0]["sent_at"] is None
    listed = written.run("outbox", "list", "--json")
    assert written.run("outbox", "--json") == written.run("outbox", "--json", "list") == listed
    assert written.run("outbox", "list", "--json", "--state", "sent") == ""
    assert len(written.run("outbox").splitlines()) == 3


def test_show_has_the_mail(written: Daemon) -> None:
    shown = written.run("outbox", "show", "2")
    assert written.outbox()[1]["to"] in shown.partition("\nTo: ")[2].partition("\n")[0]
    assert "It burns." in shown
    said = dict(re.split(r"  +", line, maxsplit=1) for line in shown.partition("\n\n")[0].splitlines())
    assert said["tells"] == "notice of message 1"
    assert (said["automatic"], said["sent_at"], said["last_reply"]) == ("yes", "-", "-")
    assert '"tells": ["receipt_unproven of message 1"]' in written.run("outbox", "show", "1", "--json")
    assert written.try_run("outbox", "show", "99").returncode == 1


def test_drop_and_retry(written: Daemon) -> None:
    with ScriptedSMTP({"rcpt": permanent("5.1.1 unknown")}) as smarthost:
        written.run("outbox", "drop", "3")
        written.stop()
        written.smarthost(smarthost.port)
        written.start()
        wait_for(lambda: [row["state"] for row in written.outbox()[:2]] == ["failed"] * 2, "both refused")
        assert "unknown" in written.outbox()[0]["last_reply"]
        assert written.outbox()[0]["next_attempt_at"] is None
        smarthost.at("rcpt", [])
        done = written.try_run("outbox", "retry", "1", "3", "99")
        assert done.returncode == 1 and b"no letter 99" in done.stderr
        wait_for(lambda: {row["state"] for row in written.outbox() if row["id"] in "13"} == {"sent"}, "sent")
        assert {each.recipients[0] for each in smarthost.mails} >= {CAROL.address}
        again = written.try_run("outbox", "retry", "1")
        assert again.returncode == 1 and b"letter 1 is sent" in again.stderr
        assert written.try_run("outbox", "drop", "1").returncode == 1


def test_smarthost_refusing_at_the_door_is_no_failure(written: Daemon) -> None:
    """A 5xx at the greeting says nothing of the letter: it waits."""
    with ScriptedSMTP({"greeting": permanent("5.7.1 go away")}) as smarthost:
        written.stop()
        written.smarthost(smarthost.port)
        written.start()
        wait_for(lambda: any(row["state"] == "deferred" for row in written.outbox()), "deferred")
        assert "failed" not in {row["state"] for row in written.outbox()}
