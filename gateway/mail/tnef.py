"""winmail.dat opened: the words and files that Outlook puts into TNEF. MS-OXTNEF, MS-OXRTFCP.

Read here and not by a library: the one there is counts to four thousand million when four octets say so,
copies the rest of the stream for every object, and gives up on the first charset it does not know.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from mimetypes import MimeTypes

from gateway.mail import charset, rtf
from gateway.mail.structure import Part, made

TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
NAMES = frozenset({"winmail.dat", "win.dat"})
LEVELS = 3
"""Mails in mails that are opened."""

_SIGNATURE = b"\x78\x9f\x3e\x22"
_OBJECT = struct.Struct("<BHHI")
_PROPERTY = struct.Struct("<HH")
_CHECKSUM = 2
_MOST_OBJECTS = 5000
_MOST_FILES = 250
_MOST_PROPERTIES = 1000  # of one message or attachment

_TEXT_BODY, _HTML_BODY, _RTF_BODY, _HTML_CODEPAGE = 0x1000, 0x1013, 0x1009, 0x3FDE
_MIME_TAG, _CONTENT_ID, _LONG_NAME, _SHORT_NAME, _EMBEDDED = 0x370E, 0x3712, 0x3707, 0x3704, 0x3701
_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")  # the class of an embedded message

_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING, _UNICODE = 0x1E, 0x1F
_VARIABLE = frozenset({_STRING, _UNICODE, 0xD, 0x102})
_SEVERAL, _NAMED = 0x1000, 0x8000

_CODEPAGES = {
    20127: "us-ascii",
    20866: "koi8-r",
    21866: "koi8-u",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    51932: "euc-jp",
    51949: "euc-kr",
    54936: "gb18030",
}
_KNOWN_TYPES = MimeTypes()  # without the files of the machine, so that every machine says the same


class _Name(IntEnum):
    """The objects that hold words and files. MS-OXTNEF §2.1.3.3."""

    BODY = 0x800C
    DATA = 0x800F
    TITLE = 0x8010
    RENDERING = 0x9002  # begins an attachment
    PROPERTIES = 0x9003
    ATTACHMENT = 0x9005  # properties of the attachment
    CODEPAGE = 0x9007


@dataclass(frozen=True, slots=True)
class Content:
    """words: the body, HTML where there is one.  files: as attachments."""

    words: Part | None
    files: tuple[Part, ...]


@dataclass(slots=True)
class _Attached:
    title: bytes = b""
    data: bytes = b""
    told: dict[int, bytes | str] = field(default_factory=dict)


def is_tnef(content_type: str, filename: str, beginning: bytes) -> bool:
    """Whether a part is TNEF, whatever it is called."""
    return beginning.startswith(_SIGNATURE) and (content_type in TYPES or filename.lower() in NAMES)


def read(data: bytes, level: int = 1) -> Content | None:
    """What is in a winmail.dat; None where it is broken, cut off, too much or empty. Never raises; linear."""
    label, body = "cp1252", b""
    told: dict[int, bytes | str] = {}
    files: list[_Attached] = []
    try:
        for name, content in _objects(data):
            match name:
                case _Name.CODEPAGE if len(content) >= 4:
                    label = _label(_number(content))
                case _Name.BODY:
                    body = content
                case _Name.PROPERTIES:
                    told = _properties(content, label)
                case _Name.RENDERING if len(files) < _MOST_FILES:
                    files.append(_Attached())
                case _Name.RENDERING:
                    return None
                case _Name.TITLE if files:
                    files[-1].title = content
                case _Name.DATA if files:
                    files[-1].data = content
                case _Name.ATTACHMENT if files:
                    files[-1].told = _properties(content, label)
    except (struct.error, ValueError):
        return None
    parts = [part for number, file in enumerate(files, 1) for part in _parts(file, number, label, level)]
    words = _words(told, body, label)
    return Content(words, tuple(parts)) if words or parts else None


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Attribute and content of each object. MS-OXTNEF §2.1.3. ValueError where the stream is cut or too long."""
    position, size, count = 6, len(data), 0
    while position < size:
        if size - position < _OBJECT.size + _CHECKSUM and not data[position:].strip(b"\0"):
            return
        _, name, _, length = _OBJECT.unpack_from(data, position)
        start = position + _OBJECT.size
        position = start + length + _CHECKSUM
        count += 1
        if position > size or count > _MOST_OBJECTS:
            raise ValueError("cut off, or too many objects")
        yield name, data[start : start + length]


