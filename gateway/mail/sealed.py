"""Signed and encrypted mail: what is inside a signature, and what cannot be read. RFC 8551, RFC 5652, RFC 3156.

Signatures are noted and never checked: that takes keys, and says nothing about the ticket.
"""

from __future__ import annotations

import re

from gateway.mail.quote import Ranges
from gateway.mail.structure import Part

SMIME_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
SIGNATURE_TYPES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_SEQUENCE, _OID, _OCTETS, _BUILT_OCTETS, _WRAPPED = 0x30, 0x06, 0x04, 0x24, 0xA0
_INDEFINITE = -1
_MOST_PIECES = 100_000

_ARMOUR = re.compile(
    r"^-----(BEGIN|END) PGP (MESSAGE|SIGNED MESSAGE|SIGNATURE|PUBLIC KEY BLOCK)(?:, PART [0-9/]{1,9})?-----[ \t]*$",
    re.MULTILINE,
)


def system_of(part: Part) -> str:
    """OpenPGP or S/MIME, as a multipart/encrypted or multipart/signed names its protocol. RFC 1847."""
    return "OpenPGP" if "pgp" in part.typed[1].get("protocol", "").lower() else "S/MIME"


def signed_content(octets: bytes) -> bytes | None:
    """What a CMS SignedData holds; None where it is encrypted, detached or broken. RFC 5652 §5."""
    try:
        return _signed_content(octets)
    except IndexError:
        return None


def armour(text: str) -> tuple[Ranges, bool]:
    """The lines of `text` that only an OpenPGP program reads, and whether there is an encrypted message.

    Half-open ranges of line numbers: whole messages, signatures and keys; of a signed text only the
    lines around it. RFC 9580 §6.2 and §7.
    """
    if "-----BEGIN PGP " not in text:
        return (), False
    lines = text.split("\n")
    ranges: list[tuple[int, int]] = []
    start, encrypted = -1, False
    for number, line in enumerate(lines):
        mark = _ARMOUR.match(line) if line.startswith("-----") else None
        if mark is None:
            continue
        if mark[1] == "BEGIN" and mark[2] == "SIGNED MESSAGE":
            ranges.append((number, _after_blank(lines, number)))
        elif mark[1] == "BEGIN":
            start = number
        elif start >= 0:
            ranges.append((start, number + 1))
            encrypted |= mark[2] == "MESSAGE"
            start = -1
    return tuple(ranges), encrypted


def _after_blank(lines: list[str], start: int) -> int:
    """The line behind the armour header, which is a few `Hash:` lines and an empty one."""
    for number in range(start + 1, min(start + 10, len(lines))):
        if not lines[number].strip():
            return number + 1
    return start + 1


def _signed_content(octets: bytes) -> bytes | None:
    at = _enter(octets, 0, _SEQUENCE)
    kind, at = _value(octets, at, _OID)
    if kind != _SIGNED_DATA:
        return None
    at = _enter(octets, at, _WRAPPED)
    at = _enter(octets, at, _SEQUENCE)
    at = _past(octets, _past(octets, at))  # version, digest algorithms
    at = _enter(octets, at, _SEQUENCE)
    at = _past(octets, at)  # content type
    at = _enter(octets, at, _WRAPPED)
    if octets[at] == _OCTETS:
        return _value(octets, at, _OCTETS)[0]
    return _gathered(octets, at)


def _gathered(octets: bytes, at: int) -> bytes:
    """An octet string in pieces, as programs write it that do not know its length beforehand."""
    _, at, length = _head(octets, at)
    end = len(octets) if length == _INDEFINITE else at + length
    pieces: list[bytes] = []
    while at < end and octets[at] in (_OCTETS, _BUILT_OCTETS) and len(pieces) < _MOST_PIECES:
        if octets[at] == _BUILT_OCTETS:
            _, at, _ = _head(octets, at)
            continue
        piece, at = _value(octets, at, _OCTETS)
        pieces.append(piece)
    return b"".join(pieces)


def _head(octets: bytes, at: int) -> tuple[int, int, int]:
    """Tag, offset of the content and its length, of one element. X.690 §8.1. IndexError at the end."""
    tag, first = octets[at], octets[at + 1]
    if first == 0x80:
        return tag, at + 2, _INDEFINITE
    if first < 0x80:
        return tag, at + 2, first
    start = at + 2 + (first & 0x7F)
    length = int.from_bytes(octets[at + 2 : start], "big")
    if length > len(octets):
        raise IndexError("an element that is longer than the whole")
    return tag, start, length


def _enter(octets: bytes, at: int, tag: int) -> int:
    found, start, _ = _head(octets, at)
    if found != tag:
        raise IndexError("another element than there should be")
    return start


def _value(octets: bytes, at: int, tag: int) -> tuple[bytes, int]:
    found, start, length = _head(octets, at)
    if found != tag or length == _INDEFINITE:
        raise IndexError("another element than there should be")
    return octets[start : start + length], start + length


def _past(octets: bytes, at: int) -> int:
    """The offset behind an element, those inside it included."""
    depth = 0
    for _ in range(_MOST_PIECES):
        tag, start, length = _head(octets, at)
        if length == _INDEFINITE:
            depth += 1
            at = start
        elif tag == 0 and length == 0 and depth:
            depth -= 1
            at = start
        else:
            at = start + length
        if depth == 0:
            return at
    raise IndexError("too many elements")
