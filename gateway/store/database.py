"""The database: SQLite in a file, or PostgreSQL by URL, behind one `unit` of work.

    with store.unit("desk") as unit:      # one transaction, committed whole or not at all
        unit.insert(Ticket, subject="Printer")
    with store.reading() as unit: …       # no transaction, for looking

Peewee describes the tables and opens the connections; the few statements of the hot path are kept
as text and hydrated by hand, because building them anew costs ten times what the database does
(docs/decisions/0001). A connection belongs to a thread. Writers of one process queue on one lock
before `BEGIN IMMEDIATE`: busy timeouts alone starve a thread.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import peewee
from playhouse.postgres_ext import Psycopg3Database

from gateway.clock import Clock
from gateway.errors import StoreDoubtful
from gateway.log import step
from gateway.store import statements
from gateway.store.trouble import store_error
from gateway.store.wakes import CHANNEL

Row = TypeVar("Row", bound=peewee.Model)
Value = str | int | bytes | None

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
FILE_NAME = "helpgate.sqlite"
BUSY_TIMEOUT_MS = 10_000
WAL_PAGES = 16_000  # 64 MB: `tidy` is there long before, so that nobody who commits has to do it
IDLE_MS = 20_000
"""A daemon that stands still inside a unit this long loses it, so that others need not wait for its locks."""


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
        self.database = _sqlite(self.file) if self.engine == SQLITE else _postgresql(url)
        self._turn = threading.RLock()
        self._statements: dict[Any, str] = {}

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
        if isinstance(self.database, _Postgresql):
            self.database.close_all()

    @contextmanager
    def unit(self, kind: str = "desk") -> Iterator[Unit]:
        """One transaction. `kind` names it in the commit counter. Raises StoreError or StoreFull."""
        after: list[Callable[[], None]] = []
        with self._queue(), self.translated():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE" if self.engine == SQLITE else "BEGIN")
            try:
                yield Unit(self, connection, after)
                step(f"{kind}.before-commit")
                connection.execute("COMMIT")
                self.commits[kind] += 1
            except BaseException:
                self._roll_back(connection)
                raise
        step(f"{kind}.committed")
        for call in after:
            call()

    @contextmanager
    def reading(self) -> Iterator[Unit]:
        """Statements that only look, each by itself. Raises StoreError."""
        with self.translated():
            connection = self._connection()
            try:
                yield Unit(self, connection, [])
            except BaseException:
                self._drop_if_broken(connection)
                raise

    def statement(self, key: Any, build: Callable[[], str]) -> str:
        """A statement's text, built once and written for this engine."""
        text = self._statements.get(key)
        if text is None:
            text = build()
            if self.engine == POSTGRESQL:
                text = text.replace("%", "%%").replace("?", "%s")
            self._statements[key] = text
        return text

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

    def _connection(self) -> Any:
        """This thread's connection; a dead one (a restarted server) is replaced."""
        if self.engine == POSTGRESQL and not self.database.is_closed() and self._driver().closed:
            self.database.close()
        return self._driver()

    def _driver(self) -> Any:
        return self.database.connection()  # type: ignore[no-untyped-call]

    def _roll_back(self, connection: Any) -> None:
        """Back to where the unit began, where the engine has not gone there by itself already."""
        try:
            if self.engine == POSTGRESQL or connection.in_transaction:
                connection.execute("ROLLBACK")
        except Exception:  # the first error is the one to tell; a connection in doubt is dropped
            self.database.close()
            return
        self._drop_if_broken(connection)

    def _drop_if_broken(self, connection: Any) -> None:
        if self.engine == POSTGRESQL and connection.closed:
            self.database.close()


