"""The loop that empties the outbox: write what is due, claim, hand to the courier, write down what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from gateway.clock import SECOND
from gateway.config import Settings
from gateway.desk import outbox
from gateway.desk.outbox import Ladder
from gateway.desk.tables import Letter
from gateway.errors import StoreError
from gateway.flow import confirmations, letters
from gateway.flow.courier import Courier
from gateway.flow.current import Current
from gateway.flow.desktop import Desktop
from gateway.flow.pace import Pace, give_way
from gateway.log import logger, step
from gateway.mail.letter import Outcome, Parcel
from gateway.mail.template import Stationery
from gateway.store.database import Store, Unit
from gateway.store.grouped import Call, GroupCommit

BATCH = 16
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

    @property
    def wake(self) -> threading.Event:
        """Set it when something may be due."""
        return self._wake

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
                wake.wait(PAUSE_S)
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
        give_way(
            lambda: self._intake.is_busy() or self._letters.is_busy(), lambda: self._stopping, GIVE_WAY_S
        )
        with self._store.reading() as unit:
            if not unit.number(
                f"SELECT count(*) FROM outbox WHERE state IN {outbox.DUE} AND next_attempt_at <= ?", unit.now
            ):
                return 0
        with self._store.unit("claim") as unit:
            claimed = outbox.claim(unit, BATCH, self._ladder)
        if not claimed:
            return 0
        step("dispatch.claimed")
        by_id = {letter.id: letter for letter in claimed}
        settled: list[tuple[Outcome, Future[None]]] = []
        stops: list[str] = []

        def sending(id: int) -> Future[bool]:
            allowed = self._writer.submit(lambda unit: outbox.sending(unit, by_id[id]))
            allowed.add_done_callback(lambda _: step("dispatch.sending"))
            return allowed

        def outcome_is(outcome: Outcome) -> None:
            step("dispatch.answered")
            if outcome.stop:
                stops.append(outcome.reply)
            settled.append((outcome, self._write_down(outcome)))

        self._courier.deliver([_parcel(letter) for letter in claimed], sending, outcome_is)
        for outcome, written in settled:
            self._await(outcome, written)
        self._stop_queue(stops)
        return len(claimed)

    @property
    def _desktop(self) -> Desktop:
        return Desktop(self._settings, self._current.keys, self._stationery)

    def _write_down(self, outcome: Outcome) -> Future[None]:
        return self._writer.submit(lambda unit: self._settle(unit, outcome))

    def _await(self, outcome: Outcome, written: Future[None]) -> None:
        """Nobody can ask the relay again what it said: the store is asked until it has taken it, or we end."""
        while True:
            try:
                return written.result()
            except StoreError as error:
                if self._stopping:
                    raise
                log.warning("store in trouble", problem=str(error))
                time.sleep(PAUSE_S)
                written = self._write_down(outcome)

    def _settle(self, unit: Unit, outcome: Outcome) -> None:
        failed = outbox.settle(unit, outcome, self._ladder)
        if failed is not None:
            confirmations.tell_author(unit, self._desktop, failed)
        unit.after_commit(lambda: self._tell(outcome))

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes[outcome.state] = self.outcomes.get(outcome.state, 0) + 1
        log.info("delivery", letter=outcome.id, state=outcome.state)
        step("dispatch.settled")

    def _stop_queue(self, stops: list[str]) -> None:
        """The relay will not have us at all: say so and wait, instead of asking again and again."""
        self.stopped_because = stops[0] if stops else ""
        if stops:
            log.error("the smarthost cannot be used", problem=stops[0])
            self._pause(STOPPED_FOR_S)

    def _pause(self, seconds: float) -> None:
        waited = 0.0
        while waited < seconds and not self._stopping:
            self._written.wait(PAUSE_S)
            self._written.clear()
            waited += PAUSE_S


def _parcel(letter: Letter) -> Parcel:
    return Parcel(letter.id, letter.reverse_path, letter.recipient, bytes(letter.octets))
