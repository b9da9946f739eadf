"""Where a signature begins: below `-- `, or the line a phone, a scanner or a mailing list adds.

A closing such as "Kind regards, Jane" is not folded: those are the customer's words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.mail.quote import phrases
from gateway.mail.quote.attribution import is_rule
from gateway.mail.quote.lines import (
    LONGEST_LOOKED_AT,
    has_words,
    is_quoted,
    last_filled,
    next_filled,
    visible,
)

_LONGEST_BELOW_DASHES = 20  # filled lines below `--`; the form of RFC 3676 §4.3 is trusted for more
_LONGEST_BELOW_DELIMITER = 50
_LONGEST_FOOTER = 12
_LONGEST_ADDED = 140  # characters of a line that a phone adds
_MOST_WORDS_ADDED = 14
_MOST_WORDS_OF_MINE = 4  # of "Sent from my …" where the device is not known
_LONGEST_NAME = 60  # characters of the first line of a signature below a mere `--`
_POINT = re.compile(r"(?:\d{1,2}[.)]|[-*•]) ")
_POSTSCRIPT = re.compile(r"\W{0,3}(?:p\. ?s\.?|ps ?[.:–-]|п\. ?с\.|追伸|又及)", re.IGNORECASE)
_DASHES = "--"
_DECORATION = "*_<>[]()•·|~\"'- \u2013\u2014"
_OUTLOOK_LINK = "https://aka.ms/"
_OUTLOOK_FOR = ("ios", "android")
_MOST_WORDS_OF_OUTLOOK = 6
_SIGNS = frozenset(":;,?!。？！、")  # of a person's sentence
_NUMBER = re.compile(r"(?<!\w)\d+(?!\w)")
_LINK = re.compile(r"[<(\[]\s?(?:https?|mailto):[^\s>)\]]{1,400}[>)\]]?|https?://\S{1,400}")
_SENT_FROM = tuple(phrases.every("sent_from"))
_SENT_FROM_END = tuple(phrases.every("sent_from_end"))
_MINE = ("sent from my ", "von meinem ", "envoyé de mon ", "enviado desde mi ", "inviato dal mio ")
_ORNAMENTS = "-_*#~=+–—─. "
_TRACKER = "ᐧ"  # a plug-in of Gmail leaves it at the end


def signature_start(lines: Sequence[str], end: int) -> int:
    """Where the signature that ends before line `end` begins; `end` without one.

    Never reaches above a quoted line.
    """
    last = last_filled(lines, end)
    if last < 0:
        return end
    if is_ornament(lines[last]):
        return last
    if is_added(lines[last]):
        return last
    if last and lines[last - 1].strip() and is_added(f"{lines[last - 1].strip()} {lines[last].strip()}"):
        return last - 1
    below_dashes = _below_dashes(lines, end)
    return below_dashes if below_dashes < end else _list_footer(lines, end)


def is_added(line: str) -> bool:
    """Whether a program wrote this line by itself, below every mail: "Sent from my iPhone"."""
    if not 6 <= len(line) <= _LONGEST_ADDED + 400:
        return False
    text = _LINK.sub(" ", visible(line)).replace("’", "'")
    text = " ".join(text.split()).strip(_DECORATION).lower()
    if text.startswith(phrases.SCANNED) or (_OUTLOOK_LINK in line.lower() and _is_of_outlook(text)):
        return True
    ends = text.rstrip(".!。")
    begins = text.startswith(_SENT_FROM)
    if not (begins or ends.endswith(_SENT_FROM_END)) or len(text) > _LONGEST_ADDED:
        return False
    words = len(text.split())
    if words > _MOST_WORDS_ADDED or any(sign in ends for sign in ";!?") or ". " in ends:
        return False
    parts = f"{ends} ".split(",")
    if len(parts) > 2 or any(map(_NUMBER.search, parts[1:])):
        return False
    mine = text.startswith(_MINE) and words <= _MOST_WORDS_OF_MINE + 3 and len(parts) == 1
    return mine or all(any(device in part for device in phrases.DEVICES) for part in parts)


def _is_of_outlook(text: str) -> bool:
    """Whether hardly anything stands beside its link but its name and the system it is for, in any language."""
    named = "outlook" in text and any(system in text for system in _OUTLOOK_FOR)
    return named and len(text.split()) <= _MOST_WORDS_OF_OUTLOOK and _SIGNS.isdisjoint(text)


def is_ornament(line: str) -> bool:
    """A line of dashes and the like that says nothing."""
    text = line[:LONGEST_LOOKED_AT].strip()
    if len(text) < 3:
        return text in ("--", "__", "—", "–", _TRACKER)
    return text != "..." and not text.strip(_ORNAMENTS)


def _below_dashes(lines: Sequence[str], end: int) -> int:
    """The first `-- ` that is not too far above `end`, else the only `--`; `end` without one."""
    found, filled = end, 0
    dashed = [line for line in lines[:end] if line.startswith(_DASHES)]
    if not dashed:
        return end
    parted = sum(line != "-- " and line.rstrip() == _DASHES for line in dashed) > 1
    for number in range(end - 1, -1, -1):
        line = lines[number]
        if filled > _LONGEST_BELOW_DELIMITER or is_quoted(line):
            break
        if _POSTSCRIPT.match(line):
            break
        if line == "-- ":
            found = number
        elif line.rstrip() == _DASHES and not parted and found == end and filled <= _LONGEST_BELOW_DASHES:
            found = number if _may_be_signature(lines, number + 1, end) else end
        filled += bool(line.strip())
    return found


def _may_be_signature(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether what stands below a mere `--` may be one: people part the points of a letter so too."""
    first = lines[next_filled(lines, start)].strip() if next_filled(lines, start) < end else ""
    announced = start > 1 and lines[start - 2].rstrip().endswith((":", "："))
    if announced or _POINT.match(first) or (len(first) > _LONGEST_NAME and not is_added(first)):
        return False
    return not any(line.rstrip().endswith(("?", "？")) for line in lines[start:end])


def _list_footer(lines: Sequence[str], end: int) -> int:
    """A row of underscores or dashes with the words of a mailing list or a scanner below it."""
    filled, row = 0, end
    for number in range(end - 1, -1, -1):
        line = lines[number].strip()
        if is_quoted(line) or filled > _LONGEST_FOOTER:
            break
        if _is_row(line):
            if any(map(_is_of_a_list, lines[number + 1 : row])):
                return number
            row = number
        filled += has_words(line)
    return end


def _is_row(line: str) -> bool:
    """A line drawn above what a mailing list adds: underscores, however few, or a rule."""
    return (len(line) >= 2 and not line.strip("_")) or is_rule(line)


def _is_of_a_list(line: str) -> bool:
    line = line.strip()
    low = line[:_LONGEST_ADDED].lower()
    return any(words in low for words in phrases.LIST_FOOTERS) or is_added(line)
