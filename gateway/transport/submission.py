"""The courier: hands parcels to the smarthost over a few kept connections. RFC 6409.

    deliver (any thread)  ->  the courier's own event loop  ->  sessions  ->  relay
       sending, settled   <-  the courier's thread

Nobody outside sees the loop. A parcel is one transaction with one recipient, so that one refused address
says nothing of another (RFC 5321 §3.3).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from gateway.errors import Refused, Retry, Uncertain
from gateway.mail.letter import Outcome, Parcel
from gateway.transport.loops import new_loop
from gateway.transport.relay import Relay, open_session
from gateway.transport.session import Lost, Session, Stopped, Withheld

log = logging.getLogger("helpgate.courier")

SENT = "sent"
RETRY = "retry"
REFUSED = "refused"
UNCERTAIN = "uncertain"
UNTRIED = "untried"

_STRIKES = 2
"""Connections lost one after the other before the rest of a delivery waits for the next one."""

_CLOSING_TURNS = 5
"""Turns of the loop in which an aborted connection lets go of its socket, below TLS as well."""


class Submission:
    """`flow.courier.Courier` for one relay, with at most `sessions` connections at a time.

    A connection is kept for `idle_s` after its last parcel. Made without a running loop; `close` ends it.
    Raises OSError or ssl.SSLError when the relay's authorities cannot be read.
    """

    def __init__(self, relay: Relay, *, sessions: int = 2, idle_s: float = 30.0) -> None:
        self._relay = relay
        self._context = relay.tls_context()
        self._idle_s = idle_s
        self._sessions = sessions
        self._slots = asyncio.Semaphore(sessions)
        self._one_opens = asyncio.Lock()
        self._idle: dict[Session, asyncio.TimerHandle] = {}
        self._busy: set[Session] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: asyncio.Task[Session] | None = None
        self._closing = False
        self._closed = False
        self._state_lock = threading.Lock()
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="helpgate-courier", daemon=True)
        self._thread.start()

    def deliver(
        self,
        parcels: Sequence[Parcel],
        sending: Callable[[int], Future[bool]],
        settled: Callable[[Outcome], None],
    ) -> None:
        """See `flow.courier.Courier.deliver`. After `close` every parcel is untried."""
        delivery = _Delivery(parcels, sending, settled)
        with self._state_lock:
            accepted = not self._closing
            if accepted:
                running = asyncio.run_coroutine_threadsafe(self._deliver(delivery), self._loop)
        if accepted:
            running.result()
            return
        for parcel in parcels:
            delivery.tell(Outcome(parcel.id, UNTRIED, "shutting down"))

    def close(self, grace_s: float = 15.0) -> None:
        """End all sessions. A parcel that is under way has `grace_s` to come to its end, then is cut off."""
        with self._state_lock:
            self._closing = True
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(self._shut_down(grace_s), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _deliver(self, delivery: _Delivery) -> None:
        """Until every parcel has its outcome; a worker that still waits for a slot then finds nothing to do."""
        for _ in range(min(self._sessions, delivery.size)):
            self._task(self._work(delivery))
        await delivery.over.wait()

    async def _work(self, delivery: _Delivery) -> None:
        """Settle parcels of one delivery until none is left."""
        async with self._slots:
            while (parcel := delivery.next()) is not None:
                outcome = await self._settle(parcel, delivery)
                log.debug("parcel %d: %s", parcel.id, outcome.state)
                delivery.tell(outcome)

    async def _settle(self, parcel: Parcel, delivery: _Delivery) -> Outcome:
        """The one outcome of one parcel."""
        if self._closing:
            delivery.end("shutting down")
        if delivery.ended:
            return Outcome(parcel.id, UNTRIED, delivery.ended)
        try:
            outcome = Outcome(parcel.id, SENT, await self._convey(parcel, delivery))
        except Withheld:
            outcome = Outcome(parcel.id, UNTRIED, "no longer wanted")
        except Refused as error:
            outcome = Outcome(parcel.id, REFUSED, error.reply)
        except Uncertain as error:
            outcome = Outcome(parcel.id, UNCERTAIN, error.reply)
        except _Ended as error:
            return Outcome(parcel.id, UNTRIED, str(error))
        except Retry as error:
            return self._put_off(parcel, delivery, error)
        except Exception as error:  # an outcome is owed whatever happens; the text could hold an address
            log.error("parcel %d: unexpected %s", parcel.id, type(error).__name__)
            state = UNCERTAIN if parcel.id in delivery.released else RETRY
            outcome = Outcome(parcel.id, state, f"internal error ({type(error).__name__})")
        delivery.strikes = 0
        return outcome

    def _put_off(self, parcel: Parcel, delivery: _Delivery, error: Retry) -> Outcome:
        """Retry, and what it means for the parcels behind this one."""
        stop = isinstance(error, Stopped)
        delivery.strikes = delivery.strikes + 1 if isinstance(error, Lost) else 0
        if stop:
            log.warning("parcel %d: the relay cannot be used; login, TLS or name", parcel.id)
        if stop or delivery.strikes >= _STRIKES:
            delivery.end(error.reply)
        return Outcome(parcel.id, RETRY, error.reply, stop)

    async def _convey(self, parcel: Parcel, delivery: _Delivery) -> str:
        """Hand one parcel over on a kept or a new session."""
        session = self._kept_session()
        if session is not None:
            try:
                return await self._transact(session, parcel, delivery)
            except Lost as error:
                # The relay hung up while the connection was idle: that says nothing of this parcel.
                if error.stage not in ("RSET", "MAIL"):
                    raise
        return await self._transact(await self._new_session(delivery), parcel, delivery)

    async def _transact(self, session: Session, parcel: Parcel, delivery: _Delivery) -> str:
        self._busy.add(session)
        try:
            return await session.transact(parcel, delivery.may_send)
        finally:
            self._busy.discard(session)
            self._keep(session)

    def _kept_session(self) -> Session | None:
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            if session.usable:
                return session
            session.abort()
        return None

    def _keep(self, session: Session) -> None:
        if session.usable:
            self._idle[session] = self._loop.call_later(self._idle_s, self._retire, session)
        else:
            session.abort()

    def _retire(self, session: Session) -> None:
        self._idle.pop(session, None)
        self._task(session.quit())

    async def _new_session(self, delivery: _Delivery) -> Session:
        """One at a time, so that a wrong password is tried once and not by every worker."""
        async with self._one_opens:
            if self._closing:
                delivery.end("shutting down")
            if delivery.ended:
                raise _Ended(delivery.ended)
            self._opening = asyncio.create_task(open_session(self._relay, self._context))
            try:
                return await self._opening
            except Retry as error:
                delivery.end(error.reply)
                raise
            except asyncio.CancelledError:
                raise _Ended("shutting down") from None  # only close() cancels it
            finally:
                self._opening = None

    async def _shut_down(self, grace_s: float) -> None:
        for session in list(self._idle):
            self._idle.pop(session).cancel()
            self._task(session.quit())
        while self._opening is not None:
            self._opening.cancel()  # again and again: asyncio.wait_for of Python 3.11 can swallow one
            await asyncio.wait({self._opening}, timeout=0.05)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for session in self._busy | set(self._idle):
            session.abort()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for _ in range(_CLOSING_TURNS):
            await asyncio.sleep(0)

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Ended(Exception):
    """The delivery was ended before this parcel was tried."""


class _Delivery:
    """The parcels of one call of `deliver`, and its two callbacks. `over` is for the courier's own thread."""

    def __init__(
        self,
        parcels: Sequence[Parcel],
        sending: Callable[[int], Future[bool]],
        settled: Callable[[Outcome], None],
    ) -> None:
        self._waiting = deque(parcels)
        self._sending = sending
        self._settled = settled
        self.size = self._owed = len(parcels)
        self.over = asyncio.Event()
        if not parcels:
            self.over.set()
        self.ended = ""
        self.strikes = 0
        self.released: set[int] = set()

    def next(self) -> Parcel | None:
        """The next parcel nobody works on."""
        return self._waiting.popleft() if self._waiting else None

    def end(self, reason: str) -> None:
        """Let the parcels nobody works on wait for another delivery."""
        self.ended = self.ended or reason

    async def may_send(self, parcel_id: int) -> bool:
        """What the caller's `sending` says."""
        try:
            allowed = await asyncio.wrap_future(self._sending(parcel_id))
        except Exception as error:  # foreign code; unsaid is not allowed
            log.error("parcel %d: not released: %s", parcel_id, type(error).__name__)
            return False
        if allowed:
            self.released.add(parcel_id)
        return allowed

    def tell(self, outcome: Outcome) -> None:
        """Tell the caller's `settled`."""
        try:
            self._settled(outcome)
        except Exception as error:  # foreign code; the other parcels still have to be settled
            log.error("parcel %d: its outcome was not taken: %s", outcome.id, type(error).__name__)
        self._owed -= 1
        if not self._owed:
            self.over.set()
