"""Delivery reports: the standard's, the slightly wrong ones, and those in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mail.dsn import blames_address, formats, own_words
from gateway.mail.dsn.fate import kind_of
from gateway.mail.parse import read
from gateway.mail.reading import BOUNCE, HUMAN, REPORT, Report

FIXTURES = Path(__file__).parent / "fixtures"


def report_of(name: str, reverse_path: str = "") -> Report:
    found = read((FIXTURES / name).read_bytes(), reverse_path=reverse_path)
    assert found.verdict == BOUNCE
    assert found.report is not None
    return found.report


def test_a_report_of_the_standard_names_the_address_we_wrote_to() -> None:
    assert report_of("dsn-standard.eml") == Report(
        kind="permanent",
        recipients=("jane@example.org",),
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


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("550 5.1.1 unknown", "permanent"),
        ("Sorry. (#4.4.1)", "temporary"),
        ("host mx[192.0.2.5]:587 said: 421 busy", "temporary"),
        ("ERROR_CODE :550, nobody", "permanent"),
        ("550-no such user here", "permanent"),
        ("from 192.0.2.450 on port 587", None),
        ("[192.0.2.1]:425 closed it", None),
        ("version 5.1.1.3 of the server", None),
        ("1550 mails, 4500 octets, 45.0 kB", None),
        ("nobody of that name", None),
        ("250 2.0.0 fine", ""),
    ],
)
def test_what_a_code_says(said: str, kind: str | None) -> None:
    assert kind_of(said) == kind


@pytest.mark.parametrize(
    ("reply", "blamed"),
    [
        ("550 5.1.1 unknown", True),
        ("552 5.2.2 full", True),
        ("550 no such user", True),
        ("550 5.1.10 not found", True),
        ("550 5.0.0 no", True),
        ("553 5.1.8 your domain", False),
        ("552 5.2.3 too long", False),
        ("552 5.3.4 too large", False),
        ("550 5.4.4 host not found", False),
        ("550 5.7.1 spam", False),
    ],
)
def test_whether_an_answer_blames_the_address(reply: str, blamed: bool) -> None:
    assert blames_address(reply) is blamed


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Sorry.\n--- Below this line is a copy of the message.\nHello", "Sorry."),
        ("Sorry.\n\nReceived: from a\nTo: b", "Sorry.\n"),
        ("Sorry.\n\nFrom: c\nReturn-Path: <a>\nTo: b", "Sorry.\n"),
        ("Sorry.\n   ----- Unsent message follows -----\nx", "Sorry."),
        ("Sorry.\n  Return-path: <a>\n  was its sender", "Sorry.\n  Return-path: <a>\n  was its sender"),
        ("Original message is kept here", "Original message is kept here"),
        ("Received: from a\nall lost", "Received: from a\nall lost"),
    ],
)
def test_the_mailers_own_words_end_where_the_copy_begins(text: str, own: str) -> None:
    assert own_words.split(text) == (own, text[len(own) + 1 :])


@pytest.mark.parametrize(
    ("subject", "is_one"),
    [
        ("Undelivered Mail Returned to Sender", True),
        ("*** Undeliverable: Hello", True),
        ("Unzustellbar: Ihr Paket", True),
        ("Недоставленное сообщение", True),
        ("配信不能のお知らせ", True),
        ("Re: Undelivered Mail Returned to Sender", False),
        ("Fwd: failure notice", False),
        ("My mail is undeliverable", False),
    ],
)
def test_subjects_of_reports(subject: str, is_one: bool) -> None:
    assert own_words.is_bounce_subject(subject) is is_one


HOSTILE = (
    *(
        "a",
        "@",
        "a@",
        "<",
        "<a@b.example>:\n",
        "a@b.example\n",
        "5.5.5.",
        "550 ",
        "\n",
        "> ",
        "Received: x\n",
    ),
    *(
        "Final-Recipient: rfc822; a@b.example\n\n",
        '"bouncedRecipients": [{',
        "(expanded from: ",
        "a@b.",
        "\\x{d800}",
    ),
)


@pytest.mark.parametrize("seed", HOSTILE)
@pytest.mark.parametrize("outside", ["text/plain", "multipart/report; boundary=b"])
def test_hostile_words_are_read_to_an_end(seed: str, outside: str) -> None:
    """Every known format begins, and what follows is repeated: nothing raises, and recipients stay few."""
    starts = "\n".join(phrase for one in formats.FORMATS for phrase in one.phrases)
    words = f"{starts}\nThis Message was undeliverable due to the following reason:\n{seed * (60_000 // len(seed))}"
    raw = f"From: MAILER-DAEMON@x.example\nX-Mailer: <SMTP32 v1>\nContent-Type: {outside}\n\n--b\n\n{words}"
    found = read(raw.encode("utf-8", "replace"), reverse_path="")
    assert found.verdict == BOUNCE
    assert found.report is None or len(found.report.recipients) <= 100


def test_a_detector_that_raises_is_one_less() -> None:
    """The library's detector for Yale stumbles over a mail without `From`."""
    raw = b"Subject: failure notice\n\nDelivery failed:\n\njane@example.org\n"
    assert read(raw, reverse_path="").report == Report("permanent", ("jane@example.org",))


def test_given_up_is_final_and_late_is_not() -> None:
    octets = (FIXTURES / "dsn-standard.eml").read_bytes()
    lost = read(octets.replace(b"Status: 5.1.1", b"Status: 4.4.7"), reverse_path="").report
    late = report_of("dsn-delayed.eml")
    assert lost is not None and (lost.kind, lost.final) == ("temporary", True)
    assert (late.kind, late.final) == ("temporary", False)


@pytest.mark.parametrize(
    "words",
    [
        "has not yet been delivered.\nIt may have been blocked by the other server. Delivery attempts will continue.",
        "met 450 4.7.1 try later and will be retried for 3 days: it is blocked by a policy of the day.",
        "is delayed, for it has been blocked. You do not need to resend it.",
    ],
)
def test_what_is_blocked_and_still_tried_is_late(words: str) -> None:
    raw = (
        f"From: MAILER-DAEMON@x.example\nSubject: Delivery report\n\nYour mail to jane@example.org {words}\n"
    )
    found = read(raw.encode(), reverse_path="").report
    assert found is not None
    assert (found.kind, found.final) == ("temporary", False)
