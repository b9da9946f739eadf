"""Twice the input never takes much more than twice the time, whatever it is made of: T28, T29, A0 24.

What is compared are CPU times of one process within one moment, each the least of some runs, so that a busy
machine changes nothing. The bound leaves room for caches and collections; what is quadratic goes far beyond
it at these sizes. `python -m bench --only G15` measures the same mails at 25 MB.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from bench.hostile import IN_A_REPORT, MAILS
from gateway.mail import (
    attached,
    authenticate,
    calendar_part,
    charset,
    enclosures,
    fingerprint,
    flowed,
    header,
    quote,
    rich,
    rtf,
    sandbox,
    tnef,
    transfer,
)
from gateway.mail.address import parse_address, parse_mailboxes
from gateway.mail.authentication_results import clauses
from gateway.mail.compose import compose
from gateway.mail.html_text import read_html, to_text
from gateway.mail.letter import Draft
from gateway.mail.parse import read
from gateway.mail.quote import clients
from gateway.mail.reading import Mailbox, Reading
from gateway.mail.sanitize import sanitize
from gateway.mail.template import Stationery
from gateway.mail.token import Keyring
from gateway.mail.words import LetterWords, Passage

BOUND = 3.0
"""How much longer twice the input may take."""
FLOOR_S = 0.004
"""Below this, a clock says nothing."""
TIMES, RUNS = 3, 3
MAIL_SIZES = (16_000, 32_000, 64_000)
TEXT_SIZES = (6_000, 12_000, 24_000)

KEYS = Keyring({1: b"k" * 32}, 1)
STATIONERY = Stationery(None)
HOME = Mailbox("help@desk.example", "Help")

UNITS = (
    *(
        "<",
        ">",
        "(",
        ")",
        "(()",
        "[",
        "{",
        "=?",
        "?=",
        ";",
        '"',
        '\\"',
        "\\",
        "@",
        ",",
        ":",
        "=",
        "-",
        "_",
        "&",
        "'",
    ),
    *(
        " ",
        "\t",
        "\n",
        " \n",
        "\r",
        "w",
        "1",
        "w ",
        "word word\n",
        "\u0301",
        "é",
        "\u200b",
        "日",
        ".",
        "/",
        "://a.b ",
    ),
    *(
        "\n>",
        "\n> ",
        "> > ",
        "> a\nb\n",
        ">\xa0",
        "|",
        "--\n",
        "-- \n",
        "*",
        "wrote:\n",
        "On Mon Jo\n",
        "On Mon, Jo wrote:\n",
    ),
    *(
        "From: a\n",
        "From: a\nSent: b\nTo: c\n",
        "-----Original Message-----\n",
        "10:00 3.2.2025\n",
        "Sent from my phone\n",
    ),
    *(
        "a@b.example",
        "a@b.example,",
        "<a@b.example> ",
        "a:b,;",
        "=?utf-8?q?a?= ",
        "=?utf-8?b?w7w=?= ",
        "; a=b",
        ";a*0*=b'c'",
    ),
    *(
        "<b>",
        "</b>",
        "<a href=b>",
        "<!--",
        "<p>a",
        "<div>",
        "<blockquote>",
        "<blockquote type=cite>a",
        "<div class=yahoo_quoted>a",
        "<hr id=zwchr>",
        "<a class='",
        "<table><td>",
        "&amp;",
        "<img src='cid:a'>",
    ),
    *(
        "abcdefghijklmnopqrstuvwxyz234567",
        "abcdefghijklmn=\n",
        "begin 644 a\n",
        "Message-ID: <a\n",
        "550 5.1.1 ",
        "A\n",
    ),
)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _signed(text: str) -> object:
    """A DKIM signature with this in its tags and among the fields it signs."""
    octets = _octets(f"From: jo@example.org\nDKIM-Signature: v=1; d=example.org; h={text}\n{text}\n\n{text}")
    reading = Reading(from_=(Mailbox("jo@example.org"),))
    lookup = authenticate.TxtRecords
    return authenticate.authenticate(
        reading, octets, authserv_id="", lookup=lambda name: lookup(["v=DKIM1; p=AAAA"]), verify=True
    )


def _known(text: str) -> object:
    """All of it was sent by ourselves."""
    return quote.fold_known(text, (), quote.known_lines([text]))


def _folded_html(text: str) -> object:
    """With what mail programs say about its parts."""
    found = read_html(sanitize(clients.marked(text)))
    return quote.fold(found.text, found.structure)


def _written(text: str) -> object:
    """A letter that quotes it, and the mail that this becomes."""
    words = LetterWords("Help", "https://desk.example/t", messages=(Passage("Jo", "client", "now", text),))
    letter = STATIONERY.write("reply", words)
    return compose(Draft("<m@desk.example>", HOME, (HOME,), text[:200], letter.text, letter.html, 0))


def _invited(text: str) -> object:
    """A tenth of it as an event: the library takes ten times as long as all others."""
    return calendar_part.readable(_octets(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\n{text[: len(text) // 10]}"))


READERS: dict[str, Callable[[str], object]] = {
    "address.parse_address": parse_address,
    "address.parse_mailboxes": parse_mailboxes,
    "header.text": lambda text: header.text(_octets(text)),
    "header.parameters": lambda text: header.parameters(_octets(f"text/plain{text}")),
    "authentication_results.clauses": lambda text: clauses([f"mx; {text[: len(text) // 2]}"], "mx"),
    "authenticate.authenticate": _signed,
    "charset.decode": lambda text: charset.decode(_octets(text), "gb18030"),
    "charset.scrub": charset.scrub,
    "transfer.base64": lambda text: transfer.decode(_octets(text), "base64"),
    "transfer.quoted_printable": lambda text: transfer.decode(_octets(text), "quoted-printable"),
    "transfer.uuencoded": lambda text: transfer.decode(_octets(text), "x-uuencode"),
    "flowed.unflow": flowed.unflow,
    "quote.fold": quote.fold,
    "quote.fold_known": _known,
    "quote.apart": quote.apart,
    "quote.clients": clients.marked,
    "quote.fold of HTML": _folded_html,
    "quote.mark_at": lambda text: quote.mark_at(text.split("\n")),
    "sanitize.sanitize": sanitize,
    "html_text.to_text": lambda text: to_text(str(sanitize(text))),
    "fingerprint.fingerprint": lambda text: fingerprint.fingerprint(_octets(text)),
    "enclosures.safe_name": enclosures.safe_name,
    "attached.inside_mail": lambda text: attached.inside_mail(_octets(text)),
    "attached.kind_of": lambda text: attached.kind_of("a", "application/octet-stream", _octets(text)),
    "tnef.read": lambda text: tnef.read(b"\x78\x9f\x3e\x22\x01\x00" + _octets(text)),
    "rtf.words_of": lambda text: rtf.words_of(b"{\\rtf1 " + _octets(text)),
    "rtf.unpacked": lambda text: rtf.unpacked(_octets(text)),
    "rich.enriched_text": rich.enriched_text,
    "rich.richtext_text": rich.richtext_text,
    "calendar_part.readable": _invited,
    "token.neutralise": KEYS.neutralise,
    "sandbox.quote": sandbox.quote,
    "sandbox.html_lines": sandbox.html_lines,
    "template and compose": _written,
}  # fmt: skip


@pytest.mark.parametrize("name", MAILS)
def test_whole_mails(name: str) -> None:
    path = "" if name in IN_A_REPORT else "jo@example.org"
    inputs = [MAILS[name](size) for size in MAIL_SIZES]
    _grows_no_faster_than_its_input(lambda mail: read(mail, reverse_path=path), inputs)


@pytest.mark.parametrize("name", READERS)
def test_each_reader(name: str) -> None:
    for unit in UNITS:
        inputs = [unit * (size // len(unit)) for size in TEXT_SIZES]
        _grows_no_faster_than_its_input(READERS[name], inputs)


def test_a_quadratic_reader_is_found() -> None:
    def counted(text: str) -> int:
        return sum(text.count("\n", place) for place in range(len(text)))

    inputs = ["a\n" * (size // 2) for size in TEXT_SIZES]
    with pytest.raises(AssertionError, match="more than"):
        _grows_no_faster_than_its_input(counted, inputs)


def _grows_no_faster_than_its_input(work: Callable[[Any], object], inputs: list[Any]) -> None:
    for attempt in range(TIMES):
        times = [_cpu_seconds(work, one, runs=1 if attempt == 0 else RUNS) for one in inputs]
        if all(after <= BOUND * max(before, FLOOR_S) for before, after in pairwise(times)):
            return
    milliseconds = [round(1000 * one, 1) for one in times]
    raise AssertionError(f"more than {BOUND} times a doubling: {milliseconds} ms for {inputs[0][:60]!r}")


def _cpu_seconds(work: Callable[[Any], object], given: object, runs: int) -> float:
    """The least of some runs."""
    best = float("inf")
    for _ in range(runs):
        start = time.process_time()
        work(given)
        best = min(best, time.process_time() - start)
    return best
