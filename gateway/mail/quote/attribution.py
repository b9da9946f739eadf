"""The line above a quote that says who wrote it and when: "On 3 Feb 2025, Jane <jane@example.org> wrote:".

Programs write it in some thirty languages, with the date or the name first, on one to four lines, with
a colon, dashes or nothing at its end. So it is recognised by what it is made of: a verb of writing, a
moment, an address, an end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum

from gateway.mail.quote import phrases
from gateway.mail.quote.language import phrases_in
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, ZONE, is_quoted, last_filled, visible

MOST_LINES = 4
_LONGEST_CLOSING = 40
_LONGEST_DATE = 20  # characters: `march 4, 2025, `
_FRAME = ">>>"  # GroupWise: `>>> Jane Doe 04.03.2025 14:31 >>>`


class Trust(IntEnum):
    """How sure it is that a line announces a quote."""

    NONE = 0
    IF_QUOTED = 1  # only where the next line begins with a quote mark
    IF_MARKED = 2  # where anything else tells of a quote too: a box of the HTML, lines that we sent
    SURE = 3


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _any_of(words: Collection[str], *, not_before: str, not_behind: str) -> re.Pattern[str]:
    """Any of these words; of a language that puts no blanks between words, wherever it stands."""
    spaced = frozenset(word for word in words if ord(word[0]) < 0x0E00)
    solid = frozenset(words) - spaced
    apart = rf"(?<!{not_before})(?:{_alternatives(spaced)})(?!{not_behind})" if spaced else ""
    return re.compile("|".join(filter(None, (apart, _alternatives(solid)))))


def _personal_by_verb() -> dict[str, re.Pattern[str]]:
    """For each verb of writing, the words of a person's own sentence in the languages that have this verb."""
    words: dict[str, set[str]] = {}
    for row in phrases.ROWS:
        for verb in phrases_in(row.wrote):
            words.setdefault(verb, set()).update(phrases_in(row.personal))
    bounds = {"not_before": r"[\w.@-]", "not_behind": r"[\w@-]"}  # no part of an address or a name
    return {verb: _any_of(own, **bounds) for verb, own in words.items() if own}


_WROTE = _any_of(phrases.every("wrote"), not_before=r"[^\W\d_]", not_behind=r"\w")
_PERSONAL = _personal_by_verb()
_OPENERS = tuple(f"{word} " for word in phrases.every("opens"))
_CLOCK = re.compile(r"(?<![\d.])\d{1,2} ?[:.h：] ?[0-5]\d(?!\d)|\d ?(?:am|pm|uhr)\b|[点點時时시]\s?\d")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<![\d.])\d{1,2}[./-] ?\d{1,2}[./-] ?\d\d(?!\.?\d)")
_ADDRESS = re.compile(r"[^\s<>()\"',:]@\w|@[\w.-]{1,80}>")
_FRAMED = re.compile(r"[<(\[«](?:mailto:)? ?[^\s<>()\[\]@]{1,100}@[^\s<>()\[\]@]{1,253} ?[>)\]»]")
_FRAME_CLOSED = re.compile(r"\d{1,2}[:.]\d\d(?::\d\d)?(?: ?[ap]\.?m\.?| uhr)? ?>>>$")
_GMAIL_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d \d{1,2}:\d\d gmt ?[+-]\d\d?:\d\d (\w\S{0,40}(?: \S{1,40}){0,3}):?$", re.IGNORECASE
)
_DATE_FIRST = re.compile(r"\d|[^\W\d]{1,14}[.,]{0,2}[ -]?,? ?\d|[^\W\d]{1,14}, [^\W\d]{1,12}\.? \d")
_ENDS_IN_ADDRESS = re.compile(r"[>)\]\"]:?$|@[\w.-]{1,100}:?$")
_ENDS_SENTENCE = re.compile(r"[!?…。！？]$|[^\W\d_]{4}\.$")


def found_at(lines: Sequence[str], last: int, least: Trust) -> int:
    """First line of an attribution that ends in line `last`; last + 1 if it is none.

    least: how sure it must be, after what stands below.
    """
    text = _plain(lines[last])
    if not (_may_end(text) or _closes_address(lines[last]) or _is_framed(lines[last])):
        return last + 1
    start, trust = _read_upwards(lines, last)
    known = trust >= least or (trust != Trust.NONE and _is_gmails(lines, last))
    return start if known else last + 1


