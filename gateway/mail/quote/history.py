"""From which line on a mail is history although no quote mark says so, as Outlook and phones write it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from gateway.mail.quote.attribution import Trust, found_at, is_dated, may_end_at, with_attribution
from gateway.mail.quote.field_block import block_end, fields_in, is_field, is_forward, is_separator
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, Ranges, is_quoted, last_filled, merged, next_filled
from gateway.mail.quote.mark import has_mark, mark_may_stand_in
from gateway.mail.quote.structure import Structure

_MOST_ATTRIBUTIONS = 5_000  # lines that are looked at closely; only hostile texts have more
_MOST_LABELS = 8
_FEWEST_LABELS = 3  # `Label: value` lines of a header in a language nobody has told us
_LONGEST_LABEL = 30
_SIGN = re.compile(r":|：|–|—|--|\*\s*$")  # each begins with its sign: found fast
_FRAME = re.compile(r"\s*[-_=*|>＞]")
"""Every line that announces a history without quote marks has a sign in it, a colon or dashes, or a frame before it."""


def unquoted_history(lines: Sequence[str], structure: Structure, *, forwarded: bool) -> tuple[int, bool]:
    """Where the author's words end at the latest, and whether all from there on is history.

    It is not where a forwarded mail begins: that is what the author wanted to be read. What stands at
    the very top is not history either: there is no answer above it.
    """
    return _Search(lines, structure, forwarded).run()


class _Search:
    """Goes down the lines once."""

    def __init__(self, lines: Sequence[str], structure: Structure, forwarded: bool) -> None:
        self._lines = lines
        self._forwarded = forwarded
        self._forwards_at = frozenset(structure.forwarded)
        self._history_at = frozenset(structure.history)
        self._headers = dict(structure.headers)
        self._boxes = _Boxes(merged((*structure.quotes, *structure.asides, *structure.bare)))
        self._first = next_filled(lines, 0)
        self._looks = 0

    def run(self) -> tuple[int, bool]:
        nowhere = len(self._lines), False
        passed = self._first
        for number in self._telling():
            if number < passed or self._boxes.behind(number) > number:
                continue
            line = self._lines[number]
            if self._is_forward(number, line):
                return number, False
            behind = self._header_end(number, line)
            if behind > number:
                if self._forwarded:
                    return number, False
                start = with_attribution(self._lines, number)
                if start > self._first and not self._is_shown(start, number):
                    return start, True
                passed = behind
                continue
            start = self._attribution(number, line)
            if start <= number:
                # With nothing above, nobody knows where the answer below begins.
                return (start, True) if start > self._first else nowhere
        return nowhere

    def _telling(self) -> Sequence[int]:
        """The lines that are worth a closer look; nearly all are not."""
        if mark_may_stand_in(self._lines):
            return range(len(self._lines))
        signed = [
            number
            for number, line in enumerate(self._lines)
            if _SIGN.search(line, 0, LONGEST_LOOKED_AT) or _FRAME.match(line)
        ]
        marked = self._forwards_at | self._history_at | self._headers.keys()
        return sorted(marked.union(signed)) if marked else signed

    def _is_forward(self, number: int, line: str) -> bool:
        return number in self._forwards_at or (not is_quoted(line) and is_forward(line))

    def _header_end(self, number: int, line: str) -> int:
        """The line below our mark, a separator or the header of a mail; `number` if there is none here."""
        if number in self._history_at:
            return number + 1
        if is_quoted(line):
            return number
        separates = is_separator(self._lines, number) or has_mark(line[:LONGEST_LOOKED_AT])
        if separates or self._is_header_box(number):
            return max(number + 1, block_end(self._lines, number))
        return block_end(self._lines, number)

    def _is_shown(self, start: int, number: int) -> bool:
        """Whether the author shows the header of a mail in line `number`: "This is what I sent:"."""
        above = self._lines[last_filled(self._lines, number)].rstrip()
        by_program = start < number or number in self._history_at or not is_field(self._lines[number])
        return not by_program and above.endswith((":", "："))

    def _is_header_box(self, number: int) -> bool:
        """A box with a line above it, as Outlook draws one, that holds fields in whatever language.

        In one unknown to us, one has an address and one a date: authors draw boxes around their own tables.
        """
        end = min(self._headers.get(number, number), number + _MOST_LABELS)
        box = self._lines[number:end]
        if fields_in(box) >= _FEWEST_LABELS:
            return True
        if not any("@" in line for line in box) or not any(map(is_dated, box)):
            return False
        heads = (line.partition(":") for line in box)
        labels = sum(1 for head, colon, _ in heads if colon and 0 < len(head.strip()) <= _LONGEST_LABEL)
        return labels >= _FEWEST_LABELS

    def _attribution(self, number: int, line: str) -> int:
        """The first line of a sure attribution without a quote below it; number + 1 if there is none."""
        if self._looks >= _MOST_ATTRIBUTIONS or not may_end_at(line) or self._is_marked(number, line):
            return number + 1
        self._looks += line.endswith(":")
        return found_at(self._lines, number, Trust.SURE)

    def _is_marked(self, number: int, line: str) -> bool:
        """Whether quote marks tell of the quote that line `number` may announce: those are not looked for here."""
        if is_quoted(line) and is_quoted(self._lines[number - 1]):
            return True
        below = next_filled(self._lines, number + 1)
        return below < len(self._lines) and (
            is_quoted(self._lines[below]) or self._boxes.behind(below) > below
        )


class _Boxes:
    """Ranges of lines, to be looked up."""

    def __init__(self, ranges: Ranges) -> None:
        self._starts = [start for start, _ in ranges]
        self._stops = [stop for _, stop in ranges]

    def behind(self, number: int) -> int:
        """The line behind the range that holds `number`; `number` if none does."""
        at = bisect_right(self._starts, number) - 1
        return max(number, self._stops[at]) if at >= 0 else number
