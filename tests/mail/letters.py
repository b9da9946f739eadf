"""One letter of every kind, in words, for the tests of templates and of the catalogue."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from gateway.mail.words import Addition, Attached, FileLink, LetterWords, Passage

URL = "https://desk.example/helpdesk/ticket/abcdefghijklmnopqrstuvwxyz234567"

QUESTION = Passage(
    author_name="Ann O'Neil",
    kind="client",
    written_at="21 Nov 2026, 14:02 CET",
    text="Hello,\n\nthe printer is <burning> & smoking.\n\n> When?\nAt noon 🔥\n\nAnn",
    attachments=(Attached("smoke.jpg", "1.2 MB"),),
    files_as_links=(FileLink("film.mov", f"{URL}/film"),),
)
ANSWER = Passage(
    author_name="Bob",
    kind="agent",
    written_at="21 Nov 2026, 14:30 CET",
    text="Hello Ann,\n\npull the plug, please.\n\nBob",
)
NOTE = replace(ANSWER, kind="internal", text="They have a gold contract.")

WORDS = LetterWords(
    desk_name="Example Support",
    ticket_url=URL,
    ticket_number="2647-12",
    subject="Re: Printer on fire [#2647-12]",
    author_name="Ann O'Neil",
    answer_mailto="mailto:help+answer@desk.example",
    note_mailto="mailto:help+note@desk.example?subject=a&body=b",
)

LETTERS: dict[str, tuple[str, LetterWords]] = {
    "receipt": ("receipt", replace(WORDS, quoted=QUESTION)),
    "receipt_unproven": ("receipt_unproven", replace(WORDS, quoted=QUESTION, messages=(QUESTION,))),
    "reply": (
        "reply",
        replace(WORDS, messages=(ANSWER,), quoted=QUESTION, added_people=(Addition("Ann", "Carl"),)),
    ),
    "reply_joined": (
        "reply",
        replace(
            WORDS,
            messages=(replace(ANSWER, skipped_note="not mailed: read on the page 14:02"), ANSWER),
            quoted=replace(QUESTION, html=Markup("<p>the printer <b>burns</b></p>")),
        ),
    ),
    "notice": ("notice", replace(WORDS, messages=(QUESTION,))),
    "notice_joined": ("notice", replace(WORDS, messages=(QUESTION, NOTE))),
    "notice_internal": ("notice", replace(WORDS, author_name="Bob", messages=(NOTE,), is_internal=True)),
    "closed": ("closed", replace(WORDS, messages=(ANSWER,), status="closed")),
    "confirmation": ("confirmation", replace(WORDS, reason="Nothing proves that you sent it.")),
    "confirmation_alone": ("confirmation", replace(WORDS, ticket_number="", subject="", reason="Why.")),
    "failed": (
        "failed",
        replace(
            WORDS,
            reason="550 5.1.1 nobody here",
            recipient="carl@customer.example",
            reached=("ann@customer.example",),
            is_answer=True,
        ),
    ),
    "failed_letter": (
        "failed",
        replace(WORDS, reason="550 5.1.1 nobody here", recipient="carl@customer.example"),
    ),
    "summary": (
        "summary",
        replace(
            WORDS,
            held=("81 loop",),
            failed=("12 550", "13 550"),
            stopped=("relay",),
            spent=("day",),
            held_total=1,
            failed_total=2,
        ),
    ),
}
