"""Fills an embedded store with very many tickets, by copying the rows of those it has.

The one place of the bench that knows tables: a million mails would take the daemon the better part
of an hour. The store must have been closed by the daemon, and hold few tickets.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.errors import CannotMeasure

FILE_NAME = "helpgate.sqlite"
# Copy n of row i gets the id i + n * _STRIDE, so that copies of rows still point at one another.
_STRIDE = 1000
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the rows of one table are copied; columns not named are copied as they are."""

    table: str
    moved: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()


_KINDS = (
    _Kind("contact", ("id",), ("email", "email_key")),
    _Kind("blob", renamed=("sha256",)),
    _Kind("piece", renamed=("sha256",)),
    _Kind(
        "inbound",
        moved=("id", "ticket_id"),
        renamed=("octets", "message_id", "fingerprint", "from_email", "reverse_path"),
    ),
    _Kind("ticket", ("id", "requester_id"), ("number",), ("handle",)),
    _Kind("message", ("id", "ticket_id", "contact_id", "inbound_id"), ("message_id", "author_email")),
    _Kind("participant", ("id", "ticket_id", "contact_id"), drawn=("handle",)),
    _Kind("seat", ("id", "ticket_id"), drawn=("handle",)),
    _Kind("reference", ("ticket_id",), ("message_id",)),
    _Kind("event", ("id", "ticket_id", "contact_id")),
    _Kind("notification", ("id", "event_id", "ticket_id", "participant_id", "seat_id", "letter_id")),
    # Without their octets, which would be most of the file: nothing reads those of a letter that was sent.
    _Kind(
        "outbox",
        moved=("id", "ticket_id", "participant_id", "seat_id", "cause"),
        renamed=("recipient", "reverse_path", "message_id"),
        drawn=("handle",),
    ),
)


def fill(store_folder: Path, tickets: int) -> None:
    """Copies what is there until about so many tickets are in the store."""
    with closing(sqlite3.connect(store_folder / FILE_NAME, isolation_level=None)) as store:
        _check(store)
        store.execute("PRAGMA synchronous = OFF")
        store.execute("PRAGMA cache_size = -1000000")  # KiB
        for kind in _KINDS:
            store.execute(f"CREATE TEMP TABLE first_{kind.table} AS SELECT * FROM {kind.table}")
        copies = tickets // store.execute("SELECT count(*) FROM first_ticket").fetchone()[0]
        for start in range(1, copies, _BATCH):
            _copy(store, start, min(start + _BATCH, copies))
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _check(store: sqlite3.Connection) -> None:
    """Copies must not run into one another, and there must be something to copy."""
    for kind in _KINDS:
        if "id" in kind.moved:
            highest = store.execute(f"SELECT max(id) FROM {kind.table}").fetchone()[0]
            if highest is not None and highest >= _STRIDE:
                raise CannotMeasure(f"the store to fill has too many rows of {kind.table}")
    if store.execute("SELECT count(*) FROM ticket").fetchone()[0] == 0:
        raise CannotMeasure("the store to fill has no ticket")


def _copy(store: sqlite3.Connection, start: int, end: int) -> None:
    """Copies number `start` to `end` - 1 of every table, in one transaction."""
    store.execute("BEGIN IMMEDIATE")
    for kind in _KINDS:
        columns = [row[1] for row in store.execute(f"PRAGMA table_info({kind.table})")]
        values = ", ".join(_value(kind, column) for column in columns)
        store.execute(
            "WITH RECURSIVE series(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM series WHERE n + 1 < ?)"
            f" INSERT INTO {kind.table} ({', '.join(columns)})"
            f" SELECT {values} FROM series, first_{kind.table}",
            (start, end),
        )
    store.execute("COMMIT")


def _value(kind: _Kind, column: str) -> str:
    if column in kind.moved:
        return f"{column} + n * {_STRIDE}"
    if column in kind.renamed:
        return f"'copy' || n || '-' || {column}"
    if column in kind.drawn:
        return "abs(random() >> 1)"
    return column
