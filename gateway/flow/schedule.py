"""The timetable: what ticks, and how often. Losing a tick loses nothing; all state is in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of the timetable."""

    name: str
    every_s: float
    act: Callable[[], object]
