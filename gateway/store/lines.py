"""How the statements of one unit travel to the database and back.

SQLite answers in the same breath. PostgreSQL is a round trip away, so there a statement leaves without
waiting for the one before (libpq's pipeline mode), and only who wants to know what came of it waits: for
everything up to there. An error is told to whoever waits next, and nothing after it is done; `savepoint`
and `commit` always wait. Every statement ends with a Sync of its own: only then does the server know that it
is us it waits for, and lets go of what a daemon that stands still holds (`engines.IDLE_MS`).
docs/decisions/0023
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, suppress
from typing import Any, Protocol, cast

import psycopg
from psycopg.pq import TransactionStatus

from gateway.store.engines import POSTGRESQL, SQLITE


class Line(Protocol):
    """A connection, for as long as a unit has it."""

    engine: str

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """Make it durable, or raise the driver's error."""

    def roll_back(self) -> None:
        """Undo it, where the engine has not done so by itself already."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Run one statement; returns what has `fetchone` and `fetchall`, which wait for it."""

    def count(self, answer: Any) -> int:
        """How many rows a statement touched."""

    def stream(self, sql: str, values: Sequence[Any]) -> Generator[Any, None, None]:
        """The rows one after the other; whoever closes this early has never had the rest in memory."""

    def settle(self) -> None:
        """Wait for everything so far, or raise the driver's error."""

    def undo_part(self) -> None:
        """Back to the savepoint, where there still is one."""

    @property
    def is_broken(self) -> bool:
        """Whether nothing will ever come over it again."""


class Direct:
    """SQLite's."""

    engine = SQLITE
    is_broken = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = connection.execute

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.execute("COMMIT")

    def roll_back(self) -> None:
        if self._connection.in_transaction:
            self.execute("ROLLBACK")

    def count(self, answer: sqlite3.Cursor) -> int:
        return answer.rowcount

    def stream(self, sql: str, values: Sequence[Any]) -> Generator[Any, None, None]:
        with closing(self.execute(sql, values)) as rows:
            yield from rows

    def settle(self) -> None:
        """Nothing is ever under way."""

    def undo_part(self) -> None:
        """When it is full, SQLite has gone back by itself, the whole unit with it."""
        if self._connection.in_transaction:
            self.execute("ROLLBACK TO SAVEPOINT part")
            self.execute("RELEASE SAVEPOINT part")


class Pipelined:
    """PostgreSQL's: a pipeline between `begin` and `commit`, one statement at a time outside."""

    engine = POSTGRESQL

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._is_under_way = False
        self._numbers = itertools.count(1)
        self._pipeline: psycopg.Pipeline | None = None
        self._leaving = ExitStack()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> psycopg.Cursor[Any] | Answer:
        self._is_under_way = True
        cursor = self._connection.execute(sql, values)
        if self._pipeline is None:
            return cursor
        self._connection.pgconn.pipeline_sync()  # and not `sync`, which waits
        self._pipeline.result_queue.append(None)
        return Answer(self, cursor)

    def begin(self) -> None:
        self._pipeline = self._leaving.enter_context(self._connection.pipeline())
        self.execute("BEGIN")

    def commit(self) -> None:
        """What was not, for an error that somebody caught, is told as one: the server says ROLLBACK, and no error."""
        try:
            end = self._connection.execute("COMMIT")
            self._leave()
        except psycopg.errors.InFailedSqlTransaction as error:  # of what was still under way behind that one
            raise psycopg.OperationalError("not committed: an error came before") from error
        if end.statusmessage != "COMMIT":
            raise psycopg.OperationalError(f"not committed: {end.statusmessage}")

    def roll_back(self) -> None:
        self._forget_errors()
        self._leave()
        self.execute("ROLLBACK")

    def count(self, answer: psycopg.Cursor[Any] | Answer) -> int:
        self.settle()
        return answer.rowcount

    def stream(self, sql: str, values: Sequence[Any]) -> Generator[Any, None, None]:
        """In a pipeline each row is asked for: it cannot stream, and to cancel the rest would end the unit."""
        if self._pipeline is None:
            with closing(cast(Any, self._connection.cursor().stream(sql, values))) as rows:
                yield from rows
        else:
            name = f"rows_{next(self._numbers)}"
            self.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}", values)
            while (row := self.execute(f"FETCH {name}").fetchone()) is not None:
                yield row

    def settle(self) -> None:
        if self._pipeline is not None and self._is_under_way:
            self._pipeline.sync()
            self._is_under_way = False

    def undo_part(self) -> None:
        """A dead server has forgotten it all; after an error that nobody awaited before it, no part has begun."""
        self._forget_errors()
        if self.is_broken:
            return
        try:
            self.execute("ROLLBACK TO SAVEPOINT part")
            self.execute("RELEASE SAVEPOINT part")
            self.settle()
        except psycopg.Error as error:
            raise psycopg.OperationalError("the unit had failed before this part of it") from error

    @property
    def is_broken(self) -> bool:
        return self._connection.closed

    def _leave(self) -> None:
        self._pipeline = None
        self._leaving.close()

    def _forget_errors(self) -> None:
        """What follows an error in a pipeline fails as well, up to here; their errors come one by one.

        Psycopg takes for prepared what failed on the way there: from now on nothing prepared is used.
        """
        under_way = 0 if self._pipeline is None else len(self._pipeline.result_queue)
        for _ in range(under_way + 1):
            with suppress(psycopg.Error):
                self.settle()
                break
        if self._connection.info.transaction_status != TransactionStatus.INTRANS:
            self._connection.prepare_threshold = None


class Answer:
    """What a statement in a pipeline gives back. Psycopg's own waiting ends no turn of ours, as a Sync does."""

    __slots__ = ("_cursor", "_line")

    def __init__(self, line: Line, cursor: psycopg.Cursor[Any]) -> None:
        self._line, self._cursor = line, cursor

    def fetchone(self) -> Any:
        self._line.settle()
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        self._line.settle()
        return self._cursor.fetchall()

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount


def is_spent(connection: psycopg.Connection[Any]) -> bool:
    """Whether the next unit needs another connection: this one is closed, or prepares nothing after an error."""
    rests = connection.info.transaction_status == TransactionStatus.IDLE
    return connection.closed or (rests and connection.prepare_threshold is None)
