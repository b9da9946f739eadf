"""Content-Transfer-Encoding undone, tolerantly. RFC 2045 §6."""

from __future__ import annotations

import binascii
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_UU_BEGIN = re.compile(rb"(?:\A|\n)begin [0-7]{3,4} [^\r\n]{0,200}\r?\n")
_MOST_UU_LINES = 600_000  # 25 MB
_SOFT_BREAK_SPACE = re.compile(rb"[ \t]+(?=\r?\n)")


def decode(octets: bytes | memoryview, encoding: str) -> bytes:
    """The octets behind a transfer encoding; unknown encodings are as none. Never raises."""
    match encoding.strip().lower():
        case "base64":
            return base64(octets)
        case "quoted-printable":
            return quoted_printable(octets)
        case "uuencode" | "x-uuencode" | "x-uue" | "uue":
            return uuencoded(bytes(octets))
    return bytes(octets)


def base64(octets: bytes | memoryview) -> bytes:
    """RFC 2045 §6.8: foreign characters are skipped, missing padding is added."""
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        pass
    letters = _NOT_BASE64.sub(b"", octets).replace(b"=", b"")
    if len(letters) % 4 == 1:  # six bits say nothing
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def quoted_printable(octets: bytes | memoryview) -> bytes:
    """RFC 2045 §6.7: what is not an escape stands for itself."""
    return binascii.a2b_qp(_SOFT_BREAK_SPACE.sub(b"", octets))


def uuencoded(octets: bytes) -> bytes:
    """The first file of a uuencoded body; the octets themselves where there is none."""
    begin = _UU_BEGIN.search(octets)
    if begin is None:
        return octets
    end = octets.find(b"\nend", begin.end())
    lines = octets[begin.end() : len(octets) if end < 0 else end].split(b"\n", _MOST_UU_LINES)
    return b"".join(_uu_line(line.rstrip(b"\r")) for line in lines[:_MOST_UU_LINES] if line)


def _uu_line(line: bytes) -> bytes:
    """One line; encoders that leave out or add blanks at its end are forgiven."""
    length = (((line[0] - 32) & 63) * 4 + 2) // 3 + 1
    try:
        return binascii.a2b_uu(line[:length])
    except binascii.Error:
        return b""
