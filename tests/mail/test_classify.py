"""Who or what wrote a mail: one case for each rule, and the mails that must stay human."""

from __future__ import annotations

import pytest

from gateway.mail import reading
from gateway.mail.classify import LISTS, MACHINES, RESPONDERS, RULES
from gateway.mail.evidence import plain
from gateway.mail.parse import read
from gateway.mail.subjects import ABSENCES, ORDINARY

ANSWERS = "In-Reply-To: <a@desk.example>\n"
HELD_ALONE = {reading.LOOP, reading.BOUNCE, reading.REPORT, reading.AUTO_REPLY}
"""What is held where it belongs to no ticket."""


def verdict(
    header: str, reverse_path: str = "jane@example.org", text: str = ""
) -> tuple[str, tuple[str, ...]]:
    lines = header if "From:" in header else f"From: jane@example.org\n{header}"
    found = read(f"{lines}\n\n{text or 'Hello'}\n".encode(), reverse_path=reverse_path)
    return found.verdict, found.reasons


@pytest.mark.parametrize(
    ("header", "expected", "reason"),
    [
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
        ("Auto-Submitted: Auto-Replied (vacation)", reading.AUTO_REPLY, "Auto-Submitted: auto-replied"),
        (
            "Auto-Submitted: no\nAuto-Submitted: auto-reply",
            reading.AUTO_REPLY,
            "Auto-Submitted: auto-replied",
        ),
        ("X-Apple-Action: VACATION/1", reading.AUTO_REPLY, "X-Apple-Action: vacation"),
        ("X-Loop: Virtual Vacation", reading.AUTO_REPLY, "X-Loop of a vacation program"),
        ("X-FreeScout-Mail-Type: auto.reply", reading.AUTO_REPLY, "X-FreeScout-Mail-Type: auto.reply"),
        (
            "Auto-Submitted: auto-generated\nX-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
            reading.AUTO_REPLY,
            "answer of an Exchange mailbox rule",
        ),
        ("Precedence: auto_reply", reading.AUTO_REPLY, "Precedence: auto_reply"),
        ("Precedence: junk\nSubject: Jo is on leave", reading.AUTO_REPLY, "out-of-office subject"),
        ("Subject: Out of Office: Printer", reading.AUTOMATIC, "out-of-office subject and words at most"),
        ("List-Id: <x.example.org>", reading.BULK, "List header"),
        ("List-Unsubscribe: <mailto:x@example.org>", reading.BULK, "List-Unsubscribe on no answer"),
        ("X-Campaign-Id: 7", reading.BULK, "newsletter header"),
        ("Precedence: Bulk", reading.BULK, "Precedence: bulk"),
        ("X-Precedence: junk", reading.BULK, "Precedence: bulk"),
        ("Auto-Submitted: auto-generated", reading.AUTOMATIC, "Auto-Submitted"),
        ("Auto-Submitted: something-new", reading.AUTOMATIC, "Auto-Submitted"),
        ("RT-Ticket: rt.example #7", reading.AUTOMATIC, "header of another helpdesk"),
        ("Subject: Report Domain: a.example Submitter: b.example", reading.AUTOMATIC, "report on a domain"),
        ("From: no-reply@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: DoNotReply+x@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: jira-noreply@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: nie.odpowiadaj@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: ne-pas-repondre@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: nicht-antworten@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: naoresponda@shop.example", reading.AUTOMATIC, "no-reply sender"),
        ("From: postmaster@shop.example", reading.AUTOMATIC, "role sender"),
        ("From: autoresponder@shop.example", reading.AUTOMATIC, "responder's sender"),
        ("X-Loop: x", reading.AUTOMATIC, "X-Loop"),
        *((f"{name}: x", reading.AUTO_REPLY, "autoresponder header") for name in RESPONDERS),
        *((f"{name}: x", reading.BULK, "List header") for name in LISTS),
        *((f"{name}: x", reading.AUTOMATIC, "machine header") for name in MACHINES),
    ],
)
def test_each_marker_is_seen(header: str, expected: str, reason: str) -> None:
    found, reasons = verdict(header)
    assert found == expected
    assert reason in reasons


def test_an_exchange_rule_that_passes_a_mail_on_is_no_answer() -> None:
    assert verdict("X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent") == (reading.HUMAN, ())


@pytest.mark.parametrize(
    "path",
    ["owner-toner@lists.example", "toner-bounces+a=b@lists.example", "toner-return-7-a=b@lists.example"],
)
def test_a_list_manager_is_known_by_its_path(path: str) -> None:
    assert verdict("Subject: x", path) == (reading.BULK, ("sent on by a list",))
    assert verdict(f"Sender: <{path}>") == (reading.BULK, ("sent on by a list",))


def test_who_owns_a_pet_is_no_list() -> None:
    assert verdict("From: pet-owner@example.org", "pet-owner@example.org") == (reading.HUMAN, ())


PHRASES = [phrase for line in ABSENCES.values() for phrase in line.split("|")]
WORDS = [word for line in ORDINARY.values() for word in line.split("|")]