def _properties(data: bytes, label: str) -> dict[int, bytes | str]:
    """MAPI properties by number; of several values the first. MS-OXTNEF §2.1.3.4. As far as they can be read."""
    told: dict[int, bytes | str] = {}
    position = 4
    for _ in range(min(_number(data), _MOST_PROPERTIES)):
        try:
            kind, name = _PROPERTY.unpack_from(data, position)
            position = _past_name(data, position + _PROPERTY.size) if name >= _NAMED else position + 4
            value, position = _value(data, position, kind)
        except (struct.error, LookupError):
            break
        if kind == _UNICODE:
            told[name] = charset.decode(value, "utf-16-le")
        else:
            told[name] = charset.decode(value, label) if kind == _STRING else value
    return told


def _past_name(data: bytes, position: int) -> int:
    """Behind the GUID and number or string that name a property of somebody's own."""
    (is_string,) = struct.unpack_from("<I", data, position + 16)
    return position + 24 + (_padded(_number(data, position + 20)) if is_string else 0)


def _value(data: bytes, position: int, kind: int) -> tuple[bytes, int]:
    """The first value of a property, and the offset behind all of them. LookupError for an unknown kind."""
    base = kind & ~_SEVERAL
    if base not in _VARIABLE:
        size = _FIXED[base]
        count = _number(data, position) if kind & _SEVERAL else 1
        start = position + (4 if kind & _SEVERAL else 0)
        return data[start : start + size], start + size * count
    count, position = _number(data, position), position + 4
    first = b""
    for number in range(min(count, _MOST_PROPERTIES)):
        length = _number(data, position)
        if number == 0:
            first = data[position + 4 : position + 4 + length]
        position += 4 + _padded(length)
    return first, position


def _number(data: bytes, position: int = 0) -> int:
    found: int = struct.unpack_from("<I", data, position)[0]
    return found


def _padded(length: int) -> int:
    return length + -length % 4


def _words(told: dict[int, bytes | str], body: bytes, label: str) -> Part | None:
    page = told.get(_HTML_CODEPAGE, b"")
    own_label = _label(_number(page)) if isinstance(page, bytes) and len(page) >= 4 else label
    if html := _text(told.get(_HTML_BODY, b""), own_label):
        return _text_part(html, "text/html")
    if text := _text(told.get(_TEXT_BODY, b""), own_label) or _text(body, label):
        return _text_part(text, "text/plain")
    packed = told.get(_RTF_BODY, b"")
    words = rtf.words_of(rtf.unpacked(packed)) if isinstance(packed, bytes) and packed else ""
    return _text_part(words, "text/plain") if words else None


def _parts(file: _Attached, number: int, label: str, level: int) -> Iterator[Part]:
    """An attachment; of an attached mail its words as a file of their own, and its files."""
    told = {
        key: _text(file.told.get(key, b""), label)
        for key in (_LONG_NAME, _SHORT_NAME, _MIME_TAG, _CONTENT_ID)
    }
    name = told[_LONG_NAME] or told[_SHORT_NAME] or _text(file.title, label) or f"file-{number}"
    embedded = file.told.get(_EMBEDDED, b"")
    data = file.data or (embedded if isinstance(embedded, bytes) else b"")
    content = None
    if data.startswith(_MESSAGE) and level < LEVELS:
        content = read(data[len(_MESSAGE) :], level + 1)
    if content is None:
        content_type = told[_MIME_TAG] or _KNOWN_TYPES.guess_type(name)[0] or "application/octet-stream"
        yield made(data, content_type, name, told[_CONTENT_ID].strip("<> "))
        return
    if content.words is not None:
        suffix = "html" if content.words.content_type == "text/html" else "txt"
        yield made(
            content.words.decoded(), f"{content.words.content_type}; charset=utf-8", f"{name}.{suffix}"
        )
    yield from content.files


def _label(codepage: int) -> str:
    """The charset that Windows has under a number."""
    if 28591 <= codepage <= 28606:
        return f"iso-8859-{codepage - 28590}"
    return _CODEPAGES.get(codepage, f"cp{codepage}")


def _text_part(words: str, content_type: str) -> Part:
    return made(words.encode("utf-8"), f"{content_type}; charset=utf-8")


def _text(value: str | bytes, label: str) -> str:
    return (charset.decode(value, label) if isinstance(value, bytes) else value).strip()
