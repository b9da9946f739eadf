"""`flow.reception` for the event loop of the listeners."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future

from gateway.flow.accept import Refusal
from gateway.flow.reception import Reception
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets

Ids = tuple[str, ...]


class Acceptance:
    """What a listener asks of the house.

    The writer's thread brings many results at a time; the loop is woken once for all of them.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._done: deque[tuple[asyncio.Future[Ids], Future[Ids]]] = deque()
        self._called = False

    def refuses(self, recipient: str) -> Refusal | None:
        """None when the recipient is ours."""
        return self._reception.refuses(recipient)

    async def accept(self, envelope: Envelope, octets: Octets) -> Ids:
        """Journal ids, once the mail is durable."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Ids] = loop.create_future()

        def bring(result: Future[Ids]) -> None:
            self._done.append((waiting, result))
            if not self._called:
                self._called = True
                loop.call_soon_threadsafe(self._tell)

        self._reception.keep(envelope, octets).add_done_callback(bring)
        return await waiting

    def _tell(self) -> None:
        """Hand out what has come; one that comes from here on calls again, or is seen below."""
        self._called = False
        while self._done:
            waiting, result = self._done.popleft()
            if waiting.done():
                continue
            error = result.exception()
            if error is None:
                waiting.set_result(result.result())
            else:
                waiting.set_exception(error)