def trust_in(said: str) -> Trust:
    """How sure a text, in lower case and on one line, is an attribution.

    People write "On 3 March 2025 at 10:30 DHL wrote:" too, and go on in their own words. Programs that put no
    quote mark below give an address in brackets, or the zone of the date.
    """
    bare = said.strip("-–— ")
    colon = said.endswith((":", "："))
    verb = _WROTE.search(bare)
    address = _ADDRESS.search(bare) is not None
    dated = is_dated(bare)
    if (verb and said.startswith("--") and said.endswith("--")) or _is_frame(said):
        return Trust.SURE
    framed = _FRAMED.search(bare) is not None
    if verb and colon and _is_personal(bare, verb[0]):
        return Trust.IF_QUOTED if dated or framed else Trust.NONE
    if verb and colon:
        return _trust_of_sentence(bare, framed=framed)
    if colon and address and dated and (framed or _opens(bare)):
        sure = framed and _opens(bare) and _ENDS_IN_ADDRESS.search(bare) is not None
        return Trust.SURE if sure else Trust.IF_QUOTED
    if _GMAIL_MOMENT.match(bare):
        return Trust.SURE if colon else Trust.IF_QUOTED
    if not dated or not _opens(bare) or (verb and _is_personal(bare, verb[0])):
        return Trust.NONE
    return Trust.IF_QUOTED if verb or (address and _ENDS_IN_ADDRESS.search(bare)) else Trust.NONE


def _trust_of_sentence(said: str, *, framed: bool) -> Trust:
    """How sure a verb with a colon at the end makes it."""
    if framed and is_dated(said):
        return Trust.SURE
    whole = _CLOCK.search(said) is not None and _YEAR.search(said) is not None
    if not _opens(said) or not (whole or (is_dated(said) and _ADDRESS.search(said))):
        return Trust.IF_QUOTED
    return Trust.SURE if ZONE.search(said) else Trust.IF_MARKED


def with_attribution(lines: Sequence[str], start: int, *, quoted: bool = True) -> int:
    """`start`, or the beginning of the announcement above it: an attribution or a rule.

    quoted: line `start` has a quote mark or the like; if not, it must be surer.
    """
    above = last_filled(lines, start)
    while above >= 0 and is_rule(lines[above]):
        start = above
        above = last_filled(lines, start)
    if above < 0 or not may_end_at(lines[above]):
        return start
    announced = found_at(lines, above, Trust.IF_QUOTED if quoted else Trust.IF_MARKED)
    return announced if announced <= above else start


def announces_box(line: str) -> bool:
    """Whether a line announces a box that may be an author's own: people give no year ("DHL wrote:")."""
    said = _plain(line)
    trust = trust_in(said)
    return trust >= Trust.IF_MARKED or (trust == Trust.IF_QUOTED and _YEAR.search(said) is not None)


def begins_one(said: str) -> bool:
    """Whether a text, in lower case, is the beginning of an attribution: a date, and no end of a sentence."""
    return _opens(said) and is_dated(said) and _ENDS_SENTENCE.search(said) is None


def is_dated(said: str) -> bool:
    """Whether a text has a time of the day or a year in it."""
    return _CLOCK.search(said) is not None or _YEAR.search(said) is not None


def may_end_at(line: str) -> bool:
    """Whether an attribution may end in this line, quoted lines left aside."""
    return not is_quoted(line) or _closes_address(line) or _is_framed(line)


def is_rule(line: str) -> bool:
    """A line drawn with dashes, underscores or the like, as programs draw it above a quote."""
    text = line[:LONGEST_LOOKED_AT].strip(" \t*")
    return len(text) >= 8 and not text.strip("-_=—–─")


def _may_end(text: str) -> bool:
    """A quick look at the end of a line: most lines are told apart by it."""
    if not text:
        return False
    if text[-1] in ":：>":
        return True
    if text[0].isdigit() and "gmt" in text[:30]:
        return True
    if text.endswith("--") and text.startswith("--"):
        return _WROTE.search(text) is not None
    return _WROTE.search(text, max(0, len(text) - 24)) is not None


