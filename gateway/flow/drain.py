"""The loop that empties the journal: claim, read in a worker, apply in one unit, again.

While one batch is applied the next one is being read. A mail that cannot be applied is tried
again, alone, and then held: it never stops the others.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import MINUTE, SECOND
from gateway.config import Settings
from gateway.errors import StoreError, StoreFull
from gateway.flow import foreseen, intake
from gateway.flow.current import Current
from gateway.flow.decision import Arrived
from gateway.flow.desktop import Desktop
from gateway.flow.pace import GATHER_S, Pace, give_way
from gateway.flow.readers import Crashed, Overrun, Readers
from gateway.flow.reception import Handed
from gateway.flow.verifier import Verifier
from gateway.log import logger, step
from gateway.mail.authenticate import Authentication, Lookup
from gateway.mail.reading import Reading
from gateway.mail.template import Stationery
from gateway.mail.wire import Request
from gateway.store import blobs, journal
from gateway.store.database import Store
from gateway.store.grouped import GroupCommit
from gateway.store.journal import HELD, Inbound
from gateway.store.unit import Unit

BATCH = 16
LEASE_MS = MINUTE
ATTEMPTS = 2
IN_MEMORY = 262_144
PAUSE_S = 1.0
STORE_PAUSE = 10 * SECOND  # what the store could not take alone, it may later
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
        self._verifier = Verifier(settings.authentication, lookup)
        self._folder = folder
        self._arrivals = arrivals
        self.pace = Pace()
        self._wake = threading.Event()
        self._stopping = False
        self._batch: list[Read] = []
        self._in_hand: dict[int, Inbound] = {}
        self._renewed_at = 0
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
        while self._batch or not self._stopping:
            try:
                self._go_round()
            except Exception:  # a thread's edge: mail goes on coming in; what was in hand is claimed anew
                log.exception("intake in trouble")
                self._let_go(self._batch)
                self._batch = []
                self._in_hand.clear()
                time.sleep(PAUSE_S)
        self._verifier.stop()
        self._store.close()

    def _go_round(self) -> None:
        """Settle a batch while the next one is read, or wait for something to do."""
        give_way(self._arrivals.is_crowded, lambda: self._stopping, GIVE_WAY_S)
        self._renew_in_time()
        following = [] if self._stopping else self._claim()
        if self._batch:
            batch, self._batch = self._batch, following
            self._settle(batch)
        elif following or self._stopping:
            self._batch = following
        else:
            if self._wake.wait(PAUSE_S):
                time.sleep(GATHER_S)
            self._wake.clear()
        if len(self._batch) == BATCH:
            self.pace.full_batch()

    def _renew_in_time(self) -> None:
        """Keep the claims on what takes us long. One that is lost is noticed when its fate is written."""
        now = self._store.clock()
        if not self._in_hand or now < self._renewed_at + LEASE_MS // 3:
            return
        self._renewed_at = now
        try:
            self._renew(list(self._in_hand.values()))
        except StoreError as error:
            log.warning("store in trouble", problem=str(error))

    def _renew(self, rows: Sequence[Inbound]) -> None:
        with self._store.unit("claim") as unit:
            renewed = journal.renew(unit, rows, LEASE_MS)
        for row, until in renewed:
            row.lease_until = until

    def _claim(self) -> list[Read]:
        """Take mails and have them read. A store in trouble is asked again later."""
        rows: list[Inbound] = []
        try:
            with self._store.reading() as unit:
                if not journal.is_waiting(unit):
                    return []
            with self._store.unit("claim") as unit:
                rows = journal.claim(unit, BATCH, LEASE_MS, self._in_hand)
        except StoreError as error:  # perhaps in the commit itself, so that the claims may stand
            self._give_back(rows, error)
            return []
        step("intake.claimed")
        if not self._in_hand:
            self._renewed_at = self._store.clock()
        self._in_hand |= {row.id: row for row in rows}
        return self._begin_all(rows) if rows else []

    def _begin_all(self, rows: Sequence[Inbound]) -> list[Read]:
        try:
            with self._store.reading() as unit:
                small = blobs.load_small(unit, [row.octets for row in rows if row.size <= IN_MEMORY])
        except StoreError as error:
            self._give_back(rows, error)
            return []
        return [begun for row in rows if (begun := self._begin(row, small)) is not None]

    def _begin(self, inbound: Inbound, small: Mapping[str, bytes]) -> Read | None:
        """Give a mail to the readers, or back when store or disk cannot show it."""
        try:
            with self._store.reading() as unit:
                return self._read(unit, inbound, small)
        except (StoreError, OSError) as error:
            self._give_back([inbound], error)
            return None

    def _read(self, unit: Unit, inbound: Inbound, small: Mapping[str, bytes]) -> Read:
        locale = self._current.directory.desks[inbound.desk_id].locale
        if inbound.size <= IN_MEMORY:
            octets = small.get(inbound.octets) or blobs.load(unit, inbound.octets)
            request = Request(octets, "", inbound.reverse_path, "", locale)
            return Read(inbound, self._readers.read(request), octets, None)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            with (folder / "mail").open("wb") as file:
                for piece in blobs.pieces(unit, inbound.octets):
                    file.write(piece)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        request = Request(None, str(folder / "mail"), inbound.reverse_path, str(folder), locale)
        return Read(inbound, self._readers.read(request), b"", folder)

    def _settle(self, batch: Sequence[Read]) -> None:
        """Apply what was read, the whole batch in one unit, a savepoint each."""
        try:
            arrived = self._await_all(batch)
            step("intake.read")
            for fate in self._decide(arrived):
                self.decided[fate] += 1
        finally:
            self._let_go(batch)
        for event in self.on_decided:
            event.set()

    def _let_go(self, batch: Sequence[Read]) -> None:
        for one in batch:
            self._in_hand.pop(one.inbound.id, None)
            if one.folder is not None:
                shutil.rmtree(one.folder, ignore_errors=True)

    def _decide(self, mails: Sequence[Arrived]) -> list[str]:
        """The fates. When their unit fails, each mail gets one of its own."""
        try:
            return self._apply(mails)
        except StoreError as error:
            log.warning("store in trouble", problem=str(error))
        fates: list[str] = []
        for position, mail in enumerate(mails):
            try:
                self._renew([mail.inbound])
            except StoreError as error:  # the store takes nothing from anybody
                self._give_back([one.inbound for one in mails[position:]], error)
                break
            fates += self._decide_alone(mail)
        return fates

    def _decide_alone(self, mail: Arrived) -> list[str]:
        """What fails here, while the store takes what others write, is the trouble of this one mail."""
        try:
            return self._apply([mail])
        except (StoreFull, journal.ClaimLost) as error:
            self._give_back([mail.inbound], error)
        except StoreError as error:
            self._failed(mail.inbound, f"the store cannot take it: {error}", pause=STORE_PAUSE)
        return []

    def _apply(self, mails: Sequence[Arrived]) -> list[str]:
        fates: list[str] = []
        if not mails:
            return fates
        with self._store.unit("apply") as unit:
            journal.take_turns(unit, [one.reading.fingerprint for one in mails])
            self._foresee(unit, mails)
            for arrived in mails:
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

    def _foresee(self, unit: Unit, mails: Sequence[Arrived]) -> None:
        try:
            with unit.savepoint():
                foreseen.look_ahead(unit, mails)
        except StoreError:
            raise
        except Exception:  # a mail that cannot be asked for is found out about in its own turn
            log.exception("not foreseen", inbound=[one.inbound.id for one in mails])

    def _await_all(self, batch: Sequence[Read]) -> list[Arrived]:
        """The mails that could be read; while one is, the senders of those before are looked up."""
        found: list[tuple[Read, Reading, Future[Authentication]]] = []
        for one in batch:
            self._renew_in_time()
            if (reading := self._reading(one)) is not None:
                found.append((one, reading, self._verifier.begin(reading, self._octets(one))))
        directory = self._current.directory
        desktop = Desktop(self._settings, self._current.keys, self._stationery)
        arrived = []
        for one, reading, authentication in found:
            arrived.append(Arrived(one.inbound, reading, authentication.result(), directory, desktop))
            self._renew_in_time()
        return arrived

    def _reading(self, one: Read) -> Reading | None:
        """The mail as it was read, or None when that failed."""
        try:
            return one.reading.result()
        except Overrun:
            self._failed(one.inbound, "reading it took too long", hold=True)
        except Crashed:
            self._failed(one.inbound, "the worker died while reading it")
        except OSError as error:  # no worker could be started
            self._give_back([one.inbound], error)
        return None

    def _octets(self, one: Read) -> bytes:
        if one.inbound.historic:
            return (
                b""  # keys change: nobody answers for a signature of years ago, and an archive asks thousands
            )
        if one.folder is None or not self._settings.authentication.verify:
            return one.octets
        return (one.folder / "mail").read_bytes()

    def _failed(self, inbound: Inbound, reason: str, *, hold: bool = False, pause: int = SECOND) -> None:
        """Once more, alone, then held; or held at once."""
        try:
            with self._store.unit("apply") as unit:
                if hold:
                    self._hold(unit, inbound, reason)
                else:
                    self._again(unit, inbound, reason, pause)
        except StoreError as error:
            self._give_back([inbound], error)

    def _again(self, unit: Unit, inbound: Inbound, reason: str, pause: int = SECOND) -> None:
        attempts = inbound.attempts + 1
        if attempts >= ATTEMPTS:
            self._hold(unit, inbound, reason)
        else:
            journal.give_back(unit, inbound, until=unit.now + pause, attempts=attempts, reason=reason)

    def _hold(self, unit: Unit, inbound: Inbound, reason: str) -> None:
        journal.conclude(unit, inbound, HELD, reason)
        log.warning("decided", inbound=inbound.id, fate=HELD, reason=reason)

    def _give_back(self, rows: Sequence[Inbound], error: StoreError | OSError) -> None:
        """Let go of claims as soon as the store lets us; when we end before, they run out by themselves."""
        log.warning("store in trouble", problem=str(error))
        for row in rows:
            self._in_hand.pop(row.id, None)
        self._wake.wait(PAUSE_S)
        while rows and not self._stopping:
            try:
                with self._store.unit("claim") as unit:
                    for row in rows:
                        journal.give_back(unit, row, until=unit.now, attempts=row.attempts, reason=str(error))
                return
            except StoreError:
                time.sleep(PAUSE_S)
