"""Where a signature begins: below `-- `, or the line a phone, a scanner or a mailing list adds.

A closing such as "Kind regards, Jane" is not folded: those are the customer's words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.mail.quote import phrases
from gateway.mail.quote.attribution import is_rule
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, has_words, is_quoted, last_filled

_LONGEST_BELOW_DASHES = 20  # filled lines below `--`; the form of RFC 3676 §4.3 is trusted for more
_LONGEST_BELOW_DELIMITER = 50
_LONGEST_FOOTER = 12
_LONGEST_ADDED = 140  # characters of a line that a phone adds
_MOST_WORDS_ADDED = 14
_MOST_WORDS_OF_MINE = 4  # of "Sent from my …" where the device is not known
_DECORATION = "*_<>[]()•·|~\"'- \u2013\u2014\u200e\u200f\ufeff"
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
    text = _LINK.sub(" ", line).replace("\xa0", " ").replace("’", "'")
    text = " ".join(text.split()).strip(_DECORATION).lower()
    if text.startswith(phrases.SCANNED):
        return True
    ends = text.rstrip(".!。")
    begins = text.startswith(_SENT_FROM)
    if not (begins or ends.endswith(_SENT_FROM_END)) or len(text) > _LONGEST_ADDED:
        return False
    words = len(text.split())
    if words > _MOST_WORDS_ADDED or any(sign in ends for sign in ",;!?") or ". " in ends:
        return False
    mine = text.startswith(_MINE) and words <= _MOST_WORDS_OF_MINE + 3
    return mine or any(device in f"{text} " for device in phrases.DEVICES)


def is_ornament(line: str) -> bool:
    """A line of dashes and the like that says nothing."""
    text = line[:LONGEST_LOOKED_AT].strip()
    if len(text) < 3:
        return text in ("--", "__", "—", "–", _TRACKER)
    return text != "..." and not text.strip(_ORNAMENTS)


def _below_dashes(lines: Sequence[str], end: int) -> int:
    """The first `-- ` that is not too far above `end`, else the last `--`; `end` without one."""
    found, filled = end, 0
    for number in range(end - 1, -1, -1):
        line = lines[number]
        if is_quoted(line) or filled > _LONGEST_BELOW_DELIMITER:
            break
        if line == "-- " or (line.rstrip() == "--" and found == end and filled <= _LONGEST_BELOW_DASHES):
            found = number
        filled += bool(line.strip())
    return found


def _list_footer(lines: Sequence[str], end: int) -> int:
    """A row of underscores or dashes with the words of a mailing list or a scanner below it."""
    filled, speaks = 0, False
    for number in range(end - 1, -1, -1):
        line = lines[number].strip()
        if is_quoted(line) or filled > _LONGEST_FOOTER:
            break
        if speaks and filled and (is_rule(line) or (len(line) >= 2 and not line.strip("_"))):
            return number
        low = line[:_LONGEST_ADDED].lower()
        speaks = speaks or any(words in low for words in phrases.LIST_FOOTERS) or is_added(line)
        filled += has_words(line)
    return end
