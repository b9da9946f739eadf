"""The copies that fill a store: as many as asked, whole, and apart from one another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.errors import CannotMeasure
from bench.filling import FILE_NAME, fill
from gateway.clock import now
from gateway.store.database import Store
from gateway.store.migrations import migrate

# In the order of their foreign keys.
_TABLES = (
    *("desk", "contact", "agent", "blob", "piece", "inbound", "ticket", "message"),
    *("participant", "seat", "reference", "event", "notification", "outbox"),
)
_VALUES: dict[str, int | str | bytes] = {"INTEGER": 1, "TEXT": "someone@example.net", "BLOB": b"octets"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The newest schema, empty."""
    made = Store("sqlite", tmp_path, now)
    migrate(made)
    made.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        yield connection


def _one_of_each(store: sqlite3.Connection) -> None:
    """One row in every table, all speaking of one another."""
    for table in _TABLES:
        columns = store.execute(f"PRAGMA table_info({table})").fetchall()
        values = [_VALUES[kind] for _, _, kind, *_ in columns]
        store.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    store.commit()


def test_filling_copies_a_ticket_with_all_that_hangs_on_it(store: sqlite3.Connection, tmp_path: Path) -> None:
    _one_of_each(store)

    fill(tmp_path, 50)

    counts = {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES}
    kept = {"desk": 1, "agent": 1}
    assert counts == {table: kept.get(table, 50) for table in _TABLES}
    assert store.execute("PRAGMA foreign_key_check").fetchall() == []
    assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_every_copy_has_its_own_message_and_requester(store: sqlite3.Connection, tmp_path: Path) -> None:
    _one_of_each(store)

    fill(tmp_path, 20)

    joined = store.execute(
        "SELECT count(DISTINCT contact.email_key) FROM ticket"
        " JOIN message ON message.ticket_id = ticket.id JOIN contact ON contact.id = ticket.requester_id"
    )
    assert joined.fetchone() == (20,)
    assert store.execute("SELECT min(handle) > 0 FROM ticket").fetchone() == (1,)


def test_a_store_without_a_ticket_cannot_be_filled(store: sqlite3.Connection, tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match="no ticket"):
        fill(tmp_path, 10)
