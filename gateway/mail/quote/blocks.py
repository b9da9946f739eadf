"""The blocks of a text that are quoted with `>`, and what announces them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.mail.quote.attribution import MOST_LINES, Trust, found_at, may_end_at, with_attribution
from gateway.mail.quote.lines import Ranges, first_quoted, has_words, is_quoted, last_filled, quote_depth
from gateway.mail.quote.mark import has_mark
from gateway.mail.quote.structure import Structure

_LONG_LINE = 66  # a quoted line of such length may have been broken once more on its way
_LONGEST_REMAINDER = 40
_DEEP = 3  # a block that begins so deep was never a quote: `>>> print()`
_SENTENCE_ENDS = ".?!:;,)…。？！"


@dataclass(frozen=True, slots=True)
class Block:
    """Lines [start, stop) are quoted; [opening, start) says by whom, as far as anybody does.

    attributed: somebody does, or our own mark is in it.  authors: the author announced it in their own
    words, or it only looks like a quote; then it is not folded.
    """

    opening: int
    start: int
    stop: int
    attributed: bool
    authors: bool


def blocks_in(lines: Sequence[str], end: int, structure: Structure) -> list[Block]:
    """The quoted blocks with words before line `end`, and the boxes that the HTML says are quotes."""
    others = [box for box in (*structure.asides, *structure.bare) if _says_who(lines, box)]
    boxes = _outermost(box for box in (*structure.quotes, *others) if box[0] < end)
    starts = [start for start, _ in boxes]
    behind = [0, *(stop for _, stop in boxes)]
    quoted = [run for run in _runs(lines, end) if run[0] >= behind[bisect_right(starts, run[0])]]
    alone = end == len(lines) and not boxes and not quoted
    last_bare = structure.bare[-1:] if alone else ()
    found = [_block(lines, run, structure) for run in quoted]
    found += [_box(lines, start, min(stop, end)) for start, stop in boxes]
    found += [_block(lines, box, structure, quoted=False) for box in last_bare]
    return sorted(found, key=lambda block: block.start)


def _block(lines: Sequence[str], run: tuple[int, int], structure: Structure, *, quoted: bool = True) -> Block:
    """quoted: a program says so; if not, only a sure attribution counts."""
    start, stop = run
    opening = _opening(lines, start, structure, quoted=quoted)
    first = next(at for at in range(start, stop) if has_words(lines[at]))
    attributed = (
        opening < start
        or found_at(lines, first, Trust.IF_QUOTED if quoted else Trust.IF_MARKED) <= first
        or any(map(has_mark, lines[start:stop]))
    )
    above = last_filled(lines, start)
    announced = above >= 0 and lines[above].rstrip().endswith((":", "："))
    authors = not attributed and (announced or quote_depth(lines[first]) >= _DEEP)
    return Block(opening, start, stop, attributed, authors)


def _box(lines: Sequence[str], start: int, stop: int) -> Block:
    return Block(with_attribution(lines, start), start, stop, attributed=True, authors=False)


def _says_who(lines: Sequence[str], box: tuple[int, int]) -> bool:
    """Whether a box begins with a sure attribution, however its program drew it."""
    start, stop = box
    beginning = [at for at in range(start, min(start + MOST_LINES, stop)) if lines[at].strip()]
    return any(found_at(lines, at, Trust.IF_MARKED) == beginning[0] for at in beginning)


def _outermost(boxes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The boxes that are in no other one."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(boxes, key=lambda box: (box[0], -box[1])):
        if not found or start >= found[-1][1]:
            found.append((start, stop))
    return found


def _opening(lines: Sequence[str], start: int, structure: Structure, *, quoted: bool) -> int:
    """The first line of the attribution above a block."""
    above = last_filled(lines, start)
    for first, behind in structure.attributions:
        if first <= above < behind:
            return first
    return with_attribution(lines, start, quoted=quoted)


def _runs(lines: Sequence[str], end: int) -> Iterator[tuple[int, int]]:
    """Runs of quoted lines with words in them; blanks and remainders of broken lines part none."""
    start = stop = -1
    spoken = False
    for number in range(first_quoted(lines, end), end):
        line = lines[number]
        if is_quoted(line) and (start >= 0 or not may_end_at(line)):
            start = number if start < 0 else start
            stop = number + 1
            spoken = spoken or has_words(line)
        elif line.strip() and not (number == stop and _is_remainder(lines, number, end)):
            if spoken:
                yield start, stop
            start, spoken = -1, False
        elif number == stop and line.strip():
            stop = number + 1
    if spoken:
        yield start, stop


def _is_remainder(lines: Sequence[str], number: int, end: int) -> bool:
    """The end of a quoted line that a program broke without quoting it again; never an answer."""
    if number + 1 >= end or not is_quoted(lines[number + 1]) or not is_quoted(lines[number - 1]):
        return False
    above, text = lines[number - 1].rstrip(), lines[number].strip()
    if text.startswith(("(http", "<http", "[http")) or ("http" in above and " " not in text):
        return True
    broken = len(above) >= _LONG_LINE and above[-1] not in _SENTENCE_ENDS
    return broken and len(text) <= _LONGEST_REMAINDER and text[0].islower()


def as_ranges(blocks: Sequence[Block]) -> Ranges:
    """Whole blocks, with what announces them."""
    return tuple((block.opening, block.stop) for block in blocks)
