"""Pictures that an HTML shows without a Content-ID: `data:` URLs, Content-Location. RFC 2397, RFC 2557."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from gateway.mail import header, transfer
from gateway.mail.structure import Part, made

MOST_LIFTED = 100

_DATA_URL = re.compile(
    r"""(src\s{0,8}=\s{0,8}["']?)\s{0,8}data:(image/[a-z0-9.+-]{1,40})[a-z0-9;=-]{0,80};base64,([A-Za-z0-9+/=\s]+)""",
    re.IGNORECASE,
)


def lift(html: str) -> tuple[str, tuple[Part, ...]]:
    """The HTML with its `data:` pictures replaced by `cid:` ones, and these as parts."""
    if "data:image" not in html.lower():
        return html, ()
    lifted: dict[str, Part] = {}

    def place(found: re.Match[str]) -> str:
        data = transfer.base64(found[3].encode("ascii"))
        content_id = f"{hashlib.sha256(data).hexdigest()[:32]}@data"
        if content_id not in lifted and (not data or len(lifted) >= MOST_LIFTED):
            return found[1]
        lifted.setdefault(content_id, made(data, found[2].lower(), content_id=content_id))
        return f"{found[1]}cid:{content_id}"

    return _DATA_URL.sub(place, html), tuple(lifted.values())


def content_id(part: Part) -> str:
    """By which an HTML can show this part: its Content-ID, or one made of its Content-Location; or empty."""
    own = header.text(part.value("content-id")).strip("<> ")
    if own or not (location := header.text(part.value("content-location"))):
        return own
    return f"{hashlib.sha256(location.encode()).hexdigest()[:32]}@location"


def by_location(parts: Iterable[Part]) -> dict[str, str]:
    """The address that an HTML shows each picture by: from what it says to a `cid:` URL."""
    return {
        location: f"cid:{content_id(part)}"
        for part in parts
        if part.content_type.startswith("image/")
        and (location := header.text(part.value("content-location")))
    }
