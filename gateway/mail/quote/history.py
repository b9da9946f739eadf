"""From which line on a mail is history although no quote mark says so, as Outlook and phones write it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from gateway.mail.quote.attribution import found_at, may_end_at, with_attribution
from gateway.mail.quote.field_block import block_end, is_forward, is_separator
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, Ranges, is_quoted, merged, next_filled
from gateway.mail.quote.mark import has_mark, mark_may_stand_in
from gateway.mail.quote.structure import Structure

_MOST_ATTRIBUTIONS = 5_000  # lines that are looked at closely; only hostile texts have more
_MOST_LABELS = 8
_FEWEST_LABELS = 3  # `Label: value` lines of a header in a language nobody has told us
_LONGEST_LABEL = 30
_SIGN = re.compile(r"[:：–—]|--|^\s*[-_=*|>＞]|\*\s*$")
"""What every line has that announces a history without quote marks: a colon, dashes, a frame."""


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
        self._may_hold_mark = mark_may_stand_in(lines)

    def run(self) -> tuple[int, bool]:
        nowhere = len(self._lines), False
        number = self._first
        while number < len(self._lines):
            if (behind := self._boxes.behind(number)) > number:
                number = behind
                continue
            line = self._lines[number]
            if not self._is_telling(number, line):
                number += 1
                continue
            if self._is_forward(number, line):
                return number, False
            behind = self._header_end(number, line)
            if behind > number:
                if self._forwarded:
                    return number, False
                start = with_attribution(self._lines, number)
                if start > self._first:
                    return start, True
                number = behind
                continue
            start = self._attribution(number, line)
            if start <= number:
                # With nothing above, nobody knows where the answer below begins.
                return (start, True) if start > self._first else nowhere
            number += 1
        return nowhere

    def _is_telling(self, number: int, line: str) -> bool:
        """A quick look, which is the last one at nearly every line."""
        if self._may_hold_mark or _SIGN.search(line[:LONGEST_LOOKED_AT]):
            return True
        return number in self._forwards_at or number in self._history_at or number in self._headers

    def _is_forward(self, number: int, line: str) -> bool:
        return number in self._forwards_at or (not is_quoted(line) and is_forward(line))

    def _header_end(self, number: int, line: str) -> int:
        """The line below our mark, a separator or the header of a mail; `number` if there is none here."""
        if number in self._history_at:
            return number + 1
        if is_quoted(line):
            return number
        if self._is_header_box(number) or is_separator(line) or has_mark(line[:LONGEST_LOOKED_AT]):
            return max(number + 1, block_end(self._lines, number))
        return block_end(self._lines, number)

    def _is_header_box(self, number: int) -> bool:
        """A box with a line above it, as Outlook draws one, that holds fields in whatever language."""
        end = min(self._headers.get(number, number), number + _MOST_LABELS)
        heads = (line.partition(":") for line in self._lines[number:end])
        labels = sum(1 for head, colon, _ in heads if colon and 0 < len(head.strip()) <= _LONGEST_LABEL)
        return labels >= _FEWEST_LABELS

    def _attribution(self, number: int, line: str) -> int:
        """The first line of a sure attribution without a quote below it; number + 1 if there is none."""
        if self._looks >= _MOST_ATTRIBUTIONS or not may_end_at(line):
            return number + 1
        start = found_at(self._lines, number, quoted_below=False)
        self._looks += line.endswith(":")
        if start > number:
            return start
        below = next_filled(self._lines, number + 1)
        marked = below < len(self._lines) and (
            is_quoted(self._lines[below]) or self._boxes.behind(below) > below
        )
        return number + 1 if marked else start


class _Boxes:
    """Ranges of lines, to be looked up."""

    def __init__(self, ranges: Ranges) -> None:
        self._starts = [start for start, _ in ranges]
        self._stops = [stop for _, stop in ranges]

    def behind(self, number: int) -> int:
        """The line behind the range that holds `number`; `number` if none does."""
        at = bisect_right(self._starts, number) - 1
        return max(number, self._stops[at]) if at >= 0 else number