def _read_upwards(lines: Sequence[str], last: int) -> tuple[int, Trust]:
    """Where the attribution that ends in line `last` begins: at the nearest line from which on it is whole."""
    said = _plain(lines[last])
    start, best = last, trust_in(said)
    if best and _is_whole(said):
        return _wrapped_opening(lines, last, said), best
    for number in _lines_above(lines, last):
        broken = _is_broken(said)
        named = best != Trust.NONE and "@" in said and not broken  # who is named above did not write
        said = f"{_plain(lines[number])} {said}"
        if len(said) > LONGEST_LOOKED_AT:
            break
        trust = trust_in(said)
        if trust and _is_whole(said) and not (named and _begins_with_name(said)):
            return _wrapped_opening(lines, number, said), trust
        mended = broken and not _is_broken(said)
        if trust and (mended or (trust >= Trust.IF_MARKED and not best and "@" in said)):
            start, best = number, trust
    return start, best


def _is_whole(said: str) -> bool:
    """Whether it says when, and begins as an attribution does: with the date, or with a name."""
    if not is_dated(said) or _is_broken(said):
        return False
    return _opens(said.strip("- ")) or _begins_with_name(said)


def _begins_with_name(said: str) -> bool:
    return "<" in said and not _opens(said.strip("- ")) and not _WROTE.match(said)


def _is_personal(said: str, verb: str) -> bool:
    """Whether it is a sentence in which a person tells who wrote."""
    return verb in _PERSONAL and _PERSONAL[verb].search(said) is not None


def _is_gmails(lines: Sequence[str], number: int) -> bool:
    """Whether a line of its own is a moment and a name, as old Gmail had it; in a log, words come behind it."""
    moment = _GMAIL_MOMENT.match(lines[number].strip())
    if moment is None or any(word[0].islower() for word in moment[1].split()):
        return False
    return not "".join((*lines[max(0, number - 1) : number], *lines[number + 1 : number + 2])).strip()


def _is_frame(said: str) -> bool:
    """Whether it ends as GroupWise frames it: a whole date before the last sign. A prompt of Python does not."""
    closed = _FRAME_CLOSED.search(said)
    return closed is not None and _YEAR.search(said, max(0, closed.start() - _LONGEST_DATE)) is not None


def _is_broken(said: str) -> bool:
    """Whether the beginning of its address, or the name before it, is on a line above."""
    if said.count(">") > said.count("<") or said.startswith("<"):
        return True
    return _WROTE.fullmatch(said.rstrip(":： ")) is not None


def _wrapped_opening(lines: Sequence[str], start: int, said: str) -> int:
    """One line higher where that one begins as an attribution does and was only broken."""
    above = start - 1
    if above < 0 or not lines[above].strip() or is_quoted(lines[above]) or said.startswith(_OPENERS):
        return start
    text = _plain(lines[above])
    if _WROTE.search(text) or _ENDS_SENTENCE.search(text) or len(text) + len(said) >= LONGEST_LOOKED_AT:
        return start
    if _YEAR.search(text) and _YEAR.search(said):
        return start  # a date of its own
    if text.startswith(_OPENERS):
        return above if any(map(str.isdigit, text)) else start
    return above if _opens(text) and _YEAR.search(text) else start


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
        elif is_quoted(lines[number]) or _ENDS_SENTENCE.search(lines[number].rstrip()[-8:]):
            break
        else:
            found.append(number)
        number -= 1
    return found


def _closes_address(line: str) -> bool:
    """`> wrote:` or `>:` is no quote but the end of an address that was broken over lines."""
    if line.startswith(">:"):
        return True
    short = line.startswith("> ") and len(line) < _LONGEST_CLOSING
    return short and line.rstrip().endswith((":", "：")) and _WROTE.match(line, 2) is not None


def _is_framed(line: str) -> bool:
    ends = line.rstrip().endswith((_FRAME, ":"))
    return ends and line.startswith(f"{_FRAME} ") and len(line) <= LONGEST_LOOKED_AT


def _opens(said: str) -> bool:
    if said.startswith(_OPENERS):
        return _WROTE.match(said) is None
    return _DATE_FIRST.match(said) is not None


def _plain(line: str) -> str:
    """A line in lower case, on one kind of blank, without quote marks or emphasis around it."""
    text = line[: LONGEST_LOOKED_AT + 1]
    if len(text) > LONGEST_LOOKED_AT:
        return ""
    return " ".join(visible(text).lower().lstrip(">＞ \t").split()).strip("*_ ")
