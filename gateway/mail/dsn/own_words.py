"""What a mailer says itself, apart from the copy it returns; and what its phrases mean. RFC 6522 §3."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.mail.dsn.phrases import COPY_STARTS, LATE, OVER, SUBJECTS, SUBJECTS_WITHIN

_DECORATION = "-=*_#+~>|<[]. \t"

_MARKED = re.compile(r"^[-=*_#+~>| \t]{2,80}")
_COPY_FIELD = re.compile(
    r"^(?:> ?){0,2}(?:Received:[ \t]|Return-Path:[ \t]{0,3}<|DKIM-Signature:|MIME-Version:|ARC-Seal:|X-Mailer:)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^[A-Za-z][A-Za-z0-9-]{1,60}:")


def split(text: str) -> tuple[str, str]:
    """The mailer's own words, and the copy that follows them (with the line that announces it)."""
    lines = text.split("\n")
    spoken = False
    for number, line in enumerate(lines):
        start = number
        if spoken and _COPY_FIELD.match(line):
            start = _header_start(lines, number)
        elif not (number and _announces_copy(line)):
            spoken = spoken or _is_speech(line)
            continue
        return "\n".join(lines[:start]), "\n".join(lines[start:])
    return text, ""


def says_late(text: str) -> bool:
    """Whether the words, in lower case, say that somebody still tries."""
    return says(LATE, text) and not says(OVER, text)


def says(phrases: Iterable[str], text: str) -> bool:
    """Whether one of these phrases stands in `text`, which is in lower case."""
    return any(phrase in text for phrase in phrases)


def is_bounce_subject(subject: str) -> bool:
    """Whether a subject begins like a delivery report's; an answer to one or a copy of one does not."""
    low = subject.lower()
    if low.lstrip("*[!<(- \t").startswith(SUBJECTS) or says(SUBJECTS_WITHIN, low):
        return True
    return low.startswith("[") and low.partition("]")[2].lstrip().startswith(SUBJECTS)


def _announces_copy(line: str) -> bool:
    """A line between dashes, or one that says that the copy follows."""
    if len(line) > 200:
        return False
    plain = line.strip(_DECORATION).lower()
    if not plain.startswith(COPY_STARTS):
        return False
    return _MARKED.match(line) is not None or line.rstrip().endswith((":", ".", "follows", "below"))


def _is_speech(line: str) -> bool:
    """Whether a mailer says something there: no field of a broken MIME header, no delimiter."""
    return bool(line.strip()) and line[:1] not in " \t-" and not _FIELD.match(line)


def _header_start(lines: list[str], number: int) -> int:
    """Back over the other fields of the same header."""
    while number and _FIELD.match(lines[number - 1]):
        number -= 1
    return number
