"""The loop that empties the journal: claim, read in a worker, apply in one unit, again.

While one batch is applied the next one is being read. A mail that cannot be applied is tried
again, alone, and then held: it never stops the others.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import MINUTE, SECOND
from gateway.config import Settings
from gateway.errors import StoreError
from gateway.flow import intake
from gateway.flow.current import Current
from gateway.flow.desktop import Desktop
from gateway.flow.intake import Arrived
from gateway.flow.pace import Pace, give_way
from gateway.flow.readers import Crashed, Overrun, Readers
from gateway.flow.reception import Handed
from gateway.log import logger, step
from gateway.mail.authenticate import Authentication, Lookup, authenticate
from gateway.mail.reading import Reading
from gateway.mail.template import Stationery
from gateway.mail.wire import Request
from gateway.store import blobs, journal
from gateway.store.database import Store, Unit
from gateway.store.grouped import GroupCommit
from gateway.store.journal import HELD, Inbound

BATCH = 16
LEASE_MS = MINUTE
ATTEMPTS = 2
IN_MEMORY = 262_144
PAUSE_S = 1.0
GIVE_WAY_S = 0.5

log = logger("intake")


@dataclass(frozen=True, slots=True)
class Read:
    """A claimed mail while a worker reads it. `folder` holds its large parts and goes with it."""

    inbound: Inbound
    reading: Future[Reading]
    octets: bytes
    folder: Path | None


class Drain:
    """Turns received mails into decided ones, until it is told to stop."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        current: Current,
        stationery: Stationery,
        readers: Readers,
        lookup: Lookup,
        folder: Path,
        arrivals: GroupCommit[Handed, tuple[str, ...]],
    ) -> None:
        self._store = store
        self._settings = settings
        self._stationery = stationery
        self._current = current
        self._readers = readers
        self._lookup = lookup
        self._folder = folder
        self._arrivals = arrivals
        self.pace = Pace()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self.decided: dict[str, int] = dict.fromkeys(journal.FATES, 0)
        self.on_decided: list[threading.Event] = []

    def start(self) -> None:
        """Begin; what an earlier process left is found by itself."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the batch in hand, then end."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        batch: list[Read] = []
        while True:
            give_way(self._arrivals.is_crowded, lambda: self._stopping, GIVE_WAY_S)
            following = [] if self._stopping else self._claim()
            if batch:
                self._settle(batch)
            elif not following:
                if self._stopping:
                    break
                self._wake.wait(PAUSE_S)
                self._wake.clear()
            batch = following
            if len(batch) == BATCH:
                self.pace.full_batch()
        self._store.close()

    def _claim(self) -> list[Read]:
        """Take mails and have them read. A store in trouble is asked again later."""
        rows: list[Inbound] = []
        try:
            with self._store.reading() as unit:
                if not journal.is_waiting(unit):
                    return []
            with self._store.unit("claim") as unit:
                rows = journal.claim(unit, BATCH, LEASE_MS)
        except StoreError as error:  # perhaps in the commit itself, so that the claims may stand
            self._give_back(rows, error)
            return []
        step("intake.claimed")
        return [begun for row in rows if (begun := self._begin(row)) is not None]

    def _begin(self, inbound: Inbound) -> Read | None:
        """Give a mail to the readers, or back when store or disk cannot show it."""
        try:
            with self._store.reading() as unit:
                return self._read(unit, inbound)
        except (StoreError, OSError) as error:
            self._give_back([inbound], error)
            return None

    def _read(self, unit: Unit, inbound: Inbound) -> Read:
        own = self._current.directory.addresses
        if inbound.size <= IN_MEMORY:
            octets = blobs.load(unit, inbound.octets)
            request = Request(octets, "", inbound.reverse_path, own, "")
            return Read(inbound, self._readers.read(request), octets, None)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            with (folder / "mail").open("wb") as file:
                for piece in blobs.pieces(unit, inbound.octets):
                    file.write(piece)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        request = Request(None, str(folder / "mail"), inbound.reverse_path, own, str(folder))
        return Read(inbound, self._readers.read(request), b"", folder)

    def _settle(self, batch: Sequence[Read]) -> None:
        """Apply what was read, the whole batch in one unit, a savepoint each."""
        read = [(one, arrived) for one in batch if (arrived := self._arrived(one)) is not None]
        step("intake.read")
        try:
            fates = self._apply(read)
        except StoreError as error:
            self._give_back([one.inbound for one, _ in read], error)
            fates = []
        for fate in fates:
            self.decided[fate] += 1
        for event in self.on_decided:
            event.set()
        for one in batch:
            if one.folder is not None:
                shutil.rmtree(one.folder, ignore_errors=True)

    def _apply(self, read: Sequence[tuple[Read, Arrived]]) -> list[str]:
        fates: list[str] = []
        with self._store.unit("apply") as unit:
            for _, arrived in read:
                try:
                    with unit.savepoint():
                        fates.append(intake.apply(unit, arrived).fate)
                except journal.ClaimLost:
                    log.warning("the claim ran out", inbound=arrived.inbound.id)
                except StoreError:
                    raise
                except Exception:  # one mail's trouble is its own: it is tried again, then held
                    log.exception("apply failed", inbound=arrived.inbound.id)
                    self._again(unit, arrived.inbound, "it could not be applied; see the log")
        return fates

    def _arrived(self, one: Read) -> Arrived | None:
        """The mail as it was read, or None when the worker failed on it."""
        try:
            reading = one.reading.result()
            authentication = self._authenticate(reading, one)
        except Overrun:
            self._failed(one.inbound, "reading it took too long", hold=True)
        except Crashed:
            self._failed(one.inbound, "the worker died while reading it")
        except Exception:  # one mail's trouble is its own: it is tried again, then held
            log.exception("reading failed", inbound=one.inbound.id)
            self._failed(one.inbound, "it could not be read; see the log")
        else:
            desktop = Desktop(self._settings, self._current.keys, self._stationery)
            return Arrived(one.inbound, reading, authentication, self._current.directory, desktop)
        return None

    def _authenticate(self, reading: Reading, one: Read) -> Authentication:
        terms = self._settings.authentication
        octets = (
            one.octets or (one.folder / "mail").read_bytes() if terms.verify and one.folder else one.octets
        )
        return authenticate(
            reading, octets, authserv_id=terms.authserv_id, lookup=self._lookup, verify=terms.verify
        )

    def _failed(self, inbound: Inbound, reason: str, *, hold: bool = False) -> None:
        """Once more, alone, then held; or held at once."""
        try:
            with self._store.unit("apply") as unit:
                if hold:
                    self._hold(unit, inbound, reason)
                else:
                    self._again(unit, inbound, reason)
        except StoreError as error:
            self._give_back([inbound], error)

    def _again(self, unit: Unit, inbound: Inbound, reason: str) -> None:
        attempts = inbound.attempts + 1
        if attempts >= ATTEMPTS:
            self._hold(unit, inbound, reason)
        else:
            journal.give_back(unit, inbound, until=unit.now + SECOND, attempts=attempts, reason=reason)

    def _hold(self, unit: Unit, inbound: Inbound, reason: str) -> None:
        journal.conclude(unit, inbound, HELD, reason)
        log.warning("decided", inbound=inbound.id, fate=HELD, reason=reason)

    def _give_back(self, rows: Sequence[Inbound], error: StoreError | OSError) -> None:
        """Let go of claims as soon as the store lets us; when we end before, they run out by themselves."""
        log.warning("store in trouble", problem=str(error))
        self._wake.wait(PAUSE_S)
        while rows and not self._stopping:
            try:
                with self._store.unit("claim") as unit:
                    for row in rows:
                        journal.give_back(unit, row, until=unit.now, attempts=row.attempts, reason=str(error))
                return
            except StoreError:
                time.sleep(PAUSE_S)
