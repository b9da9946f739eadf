"""The database: SQLite in a file, or PostgreSQL by URL, behind one `unit` of work.

    with store.unit("desk") as unit:      # one transaction, committed whole or not at all
        unit.insert(Ticket, subject="Printer")
    with store.reading() as unit: …       # no transaction, for looking

Peewee describes the tables and opens the connections. A connection belongs to a thread. Writers of one
process queue on one lock before `BEGIN IMMEDIATE`: busy timeouts alone starve a thread.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.errors import StoreDoubtful
from gateway.log import step
from gateway.store import engines
from gateway.store.engines import POSTGRESQL, SQLITE
from gateway.store.lines import Direct, Line, Pipelined, is_spent
from gateway.store.statements import Kept
from gateway.store.trouble import store_error
from gateway.store.unit import Unit

FILE_NAME = "helpgate.sqlite"


class Store:
    """An open or openable database. Safe to use from many threads.

    doubtful: why nobody knows what is on the disk, or empty; from then on it refuses everything.
    """

    def __init__(self, url: str, data_folder: Path, clock: Clock) -> None:
        self.engine = SQLITE if url == SQLITE else POSTGRESQL
        self.url = url
        self.file = data_folder / FILE_NAME
        self.clock = clock
        self.commits: Counter[str] = Counter()
        self.doubtful = ""
        self.database = engines.sqlite(self.file) if self.engine == SQLITE else engines.postgresql(url)
        self._turn = threading.RLock()
        self._kept = Kept(self.engine)

    def open(self) -> None:
        """Connect this thread, or raise StoreError."""
        with self.reading() as unit:
            unit.run("SELECT 1")

    def tidy(self) -> None:
        """Move what is committed from the log of changes to its place, beside those who write. SQLite only."""
        if self.engine == SQLITE:
            with self.reading() as unit:
                unit.run("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close this thread's connection; the others close when their threads end."""
        if not self.database.is_closed():
            self.database.close()

    def close_all(self) -> None:
        """At the very end: close this thread's connection and those of threads that may live on idle."""
        self.close()
        if isinstance(self.database, engines.Postgresql):
            self.database.close_all()

    @contextmanager
    def unit(self, kind: str = "desk") -> Iterator[Unit]:
        """One transaction. `kind` names it in the commit counter. Raises StoreError or StoreFull."""
        with self._queue(), self.translated():
            line = self._line()
            unit = self._unit(line)
            try:
                line.begin()
                yield unit
                step(f"{kind}.before-commit")
                line.commit()
                self.commits[kind] += 1
            except BaseException:
                self._roll_back(line)
                raise
        step(f"{kind}.committed")
        for call in unit.after:
            call()

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        """Statements that only look, each by itself. Raises StoreError."""
        with self.translated():
            line = self._line()
            try:
                yield self._unit(line)
            except BaseException:
                self._drop_if_broken(line)
                raise

    def _unit(self, line: Line) -> Unit:
        return Unit(line, self._kept, self.clock(), self.translated)

    @contextmanager
    def _queue(self) -> Iterator[None]:
        if self.engine == SQLITE:
            with self._turn:
                yield
        else:
            yield

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Driver errors as StoreError; after one that leaves the disk in doubt nothing is read or written any more."""
        if self.doubtful:
            raise StoreDoubtful(self.doubtful)
        try:
            yield
        except Exception as error:
            told = store_error(error)
            if told is None:
                raise
            if isinstance(told, StoreDoubtful):
                self.doubtful = str(told)
            raise told from error

    def _line(self) -> Line:
        """This thread's connection; one that is dead (a restarted server) or spent is replaced."""
        if self.engine == SQLITE:
            return Direct(self._driver())
        if not self.database.is_closed() and is_spent(self._driver()):
            self.database.close()
        return Pipelined(self._driver())

    def _driver(self) -> Any:
        return self.database.connection()

    def _roll_back(self, line: Line) -> None:
        """Back to where the unit began."""
        try:
            line.roll_back()
        except Exception:  # the first error is the one to tell; a connection in doubt is dropped
            self.database.close()
            return
        self._drop_if_broken(line)

    def _drop_if_broken(self, line: Line) -> None:
        if line.is_broken:
            self.database.close()
