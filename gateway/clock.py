"""The one place that reads the time.

Moments are whole milliseconds since 1970-01-01 UTC, in an `int`: they sort, subtract and store
alike everywhere. Durations for waiting come from `time.monotonic`, never from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Clock = Callable[[], int]


def now() -> int:
    """This moment in milliseconds UTC."""
    return time.time_ns() // 1_000_000


def rfc3339(moment: int) -> str:
    """`2026-11-21T00:00:00.000Z`. RFC 3339 §5.6."""
    whole, part = divmod(moment, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:03d}Z"


def from_rfc3339(text: str) -> int:
    """The moment a text names; without an offset it is UTC. Raises ValueError. RFC 3339 §5.6."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def iso_week(moment: int) -> str:
    """`YYWW` of the ISO year and week in UTC: `2616`. ISO 8601."""
    year, week, _ = datetime.fromtimestamp(moment // 1000, UTC).isocalendar()
    return f"{year % 100:02d}{week:02d}"
