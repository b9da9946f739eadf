"""Parts of a mail that people download: their names, their octets. RFC 2183, RFC 2392; threat T41."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

from gateway.mail import header, pictures, structure
from gateway.mail.reading import Enclosure
from gateway.mail.structure import Octets, Part

IN_MEMORY = 256 << 10
"""Octets; larger ones become files."""

LONGEST_NAME = 120

_RESERVED = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/json": "json",
    "text/plain": "txt",
    "text/html": "html",
    "text/csv": "csv",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/rfc822-headers": "txt",
    "message/delivery-status": "txt",
    "message/global-delivery-status": "txt",
    "message/disposition-notification": "txt",
    "message/feedback-report": "txt",
}


def enclose(part: Part, number: int, folder: str) -> Enclosure:
    """One part as an Enclosure; `number` names what has no name, so that reading again says the same."""
    data = part.decoded()
    mail = part.content_type in ("message/rfc822", "message/global")
    filename = safe_name(declared_name(part)) or (_subject_name(data) if mail else "")
    if not filename:
        filename = f"file-{number}.{'eml' if mail else _SUFFIXES.get(part.content_type, 'bin')}"
    return _enclosure(filename, _type_of(part, data), data, folder, pictures.content_id(part))


def original(octets: Octets, folder: str) -> Enclosure:
    """The whole mail as an Enclosure, for mails that could not be read to the end."""
    return replace(_enclosure("original.eml", "message/rfc822", octets[:], folder, ""), whole_mail=True)


def declared_name(part: Part) -> str:
    """The file name the sender gave, unsafe; empty when there is none. RFC 2183 §2.3."""
    return part.disposed[1].get("filename", "") or part.typed[1].get("name", "")


def _type_of(part: Part, data: bytes) -> str:
    """As declared; a picture's by its first octets where browsers know it, since many are called `image/jpg`."""
    if part.content_type.startswith("image/") or (
        part.content_type == "application/octet-stream" and part.value("content-id")
    ):
        return next((kind for magic, kind in _PICTURES if data.startswith(magic)), part.content_type)
    return part.content_type


def safe_name(name: str) -> str:
    """A name that is safe to show and to save under; empty when nothing of it is left.

    Invisible characters go first, so that none can hide a dot or a slash from the checks.
    """
    visible = unicodedata.normalize("NFC", "".join(char for char in name if not _invisible(char)))
    base = _RESERVED.sub("_", visible.replace("\\", "/").rpartition("/")[2]).strip(" .")
    if _DEVICE.match(base):
        base = f"_{base}"
    if len(base) <= LONGEST_NAME:
        return base
    stem, dot, suffix = base.rpartition(".")
    if not dot or len(suffix) > 10:
        return base[:LONGEST_NAME].rstrip(" .")
    return f"{stem[: LONGEST_NAME - len(suffix) - 1].rstrip(' .')}.{suffix}"


def _invisible(char: str) -> bool:
    """Controls, formats (bidi, zero width), surrogates, unassigned, line and paragraph separators."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")


def _subject_name(mail: bytes) -> str:
    fields, _ = structure.read_fields(mail, 0, len(mail))
    subject = next((header.text(value) for name, value in fields if name == "subject"), "")
    name = safe_name(re.sub(r"[/\\]", "-", subject)[: LONGEST_NAME - 4])
    return f"{name}.eml" if name else ""


def _enclosure(filename: str, content_type: str, data: bytes, folder: str, content_id: str) -> Enclosure:
    digest = hashlib.sha256(data).hexdigest()
    path = ""
    if folder and len(data) > IN_MEMORY:
        path = _written(data, folder)
    return Enclosure(
        filename=filename,
        content_type=content_type,
        size=len(data),
        sha256=digest,
        data=None if path else data,
        path=path,
        content_id=content_id,
    )


def _written(data: bytes, folder: str) -> str:
    path = Path(folder) / f"enclosure-{os.urandom(8).hex()}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return str(path)
