"""The loops that empty the outbox: one writes what is due, one claims it and begins to deliver it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from gateway.clock import SECOND
from gateway.config import Settings
from gateway.desk import outbox
from gateway.desk.outbox import Ladder
from gateway.desk.tables import Letter
from gateway.errors import StoreError
from gateway.flow import bounces, confirmations, letters
from gateway.flow.courier import Courier
from gateway.flow.current import Current
from gateway.flow.delivery import Delivery
from gateway.flow.desktop import Desktop
from gateway.flow.pace import GATHER_S, Pace, give_way
from gateway.log import logger, step
from gateway.mail.letter import Outcome
from gateway.mail.template import Stationery
from gateway.store.database import Store
from gateway.store.grouped import Call, GroupCommit
from gateway.store.unit import Unit

BATCH = 64
AT_ONCE = 4  # letters that may hang: as many as the courier has connections
HANGS_S = 1.0  # one delivery at a time makes large batches; but none waits longer for one that hangs
PAUSE_S = 1.0
GIVE_WAY_S = 2.0
STOPPED_FOR_S = 300.0  # B11: a relay that refuses us is not hammered

log = logger("dispatch")


def ladder(settings: Settings) -> Ladder:
    """The configured retries, in milliseconds."""
    notify = settings.notify
    return Ladder(
        tuple(step_s * SECOND for step_s in notify.retry_s),
        notify.give_up_s * SECOND,
        notify.uncertain_retry_s * SECOND,
    )


class Dispatch:
    """Writes and sends letters, until it is told to stop. Nothing is sent without a courier."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        current: Current,
        stationery: Stationery,
        courier: Courier | None,
        writer: GroupCommit[Call, Any],
        intake: Pace,
    ) -> None:
        self._store = store
        self._settings = settings
        self._current = current
        self._stationery = stationery
        self._courier = courier
        self._writer = writer
        self._intake = intake
        self._letters = Pace()
        self._ladder = ladder(settings)
        self._wake = threading.Event()
        self._stopping = False
        self.stopped_because = ""
        self.outcomes: dict[str, int] = {}
        self._writing = threading.Thread(target=self._write, name="letters", daemon=True)
        self._sending = threading.Thread(target=self._send, name="dispatch", daemon=True)
        self._written = threading.Event()
        self._deliveries: list[Delivery] = []
        self._resting = False

    @property
    def wake(self) -> threading.Event:
        """Set it when something may be due."""
        return self._wake

    def look(self) -> None:
        """Something may be due to be written or to be sent: somebody else has changed the outbox."""
        self._wake.set()
        self._written.set()

    def start(self) -> None:
        """Begin; what an earlier process left is found by itself."""
        self._writing.start()
        if self._courier is not None:
            self._sending.start()

    def finish(self) -> None:
        """Begin nothing new."""
        self._stopping = True

    def stop(self) -> None:
        """Finish what is in hand, then end."""
        self.finish()
        self._wake.set()
        self._written.set()
        self._writing.join()
        if self._courier is not None:
            self._sending.join()
        for delivery in self._deliveries:
            delivery.join()

    def _write(self) -> None:
        self._repeat(self.write_due, self._wake)

    def _send(self) -> None:
        self._repeat(self._send_due, self._written)

    def _repeat(self, work: Callable[[], int], wake: threading.Event) -> None:
        """Work while there is some; then wait until woken, a second at most."""
        while not self._stopping:
            try:
                done = work()
            except StoreError as error:
                log.warning("store in trouble", problem=str(error))
                done = 0
            except Exception:  # boundary of the thread: the next tick tries again, the log tells
                log.exception("tick failed")
                done = 0
            if not done and not self._stopping:
                if wake.wait(PAUSE_S):
                    time.sleep(GATHER_S)
                wake.clear()
        self._store.close()

    def write_due(self) -> int:
        """Write the letters that are due now; returns how many promises were dealt with."""
        give_way(self._intake.is_busy, lambda: self._stopping, GIVE_WAY_S)
        with self._store.reading() as unit:
            if not unit.number(
                "SELECT count(*) FROM notification WHERE state = 'waiting' AND due_at <= ?", unit.now
            ):
                return 0
        with self._store.unit("letters") as unit:
            done = letters.write_due(unit, self._desktop)
        if done >= letters.BATCH:
            self._letters.full_batch()
        self._written.set()
        return done

    def _send_due(self) -> int:
        assert self._courier is not None
        if self._resting:
            self._pause(STOPPED_FOR_S)
            self._resting = False
        if not self._may_begin():
            return 0
        give_way(
            lambda: self._intake.is_busy() or self._letters.is_busy(), lambda: self._stopping, GIVE_WAY_S
        )
        with self._store.reading() as unit:
            if not outbox.is_due(unit):
                return 0
        with self._store.unit("claim") as unit:
            claimed = outbox.claim(unit, BATCH, self._ladder)
            parcels = outbox.parcels(unit, claimed)
        if parcels:
            step("dispatch.claimed")
            self._deliveries.append(Delivery(self, self._courier, self._writer, claimed, parcels))
            self._deliveries[-1].join(HANGS_S)
        return len(claimed)

    def _may_begin(self) -> bool:
        """Whether the courier has a connection that nothing hangs in."""
        self._deliveries = [one for one in self._deliveries if not one.is_over]
        return sum(one.in_hand for one in self._deliveries) < AT_ONCE

    @property
    def _desktop(self) -> Desktop:
        return Desktop(self._settings, self._current.keys, self._stationery)

    def settle(self, unit: Unit, claimed: Letter, outcome: Outcome) -> None:
        """See `delivery.Sender`."""
        failed = outbox.settle(unit, claimed, outcome, self._ladder)
        if failed is not None:
            bounces.blame_refused(unit, failed)
            confirmations.tell_author(unit, self._desktop, failed)
        unit.after_commit(lambda: self._tell(outcome))

    def refused(self, reply: str) -> None:
        """See `delivery.Sender`: say so and wait, instead of asking again and again."""
        log.error("the smarthost cannot be used", problem=reply)
        self.stopped_because = reply
        self._resting = True

    def landed(self) -> None:
        """See `delivery.Sender`."""
        self._written.set()

    def is_stopping(self) -> bool:
        """See `delivery.Sender`."""
        return self._stopping

    def _tell(self, outcome: Outcome) -> None:
        if outcome.state != "untried" and not self._resting:
            self.stopped_because = ""
        self.outcomes[outcome.state] = self.outcomes.get(outcome.state, 0) + 1
        log.info("delivery", letter=outcome.id, state=outcome.state)
        step("dispatch.settled")

    def _pause(self, seconds: float) -> None:
        waited = 0.0
        while waited < seconds and not self._stopping:
            self._written.wait(PAUSE_S)
            self._written.clear()
            waited += PAUSE_S
