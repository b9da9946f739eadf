"""The named formats of delivery reports in plain words: a table of small rules.

A format is known by a phrase near its beginning, and names its recipients by a pattern on a line
of the mailer's own words; what it says of one stands behind the address and on the lines below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.mail.dsn import own_words, phrases
from gateway.mail.dsn.fate import (
    LONGEST_REPLY,
    MOST_RECIPIENTS,
    PERMANENT,
    TEMPORARY,
    Fate,
    brief,
    first_address,
    kind_of,
)

_BEGINNING = 4000
_MOST_PLACES = 5
_BELOW = 20  # lines that may belong to a recipient


@dataclass(frozen=True, slots=True)
class Format:
    """phrases: one of them stands in the beginning, in lower case.  line: group 1 has the address of a recipient."""

    name: str
    phrases: tuple[str, ...]
    line: re.Pattern[str]


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_ANGLE = _line(r"^[> \t*-]{0,20}<([^<>\s]{1,254})>[ \t]{0,5}(?:\([^)]{0,200}\))?[ \t]{0,5}(?::|\.\.\.|$)")
_EITHER = _line(
    r"^[> \t*-]{0,20}(?:\(expanded from: )?<?([^<>()\s@,;:]{1,100}@[^<>()\s@,;:]{1,253})(?:[>:)]|[ \t]|$)"
)
_REJECTED = _line(r"^[ \t]{0,20}your message to <?([^<>\s]{1,254})>? was automatically rejected")

FORMATS = (
    Format(
        "qmail",
        (
            "this is the qmail-send program",
            "i'm afraid i wasn't able to deliver",
            "this is the machine generated message from mail service",
            "hi. this is the deliver",
        ),
        _ANGLE,
    ),
    Format(
        "Postfix",
        (
            "this is the mail system at host",
            "this is the postfix program",
            "this is the mail program at host",
        ),
        _ANGLE,
    ),
    Format(
        "Yahoo",
        (
            "unable to deliver message to the following address",
            "wasn't able to deliver the following message",
        ),
        _ANGLE,
    ),
    Format(
        "sendmail",
        ("the following addresses had ", "the following recipients had ", "the following recipients have "),
        _EITHER,
    ),
    Format("Dovecot", ("was automatically rejected",), _REJECTED),
    Format(
        "Exim",
        (
            "this message was created automatically by mail delivery software",
            "a message that you sent could not be delivered",
            "a message that you sent has not yet been delivered",
            "a message that you have sent could not be delivered",
        ),
        _EITHER,
    ),
    Format(
        "Exchange",
        (
            "did not reach the following recipient",
            "the following recipient(s) could not be reached",
            "delivery to the following recipients",
            "delivery to the following recipient",
            "delivery has failed to these recipients",
            "your message wasn't delivered to",
            "couldn't be delivered to the following",
            "your message to the following recipients",
            "empfänger konnte(n) nicht erreicht werden",
            "empfänger konnten nicht erreicht werden",
        ),
        _EITHER,
    ),
)


def read(words: str) -> list[Fate]:
    """The recipients in the words of a mailer whose format is known; none where it is not."""
    beginning = words[:_BEGINNING].lower()
    for known in FORMATS:
        if own_words.says(known.phrases, beginning):
            found = _recipients(words, known.line, own_words.says_late(beginning))
            if found:
                return found
    return []


def passage(words: str, address: str, late: bool) -> Fate:
    """What is said of an address where its line, or what follows, has a code; else where it is named first."""
    said = [_paragraphs(words, start, start + len(address)) for start in _places(words.lower(), address)]
    told = next((one for one in said if any(map(kind_of, one[:1]))), said[0] if said else [words])
    return fate(address, told[0].strip(" :>.)]\n"), late, told[1:])


def fate(address: str, reply: str, late: bool, further: Iterable[str] = ()) -> Fate:
    """The fate that a mail server's answer to one address tells; without a code, what is said further on."""
    kind = kind_of(reply) or next(filter(None, map(kind_of, further)), None)
    if not kind:
        kind = TEMPORARY if own_words.says(phrases.PASSING, reply.lower()) else PERMANENT
    return Fate(address, TEMPORARY if late else kind, brief(reply), final=not late)


def _places(words: str, address: str) -> Iterator[int]:
    """Where an address is named, the first times."""
    at = words.find(address)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        yield at
        at = words.find(address, at + 1)


def _paragraphs(words: str, start: int, end: int) -> list[str]:
    """What follows an address; the first one with its line where that begins with a code."""
    before = words[words.rfind("\n", 0, start) + 1 : start]
    after = words[end : end + 2 * LONGEST_REPLY]
    found = [one for one in after.split("\n\n") if one.strip(" :>.)]\n")] or [""]
    if any(char.isdigit() for char in before):  # `550 <address>... User unknown`
        found[0] = f"{before}{words[start:end]}{found[0]}"
    return found


def _recipients(words: str, pattern: re.Pattern[str], late: bool) -> list[Fate]:
    """From the end, so that what is said of one recipient goes as far as the next."""
    lines = words.split("\n")
    fates: list[Fate] = []
    end = len(lines)
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        found = pattern.match(line[:LONGEST_REPLY])
        address = first_address(found[1]) if found else ""
        if found and address:
            below = lines[number + 1 : min(end, number + _BELOW)]
            fates.append(fate(address, _reply(line[found.end() :], below), late, below))
            end = number
    return fates[::-1][:MOST_RECIPIENTS]


def _reply(rest: str, below: list[str]) -> str:
    """Up to the next blank line, except one right below the address."""
    told = [rest.strip(" :>")] if rest.strip(" :>.") else []
    for line in below:
        if not line.strip() and told:
            break
        told += [line.strip()] if line.strip() else []
    return " ".join(told)
