"""The header of a quoted mail, written out above it: From, Sent, To, Subject, as Outlook does; and its rules.

Whether it is an answer or a forwarded mail is told by the words between dashes above it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

from gateway.mail.quote import phrases
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, ZONE, is_quoted, next_filled, visible

_MOST_LINES = 14
_MOST_WRAPPED = 3  # lines of one field after its first
_LONGEST_LABEL = 30


class Field(Enum):
    """What a line of a header says."""

    SENDER = auto()
    DATE = auto()
    TO = auto()
    SUBJECT = auto()
    OTHER = auto()


_KINDS = (
    (Field.OTHER, "cc"),
    (Field.TO, "to"),
    (Field.DATE, "date"),
    (Field.SUBJECT, "subject"),
    (Field.SENDER, "sender"),
)
_LABELS: dict[str, Field] = {label: kind for kind, name in _KINDS for label in phrases.every(name)}
_ORIGINAL = phrases.every("original")
_FORWARDED = phrases.every("forwarded")
_ADDRESS = re.compile(r"[\w.>\"']@\w|mailto:|\[[^\]\s]{1,100}@")
_MACHINE_TIME = re.compile(r"\d:\d\d:\d\d|\b(?:gmt|utc)\b", re.IGNORECASE)
_FRAMED = re.compile(r"[-_=*]{4,40} {0,3}([^-_=*]{4,80}?) {0,3}[-_=*]{4,40}")
_LABEL_WITHIN = re.compile(r"\s\*?([^\W\d_]{1,20}):\*?\s")


def block_end(lines: Sequence[str], start: int) -> int:
    """The line below the header block that begins in line `start`; `start` if none does."""
    first = _field(lines[start])
    if first not in (Field.SENDER, Field.DATE, Field.SUBJECT):
        return start
    found: dict[Field, str] = {}
    end, wrapped = start, 0
    for number in range(start, min(len(lines), start + _MOST_LINES)):
        line = lines[number][:LONGEST_LOOKED_AT]
        kind = _field(line)
        if kind is not None:
            for each in (kind, *_fields_within(line)):
                found.setdefault(each, line)
            end, wrapped = number + 1, 0
        elif not line.strip() and number > start + 1:
            break  # people write a field a paragraph: "From: Warsaw", "To: Berlin"
        else:
            wrapped += 1
            if wrapped > _MOST_WRAPPED:
                break
    return end if _is_header(found) else start


def fields_in(lines: Sequence[str]) -> int:
    """How many of these lines begin with a field of a header."""
    return sum(map(is_field, lines))


def is_field(line: str) -> bool:
    """Whether a line begins with a field of a header."""
    return _field(line) is not None


def is_separator(lines: Sequence[str], number: int) -> bool:
    """`-----Original Message-----` in any language; as QQ has it, `----- Original -----`, only above a header."""
    text = lines[number][:LONGEST_LOOKED_AT].replace("&nbsp;", " ").strip("> \t")
    framed = _FRAMED.match(text)
    said = framed[1].strip().lower() if framed else _between_dashes(text)
    if said in _ORIGINAL:
        return True
    below = next_filled(lines, number + 1)
    bare = said == "original" and text.startswith("----") and text.endswith("----")
    return bare and below < len(lines) and block_end(lines, below) > below


def is_forward(line: str) -> bool:
    """`---------- Forwarded message ---------`, `Begin forwarded message:`, in any language."""
    text = _between_dashes(line)
    return text in _FORWARDED or text.startswith("forwarded by ")


def is_forward_subject(subject: str) -> bool:
    """Whether the first prefix of a subject says that the mail was forwarded."""
    prefix, colon, _ = subject[:20].replace("：", ":").partition(":")
    return bool(colon) and prefix.strip(" [(").lower() in phrases.FORWARD_PREFIXES


def _is_header(found: dict[Field, str]) -> bool:
    """Sure with a sender and what only mails have: a subject, or an address and a date.

    A customer may well write "From: Warsaw, To: Berlin, Date: 3 May" and mean a journey. Two fields are enough
    only with a date as machines write it.
    """
    kinds = found.keys() - {Field.OTHER}
    peopled = any(_ADDRESS.search(found[kind]) for kind in (Field.SENDER, Field.TO) if kind in found)
    if Field.SENDER in kinds and len(kinds) >= 3:
        return Field.SUBJECT in kinds or peopled
    if Field.DATE not in kinds or not peopled:
        return False
    date = found[Field.DATE]
    if len(kinds) >= 3:
        return any(map(str.isdigit, date))
    return (ZONE.search(date) or _MACHINE_TIME.search(date)) is not None


def _field(line: str) -> Field | None:
    """The field a line begins, or None. Emphasis, blanks and quote marks around its name do not count."""
    if is_quoted(line):
        return None
    head, colon, _ = line[: _LONGEST_LABEL + 10].replace("：", ":").partition(":")
    if not colon or len(head) > _LONGEST_LABEL:
        return None
    label = " ".join(visible(head).split()).strip("*_ |").lower()
    return _LABELS.get(label)


def _fields_within(line: str) -> list[Field]:
    """Further fields on the line of the first."""
    labels = (found[1].lower() for found in _LABEL_WITHIN.finditer(line))
    return [_LABELS[label] for label in labels if label in _LABELS]


def _between_dashes(line: str) -> str:
    """What stands between the dashes of a line, in lower case; empty when it has none, or no colon."""
    text = line.strip()
    if not 6 <= len(text) <= 120:
        return ""
    inner = text.strip("-–—_=*|> \t").rstrip(":：").strip().lower()
    framed = text[0] in "-–—_=*" and len(text) > len(inner) + 1
    announced = text[-1] in ":：*"
    return " ".join(inner.split()) if framed or announced else ""
