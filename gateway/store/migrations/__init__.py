"""Numbered steps of the schema, run once each, in order, under a lock; running them again does nothing.

A step is a module `nnnn_name` with `STEPS`, a tuple of SQL statements. `{id}`, `{big}` and `{octets}`
stand for what the two engines spell differently.
"""

from __future__ import annotations

from importlib import import_module

from peewee import IntegerField, Model, TextField

from gateway.errors import StoreError
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.unit import Unit

NAMES = ("0001_start",)
NEWEST = len(NAMES)
LOCK = 4_857_120_001  # any fixed number: pg_advisory_xact_lock takes one

_WORDS = {
    True: {"id": "INTEGER PRIMARY KEY AUTOINCREMENT", "octets": "BLOB", "big": "INTEGER"},
    False: {"id": "BIGSERIAL PRIMARY KEY", "octets": "BYTEA", "big": "BIGINT"},
}


class Applied(Model):
    """A step that has been run."""

    number = IntegerField(primary_key=True)
    name = TextField()

    class Meta:
        table_name = "schema_step"


def migrate(store: Store) -> list[str]:
    """Bring the schema to the newest version; returns the names of the steps that ran.

    Raises StoreError when the store was made by a newer program.
    """
    with store.unit("migrate") as unit:
        if store.engine != SQLITE:
            unit.run(f"SELECT pg_advisory_xact_lock({LOCK})")
        unit.run("CREATE TABLE IF NOT EXISTS schema_step (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        done = version(unit)
        refuse_newer(done)
        for number, name in enumerate(NAMES[done:], done + 1):
            _run(unit, name)
            unit.add(Applied, number=number, name=name)
    return list(NAMES[done:])


def has_schema(unit: Unit) -> bool:
    """Whether any step has ever run here."""
    if unit.engine == SQLITE:
        return unit.number("SELECT count(*) FROM sqlite_master WHERE name = 'schema_step'") == 1
    return unit.number("SELECT CASE WHEN to_regclass('schema_step') IS NULL THEN 0 ELSE 1 END") == 1


def version(unit: Unit) -> int:
    """The number of the last step that ran."""
    return unit.number("SELECT max(number) FROM schema_step")


def refuse_newer(version: int) -> None:
    """Raise StoreError for a schema this program does not know."""
    if version > NEWEST:
        raise StoreError(
            f"the store has schema {version}, this program knows {NEWEST}: it was used by a newer Helpgate;"
            " install that version again, or restore a backup from before"
        )


def _run(unit: Unit, name: str) -> None:
    words = _WORDS[unit.engine == SQLITE]
    for statement in import_module(f"{__name__}.{name}").STEPS:
        unit.run(statement.format(**words))
