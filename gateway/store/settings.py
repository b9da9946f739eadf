"""Small facts of the installation by name, and the MAC keys."""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, IntegerField, Model, TextField

from gateway.mail.token import KEY_BITS, Keyring, draw_secret
from gateway.store.unit import Unit


class Setting(Model):
    """A name and a value."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "setting"


class MacKey(Model):
    """A key that seals tokens; retired ones verify no longer."""

    id = IntegerField(primary_key=True)
    secret = BlobField()
    made_at = BigIntegerField()
    retired_at = BigIntegerField(null=True)

    class Meta:
        table_name = "mac_key"


def get(unit: Unit, name: str, default: str = "") -> str:
    """The value kept under a name."""
    row = unit.row(Setting, "name = ?", name)
    return default if row is None else row.value


def put(unit: Unit, name: str, value: str) -> None:
    """Keep a value under a name."""
    unit.run(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name,
        value,
    )


def keyring(unit: Unit) -> Keyring:
    """The keys that verify, and the newest of them to seal with."""
    rows = unit.rows(MacKey, "retired_at IS NULL ORDER BY made_at, id")
    secrets = {row.id: bytes(row.secret) for row in rows}
    return Keyring(secrets, rows[-1].id if rows else -1)


def all_keys(unit: Unit) -> list[MacKey]:
    """Every key, oldest first."""
    return unit.rows(MacKey, "1 = 1 ORDER BY made_at, id")


def add_key(unit: Unit) -> int:
    """Draw a new key; it seals from now on. Returns its id, the lowest free one of 64."""
    used = {row.id for row in all_keys(unit)}
    free = next(id for id in range(1 << KEY_BITS) if id not in used)
    unit.add(MacKey, id=free, secret=draw_secret(), made_at=unit.now)
    return free


def retire_key(unit: Unit, id: int) -> bool:
    """Make one key verify no longer; False when there is no such key in use."""
    return unit.change_where(MacKey, "id = ? AND retired_at IS NULL", (id,), retired_at=unit.now) == 1
