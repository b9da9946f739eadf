"""Octets by their SHA-256, stored once: raw mails and attachments.

Up to 1 MiB lies in the row itself; more is cut into pieces of 1 MiB, so that nothing ever needs
a whole large mail in memory at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, Model, TextField

from gateway.store.statements import among
from gateway.store.unit import Unit

PIECE = 1 << 20


class Blob(Model):
    """The head of one run of octets; `data` is NULL when they lie in pieces."""

    sha256 = TextField(primary_key=True)
    size = BigIntegerField()
    data = BlobField(null=True)

    class Meta:
        table_name = "blob"


class Piece(Model):
    """One part of a large blob."""

    sha256 = TextField()
    position = IntegerField()
    data = BlobField()

    class Meta:
        table_name = "piece"
        primary_key = CompositeKey("sha256", "position")


def keep(unit: Unit, sha256: str, size: int, data: bytes) -> None:
    """Store octets that are in memory."""
    if size > PIECE:
        keep_pieces(unit, sha256, size, (data[at : at + PIECE] for at in range(0, size, PIECE)))
    else:
        unit.add(Blob, sha256=sha256, size=size, data=data)


def keep_all(unit: Unit, small: Sequence[tuple[str, int, bytes]]) -> None:
    """Store runs of octets of at most PIECE each: (sha256, size, data)."""
    unit.add_all(Blob, ("sha256", "size", "data"), small)


def keep_pieces(unit: Unit, sha256: str, size: int, pieces: Iterable[bytes]) -> None:
    """Store octets that come piece by piece, none larger than PIECE."""
    if unit.add(Blob, sha256=sha256, size=size, data=None):
        for position, data in enumerate(pieces):
            unit.add(Piece, sha256=sha256, position=position, data=data)


def pieces(unit: Unit, sha256: str) -> Iterator[bytes]:
    """The octets, piece by piece; nothing for a blob that is not there."""
    head = unit.row(Blob, "sha256 = ?", sha256)
    if head is None:
        return
    if head.data is not None:
        yield bytes(head.data)
        return
    position = 0
    while (part := piece(unit, sha256, position)) is not None:
        yield part
        position += 1


def piece(unit: Unit, sha256: str, position: int) -> bytes | None:
    """One piece of a blob larger than PIECE, counted from 0; None beyond its end."""
    found = unit.row(Piece, "sha256 = ? AND position = ?", sha256, position)
    return None if found is None else bytes(found.data)


def load(unit: Unit, sha256: str) -> bytes:
    """The octets, whole."""
    return b"".join(pieces(unit, sha256))


def load_small(unit: Unit, names: Collection[str]) -> dict[str, bytes]:
    """Runs of octets that lie in their rows, by SHA-256, read together."""
    marks, values = among(names)
    rows = unit.rows(Blob, f"sha256 IN ({marks})", *values)
    return {row.sha256: bytes(row.data) for row in rows if row.data is not None}


def name_of(data: bytes) -> str:
    """What octets are stored under: their SHA-256 in lower-case hex. FIPS 180-4."""
    return hashlib.sha256(data).hexdigest()
