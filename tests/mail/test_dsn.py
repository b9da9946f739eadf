"""Delivery reports: the standard's, the slightly wrong ones, and those in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mail.parse import read
from gateway.mail.reading import BOUNCE, HUMAN, REPORT, Report

FIXTURES = Path(__file__).parent / "fixtures"


def report_of(name: str, reverse_path: str = "") -> Report:
    found = read((FIXTURES / name).read_bytes(), reverse_path=reverse_path)
    assert found.verdict == BOUNCE
    assert found.report is not None
    return found.report


def test_a_report_of_the_standard() -> None:
    assert report_of("dsn-standard.eml") == Report(
        kind="permanent",
        recipients=("jane.doe@example.org",),
        original_id="<letter-1@desk.example>",
        reply="550 5.1.1 <Jane.Doe@example.org>: no such user",
    )


def test_a_mislabelled_report_is_read() -> None:
    assert report_of("dsn-mislabelled.eml") == Report(
        "permanent", ("jane@example.org",), "<letter-2@desk.example>", "552 mailbox full"
    )


def test_a_delay_is_temporary() -> None:
    found = report_of("dsn-delayed.eml")
    assert (found.kind, found.recipients) == ("temporary", ("jane@example.org",))


def test_a_success_is_a_report_but_no_bounce_of_a_letter() -> None:
    octets = (FIXTURES / "dsn-standard.eml").read_bytes()
    for action in (b"Action: failed", b"Action: delayed"):
        octets = octets.replace(action, b"Action: delivered")
    assert read(octets, reverse_path="").report is None


def test_qmail() -> None:
    assert report_of("bounce-qmail.eml") == Report(
        "permanent",
        ("jane@example.org",),
        "<letter-3@desk.example>",
        "192.0.2.1 does not like recipient. Remote host said: 550 unknown user Giving up on 192.0.2.1.",
    )


def test_exim() -> None:
    found = report_of("bounce-exim.eml")
    assert found.kind == "permanent"
    assert found.recipients == ("jane@example.org", "joe@example.org")
    assert found.original_id == "<letter-4@desk.example>"
    assert "550 no mailbox" in found.reply


def test_postfix_in_plain_words() -> None:
    found = report_of("bounce-postfix.eml")
    assert (found.kind, found.recipients) == ("permanent", ("jane@example.org",))
    assert found.reply.startswith("host mx.example.org[192.0.2.1] said: 550 5.1.1 unknown")


def test_a_customer_who_quotes_a_bounce_is_a_customer() -> None:
    octets = (FIXTURES / "bounce-qmail.eml").read_bytes()
    octets = octets.replace(b"MAILER-DAEMON@mx.example.org", b"jane@example.org")
    found = read(octets, reverse_path="jane@example.org")
    assert found.report is None
    assert found.verdict == HUMAN


@pytest.mark.parametrize(
    "status",
    [
        b"",
        b"\n\n\n",
        b"Final-Recipient: rfc822;\nAction: failed\n",
        b"no field at all\n" * 50,
        b"Status: 5\nAction: \xff\xfe\n",
        b"Final-Recipient: rfc822; a@b@c\nStatus: 5.0.0",
        b"a:b\n\n" * 60_000,
    ],
)
def test_broken_reports_never_raise(status: bytes) -> None:
    octets = b"From: x@example.org\nContent-Type: message/delivery-status\n\n" + status
    assert read(octets, reverse_path="").verdict in (BOUNCE, REPORT, "automatic")


def test_recipients_and_replies_are_bounded() -> None:
    groups = b"".join(
        b"Final-Recipient: rfc822; u%d@example.org\nAction: failed\nDiagnostic-Code: smtp; %s\n\n"
        % (number, b"x" * 900)
        for number in range(300)
    )
    octets = (
        b"From: x@example.org\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n" + groups
    )
    found = read(octets, reverse_path="").report
    assert found is not None
    assert len(found.recipients) <= 100
    assert len(found.reply) <= 500
