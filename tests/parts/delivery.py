"""A flow that only remembers, and parcels to deliver: for tests of the courier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from gateway.mail.letter import Outcome, Parcel
from gateway.transport.relay import Relay
from gateway.transport.submission import Submission
from tests.parts.proxy import Proxy
from tests.parts.scripted_smtp import ScriptedSMTP

LETTER = b"From: <desk@example.net>\r\nSubject: hello\r\n\r\n.dot\r\nbody\r\n"


class Flow:
    """Stands for the flow: remembers what the courier asked and told."""

    def __init__(self, allows: Callable[[int], bool] = lambda parcel_id: True) -> None:
        self.allows = allows
        self.asked: list[int] = []
        self.told: list[Outcome] = []

    def sending(self, parcel_id: int) -> Future[bool]:
        self.asked.append(parcel_id)
        return done(self.allows(parcel_id))

    @property
    def states(self) -> list[str]:
        return [outcome.state for outcome in sorted(self.told, key=lambda outcome: outcome.id)]


def done(answer: bool) -> Future[bool]:
    """A future that has its answer."""
    future: Future[bool] = Future()
    future.set_result(answer)
    return future


def parcel(number: int, *, recipient: str = "", octets: bytes = LETTER) -> Parcel:
    return Parcel(number, f"bounce+{number}@example.net", recipient or f"c{number}@example.org", octets)


def relay_to(server: ScriptedSMTP | Proxy, **settings: object) -> Relay:
    values: dict[str, object] = {"security": "none", **settings}
    return Relay(server.host, server.port, **values)  # type: ignore[arg-type]


def deliver(relay: Relay, parcels: Sequence[Parcel], flow: Flow | None = None, sessions: int = 1) -> Flow:
    flow = flow or Flow()
    courier = Submission(relay, sessions=sessions)
    try:
        courier.deliver(parcels, flow.sending, flow.told.append)
    finally:
        courier.close()
    assert sorted(outcome.id for outcome in flow.told) == sorted(each.id for each in parcels)
    return flow
