"""TNEF as Outlook writes it, for the tests: objects with checksums, MAPI properties. MS-OXTNEF."""

from __future__ import annotations

import struct

CODEPAGE, VERSION, MESSAGE_CLASS = 0x9007, 0x9006, 0x8008
BODY, PROPERTIES, RENDERING, TITLE, DATA, ATTACHMENT = 0x800C, 0x9003, 0x9002, 0x8010, 0x800F, 0x9005
MAPI_BODY, MAPI_HTML, MAPI_RTF, MAPI_CODEPAGE = 0x1000, 0x1013, 0x1009, 0x3FDE
MAPI_LONG_NAME, MAPI_MIME_TAG, MAPI_CONTENT_ID, MAPI_OBJECT = 0x3707, 0x370E, 0x3712, 0x3701
EMBEDDED = bytes.fromhex("0703020000000000c000000000000046")

_LONG, _UNICODE, _BINARY = 0x3, 0x1F, 0x102

Told = dict[int, str | bytes | int]


def winmail(*objects: bytes, codepage: int = 1252) -> bytes:
    """A whole stream; the objects of the message, then those of its attachments."""
    head = thing(1, VERSION, 8, struct.pack("<I", 0x10000))
    pages = thing(1, CODEPAGE, 6, struct.pack("<II", codepage, 0))
    kind = thing(1, MESSAGE_CLASS, 7, b"IPM.Microsoft Mail.Note\0")
    return struct.pack("<IH", 0x223E9F78, 1) + head + pages + kind + b"".join(objects)


def thing(level: int, name: int, kind: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(told: Told) -> bytes:
    """Text becomes UTF-16, octets stay as they are, numbers have 32 bits."""
    packed = [_property(name, value) for name, value in told.items()]
    return struct.pack("<I", len(packed)) + b"".join(packed)


def message(told: Told) -> bytes:
    return thing(1, PROPERTIES, 6, properties(told))


def attachment(short_name: str, data: bytes, told: Told) -> bytes:
    return b"".join(
        (
            thing(2, RENDERING, 6, bytes(14)),
            thing(2, TITLE, 1, short_name.encode("cp1252") + b"\0"),
            *([thing(2, DATA, 6, data)] if data else []),
            thing(2, ATTACHMENT, 6, properties(told)),
        )
    )


def _property(name: int, value: str | bytes | int) -> bytes:
    if isinstance(value, int):
        return struct.pack("<HHI", _LONG, name, value)
    data = value if isinstance(value, bytes) else f"{value}\0".encode("utf-16-le")
    kind = _BINARY if isinstance(value, bytes) else _UNICODE
    padded = data + bytes(-len(data) % 4)
    return struct.pack("<HHII", kind, name, 1, len(data)) + padded
