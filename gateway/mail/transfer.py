"""Content-Transfer-Encoding undone, tolerantly. RFC 2045 §6."""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Iterator
from itertools import islice

_NAME = re.compile(r"[A-Za-z0-9-]+")
_PADDED = re.compile(rb"[^=]+=*")
_PADDED_WITHIN = re.compile(rb"=\s*[A-Za-z0-9+/]")
_FOOTER = re.compile(rb"(?<=[A-Za-z0-9+/=])\r?\n(?:[ \t]*\r?\n)+(?=[A-Za-z0-9+/=\r\t]*[^A-Za-z0-9+/=\s])")
"""A blank line, and below it one that is no base64."""
_NOT_LETTERS = bytes(set(range(256)) - set(string.ascii_letters.encode() + string.digits.encode() + b"+/"))
_UU_BEGIN = re.compile(rb"(?:\A|\n)begin [0-7]{3,4} [^\r\n]{0,200}\r?\n")
_MOST_LINES = 600_000  # 25 MB
_PIECE = 1 << 20
_SOFT_BREAK_SPACE = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")  # tried once for each run of blanks
_BLANKS_AT_ONCE = 3
_BLANK_ENDS = (b" \n", b" \r\n", b"\t\n", b"\t\r\n")


def decode(octets: bytes | memoryview, encoding: str) -> bytes:
    """The octets behind a transfer encoding; unknown encodings are as none. Never raises."""
    name = _NAME.search(encoding)  # some write it in quotes, or with a comment behind it
    match name[0].lower() if name else "":
        case "base64":
            return base64(octets)
        case "quoted-printable":
            return quoted_printable(octets)
        case "uuencode" | "x-uuencode" | "x-uue" | "uue":
            return uuencoded(bytes(octets))
    return bytes(octets)


def base64(octets: bytes | memoryview) -> bytes:
    """RFC 2045 §6.8: foreign characters are skipped, missing padding is added.

    Base64 behind a padding is read too, since some encode line by line; the plain footer that a mailing list
    puts below is not.
    """
    footer = _FOOTER.search(octets)
    content = octets[: footer.start()] if footer else octets
    if not _PADDED_WITHIN.search(content):
        return _base64(content)
    return b"".join(_base64(piece[0]) for piece in islice(_PADDED.finditer(content), _MOST_LINES))


def _base64(octets: bytes | memoryview) -> bytes:
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        pass
    letters = bytes(octets).translate(None, _NOT_LETTERS)
    if len(letters) % 4 == 1:  # six bits say nothing
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def quoted_printable(octets: bytes | memoryview) -> bytes:
    """RFC 2045 §6.7: what is not an escape stands for itself."""
    pieces = _whole_lines(bytes(octets))  # an expression keeps all it finds until the end of its piece
    return b"".join(binascii.a2b_qp(_without_blanks_at_ends(piece)) for piece in pieces)


def _without_blanks_at_ends(lines: bytes) -> bytes:
    """RFC 2045 §6.7 (3): they were added on the way. Few lines end in more than one, for which this is fastest."""
    for _ in range(_BLANKS_AT_ONCE):
        if not any(end in lines for end in _BLANK_ENDS):
            return lines
        for end in _BLANK_ENDS:
            lines = lines.replace(end, end[1:])
    return _SOFT_BREAK_SPACE.sub(b"", lines)


def _whole_lines(octets: bytes) -> Iterator[bytes]:
    """Pieces of bounded length that end where a line ends."""
    start = 0
    while start < len(octets):
        end = octets.find(b"\n", start + _PIECE) + 1 or len(octets)
        yield octets[start:end]
        start = end


def uuencoded(octets: bytes) -> bytes:
    """The first file of a uuencoded body; the octets themselves where there is none."""
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    end = octets.find(b"\nend", begin.end())
    lines = octets[begin.end() : len(octets) if end < 0 else end].split(b"\n", _MOST_LINES)
    written = (line.rstrip(b"\r") for line in lines[:_MOST_LINES])
    return b"".join(_uu_line(line) for line in written if line)


def _uu_line(line: bytes) -> bytes:
    """One line; encoders that leave out or add blanks at its end are forgiven."""
    length = (((line[0] - 32) & 63) * 4 + 2) // 3 + 1
    try:
        return binascii.a2b_uu(line[:length])
    except binascii.Error:
        return b""
