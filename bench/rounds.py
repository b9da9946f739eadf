"""Rounds: the sides take turns, and what counts is the median of the ratios of each round.

A core's speed drifts by a factor of two within minutes. Two sides that ran one right after the
other have seen much the same machine, so their ratio travels and a plain rate does not.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One side in one round: units of work a second, and CPU milliseconds a unit.

    delivered: units a second until what the work leads to, such as letters, is done as well.
    """

    rate: float
    cpu_ms: float = 0.0
    delivered: float = 0.0


Side = Callable[[], Sample]


def interleave(rounds: int, *sides: Side) -> list[tuple[Sample, ...]]:
    """One tuple a round, in the order of the sides; every other round runs backwards."""
    table = []
    for number in range(rounds):
        order = range(len(sides)) if number % 2 == 0 else range(len(sides) - 1, -1, -1)
        row = {place: sides[place]() for place in order}
        table.append(tuple(row[place] for place in range(len(sides))))
    return table


def rate_ratio(table: Sequence[tuple[Sample, ...]], of: int = 0, to: int = 1) -> float:
    """Median over the rounds of one side's rate over another's."""
    return ratio([row[of].rate for row in table], [row[to].rate for row in table])


def cpu_ratio(table: Sequence[tuple[Sample, ...]], of: int = 0, to: int = 1) -> float:
    """Median over the rounds of one side's CPU per unit over another's."""
    return ratio([row[of].cpu_ms for row in table], [row[to].cpu_ms for row in table])


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """Median of the pairwise quotients. Raises ValueError where a divisor is 0 or a pair is missing."""
    if 0 in to:
        raise ValueError("one side measured nothing")
    return statistics.median(one / other for one, other in zip(of, to, strict=True))


def middle(table: Sequence[tuple[Sample, ...]], side: int) -> Sample:
    """The medians of one side, for the notes."""
    return Sample(
        statistics.median(row[side].rate for row in table),
        statistics.median(row[side].cpu_ms for row in table),
        statistics.median(row[side].delivered for row in table),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values do not exceed: nearest rank."""
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    rank = max(1, -(-len(ranked) * share // 1))
    return ranked[int(rank) - 1]
