"""The two databases there are, opened by Peewee: SQLite in a file, PostgreSQL by URL."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any

import peewee
from playhouse.postgres_ext import Psycopg3Database

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
BUSY_TIMEOUT_MS = 10_000
WAL_PAGES = 16_000  # 64 MB: `tidy` is there long before, so that nobody who commits has to do it
IDLE_MS = 20_000
"""A daemon that stands still inside a unit this long loses it, so that others need not wait for its locks."""


def sqlite(file: Path) -> peewee.Database:
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


def postgresql(url: str) -> Postgresql:
    return Postgresql(url, connect_timeout=10, application_name="helpgate")


class Postgresql(Psycopg3Database):  # type: ignore[misc]
    """Units begin and end their transactions themselves; between them every statement stands alone."""

    def __init__(self, *values: Any, **settings: Any) -> None:
        super().__init__(*values, **settings)
        self._opened: weakref.WeakKeyDictionary[Any, weakref.finalize[..., Any]] = weakref.WeakKeyDictionary()
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
        with self._opening:  # a thread that ends cannot close its own
            self._opened[connection] = weakref.finalize(threading.current_thread(), connection.close)
        return connection

    def _close(self, connection: Any) -> None:
        with self._opening:
            if finalizer := self._opened.pop(connection, None):
                finalizer.detach()
        super()._close(connection)

    def close_all(self) -> None:
        """Close the connections of every thread."""
        with self._opening:
            opened = list(self._opened)
        for connection in opened:
            connection.close()
