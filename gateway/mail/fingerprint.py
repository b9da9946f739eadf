"""What makes two deliveries the same mail: a hash without what the way added (design §5.3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from gateway.mail.structure import HEADER_OCTETS, Octets

_CHUNK = 1 << 20
_TRACE = re.compile(
    rb"(?:return-path|received|x-received|received-spf|delivered-to|x-original-to|x-delivered-to|envelope-to|"
    rb"x-envelope-(?:to|from)|delivery-date|authentication-results(?:-original)?|arc-[a-z-]{1,40}|"
    rb"x-(?:spam|spamd|virus|rspamd|amavis|barracuda|proofpoint|ironport|mimecast|forefront-antispam|"
    rb"microsoft-antispam|ms-exchange-organization|mozilla)[a-z0-9-]{0,80}|x-scanned-by|x-bogosity|x-dspam-[a-z-]{1,40}|x-uid|x-status|status)"
    rb"[ \t]*:",
    re.IGNORECASE,
)


def fingerprint(octets: Octets) -> str:
    """SHA-256 in hex of a mail without trace fields and filter verdicts, lines ended by LF.

    Message-ID counts like any other field: another Message-ID is another mail.
    """
    digest = hashlib.sha256()
    body = 0
    kept = True
    for start, end in _header_lines(octets):
        body = end
        line = octets[start:end].rstrip(b"\r\n")
        if line[:1] not in (b" ", b"\t"):
            kept = not _TRACE.match(line) and not line.startswith((b"From ", b">From "))
        if kept:
            digest.update(line + b"\n")
    for chunk in _normalised(octets, body):
        digest.update(chunk)
    return digest.hexdigest()


def _header_lines(octets: Octets) -> Iterator[tuple[int, int]]:
    """Offsets of the lines up to and with the first empty one, within reason."""
    start, size = 0, len(octets)
    while start < min(size, HEADER_OCTETS):
        newline = octets.find(b"\n", start)
        end = size if newline < 0 else newline + 1
        yield start, end
        if end - start <= 2 and not octets[start:end].strip():
            return
        start = end


def _normalised(octets: Octets, start: int) -> Iterator[bytes]:
    """The rest in pieces, CRLF as LF, without the line ends some servers add at the very end."""
    end = _last_word(octets, start)
    while start < end:
        stop = min(start + _CHUNK, end)
        if octets[stop - 1] == 13 and stop < end:
            stop += 1  # keep CR and LF together
        yield octets[start:stop].replace(b"\r\n", b"\n")
        start = stop


def _last_word(octets: Octets, start: int) -> int:
    """The offset behind the last octet that is no line end."""
    end = len(octets)
    while end > start:
        piece = max(start, end - _CHUNK)
        kept = len(octets[piece:end].rstrip(b"\r\n"))
        if kept:
            return piece + kept
        end = piece
    return start
