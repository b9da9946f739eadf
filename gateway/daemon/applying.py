"""Who applies what a command writes into the journal: the daemon where one runs, else a drain of the command's own.

Both at once do no harm: each mail is claimed by one of them. So nobody is kept from starting or stopping.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
import threading
from pathlib import Path
from types import TracebackType

from gateway.config import Settings
from gateway.daemon.house import LOCK
from gateway.flow.current import Current
from gateway.flow.drain import Drain
from gateway.flow.readers import Readers
from gateway.flow.reception import write_down
from gateway.mail.template import Stationery
from gateway.store import journal
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.grouped import GroupCommit
from gateway.transport.dns import Dns

LOOK_S = 0.2
STILL = 25  # looks without anything done, until we ask again whether a daemon runs


class Applying:
    """Sees to it that received mails come to their fate while this is entered."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._decided = threading.Event()
        self._own: _Own | None = None
        self._waiting = self._still = 0

    def __enter__(self) -> Applying:
        self._begin_where_nobody_does()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            self._own.stop()

    def waiting(self) -> int:
        """How many historic mails have no fate yet."""
        with self._store.reading() as unit:
            return journal.historic_waiting(unit)

    def wait(self) -> int:
        """Let some time pass, or until something is decided; how many have no fate then."""
        if self._own is not None:
            self._own.drain.wake()
        self._decided.wait(LOOK_S)
        self._decided.clear()
        waiting = self.waiting()
        self._still = self._still + 1 if waiting == self._waiting else 0
        self._waiting = waiting
        if self._still >= STILL:
            self._still = 0
            self._begin_where_nobody_does()
        return waiting

    def _begin_where_nobody_does(self) -> None:
        """Several processes may share a database server; an embedded store has one daemon, which holds a lock."""
        embedded = self._store.engine == SQLITE
        if self._own is not None or (embedded and _daemon_runs(self._settings.data_folder)):
            return
        if embedded:
            with self._store.unit("recover") as unit:
                journal.recover(unit)
        self._own = _Own(self._store, self._settings)
        self._own.drain.on_decided.append(self._decided)
        self._own.drain.start()


class _Own:
    """A drain with what it needs, as the daemon has it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        templates = settings.path(settings.templates.folder) if settings.templates.folder else None
        self._readers = Readers()
        self._folder = Path(tempfile.mkdtemp(prefix="helpgate-"))
        self.drain = Drain(
            store,
            settings,
            Current(store),
            Stationery(templates),
            self._readers,
            Dns().txt,
            self._folder,
            GroupCommit(store, "accept", write_down),
        )

    def stop(self) -> None:
        """Finish what is in hand; what waits is in the store."""
        self.drain.stop()
        self._readers.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _daemon_runs(folder: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), (folder / LOCK).open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