class Unit:
    """The statements of one transaction. Columns and tables are the Peewee models'."""

    def __init__(self, store: Store, connection: Any, after: list[Callable[[], None]]) -> None:
        self.store = store
        self.now = store.clock()
        self._connection = connection
        self._after = after

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the unit is durable; never when it is rolled back."""
        self._after.append(call)

    def announce(self) -> None:
        """There will be work that only other processes can know of by looking: tell them, once this is durable.

        For commands and such. A commit that tells takes its turn behind all others of the cluster that tell, so
        the units of a mail's path must not: their own process wakes the next stage without it.
        """
        if self.store.engine == POSTGRESQL:
            self._connection.execute(f"NOTIFY {CHANNEL}")

    def run(self, sql: str, *values: Value) -> Any:
        """Run one statement with `?` placeholders; returns the driver's cursor."""
        return self._connection.execute(self.store.statement(sql, lambda: sql), values)

    def insert(self, table: type[peewee.Model], **columns: Value) -> int:
        """Add a row; returns its id."""
        key = ("insert", table, *columns)
        if self.store.engine == SQLITE:  # which tells the id anyway, in a quarter of the time of RETURNING
            sql = self.store.statement(key, lambda: statements.insert(table, columns))
            return int(self._connection.execute(sql, tuple(columns.values())).lastrowid)
        sql = self.store.statement(key, lambda: statements.insert(table, columns) + " RETURNING id")
        return int(self._connection.execute(sql, tuple(columns.values())).fetchone()[0])

    def insert_all(
        self, table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> list[int]:
        """Add many rows by one statement; returns their ids in the order of the rows."""
        key, values = ("insert-all", table, len(rows), *columns), [value for row in rows for value in row]
        if (
            self.store.engine == SQLITE
        ):  # which has one writer: what a statement adds is numbered without a gap
            sql = self.store.statement(key, lambda: statements.insert_all(table, columns, len(rows)))
            last = int(self._connection.execute(sql, values).lastrowid)
            return list(range(last - len(rows) + 1, last + 1))
        sql = self.store.statement(
            key, lambda: statements.insert_all(table, columns, len(rows)) + " RETURNING id"
        )
        found = self._connection.execute(sql, values).fetchall()
        return sorted(int(one[0]) for one in found)  # drawn in the order of the rows, told in any

    def add_all(
        self, table: type[peewee.Model], columns: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> None:
        """Add many rows by one statement, but those that a unique key has already."""
        key = ("add-all", table, len(rows), *columns)
        sql = self.store.statement(
            key, lambda: statements.insert_all(table, columns, len(rows)) + " ON CONFLICT DO NOTHING"
        )
        self._connection.execute(sql, [value for row in rows for value in row])

    def add(self, table: type[peewee.Model], **columns: Value) -> bool:
        """Add a row unless a unique key has it already; True when it was added."""
        key = ("add", table, *columns)
        sql = self.store.statement(key, lambda: statements.insert(table, columns) + " ON CONFLICT DO NOTHING")
        return bool(self._connection.execute(sql, tuple(columns.values())).rowcount == 1)

    def obtain(self, table: type[Row], unique: Sequence[str], **columns: Value) -> Row:
        """The row with these values in the columns of a unique key, added now where there was none."""
        sql = self.store.statement(
            ("obtain", table, *columns),
            lambda: (
                f"{statements.insert(table, columns)} ON CONFLICT DO NOTHING"
                f" RETURNING {', '.join(statements.columns(table))}"
            ),
        )
        if added := self._connection.execute(sql, tuple(columns.values())).fetchone():
            return cast(Row, statements.hydrate(table, added))
        where = " AND ".join(f"{column} = ?" for column in unique)
        found = self.row(table, where, *(columns[column] for column in unique))
        assert found is not None
        return found

    def change(self, table: type[peewee.Model], id: int, **columns: Value) -> None:
        """Set columns of the row with this id."""
        self.change_where(table, "id = ?", (id,), **columns)

    def change_where(
        self, table: type[peewee.Model], where: str, values: Sequence[Value], **columns: Value
    ) -> int:
        """Set columns of the rows that match; returns how many there were."""
        key = ("change", table, where, *columns)
        sql = self.store.statement(key, lambda: statements.update(table, columns, where))
        return int(self._connection.execute(sql, (*columns.values(), *values)).rowcount)

    def row(self, table: type[Row], where: str, *values: Value) -> Row | None:
        """The first row that matches, or None."""
        found = self._select(table, where, values).fetchone()
        return None if found is None else statements.hydrate(table, found)

    def rows(self, table: type[Row], where: str, *values: Value) -> list[Row]:
        """The rows that match; `where` may end in ORDER BY and LIMIT."""
        return [statements.hydrate(table, found) for found in self._select(table, where, values).fetchall()]

    def by_ids(self, table: type[Row], ids: Collection[int]) -> dict[int, Row]:
        """The rows with these ids, by id."""
        marks, values = statements.among(ids)
        return {row.id: row for row in self.rows(table, f"id IN ({marks})", *values)}  # type: ignore[attr-defined]

    def each(self, table: type[Row], where: str, *values: Value) -> Generator[Row, None, None]:
        """The rows that match, one after the other; who closes it early has never had the rest in memory."""
        if self.store.engine == SQLITE:
            found = self._select(table, where, values)
        else:
            found = self._connection.cursor().stream(self._selecting(table, where), values)
        with closing(found):
            for one in found:
                yield statements.hydrate(table, one)

    def number(self, sql: str, *values: Value) -> int:
        """The one number a statement gives back; 0 for NULL or no row."""
        found = self.run(sql, *values).fetchone()
        return 0 if found is None or found[0] is None else int(found[0])

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail alone, inside the unit. Raises StoreError or StoreFull, which is the unit's."""
        with self.store.translated():
            self._connection.execute("SAVEPOINT part")
            try:
                yield
            except BaseException:
                self._undo_part()
                raise
            self._connection.execute("RELEASE SAVEPOINT part")

    def _undo_part(self) -> None:
        """SQLite has gone back by itself when it is full, the whole unit with it; a dead server knows nothing."""
        lost = (
            self._connection.closed
            if self.store.engine == POSTGRESQL
            else not self._connection.in_transaction
        )
        if not lost:
            self._connection.execute("ROLLBACK TO SAVEPOINT part")
            self._connection.execute("RELEASE SAVEPOINT part")

    def _select(self, table: type[peewee.Model], where: str, values: Sequence[Value]) -> Any:
        return self._connection.execute(self._selecting(table, where), tuple(values))

    def _selecting(self, table: type[peewee.Model], where: str) -> str:
        return self.store.statement(("select", table, where), lambda: statements.select(table, where))


def _sqlite(file: Path) -> peewee.Database:
    return peewee.SqliteDatabase(
        str(file),
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "busy_timeout": BUSY_TIMEOUT_MS,
            "cache_size": -8000,
            "temp_store": "memory",
            "wal_autocheckpoint": WAL_PAGES,
        },
    )


def _postgresql(url: str) -> peewee.Database:
    return _Postgresql(url, connect_timeout=10, application_name="helpgate")


class _Postgresql(Psycopg3Database):  # type: ignore[misc]
    """Units begin and end their transactions themselves; between them every statement stands alone."""

    def __init__(self, *values: Any, **settings: Any) -> None:
        super().__init__(*values, **settings)
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self._opening = threading.Lock()

    def _connect(self) -> Any:
        """By SET and not as a start-up option, which poolers such as PgBouncer refuse."""
        connection = super()._connect()
        try:
            connection.autocommit = True
            connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
        except BaseException:
            connection.close()
            raise
        with self._opening:
            self._opened.add(connection)
        weakref.finalize(threading.current_thread(), connection.close)  # a thread that ends cannot
        return connection

    def close_all(self) -> None:
        """Close the connections of every thread."""
        with self._opening:
            opened = list(self._opened)
        for connection in opened:
            connection.close()
