"""What stands in for the world in tests: the time, and who carries letters away. Our own code is never faked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from gateway.clock import SECOND, from_rfc3339
from gateway.mail.letter import Outcome, Parcel

RETRY, REFUSE, LOSE, SKIP, STOP = "retry", "refuse", "lose", "skip", "stop"


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


class FakeCourier:
    """Carries every letter at once, unless the next mail server is told to misbehave towards an address.

    `delivered` is what arrived, in order. LOSE: it arrived, but the answer to the final dot was lost.
    SKIP: the session ended before its turn. STOP: the relay will not have us at all.
    """

    def __init__(self) -> None:
        self.delivered: list[Parcel] = []
        self._moods: dict[str, list[str]] = {}

    def misbehave(self, address: str, *moods: str) -> None:
        """How the next attempts for this address end, one by one; after them all is well."""
        self._moods.setdefault(address, []).extend(moods)

    def deliver(
        self,
        parcels: Sequence[Parcel],
        sending: Callable[[int], Future[bool]],
        settled: Callable[[Outcome], None],
    ) -> None:
        """Try every parcel once."""
        for parcel in parcels:
            settled(self._try(parcel, sending))

    def _try(self, parcel: Parcel, sending: Callable[[int], Future[bool]]) -> Outcome:
        moods = self._moods.get(parcel.recipient)
        mood = moods.pop(0) if moods else ""
        if mood == RETRY:
            return Outcome(parcel.id, "retry", "451 4.3.0 try again later")
        if mood == REFUSE:
            return Outcome(parcel.id, "refused", "550 5.1.1 nobody here")
        if mood == STOP:
            return Outcome(parcel.id, "retry", "535 5.7.8 who are you", stop=True)
        if mood == SKIP or not sending(parcel.id).result():
            return Outcome(parcel.id, "untried", "")
        self.delivered.append(parcel)
        if mood == LOSE:
            return Outcome(parcel.id, "uncertain", "the connection ended after the final dot")
        return Outcome(parcel.id, "sent", "250 2.0.0 taken")
