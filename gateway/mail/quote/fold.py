"""What of a mail is folded: the history it quotes, and the signature. docs/decisions/0012-folding.md.

First the place from which on all is history without a quote mark, then the blocks that have one. A block
with an answer below it stays when there are several: the answers need them. One block that is a whole mail
goes, wherever the answer stands. A forwarded mail stays. When nothing else would be left, nothing goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.mail.quote.attribution import with_attribution
from gateway.mail.quote.blocks import Block, as_ranges, blocks_in
from gateway.mail.quote.history import unquoted_history
from gateway.mail.quote.lines import Ranges, is_quoted, last_filled, leaves_words, merged
from gateway.mail.quote.signature import signature_start
from gateway.mail.quote.structure import NO_STRUCTURE, Structure

MOST_LINES = 20_000  # of a longer text, a log for instance, only a history that begins above is folded
_MOST_LAYERS = 200  # quotes, signatures and ornaments at the end of a mail


@dataclass(frozen=True, slots=True)
class Folding:
    """Ranges of lines: the history with what announces it, and the signature."""

    history: Ranges = ()
    signature: Ranges = ()

    @property
    def ranges(self) -> Ranges:
        """Both."""
        return merged((*self.history, *self.signature))


def fold(
    text: str, structure: Structure = NO_STRUCTURE, *, forwarded: bool = False, armour: Ranges = ()
) -> Folding:
    """What of `text` is history and what is a signature.

    structure: what its HTML said.  forwarded: the subject says that the mail was forwarded; then the
    header of a mail begins what was forwarded, not what was answered.  armour: lines that only an OpenPGP
    program reads, which go with the signature.
    """
    lines = text.split("\n")
    end, folds = unquoted_history(lines[:MOST_LINES], structure, forwarded=forwarded)
    history = [(end, len(lines))] if folds else []
    if len(lines) > MOST_LINES:
        return _careful(lines, Folding(merged(history or _long_quote(lines))), armour)
    blocks = blocks_in(lines, end, structure)
    tail, quotes, signature = _layers(lines, end, blocks, structure)
    history += quotes
    left = [block for block in blocks if block.stop <= tail]
    if len(blocks) == 1 and left and left[0].attributed:
        history += as_ranges(left)
    elif len(blocks) > 1:
        history += [(block.opening, block.start) for block in left if block.attributed]
    return _careful(lines, Folding(merged(history), merged(signature)), armour)


def _long_quote(lines: Sequence[str]) -> list[tuple[int, int]]:
    """The quote that a very long text ends with."""
    start = len(lines)
    while start > 0 and (is_quoted(lines[start - 1]) or not lines[start - 1].strip()):
        start -= 1
    while start < len(lines) and not is_quoted(lines[start]):
        start += 1
    return [(with_attribution(lines, start), len(lines))] if start < len(lines) else []


def _careful(lines: Sequence[str], folding: Folding, armour: Ranges) -> Folding:
    """`folding` and the armour, or less of it where it would hide every word."""
    for history, signature in ((folding.history, folding.signature), (folding.history, ()), ((), ())):
        found = Folding(history, merged((*signature, *armour)))
        if leaves_words(lines, found.ranges):
            return found
    return Folding()


def _layers(
    lines: Sequence[str], end: int, blocks: Sequence[Block], structure: Structure
) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
    """Peel quotes and signatures off the end, in whatever order they come: what is left, and both."""
    quotes: list[tuple[int, int]] = []
    signature: list[tuple[int, int]] = []
    waiting = list(blocks)
    for _ in range(_MOST_LAYERS):
        last = last_filled(lines, end)
        while waiting and waiting[-1].start > last:
            waiting.pop()
        if last < 0:
            break
        if waiting and last < waiting[-1].stop:
            block = waiting.pop()
            if block.authors:
                break
            quotes.append((block.opening, end))
            end = block.opening
            continue
        start = _marked_signature(last, structure) if structure.signatures else last + 1
        start = min(start, signature_start(lines, last + 1))
        if start > last:
            break
        signature.append((start, end))
        end = start
    return end, quotes, signature


def _marked_signature(last: int, structure: Structure) -> int:
    """Where a signature begins that the HTML marks and that ends in line `last`; last + 1 without one."""
    return next((start for start, stop in structure.signatures if start <= last < stop), last + 1)
