"""Where the mails of archives lie, in the order they were written. RFC 5322 §3.6.1.

An archive is walked once for this, and its mails are fetched one by one afterwards: only numbers are in
memory, about a hundred octets for a mail, however large the mails are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Protocol

from gateway.clock import DAY

UNKNOWN = -1
EARLIEST = 3653 * DAY  # 1980: an earlier time is a clock that was never set
LONGEST_DATE = 200


@dataclass(frozen=True, slots=True)
class Place:
    """One mail in its archive. `at` and `size` mean what its source makes of them.

    written: by its Date.  delivered: when it reached this archive.  Milliseconds UTC, or UNKNOWN.
    """

    at: int
    size: int
    written: int = UNKNOWN
    delivered: int = UNKNOWN


class Source(Protocol):
    """An archive of mails."""

    name: str

    def places(self) -> Iterator[Place]:
        """Every mail, as it comes. Raises OSError."""

    def pieces(self, place: Place) -> Iterator[bytes]:
        """The octets of a mail, without what the archive put around or into it. Raises OSError."""


class Listing:
    """The mails of some archives, oldest first; one whose time nobody knows stands beside its neighbour."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self._source = array("q")
        self._at = array("q")
        self._size = array("q")
        self._written = array("q")
        self._delivered = array("q")
        self._order = array("q")

    def __len__(self) -> int:
        return len(self._at)

    def add(self, source: Source, places: Iterable[Place]) -> None:
        """List an archive."""
        self.sources.append(source)
        before = EARLIEST
        for place in places:
            known = (one for one in (place.written, place.delivered) if one >= EARLIEST)
            before = next(known, before)
            self._source.append(len(self.sources) - 1)
            self._at.append(place.at)
            self._size.append(place.size)
            self._written.append(place.written)
            self._delivered.append(place.delivered)
            self._order.append(before)

    def by_time(self, since: int) -> Iterator[tuple[Source, Place]]:
        """Those that are not known to be older than `since`."""
        for one in sorted(range(len(self)), key=self._order.__getitem__):
            if self._order[one] == EARLIEST or self._order[one] >= since:
                place = Place(self._at[one], self._size[one], self._written[one], self._delivered[one])
                yield self.sources[self._source[one]], place


def moment(text: str) -> int:
    """The time that a Date field or a postmark names, or UNKNOWN."""
    try:
        parsed = parsedate_tz(text[:LONGEST_DATE])
        return UNKNOWN if parsed is None else max(UNKNOWN, int(mktime_tz(parsed)) * 1000)
    except (ValueError, OverflowError, TypeError, IndexError):  # the library's own slips on broken dates
        return UNKNOWN


def written(head: Iterable[bytes]) -> int:
    """When a mail says that it was written; `head` are the lines of its header, read until there is a Date."""
    for line in head:
        if line[:5].lower() == b"date:":
            return moment(line[5:].decode("ascii", "replace").strip())
        if not line.strip(b"\r\n"):
            break
    return UNKNOWN


def with_crlf(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, or parts of long ones, with the ends that mail has on its way. RFC 5322 §2.3."""
    for line in lines:
        if line.endswith(b"\n") and not line.endswith(b"\r\n"):
            line = line[:-1] + b"\r\n"
        yield line
