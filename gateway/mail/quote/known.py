"""Lines that we sent ourselves on this ticket: whatever program quotes them, they are ours."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.mail.quote.attribution import with_attribution
from gateway.mail.quote.lines import Ranges, hash_line, is_quoted, leaves_words, merged


def fold_known(text: str, folded: Ranges, hashes_we_sent: frozenset[int]) -> Ranges:
    """`folded` and the runs of lines that we sent ourselves, with what announces them.

    Lines quoted with `>` are left to `fold`: with an answer below, they are what it answers. So are
    several runs with words between them. Short lines count only between two known ones.
    """
    if not hashes_we_sent:
        return folded
    lines = text.split("\n")
    runs = _known_runs(lines, hashes_we_sent)
    if len(runs) > 1:
        runs = [run for run in runs[-1:] if not _words_below(lines, run[1], folded)]
    ours = [(with_attribution(lines, start), end) for start, end in runs]
    both = merged([*folded, *ours])
    return both if leaves_words(lines, both) else folded


def _known_runs(lines: Sequence[str], known: frozenset[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    running = False
    for number, line in enumerate(lines):
        quoted = is_quoted(line)
        value = 0 if quoted else hash_line(line)
        if value and value in known:
            start = runs.pop()[0] if running else number
            runs.append((start, number + 1))
            running = True
        elif value or quoted:
            running = False
    return runs


def _words_below(lines: Sequence[str], end: int, folded: Ranges) -> bool:
    """Whether anything that is not folded follows line `end`."""
    return leaves_words(lines[end:], merged((max(0, a - end), b - end) for a, b in folded if b > end))
