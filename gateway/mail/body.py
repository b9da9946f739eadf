"""The words of a mail, as text and as HTML, and what stays enclosed. RFC 2045, RFC 2046."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gateway.i18n import SOURCE_LANGUAGE
from gateway.mail import charset, pictures, sealed
from gateway.mail.blocks import LONGEST_TEXT, Block, Walk
from gateway.mail.html_text import read_html, to_text
from gateway.mail.quote import Ranges, apart, clients
from gateway.mail.quote.structure import NO_STRUCTURE, Structure
from gateway.mail.sanitize import LONGEST as LONGEST_HTML
from gateway.mail.sanitize import sanitize
from gateway.mail.structure import PARTS, Part

_WRITTEN_SIGNS = re.compile(r"&#(?:x0*fdd[0-7](?![0-9a-f])|0*649(?:7[6-9]|8[0-3])(?![0-9]));?", re.IGNORECASE)
"""`clients.SIGNS` as HTML may write them: only we mark parts of a mail."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a mail says.

    text: never folded.  html: sanitised, or None.  rest: the parts that are enclosures.
    limits: what had to be cut.  remarks: what else is to know of it.
    armour: ranges of lines of `text` that only an OpenPGP program reads.
    sealed: the system that it or a part of it is encrypted with; a sentence in the text says so.
    structure: what mail programs said in the HTML about the parts of the text, where it was made from that.
    """

    text: str
    html: str | None
    rest: tuple[Part, ...]
    limits: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    armour: Ranges = ()
    sealed: str = ""
    structure: Structure = NO_STRUCTURE


def collect(root: Part, locale: str = SOURCE_LANGUAGE) -> Body:
    """The words of a mail in both forms, as far as it has them; `locale` is for our own sentences."""
    walk = Walk(locale)
    found = walk.found(root)
    blocks = _without_repeated_events(found.blocks)
    html, lifted, limits = _html(blocks, found.rest)
    structure = NO_STRUCTURE
    if html is not None and not any(block.text for block in blocks):
        read = read_html(html)
        text, structure = read.text, read.structure
    else:
        text = apart("\n\n".join(filter(None, (block.text or _text_of(block.html) for block in blocks))))
    if len(text) > LONGEST_TEXT:
        limits.append("text cut")
        text = text[:LONGEST_TEXT]
    text, armour = _unarmoured(charset.scrub(text), walk)
    rest = (*found.rest, *lifted)
    if len(rest) > PARTS:
        limits.append("too many files")
    return Body(
        text=text,
        html=None if html is None else Markup(clients.without_signs(html)),
        rest=rest[:PARTS],
        limits=(*walk.limits, *limits),
        remarks=tuple(walk.remarks),
        armour=armour,
        sealed=walk.sealed,
        structure=structure,
    )


def _without_repeated_events(blocks: Sequence[Block]) -> list[Block]:
    """An invitation often comes twice, as an alternative and as a file."""
    events = dict.fromkeys(block for block in blocks if block.event)
    return [block for block in blocks if not block.event] + list(events)


def _html(blocks: Sequence[Block], rest: Sequence[Part]) -> tuple[str | None, tuple[Part, ...], list[str]]:
    """The HTML, or None; the pictures that stood in it; the limits reached."""
    if not any(block.html for block in blocks):
        return None, (), []
    raw, lifted = pictures.lift("\n".join(block.html or _as_html(block.text) for block in blocks))
    limits = ["html cut"] if len(raw) > LONGEST_HTML else []
    raw = _WRITTEN_SIGNS.sub("\ufffd", raw)
    return sanitize(clients.marked(raw), pictures.by_location(rest)), lifted, limits


def _unarmoured(text: str, walk: Walk) -> tuple[str, Ranges]:
    """The text with the lines of OpenPGP in it found, and with a sentence where nothing else is left."""
    armour, encrypted = sealed.armour(text)
    if not armour:
        return text, ()
    if not encrypted:
        walk.remarks["OpenPGP in the text, signature not checked"] = None
    hidden = {number for start, end in armour for number in range(start, end)}
    lines = enumerate(text.split("\n"))
    if any(line.strip() for number, line in lines if number not in hidden):
        if encrypted:
            walk.remarks["encrypted in part (OpenPGP)"] = None
        return text, armour
    if not encrypted:
        return text, ()
    text = f"{walk.sealing('OpenPGP')}\n\n{text}"
    return text, sealed.armour(text)[0]


def _as_html(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def _text_of(html: str) -> str:
    return to_text(sanitize(html)) if html else ""
