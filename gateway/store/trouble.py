"""What a driver's error means for whoever wanted something of the store."""

from __future__ import annotations

import sqlite3

import peewee
import psycopg

from gateway.errors import StoreDoubtful, StoreError, StoreFull

_TRANSIENT = ("08", "40", "53", "57", "58", "55P03", "25006", "25P03", "25P04")
"""SQLSTATEs and classes of them that pass: connection, conflict, resources, shutdown, system; a lock not had,
a server that is a standby just now, a time limit. Not 54: what breaks a limit breaks it every time."""

_UNSYNCED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
"""After these a second try may succeed with pages that the kernel has given up. PostgreSQL ends by itself."""


def store_error(error: Exception) -> StoreError | None:
    """What trying again may mend, as StoreError; None for anything else, programming errors above all."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.DataError):
        return None
    if isinstance(error, psycopg.Error):
        known = _is_transient(error)
    else:
        known = isinstance(error, sqlite3.Error | peewee.PeeweeException)
    return _told(error) if known else None


def _is_transient(error: psycopg.Error) -> bool:
    """By what the server says; where it says nothing, the connection has gone."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_TRANSIENT)


def _told(error: Exception) -> StoreError:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) in _UNSYNCED:
        return StoreDoubtful(f"{text} ({error.sqlite_errorname})")
    full = "disk is full" in text or "No space left" in text or type(error).__name__ == "DiskFull"
    return StoreFull(text) if full else StoreError(text)
