"""Who goes first when all want the one interpreter: accept, then apply, then write letters, then send.

What comes later in a mail's path gives way to what comes earlier, but never for long.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BUSY_S = 0.05
LOOK_S = 0.02
GATHER_S = 0.05  # after a wake: what comes one by one is done together


class Pace:
    """How one stage goes: it is busy while full batches follow one another."""

    def __init__(self) -> None:
        self._full_at = -BUSY_S

    def full_batch(self) -> None:
        """There was as much to do as fits into a batch, so there is probably more."""
        self._full_at = time.monotonic()

    def is_busy(self) -> bool:
        """Whether the last full batch is only just done."""
        return time.monotonic() - self._full_at < BUSY_S


def give_way(is_busy: Callable[[], bool], is_stopping: Callable[[], bool], most_s: float) -> None:
    """Wait while an earlier stage is busy, but not longer than that for one batch."""
    deadline = time.monotonic() + most_s
    while is_busy() and not is_stopping() and time.monotonic() < deadline:
        time.sleep(LOOK_S)