@pytest.mark.parametrize("phrase", PHRASES)
def test_an_absence_in_every_language_is_an_auto_reply_when_it_answers(phrase: str) -> None:
    for subject in (f"{phrase}: Printer", phrase.upper(), f"[{phrase}] Printer", f"{phrase} – Printer"):
        assert verdict(f"{ANSWERS}Subject: {subject}")[0] == reading.AUTO_REPLY, subject


@pytest.mark.parametrize("phrase", PHRASES)
def test_who_writes_about_absences_is_never_held(phrase: str) -> None:
    assert verdict(f"{ANSWERS}Subject: Re: {phrase}")[0] == reading.HUMAN
    assert verdict(f"{ANSWERS}Subject: {phrase} xyz")[0] == reading.HUMAN
    assert verdict(f"Subject: {phrase}")[0] == reading.HUMAN
    assert verdict(f"Subject: {phrase}: how?")[0] == reading.HUMAN
    assert verdict(f"Subject: {phrase}: Printer")[0] not in HELD_ALONE


@pytest.mark.parametrize("word", WORDS)
def test_an_ordinary_word_needs_a_program_behind_it(word: str) -> None:
    assert verdict(f"{ANSWERS}Subject: {word}: Printer") == (reading.HUMAN, ())
    assert verdict(f"{ANSWERS}Precedence: bulk\nSubject: {word}: Printer")[0] == reading.AUTO_REPLY
    assert verdict(f"Precedence: bulk\nSubject: {word}: Printer")[0] == reading.BULK, "a newsletter"


@pytest.mark.parametrize(
    "header",
    [
        "Subject: Hello",
        "Auto-Submitted: no",
        "Auto-Submitted: No (a person)",
        "X-Auto-Response-Suppress: All",
        "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply",
        "Precedence: first-class",
        "Precedence: normal",
        "Importance: high\nX-Priority: 1\nX-Mailer: Outlook",
        f"{ANSWERS}List-Unsubscribe: <https://crm.example/u>",
        "Disposition-Notification-To: jane@example.org",
        "X-Autoreply:",
        "X-Autoreply: no",
        "X-Auto-Response: False",
        "List-Id: ",
        "Subject: Out of office settings do not work",
        "Subject: Re: Out of office",
        "Subject: Auto-parts for my car",
        "From: noreplyson@example.org",
        "From: reply@example.org",
        "From: no.repliccini@example.org",
        "Received: x\n" * 50 + "X: y",
        "Content-Type: multipart/mixed; report-type=delivery-status",
    ],
)
def test_people_stay_people(header: str) -> None:
    assert verdict(header) == (reading.HUMAN, ())


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Read: Printer", "Your message\n was read on Friday.", reading.REPORT),
        ("Lu : Imprimante", "Votre message a été lu le vendredi.", reading.REPORT),
        ("Leído: Impresora", "Su mensaje fue leído el viernes.", reading.REPORT),
        ("Read: Printer", "The manual was read on Friday, what now?", reading.HUMAN),
        ("Read: Printer", "Please do.", reading.HUMAN),
        ("Reading: Printer", "It was read on Friday.", reading.HUMAN),
    ],
)
def test_a_read_receipt_needs_subject_and_words(subject: str, text: str, expected: str) -> None:
    assert verdict(f"{ANSWERS}Subject: {subject}", text=text)[0] == expected


@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [
        (ANSWERS, "Before your message can be delivered, confirm that you sent it.", reading.AUTOMATIC),
        ("", "Before your message can be delivered, confirm that you sent it.", reading.HUMAN),
        (ANSWERS, "Your shop wants this of me.", reading.HUMAN),
    ],
)
def test_a_challenge_needs_subject_words_and_an_answer(header: str, text: str, expected: str) -> None:
    assert verdict(f"{header}Subject: Printer (confirmation required)", text=text)[0] == expected


def test_a_null_path_is_an_auto_reply_when_it_answers_and_automatic_when_not() -> None:
    assert verdict("Subject: x", "") == (reading.AUTOMATIC, ("null reverse-path",))
    assert verdict("Subject: x", "<>")[0] == reading.AUTOMATIC
    assert verdict("Return-Path: <>")[0] == reading.AUTOMATIC
    assert verdict("In-Reply-To: <a@b>", "")[0] == reading.AUTO_REPLY
    assert verdict("From: Mailer-Daemon@x.example\nSubject: failed", "")[0] == reading.BOUNCE


def test_an_unknown_path_is_not_the_null_one() -> None:
    assert read(b"From: a@example.org\n\nx").verdict == reading.HUMAN


def test_the_strongest_rule_decides_and_every_one_is_told() -> None:
    found, reasons = verdict("Received: x\n" * 51 + "Auto-Submitted: auto-replied\nPrecedence: bulk", "")
    assert found == reading.LOOP
    assert reasons == (
        "too many hops",
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


def test_plain_words_have_no_accents() -> None:
    assert plain("RÉPONSE  automatique\u00a0：") == "reponse automatique :"
    assert plain("Odpowiedź Łódź Ørsted Straße") == "odpowiedz lodz orsted strasse"
