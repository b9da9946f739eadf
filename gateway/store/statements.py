"""The text of the statements that the hot path needs, from Peewee's models. docs/decisions/0001."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import peewee

from gateway.store.engines import POSTGRESQL


class Kept:
    """Statements whose text is built once, written for one engine. Safe to use from many threads."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._texts: dict[Any, str] = {}

    def text(self, key: Any, build: Callable[[], str]) -> str:
        """The statement with this key. Its values stand as `?` in what `build` gives."""
        text = self._texts.get(key)
        if text is None:
            text = build()
            if self._engine == POSTGRESQL:
                text = text.replace("%", "%%").replace("?", "%s")
            self._texts[key] = text
        return text


def among(ids: Collection[Any]) -> tuple[str, tuple[Any, ...]]:
    """`?, ?, …` for `IN (…)` and the ids, or other values, for it.

    A power of two, the last one again and again, so that few statements are kept.
    """
    if not ids:
        return "NULL", ()
    values = tuple(ids)
    size = 1 << (len(values) - 1).bit_length()
    return ", ".join("?" * size), values + values[-1:] * (size - len(values))


def columns(table: type[peewee.Model]) -> list[str]:
    """Every column, in the order in which `hydrate` wants them."""
    return [field.column_name for field in table._meta.sorted_fields]


def insert(table: type[peewee.Model], columns: Mapping[str, object]) -> str:
    """One row."""
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table._meta.table_name} ({', '.join(columns)}) VALUES ({marks})"


def insert_all(table: type[peewee.Model], columns: Sequence[str], count: int) -> str:
    """So many rows at once."""
    row = f"({', '.join('?' * len(columns))})"
    rows = ", ".join([row] * count)
    return f"INSERT INTO {table._meta.table_name} ({', '.join(columns)}) VALUES {rows}"


def update(table: type[peewee.Model], columns: Mapping[str, object], where: str) -> str:
    """Set these columns of the rows that match."""
    pairs = ", ".join(f"{column} = ?" for column in columns)
    return f"UPDATE {table._meta.table_name} SET {pairs} WHERE {where}"


def draw(tables: Sequence[type[peewee.Model]]) -> str:
    """So many ids for each of the tables, a column each. PostgreSQL."""
    sequences = ", ".join(f"nextval('{table._meta.table_name}_id_seq')" for table in tables)
    return f"SELECT {sequences} FROM generate_series(1, ?)"


def present(table: type[peewee.Model], column: str, count: int) -> str:
    """Those of so many texts that a row has in this column, however many rows have it.

    The empty text is never told: indexes leave it out.
    """
    values = ", ".join(["(?)"] * count)
    row = f"SELECT 1 FROM {table._meta.table_name} WHERE {column} = wanted.value AND {column} <> ''"
    return f"WITH wanted (value) AS (VALUES {values}) SELECT value FROM wanted WHERE EXISTS ({row})"


def select(table: type[peewee.Model], where: str) -> str:
    """All columns of the rows that match."""
    return f"SELECT {', '.join(columns(table))} FROM {table._meta.table_name} WHERE {where}"


def named(table: Any, columns: Mapping[str, Any]) -> Any:
    """A model instance with these columns: all but the id."""
    assert len(columns) + 1 == len(table._meta.sorted_field_names), "its other columns have no value"
    row = table.__new__(table)
    row.__data__, row.__rel__, row._dirty = dict(columns), {}, set()
    return row


def hydrate(table: Any, values: Sequence[Any]) -> Any:
    """A model instance straight from a row: every column holds plain text, numbers or octets."""
    row = table.__new__(table)
    row.__data__ = dict(zip(table._meta.sorted_field_names, values, strict=True))
    row.__rel__ = {}
    row._dirty = set()
    return row
