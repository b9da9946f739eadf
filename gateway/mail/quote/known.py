"""Lines that we sent ourselves on this ticket: whatever program quotes them, they are ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway.mail.quote.attribution import with_attribution
from gateway.mail.quote.lines import (
    SHORTEST_HASHED,
    Ranges,
    is_quoted,
    last_filled,
    leaves_words,
    merged,
    plain_line,
)

_FEWEST = 2  # long lines in a row that nobody writes by chance


def known_lines(texts: Iterable[str]) -> frozenset[str]:
    """What `fold_known` recognises these texts by."""
    return frozenset(key for text in texts for key in _keys(text.split("\n")) if key)


def fold_known(text: str, folded: Ranges, known: frozenset[str]) -> Ranges:
    """`folded` and the runs of lines that we sent ourselves, with what announces them.

    known: of `known_lines`.  A line alone may be the author's: it is ours only below an attribution. So is
    what the author announces ("you write:"). Lines quoted with `>` are left to `fold`: with an answer below,
    they are what it answers. So are several runs with words between them.
    """
    if not known:
        return folded
    lines = text.split("\n")
    runs = _known_runs(lines, known)
    if len(runs) > 1:
        runs = [run for run in runs[-1:] if not _words_below(lines, run[1], folded)]
    ours = [(_announced_at(lines, start), end) for start, end in runs if _is_quote(lines, start, end)]
    both = merged([*folded, *ours])
    return both if leaves_words(lines, both) else folded


def _keys(lines: Iterable[str]) -> Iterator[str]:
    """A key for each line, empty for blank ones. A short line is known only below the line it stood below."""
    above = ""
    for line in lines:
        plain = plain_line(line)
        yield plain if len(plain) >= SHORTEST_HASHED or not plain else f"{above}\n{plain}"
        above = plain or above


def _known_runs(lines: Sequence[str], known: frozenset[str]) -> list[tuple[int, int]]:
    """Runs of known lines that begin with a long one; blank lines part none."""
    runs: list[tuple[int, int]] = []
    running = False
    for number, key in enumerate(_keys(lines)):
        if not key:
            continue
        if key not in known or is_quoted(lines[number]):
            running = False
        elif running:
            runs[-1] = (runs[-1][0], number + 1)
        elif "\n" not in key:
            runs.append((number, number + 1))
            running = True
    return runs


def _is_quote(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether a run of known lines was put there by a program."""
    if _announced_at(lines, start) < start:
        return True
    above = last_filled(lines, start)
    if above >= 0 and lines[above].rstrip().endswith((":", "：")):
        return False
    return sum(len(plain_line(line)) >= SHORTEST_HASHED for line in lines[start:end]) >= _FEWEST


def _announced_at(lines: Sequence[str], start: int) -> int:
    return with_attribution(lines, start, quoted=False)


def _words_below(lines: Sequence[str], end: int, folded: Ranges) -> bool:
    """Whether anything that is not folded follows line `end`."""
    return leaves_words(lines[end:], merged((max(0, a - end), b - end) for a, b in folded if b > end))
