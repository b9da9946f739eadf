"""Copies of an embedded store: consistent while a daemon writes, and checked.

SQLite's own backup, from one snapshot: an open read transaction on the source keeps it from beginning
anew with every commit of somebody else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.errors import StoreError

STEP = 2048  # pages between two words about the progress
Progress = Callable[[float], None]


def copy(source: Path, target: Path, progress: Progress = lambda part: None) -> None:
    """Write a copy of `source`, one file and nothing beside it, over the empty file `target`.

    progress: told what part is done, from 0 to 1.  Raises StoreError.
    """

    def tell(status: int, remaining: int, total: int) -> None:
        progress(1 - remaining / total if total else 1.0)

    try:
        with closing(_connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reader.backup(writer, pages=STEP, progress=tell)
            writer.execute("PRAGMA journal_mode = delete")
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied: {error}") from error


def check(file: Path) -> None:
    """Nothing, when every page and index of a store is as it should be; else StoreError."""
    try:
        with closing(_connect(file)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            tables = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name = 'schema_step'"
            ).fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{file} is damaged or no store: {error}") from error
    if found != ["ok"]:
        raise StoreError(f"{file} is damaged: {found[0]}")
    if not tables[0]:
        raise StoreError(f"{file} is a database, but not one of Helpgate")


def fold(file: Path) -> None:
    """Bring everything of a store that is to be replaced into its one file. Raises StoreError while it is in use."""
    try:
        with closing(sqlite3.connect(file, timeout=2.0)) as connection:
            mode = connection.execute("PRAGMA journal_mode = delete").fetchone()[0]
            if mode != "delete":
                raise StoreError(f"{file} is in use")
    except sqlite3.OperationalError as error:
        raise StoreError(f"{file} is in use: {error}") from error
    except sqlite3.DatabaseError:
        for rest in ("-wal", "-shm"):  # it is damaged, and nothing of it will be used again
            file.with_name(file.name + rest).unlink(missing_ok=True)


def _connect(file: Path) -> sqlite3.Connection:
    """A connection that only reads, in a mode that never makes the file."""
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0, isolation_level=None
    )
