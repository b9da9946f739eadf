"""What stands in for the world in tests: the time. Our own code is never faked."""

from __future__ import annotations

from gateway.clock import SECOND, from_rfc3339


class FakeClock:
    """A clock that stands still until somebody moves it; calling it gives milliseconds UTC."""

    def __init__(self, start: str = "2026-04-13T09:00:00Z") -> None:
        self._moment = from_rfc3339(start)

    def __call__(self) -> int:
        return self._moment

    def forward(self, seconds: float) -> int:
        """Moves on and gives the new moment."""
        self._moment += round(seconds * SECOND)
        return self._moment
