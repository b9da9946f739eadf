"""Attachments: files of a message. Their octets are blobs, stored once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.desk.tables import EVERYONE, Attachment
from gateway.mail.reading import Enclosure
from gateway.mail.token import draw_handle
from gateway.store import blobs
from gateway.store.unit import Unit


def keep(unit: Unit, message_id: int, files: Sequence[Enclosure], audience: str = EVERYONE) -> None:
    """Store files of a message, for all who may see it or for agents only."""
    for file in files:
        if file.data is not None:
            blobs.keep(unit, file.sha256, file.size, file.data)
        else:
            blobs.keep_pieces(unit, file.sha256, file.size, _pieces_of(Path(file.path)))
        unit.put(
            Attachment,
            message_id=message_id,
            handle=draw_handle(),
            filename=file.filename,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
            content_id=file.content_id,
            inline=int(file.inline),
            audience=audience,
        )


def of_messages(unit: Unit, message_ids: Sequence[int], *, agents: bool) -> dict[int, list[Attachment]]:
    """The attachments of these messages, by message, as agents may see them or as all others may."""
    if not message_ids:
        return {}
    marks = ", ".join("?" * len(message_ids))
    found: dict[int, list[Attachment]] = {}
    where = f"message_id IN ({marks})" + ("" if agents else f" AND audience = '{EVERYONE}'")
    for row in unit.rows(Attachment, f"{where} ORDER BY id", *message_ids):
        found.setdefault(row.message_id, []).append(row)
    return found


def first_pictures(unit: Unit, condition: str, *values: str | int, agents: bool) -> dict[str, int]:
    """By SHA-256, the message that first brought each picture, of the messages that `condition` lets through.

    A signature's logo comes again with every mail; from the second on it is no news.
    """
    audience = "" if agents else f" AND audience = '{EVERYONE}'"
    found = unit.run(
        f"SELECT sha256, min(message_id) FROM attachment WHERE substr(content_type, 1, 6) = 'image/'{audience}"
        f" AND message_id IN (SELECT id FROM message WHERE {condition}) GROUP BY sha256",
        *values,
    )
    return {sha256: int(first) for sha256, first in found.fetchall()}


def handle_text(attachment: Attachment) -> str:
    """The handle as it stands in a URL: 16 hex digits."""
    return f"{attachment.handle & (1 << 64) - 1:016x}"


def _pieces_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(blobs.PIECE):
            yield piece
