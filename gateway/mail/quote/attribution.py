"""The line above a quote that says who wrote it and when: "On 3 Feb 2025, Jane <jane@example.org> wrote:".

Programs write it in some thirty languages, with the date or the name first, on one to four lines, with
a colon, dashes or nothing at its end. So it is recognised by what it is made of: a verb of writing, a
moment, an address, an end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from gateway.mail.quote import phrases
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, is_quoted, last_filled, next_filled

MOST_LINES = 4
_LONGEST_CLOSING = 40


class Trust(IntEnum):
    """How sure it is that a line announces a quote."""

    NONE = 0
    IF_QUOTED = 1  # only where the next line begins with a quote mark
    SURE = 2


def _alternatives(words: frozenset[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_SPACED = frozenset(word for word in phrases.every("wrote") if ord(word[0]) < 0x0E00)
_SOLID = phrases.every("wrote") - _SPACED  # of languages that put no blanks between words
_WROTE = re.compile(rf"(?<![^\W\d_])(?:{_alternatives(_SPACED)})(?!\w)|{_alternatives(_SOLID)}")
_OPENERS = tuple(f"{word} " for word in phrases.every("opens"))
_CLOCK = re.compile(r"(?<!\d)\d{1,2} ?[:.h：] ?[0-5]\d(?!\d)|\d ?(?:am|pm|uhr)\b|[点點時时시]\s?\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d\d(?!\d)")
_ADDRESS = re.compile(r"[^\s<>()\"',:]@\w|@[\w.-]{1,80}>")
_GMAIL_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d{1,2}:\d\d gmt ?[+-]\d\d?:\d\d \w")
_DATE_FIRST = re.compile(r"\d|[^\W\d]{1,14}[.,]{0,2} ?,? ?\d|[^\W\d]{1,14}, [^\W\d]{1,12}\.? \d")
_ENDS_IN_ADDRESS = re.compile(r"[>)\]\"]:?$|@[\w.-]{1,100}:?$")


def found_at(lines: Sequence[str], last: int, *, quoted_below: bool | None = None) -> int:
    """First line of an attribution that ends in line `last`; last + 1 if it is none.

    quoted_below: what is known of the next filled line; None: it is looked at.
    """
    text = _plain(lines[last])
    if not (_may_end(text) or _closes_address(lines[last])):
        return last + 1
    start, trust = _read_upwards(lines, last)
    if trust == Trust.IF_QUOTED:
        if quoted_below is None:
            below = next_filled(lines, last + 1)
            quoted_below = below < len(lines) and is_quoted(lines[below])
        trust = Trust.SURE if quoted_below else Trust.NONE
    return start if trust == Trust.SURE else last + 1


def trust_in(said: str) -> Trust:
    """How sure a text, in lower case and on one line, is an attribution."""
    bare = said.strip("-–— ")
    colon = said.endswith((":", "："))
    verb = _WROTE.search(bare) is not None
    address = _ADDRESS.search(bare) is not None
    moment = _CLOCK.search(bare) is not None
    if verb and said.startswith("--") and said.endswith("--"):
        return Trust.SURE
    if verb and colon:
        return Trust.SURE if address or moment else Trust.IF_QUOTED
    if not verb and colon and address and (moment or _YEAR.search(bare)):
        return Trust.SURE if _opens(bare) and _ENDS_IN_ADDRESS.search(bare) else Trust.IF_QUOTED
    if _GMAIL_MOMENT.match(bare):
        return Trust.SURE
    dated = moment or _YEAR.search(bare) is not None
    without_colon = dated and _opens(bare) and ((address and _ENDS_IN_ADDRESS.search(bare)) or verb)
    return Trust.IF_QUOTED if without_colon else Trust.NONE


def with_attribution(lines: Sequence[str], start: int, *, quoted: bool = True) -> int:
    """`start`, or the beginning of the announcement above it: an attribution or a rule.

    quoted: line `start` has a quote mark or the like; if not, only a sure attribution counts.
    """
    above = last_filled(lines, start)
    while above >= 0 and is_rule(lines[above]):
        start = above
        above = last_filled(lines, start)
    if above < 0 or not may_end_at(lines[above]):
        return start
    announced = found_at(lines, above, quoted_below=quoted)
    return announced if announced <= above else start


def may_end_at(line: str) -> bool:
    """Whether an attribution may end in this line, quoted lines left aside."""
    return not is_quoted(line) or _closes_address(line)


def is_rule(line: str) -> bool:
    """A line drawn with dashes, underscores or the like, as programs draw it above a quote."""
    text = line[:LONGEST_LOOKED_AT].strip(" \t*")
    return len(text) >= 8 and not text.strip("-_=—–─")


def _may_end(text: str) -> bool:
    """A quick look at the end of a line: most lines are told apart by it."""
    if len(text) < 5:
        return False
    if text[-1] in ":：>":
        return True
    if text.endswith("--"):
        return text.startswith("--")
    if text[0].isdigit() and "gmt" in text[:30]:
        return True
    return _WROTE.search(text, max(0, len(text) - 24)) is not None


def _read_upwards(lines: Sequence[str], last: int) -> tuple[int, Trust]:
    """Where the attribution that ends in line `last` begins: at the nearest line that opens one."""
    said = _plain(lines[last])
    start, best = last, trust_in(said)
    if best and _opens(said.strip("- ")):
        return _wrapped_opening(lines, last, said), best
    if best == Trust.SURE and "<" in said and not said.startswith("<"):
        return last, best  # the name comes first
    for number in _lines_above(lines, last):
        said = f"{_plain(lines[number])} {said}"
        if len(said) > LONGEST_LOOKED_AT:
            break
        trust = trust_in(said)
        if trust and _opens(said.strip("- ")):
            return _wrapped_opening(lines, number, said), trust
        if trust == Trust.SURE and best != Trust.SURE and "@" in said:
            start, best = number, trust
    return start, best


def _wrapped_opening(lines: Sequence[str], start: int, said: str) -> int:
    """One line higher where that one begins as an attribution does and was only broken."""
    above = start - 1
    if above < 0 or not lines[above].strip() or is_quoted(lines[above]):
        return start
    text = _plain(lines[above])
    opens = text.startswith(_OPENERS) and any(map(str.isdigit, text)) and not said.startswith(_OPENERS)
    return above if opens and len(text) + len(said) < LONGEST_LOOKED_AT and not _WROTE.search(text) else start


def _lines_above(lines: Sequence[str], last: int) -> list[int]:
    """The lines that may belong to an attribution ending in `last`, nearest first.

    A blank one is passed over where an address in angle brackets stands alone below it.
    """
    found: list[int] = []
    number = last - 1
    while number >= 0 and len(found) < MOST_LINES:
        if not lines[number].strip():
            below = lines[number + 1].strip()
            if not below.startswith("<") or number == 0 or not lines[number - 1].strip():
                break
        elif is_quoted(lines[number]):
            break
        else:
            found.append(number)
        number -= 1
    return found


def _closes_address(line: str) -> bool:
    """`> wrote:` or `>:` is no quote but the end of an address that was broken over lines."""
    return line.startswith(">:") or (
        line.startswith("> ") and len(line) < _LONGEST_CLOSING and _WROTE.match(line, 2) is not None
    )


def _opens(said: str) -> bool:
    return said.startswith(_OPENERS) or _DATE_FIRST.match(said) is not None


def _plain(line: str) -> str:
    """A line in lower case, on one kind of blank, without quote marks or emphasis around it."""
    text = line[: LONGEST_LOOKED_AT + 1]
    if len(text) > LONGEST_LOOKED_AT:
        return ""
    text = text.replace("\xa0", " ").replace("\u202f", " ").lower()
    return " ".join(text.lstrip(">＞ \t").split()).strip("*_ \u200e\u200f")
