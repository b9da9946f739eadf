"""Which parts of a mail are its words, and which are enclosures. RFC 2046 §5.1, RFC 2387."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from gateway.mail import charset, enclosures
from gateway.mail.flowed import unflow
from gateway.mail.html_text import to_text
from gateway.mail.sanitize import LONGEST as LONGEST_HTML
from gateway.mail.sanitize import sanitize
from gateway.mail.structure import Part

LONGEST_TEXT = 1_000_000
_MOST_OCTETS = 4 * LONGEST_TEXT + 4
"""Octets of one part that are decoded: always more characters than are kept."""

_PLAIN = frozenset({"text/plain", "text/enriched", "text/markdown", "text/x-patch", "text/x-diff"})
_META_CHARSET = re.compile(rb"charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Body:
    """What a mail says.

    text: never folded.  html: sanitised, or None.  rest: the parts that are enclosures.
    notes: what had to be cut.
    """

    text: str
    html: str | None
    rest: tuple[Part, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Block:
    """One stretch of writing, in one form or in both; empty means: not in this form."""

    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Found:
    blocks: tuple[_Block, ...] = ()
    rest: tuple[Part, ...] = ()


def collect(root: Part) -> Body:
    """The words of a mail in both forms, as far as it has them."""
    found = _found(root, first=True)
    notes: list[str] = []
    html = None
    if any(block.html for block in found.blocks):
        raw = "\n".join(block.html or _as_html(block.text) for block in found.blocks)
        if len(raw) > LONGEST_HTML:
            notes.append("html cut")
        html = sanitize(raw)
    if html is not None and not any(block.text for block in found.blocks):
        text = to_text(str(html))
    else:
        text = "\n\n".join(filter(None, (block.text or _text_of(block.html) for block in found.blocks)))
    if len(text) > LONGEST_TEXT:
        notes.append("text cut")
        text = text[:LONGEST_TEXT]
    return Body(charset.scrub(text), html, found.rest, tuple(notes))


def _found(part: Part, first: bool) -> _Found:
    """`first`: nothing of the body has been seen before this part."""
    if part.children:
        match part.content_type:
            case "multipart/alternative":
                return _alternative(part, first)
            case "multipart/related":
                return _related(part, first)
        return _in_order(part.children, first)
    if not _is_writing(part, first):
        return _Found(rest=(part,))
    text = _decoded(part)
    block = _Block("", text) if part.content_type == "text/html" else _Block(text.strip("\n"), "")
    return _Found(blocks=(block,) if text.strip() else ())


def _in_order(parts: Iterable[Part], first: bool) -> _Found:
    blocks: list[_Block] = []
    rest: list[Part] = []
    for part in parts:
        found = _found(part, first and not blocks)
        blocks += found.blocks
        rest += found.rest
    return _Found(tuple(blocks), tuple(rest))


def _alternative(part: Part, first: bool) -> _Found:
    """The last offer of each form; RFC 2046 §5.1.4. Further forms of the same words are left away."""
    text = html = ""
    rest: list[Part] = []
    for child in part.children:
        offer = _found(child, first)
        rest += (kept for kept in offer.rest if kept is not child or not _is_other_form(child))
        text = "\n\n".join(filter(None, (block.text for block in offer.blocks))) or text
        html = "\n".join(filter(None, (block.html for block in offer.blocks))) or html
    return _Found((_Block(text, html),) if text or html else (), tuple(rest))


def _related(part: Part, first: bool) -> _Found:
    """The root says something, all else belongs to it. RFC 2387 §3.2."""
    start = part.typed[1].get("start", "").strip("<> ").encode()
    roots = [child for child in part.children if start and child.value("content-id").strip(b"<> ") == start]
    root = roots[0] if roots else part.children[0]
    found = _found(root, first)
    others = tuple(child for child in part.children if child is not root)
    leaves = tuple(leaf for child in others for leaf in child.walk() if not leaf.children)
    if not found.blocks:  # a picture first and the words behind it
        return _in_order(part.children, first)
    return _Found(found.blocks, found.rest + leaves)


def _is_writing(part: Part, first: bool) -> bool:
    """Text without a name, or the first text of the mail with one, and not sent as an attachment."""
    if part.disposed[0] == "attachment":
        return False
    if part.content_type.startswith("multipart/"):
        return first  # no delimiter was found: all there is to read
    if part.content_type not in _PLAIN and part.content_type != "text/html":
        return False
    return first or not enclosures.declared_name(part)


def _is_other_form(part: Part) -> bool:
    """Whether an unread alternative only repeats the words: AMP, watch or rich text, but no invitation."""
    return part.content_type.startswith("text/") and part.content_type != "text/calendar"


def _decoded(part: Part) -> str:
    octets = part.decoded()[:_MOST_OCTETS]
    label = part.typed[1].get("charset", charset.UNDECLARED)
    if part.content_type == "text/html" and not charset.known(label):
        declared = _META_CHARSET.search(octets, 0, 1024)
        label = declared[1].decode("ascii") if declared else label
    text = charset.decode(octets, label)
    return _unflowed(text, part) if len(text) <= LONGEST_TEXT else text


def _unflowed(text: str, part: Part) -> str:
    content_type, parameters = part.typed
    if content_type != "text/plain" or parameters.get("format", "").lower() != "flowed":
        return text
    return unflow(text, delete_space=parameters.get("delsp", "").lower() == "yes")


def _as_html(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def _text_of(html: str) -> str:
    return to_text(str(sanitize(html))) if html else ""
