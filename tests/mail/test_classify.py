"""Who or what wrote a mail: one case for each rule, and the mails that must stay human."""

from __future__ import annotations

import pytest

from gateway.mail import reading
from gateway.mail.classify import RULES
from gateway.mail.parse import read

OWN = frozenset({"help@desk.example"})


def verdict(header: str, reverse_path: str = "jane@example.org") -> tuple[str, tuple[str, ...]]:
    lines = header if "From:" in header else f"From: jane@example.org\n{header}"
    found = read(f"{lines}\n\nHello\n".encode(), reverse_path=reverse_path, own_addresses=OWN)
    return found.verdict, found.reasons


@pytest.mark.parametrize(
    ("header", "expected", "reason"),
    [
        ("From: Help@Desk.Example", reading.LOOP, "from one of our own addresses"),
        ("From: x@example.org, help@desk.example", reading.LOOP, "from one of our own addresses"),
        ("Received: x\n" * 51 + "X: y", reading.LOOP, "too many hops"),
        (
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
            reading.BOUNCE,
            "multipart/report of delivery status",
        ),
        ("From: MAILER-DAEMON@example.org", reading.BOUNCE, "from a mailer daemon"),
        ("X-Failed-Recipients: a@b.example", reading.BOUNCE, "X-Failed-Recipients"),
        (
            "Content-Type: multipart/report; report-type=disposition-notification",
            reading.REPORT,
            "read receipt",
        ),
        ("Content-Type: multipart/report; report-type=feedback-report", reading.REPORT, "feedback report"),
        ("Content-Type: message/disposition-notification", reading.REPORT, "read receipt"),
        ("Content-Type: multipart/report; report-type=other", reading.REPORT, "multipart/report"),
        (
            "Auto-Submitted: Auto-Replied (vacation)",
            reading.AUTO_REPLY,
            "Auto-Submitted: auto-replied",
        ),
        ("X-Autoreply: yes", reading.AUTO_REPLY, "autoresponder header"),
        ("X-Autorespond: x", reading.AUTO_REPLY, "autoresponder header"),
        ("Precedence: auto_reply", reading.AUTO_REPLY, "Precedence: auto_reply"),
        ("Subject: Out of Office: Re: Ticket", reading.AUTO_REPLY, "out-of-office subject"),
        ("Subject: Automatic reply: Ticket", reading.AUTO_REPLY, "out-of-office subject"),
        ("Subject: Automatische Antwort: x", reading.AUTO_REPLY, "out-of-office subject"),
        ("Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A?= x", reading.AUTO_REPLY, "out-of-office subject"),
        ("Subject: =?utf-8?q?Respuesta_autom=C3=A1tica=3A?= x", reading.AUTO_REPLY, "out-of-office subject"),
        ("Subject: Risposta automatica: x", reading.AUTO_REPLY, "out-of-office subject"),
        (
            "Subject: =?utf-8?q?Odpowied=C5=BA_automatyczna=3A?= x",
            reading.AUTO_REPLY,
            "out-of-office subject",
        ),
        ("List-Id: <x.example.org>", reading.BULK, "List header"),
        ("List-Unsubscribe: <mailto:x@example.org>", reading.BULK, "List header"),
        ("Precedence: Bulk", reading.BULK, "Precedence: bulk"),
        ("X-Precedence: junk", reading.BULK, "Precedence: bulk"),
        ("Auto-Submitted: auto-generated", reading.AUTOMATIC, "Auto-Submitted"),
        ("Auto-Submitted: something-new", reading.AUTOMATIC, "Auto-Submitted"),
        ("X-FC-MachineGenerated: true", reading.AUTOMATIC, "machine header"),
        ("From: no-reply@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: DoNotReply+x@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: postmaster@shop.example", reading.AUTOMATIC, "role sender"),
        ("X-Loop: x", reading.AUTOMATIC, "X-Loop"),
    ],
)
def test_each_marker_is_seen(header: str, expected: str, reason: str) -> None:
    found, reasons = verdict(header)
    assert found == expected
    assert reason in reasons


@pytest.mark.parametrize(
    "header",
    [
        "Subject: Hello",
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "X-Auto-Response-Suppress: All",
        "Precedence: first-class",
        "Subject: Out of office settings do not work",
        "Subject: Re: Out of office",
        "Subject: Auto-parts for my car",
        "From: noreplyson@example.org",
        "From: reply@example.org",
        "Received: x\n" * 50 + "X: y",
        "Content-Type: multipart/mixed; report-type=delivery-status",
    ],
)
def test_people_stay_people(header: str) -> None:
    assert verdict(header) == (reading.HUMAN, ())


def test_a_null_path_is_an_auto_reply_when_it_answers_and_automatic_when_not() -> None:
    assert verdict("Subject: x", "") == (reading.AUTOMATIC, ("null reverse-path",))
    assert verdict("Subject: x", "<>")[0] == reading.AUTOMATIC
    assert verdict("Return-Path: <>")[0] == reading.AUTOMATIC
    assert verdict("In-Reply-To: <a@b>", "")[0] == reading.AUTO_REPLY
    assert verdict("From: Mailer-Daemon@x.example\nSubject: failed", "")[0] == reading.BOUNCE


def test_an_unknown_path_is_not_the_null_one() -> None:
    assert read(b"From: a@example.org\n\nx").verdict == reading.HUMAN


def test_the_strongest_rule_decides_and_every_one_is_told() -> None:
    found, reasons = verdict("From: help@desk.example\nAuto-Submitted: auto-replied\nPrecedence: bulk", "")
    assert found == reading.LOOP
    assert reasons == (
        "from one of our own addresses",
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "Auto-Submitted",
        "null reverse-path",
    )


def test_the_table_is_ordered_by_strength() -> None:
    order = [
        reading.LOOP,
        reading.BOUNCE,
        reading.REPORT,
        reading.AUTO_REPLY,
        reading.BULK,
        reading.AUTOMATIC,
    ]
    strengths = [order.index(rule.verdict) for rule in RULES]
    assert strengths == sorted(strengths)
    assert len({rule.reason for rule in RULES}) == len(RULES)
