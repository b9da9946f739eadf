"""`flow.reception` for the event loop of the listeners."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from functools import partial

from gateway.flow.accept import Refusal
from gateway.flow.reception import Reception
from gateway.log import logger
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets

Ids = tuple[str, ...]

log = logger("acceptance")


class Acceptance:
    """What a listener asks of the house; see `flow.accept`.

    The writer's thread brings many results at a time; the loop is woken once for all of them.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._done: deque[tuple[asyncio.Future[Ids], Octets, Future[Ids]]] = deque()
        self._called = False

    def refuses(self, recipient: str) -> Refusal | None:
        """None when the recipient is ours."""
        return self._reception.refuses(recipient)

    def accept(self, envelope: Envelope, octets: Octets) -> asyncio.Future[Ids]:
        """Journal ids, once the mail is durable. Whoever cancels this only stops waiting."""
        waiting: asyncio.Future[Ids] = asyncio.get_running_loop().create_future()
        kept = self._reception.keep(envelope, octets)
        kept.add_done_callback(partial(self._bring, waiting, octets))
        return waiting

    def _bring(self, waiting: asyncio.Future[Ids], octets: Octets, kept: Future[Ids]) -> None:
        """Called in the writer's thread."""
        self._done.append((waiting, octets, kept))
        if not self._called:
            self._called = True
            waiting.get_loop().call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        """Hand out what has come; one that comes from here on calls again, or is seen below."""
        self._called = False
        while self._done:
            waiting, octets, kept = self._done.popleft()
            octets.close()
            error = kept.exception()
            if waiting.done():  # its peer has left
                if error is not None:
                    log.error("a mail was not kept, and nobody waits to hear it", exc_info=error)
            elif error is None:
                waiting.set_result(kept.result())
            else:
                waiting.set_exception(error)
