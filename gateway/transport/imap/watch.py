"""The thread that looks after one folder: it has the lease, a connection, and patience.

While the server can tell (IDLE, RFC 2177) it is told; else it asks each minute. Whatever breaks, it begins anew:
after a second, then two, four, up to five minutes, never in step with other folders; a refused login is tried
every five minutes. What is wrong stands in the store, where the doctor, the metrics and the summary find it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import StoreError
from gateway.log import logger
from gateway.store import imap as ledger
from gateway.store.imap import LeaseLost
from gateway.transport.imap.connection import Connection
from gateway.transport.imap.place import Place
from gateway.transport.imap.trouble import LoginRefused, NotDone, Trouble
from gateway.transport.imap.visit import Visit

log = logger("imap")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. idle: one IDLE, at most.  poll: between looks without IDLE.  renew: of the lease.  elsewhere: until a
    folder that another process reads is asked for.  first, most: of the pauses after trouble.  refused: after a
    refused login.  listen: how soon we hear that we are to end.  mend: how soon the store is asked again.
    """

    idle: float = 120.0
    poll: float = 60.0
    renew: float = 20.0
    elsewhere: float = 15.0
    first: float = 1.0
    most: float = 300.0
    refused: float = 300.0
    listen: float = 1.0
    mend: float = 5.0


class Stopped(Exception):
    """We are to end."""


class Watch:
    """One folder, until it is told to stop.

    connect: gives a connection that is logged in; raises Trouble.  is_crowded: whether so much waits to be decided
    that no more is fetched.
    """

    def __init__(
        self,
        place: Place,
        connect: Callable[[], Connection],
        patience: Patience | None = None,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self.place = place
        self.is_connected = False
        self._connect = connect
        self._patience = patience or Patience()
        self._is_crowded = is_crowded
        self._visit = Visit(place, self._pause)
        self._connection: Connection | None = None
        self._folder_id = 0
        self._renewed_at = 0.0
        self._pauses = 0
        self._told: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="imap", daemon=True)

    @property
    def taken(self) -> int:
        """Mails kept since the start of the process."""
        return self._visit.taken

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing new; `join` waits for the end."""
        self._stop.set()

    def join(self, seconds: float) -> None:
        """Wait for the end. A server that does not answer is left after so many seconds."""
        self._thread.join(seconds)
        if self._thread.is_alive() and (connection := self._connection) is not None:
            connection.interrupt()
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._go_round()
            except Stopped:
                break
            except LeaseLost:
                log.info("another process reads this folder", folder=self._folder_id)
                self._stop.wait(self._patience.elsewhere)
            except StoreError as error:
                log.warning("store in trouble", problem=str(error))
                self._stop.wait(self._patience.mend)
            except Exception:  # a thread's edge: a mistake of ours must not end the reading of a folder
                log.exception("imap in trouble", folder=self._folder_id)
                self._stop.wait(self._patience.most)
        self._end()

    def _go_round(self) -> None:
        """Have the lease, connect, and stay as long as the connection lasts."""
        if not self._has_lease():
            self._stop.wait(self._patience.elsewhere)
            return
        before = self._visit.taken
        try:
            self._stay()
        except (Trouble, NotDone) as error:
            if self._visit.taken > before:
                self._pauses = 0
            self._report(error)
            self._stop.wait(self._pause_after(error))

    def _stay(self) -> None:
        """One connection, from its beginning to its end."""
        connection = self._connection = self._connect()
        try:
            self.is_connected = True
            while True:
                if not self._look(connection):
                    self._wait_for_news(connection)
        except Stopped:
            connection.leave()
            raise
        finally:
            self.is_connected = False
            self._connection = None
            connection.close()

    def _look(self, connection: Connection) -> bool:
        """Take what there is; True when that was something, and more may have come meanwhile.

        What the server will not do with mails we have is told, and stops nothing.
        """
        before = self._visit.taken
        try:
            self._visit.look(connection)
            self._pauses = 0
            self._report(None)
        except NotDone as error:
            self._report(error)
        finally:
            if self._visit.taken > before:
                log.info("fetched", folder=self._folder_id, mails=self._visit.taken - before)
        return self._visit.taken > before

    def _wait_for_news(self, connection: Connection) -> None:
        """Until the server tells of some, or the time is up."""
        patience = self._patience
        if not connection.can_idle:
            self._wait(patience.poll)
            return
        has_news = connection.begin_idle()
        until = time.monotonic() + patience.idle
        while not has_news and (left := until - time.monotonic()) > 0:
            self._go_on()
            has_news = connection.hears(min(left, patience.listen))
        connection.end_idle()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._go_on()
            self._stop.wait(min(left, self._patience.renew))

    def _pause(self) -> None:
        """Between commands: let intake follow before more is fetched."""
        while self._is_crowded() and not self._stop.wait(self._patience.listen):
            self._renew()
        self._go_on()

    def _go_on(self) -> None:
        """Keep the lease, and end when we are to. Raises Stopped or LeaseLost."""
        if self._stop.is_set():
            raise Stopped
        self._renew()

    def _renew(self) -> None:
        if time.monotonic() - self._renewed_at >= self._patience.renew and not self._has_lease():
            raise LeaseLost(f"folder {self._folder_id}")

    def _has_lease(self) -> bool:
        place = self.place
        with place.store.unit("imap") as unit:
            self._folder_id = self._folder_id or ledger.meet(unit, place.settings.name).id
            has_it = ledger.lease(unit, self._folder_id, place.owner)
        self._renewed_at = time.monotonic()
        return has_it

    def _report(self, error: Exception | None) -> None:
        """Write down what is wrong, or that all is well again, when that is news.

        The words go into the store only: a server may say anything in them, and logs carry no addresses.
        """
        problem = str(error or "")
        if problem == self._told:
            return
        if problem:
            log.warning("cannot read folder", folder=self._folder_id, kind=type(error).__name__)
        else:
            log.info("reading folder", folder=self._folder_id)
        with self.place.store.unit("imap") as unit:
            ledger.trouble(unit, self._folder_id, problem)
        self._told = problem

    def _pause_after(self, error: Exception) -> float:
        """Seconds; half of them by chance, so that a server that comes back is not run over."""
        if isinstance(error, LoginRefused):
            return self._patience.refused
        longest = min(self._patience.most, self._patience.first * 2.0**self._pauses)
        self._pauses = min(self._pauses + 1, 20)
        return longest * random.uniform(0.5, 1.0)

    def _end(self) -> None:
        """Let another process have the folder."""
        try:
            if self._folder_id:
                with self.place.store.unit("imap") as unit:
                    ledger.release(unit, self._folder_id, self.place.owner)
        except StoreError as error:
            log.warning("store in trouble", problem=str(error))
        self.place.store.close()
