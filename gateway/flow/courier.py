"""What delivers letters, as `flow` sees it. The one in use is `transport.submission`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from gateway.mail.letter import Outcome, Parcel


class Courier(Protocol):
    """Hands parcels to the next mail server."""

    def deliver(
        self,
        parcels: Sequence[Parcel],
        sending: Callable[[int], Future[bool]],
        settled: Callable[[Outcome], None],
    ) -> None:
        """Try every parcel once; return when each has had its one outcome. Blocks; never raises.

        sending: called with the id right before the text of that parcel, when nothing else is left to hand
        over; the future is done once the caller has committed that durably. False or an exception: do not
        send it, its outcome is `untried`.
        settled: called once for each parcel as soon as its outcome is known.
        Both are called from the courier's own thread and must not block.
        """
