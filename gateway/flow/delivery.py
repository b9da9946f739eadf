"""One delivery: some claimed letters, a thread that waits for the courier, and what came of each written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from gateway.desk import outbox
from gateway.desk.tables import Letter
from gateway.errors import StoreError
from gateway.flow.courier import Courier
from gateway.log import logger, step
from gateway.mail.letter import Outcome, Parcel
from gateway.store.database import Store
from gateway.store.grouped import Call, GroupCommit, one_by_one
from gateway.store.unit import Unit

PAUSE_S = 1.0
LINGER_S = 0.001  # so that what became of one letter and the `sending` of the next are one commit

log = logger("delivery")


def writer_for(store: Store) -> GroupCommit[Call, Any]:
    """Who commits what all deliveries have to say, in the order in which they say it."""
    return GroupCommit(store, "delivery", one_by_one, LINGER_S)


class Sender(Protocol):
    """Whoever began the delivery. All but `settle` are called from any thread and must not block."""

    def settle(self, unit: Unit, claimed: Letter, outcome: Outcome) -> None:
        """Write this down, in this unit."""

    def refused(self, reply: str) -> None:
        """The relay will not have us at all."""

    def landed(self) -> None:
        """One letter less is in hand."""

    def is_stopping(self) -> bool:
        """Whether to give up asking a store that is in trouble."""


class Delivery:
    """Letters on their way. It has no connection to the store, and hangs as long as the relay does."""

    def __init__(
        self,
        sender: Sender,
        courier: Courier,
        writer: GroupCommit[Call, Any],
        claimed: Sequence[Letter],
        parcels: Sequence[Parcel],
    ) -> None:
        self._sender = sender
        self._courier = courier
        self._writer = writer
        self._claimed = {letter.id: letter for letter in claimed}
        self._parcels = parcels
        self._open = {parcel.id for parcel in parcels}
        self._told: list[tuple[Outcome, Future[None]]] = []
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    @property
    def in_hand(self) -> int:
        """How many letters wait for their outcome to be written down."""
        return len(self._open)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return not self._thread.is_alive()

    def join(self, seconds: float | None = None) -> None:
        """Wait until it is over, or so long."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._courier.deliver(self._parcels, self._sending, self._answered)
            for outcome, written in self._told:
                self._await(outcome, written)
        finally:
            self._open.clear()
            self._sender.landed()

    def _sending(self, id: int) -> Future[bool]:
        allowed = self._writer.submit(lambda unit: outbox.sending(unit, self._claimed[id]))
        allowed.add_done_callback(lambda _: step("dispatch.sending"))
        return allowed

    def _answered(self, outcome: Outcome) -> None:
        step("dispatch.answered")
        if outcome.stop:
            self._sender.refused(outcome.reply)
        self._told.append((outcome, self._write_down(outcome)))

    def _write_down(self, outcome: Outcome) -> Future[None]:
        claimed = self._claimed[outcome.id]
        written = self._writer.submit(lambda unit: self._sender.settle(unit, claimed, outcome))
        written.add_done_callback(lambda done: self._land(outcome, done))
        return written

    def _land(self, outcome: Outcome, written: Future[None]) -> None:
        if written.exception() is None:
            self._open.discard(outcome.id)
            self._sender.landed()

    def _await(self, outcome: Outcome, written: Future[None]) -> None:
        """Nobody can ask the relay again what it said: the store is asked until it has taken it, or we end."""
        while True:
            try:
                return written.result()
            except StoreError as error:
                log.warning("store in trouble", problem=str(error))
                if self._sender.is_stopping():
                    return None
                time.sleep(PAUSE_S)
                written = self._write_down(outcome)
            except Exception:  # asking again would not help: the lease ends, then it is in doubt
                log.exception("an outcome was lost", letter=outcome.id, state=outcome.state)
                return None
