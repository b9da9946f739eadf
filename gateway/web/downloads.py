"""Files on their way out: under which name, as what type, and never as something a browser runs."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.responses import Response, StreamingResponse

from gateway.desk.views import FileView

NAME_MAX = 120
OCTET_STREAM = "application/octet-stream"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def plain_name(name: str) -> str:
    """A file name that is only a name: safe to show, to send in a header and to save under.

    Normalised first and checked afterwards, so that nothing appears by dropping something else.
    At most 120 characters, the extension kept; `file` when nothing is left.
    """
    normal = unicodedata.normalize("NFC", name)
    visible = "".join(c for c in normal if unicodedata.category(c) not in _DROPPED)
    last = visible.replace("\\", "/").rpartition("/")[2]
    bare = last.translate(str.maketrans(':*?"<>|', "_______")).strip(" .")
    stem, dot, extension = bare.rpartition(".")
    if dot and len(extension) < 20:
        bare = stem[: NAME_MAX - 1 - len(extension)] + dot + extension
    bare = bare[:NAME_MAX]
    if bare.partition(".")[0].strip().lower() in _DEVICES:
        bare = "_" + bare[: NAME_MAX - 1]
    return bare or "file"


def disposition(kind: str, name: str) -> str:
    """A Content-Disposition value; names beyond ASCII also in `filename*`. RFC 6266 §4, RFC 8187 §3.2."""
    name = plain_name(name)
    fallback = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    value = f'{kind}; filename="{fallback}"'
    return value if fallback == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def picture_type(start: bytes) -> str:
    """The type of a picture browsers show without running anything, by its first octets; or empty."""
    for magic, content_type in _PICTURES:
        if start.startswith(magic):
            return content_type
    return "image/webp" if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else ""


def download(file: FileView, start: bytes, rest: Iterator[bytes], limiter: CapacityLimiter) -> Response:
    """The answer with a file, whose first octets `start` have been read already."""
    picture = picture_type(start)
    headers = HEADERS | {
        "Content-Length": str(file.size),
        "Content-Disposition": disposition("inline" if picture and file.inline else "attachment", file.name),
    }
    return StreamingResponse(_octets(start, rest, limiter), 200, headers, picture or OCTET_STREAM)


async def _octets(start: bytes, rest: Iterator[bytes], limiter: CapacityLimiter) -> AsyncIterator[bytes]:
    try:
        yield start
        while chunk := await to_thread.run_sync(next, rest, b"", limiter=limiter):
            yield chunk
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(close, limiter=limiter)
