"""Lines of text as folding sees them: quoted or not, blank or not, recognised by a hash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

Ranges = tuple[tuple[int, int], ...]
"""Half-open ranges of line numbers, ordered and apart."""

SHORTEST_HASHED = 12
LONGEST_LOOKED_AT = 400
"""Characters of a line that words are looked for in; what announces a quote is never longer."""

ZONE = re.compile(r"(?:\s|:\d\d|gmt|utc)(?:[+-]\d{4}|\+\d\d:\d\d)\b", re.IGNORECASE)
"""The time zone of a date, as machines write it; people leave it out."""

_PREFIX = re.compile(r"[>＞\s]*")
_QUOTED = re.compile(r" {0,3}[>＞]")
_WORD = re.compile(r"\w")
_UNSEEN = dict.fromkeys(
    (0xAD, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))
)
_ZEROS = (0x0660, 0x06F0, 0xFF10)  # Arabic, Persian, full-width
_ONE_FORM = {zero + digit: str(digit) for zero in _ZEROS for digit in range(10)} | {0x2236: ":", 0xFE55: ":"}
_VISIBLE = _UNSEEN | _ONE_FORM


def hash_line(line: str) -> int:
    """Signed 64-bit number of a line without quote marks and white space, case kept.

    0 for fewer than 12 characters: too common to recognise anything by.
    """
    plain = plain_line(line)
    if len(plain) < SHORTEST_HASHED:
        return 0
    digest = blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def plain_line(line: str) -> str:
    """A line without quote marks and white space, however deep it is quoted."""
    return "".join(line.split()).lstrip(">＞")


def visible(text: str) -> str:
    """Text without marks that nobody sees, with one form of digits and of the colon between hours and minutes."""
    return text if text.isascii() else text.translate(_VISIBLE)


def is_quoted(line: str) -> bool:
    """Whether a line begins with a quote mark."""
    return _QUOTED.match(line) is not None


def first_quoted(lines: Sequence[str], end: int) -> int:
    """The first line before `end` that begins with a quote mark; `end` without one, as in most mails."""
    return next((at for at, line in enumerate(lines[:end]) if _QUOTED.match(line)), end)


def quote_depth(line: str) -> int:
    """How many quote marks a line begins with."""
    prefix = _PREFIX.match(line)
    return sum(map(prefix[0].count, ">＞")) if prefix else 0


def has_words(line: str) -> bool:
    """Whether a line says anything: a letter, a digit, or a sign of its own like an emoji."""
    text = line.strip()
    return _WORD.search(text) is not None or any(ord(character) >= 0x2600 for character in text[:40])


def next_filled(lines: Sequence[str], number: int) -> int:
    """The first line from `number` on that is not blank; len(lines) without one."""
    return next((at for at in range(number, len(lines)) if lines[at].strip()), len(lines))


def last_filled(lines: Sequence[str], end: int) -> int:
    """The last line before `end` that is not blank; -1 without one."""
    return next((at for at in range(end - 1, -1, -1) if lines[at].strip()), -1)


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges put in order, those that touch made one."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)


def leaves_words(lines: Sequence[str], ranges: Ranges) -> bool:
    """Whether anything is left to read outside of `ranges`."""
    position = 0
    for start, end in (*ranges, (len(lines), len(lines))):
        if any(line.strip() for line in lines[position:start]):
            return True
        position = end
    return False
