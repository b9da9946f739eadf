"""HTML to text one can read and fold: paragraphs, lists, links, quotes, and where they came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from gateway.mail.quote import clients
from gateway.mail.quote.attribution import announces_box
from gateway.mail.quote.structure import Structure

_TAG = re.compile(r"<(/?)([a-z0-9]+)([^>]*)>")
_SPACES = re.compile(r"[ \t\n\f\r]+")
_SIGN = re.compile(f"([{clients.SIGNS}])")
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "blockquote"}
)
_LINES = frozenset({"div", "li", "dt", "dd", "tr", "caption", "center", "thead", "tbody", "tfoot"})
_VOID = frozenset({"br", "hr", "img", "wbr"})
_DEEPEST = 20
_ASIDE = "    "


@dataclass(frozen=True, slots=True)
class HtmlText:
    """text: lines ended by \\n.  structure: what the signs in the HTML said about them."""

    text: str
    structure: Structure


def to_text(html: str) -> str:
    """The text of what `sanitize` made. Quotes get `> `, links their address behind them."""
    return read_html(html).text


def read_html(html: str) -> HtmlText:
    """The text of what `sanitize` made of `clients.marked` HTML, and its parts.

    That takes no parser: its tags are written in one way, and what else is `<` or `>` is escaped.
    """
    writer = _Writer()
    html, position = str(html), 0  # of markup, every piece would be markup
    for tag in _TAG.finditer(html):
        if position < tag.start():
            writer.write(unescape(html[position : tag.start()]))
        position = tag.end()
        if tag[1]:
            writer.close(tag[2])
        else:
            writer.open(tag[2], tag[3])
    writer.write(unescape(html[position:]))
    return writer.finish()


@dataclass(slots=True)
class _Part:
    """A part that was marked: its sign, the line it begins in and how deep its element lies."""

    sign: str
    start: int
    depth: int
    end: int = -1


class _Writer:
    """Writes lines; breaks are asked for and only made when more text comes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.quotes = 0
        self.asides = 0
        self.blockquotes: list[str] = []  # what kind of each is open
        self.preformatted = 0
        self.lists: list[int] = []  # next number, 0 for bullets
        self.links: list[tuple[str, int]] = []
        self.blank_wanted = False
        self.bullet = ""
        self.last_margin = ""
        self.depth = 0
        self.open_parts: list[_Part] = []
        self.parts: list[_Part] = []
        self.sign_ahead = ""

    def finish(self) -> HtmlText:
        self._break()
        self._close_parts(0)
        above = next((at for at, line in enumerate(self.lines) if line), len(self.lines))
        return HtmlText("\n".join(self.lines).strip("\n"), _structure(self.parts, above))

    def open(self, tag: str, attributes: str) -> None:
        """An element begins; attributes: as they are written."""
        self._boundary(tag, nested=bool(self.lists))
        self.depth += tag not in _VOID
        match tag:
            case "br":
                self._break(always=True)
            case "hr":
                self._break()
                self.line.append("---")
                self._break()
            case "blockquote":
                self._open_blockquote()
            case "pre":
                self.preformatted += 1
            case "ul" | "ol":
                self.lists.append(1 if tag == "ol" else 0)
            case "li":
                self.bullet = self._next_bullet()
            case "td" | "th" if self.line:
                self.line.append(" ")
            case "a":
                self.links.append((_value("href", attributes), len(self.line)))
            case "img":
                self.line.append(_value("alt", attributes))

    def close(self, tag: str) -> None:
        """An element ends."""
        self._boundary(tag, nested=len(self.lists) > 1)
        self._close_parts(self.depth)
        self.depth -= 1
        match tag:
            case "blockquote" if self.blockquotes:
                self._close_blockquote()
            case "pre":
                self.preformatted = max(0, self.preformatted - 1)
            case "ul" | "ol" if self.lists:
                self.lists.pop()
            case "a" if self.links:
                self._link(*self.links.pop())

    def write(self, text: str) -> None:
        """Words, and signs between them."""
        for piece in _SIGN.split(text):
            if piece and piece in clients.SIGNS:
                self._sign(piece)
            elif piece:
                self._words(piece)

    def _words(self, words: str) -> None:
        if self.preformatted:
            first, *rest = words.split("\n")
            self.line.append(first)
            for line in rest:
                self._break(always=True)
                self.line.append(line)
        else:
            self.line.append(_SPACES.sub(" ", words.replace("\xa0", " ")))

    def _sign(self, sign: str) -> None:
        if sign in (clients.QUOTE, clients.ASIDE):
            self.sign_ahead = sign
        else:
            self._break()
            self.open_parts.append(_Part(sign, len(self.lines), self.depth))

    def _close_parts(self, depth: int) -> None:
        """The parts whose element ends here end here."""
        while self.open_parts and self.open_parts[-1].depth >= depth:
            self._break()
            part = self.open_parts.pop()
            part.end = len(self.lines)
            self.parts.append(part)

    def _open_blockquote(self) -> None:
        """A quote gets `> `; what the author only set off, or nobody says anything about, is indented."""
        kind, self.sign_ahead = self.sign_ahead, ""
        last = self.lines[-1] if self.lines else ""
        if self.quotes or (kind != clients.QUOTE and last.endswith((":", "：")) and announces_box(last)):
            kind = clients.QUOTE
        self.blockquotes.append(kind)
        self.open_parts.append(_Part(kind, len(self.lines), self.depth))
        self.quotes += kind == clients.QUOTE
        self.asides += kind != clients.QUOTE

    def _close_blockquote(self) -> None:
        kind = self.blockquotes.pop()
        self.quotes -= kind == clients.QUOTE
        self.asides -= kind != clients.QUOTE

    def _boundary(self, tag: str, nested: bool) -> None:
        if tag in _PARAGRAPHS or tag in _LINES:
            self._break()
            self.blank_wanted |= tag in _PARAGRAPHS and not nested

    def _break(self, always: bool = False) -> None:
        """End the line at hand; an empty one counts only for a `<br>`."""
        if not self.line and not always:
            return
        text = "".join(self.line)
        text = text.rstrip() if self.preformatted else _SPACES.sub(" ", text).strip()
        self.line.clear()
        # A link that spans lines has lost its beginning; it is shown on its last line.
        self.links = [(href, 0) for href, _ in self.links] if self.links else self.links
        if not text and not always:
            return
        margin = "> " * min(self.quotes, _DEEPEST) + _ASIDE * min(self.asides, _DEEPEST)
        if self.blank_wanted and self.lines:
            self.lines.append(min(margin, self.last_margin, key=len).rstrip())
        self.lines.append((margin + self.bullet + text).rstrip())
        self.blank_wanted, self.bullet, self.last_margin = False, "", margin

    def _next_bullet(self) -> str:
        indent = "  " * min(len(self.lists) - 1, 10)
        if not self.lists or not self.lists[-1]:
            return f"{indent}* "
        self.lists[-1] += 1
        return f"{indent}{self.lists[-1] - 1}. "

    def _link(self, href: str, start: int) -> None:
        """The address behind the words that lead there; not behind the names in the header of a quoted mail."""
        if href.startswith("mailto:") and self.open_parts and self.open_parts[-1].sign == clients.HEADER:
            return
        shown = "".join(self.line[start:]).strip()
        address = href.removeprefix("mailto:")
        target = href if "?" in address else address
        if target and shown and address not in shown and shown not in address:
            self.line.append(f" <{target}>")
        elif target and not shown and not self.line:
            self.line.append(f"<{target}>")


def _value(name: str, attributes: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', attributes)
    return unescape(found[1]) if found else ""


def _structure(parts: list[_Part], above: int) -> Structure:
    """The parts by kind, `above` lines higher."""
    ranges: dict[str, list[tuple[int, int]]] = {sign: [] for sign in (*clients.SIGNS, "")}
    for part in sorted(parts, key=lambda part: part.start):
        start, end = max(0, part.start - above), max(0, part.end - above)
        # What marks a beginning may be an empty element.
        if start < end or part.sign in (clients.HISTORY, clients.FORWARDED):
            ranges[part.sign].append((start, end))
    return Structure(
        attributions=tuple(ranges[clients.ATTRIBUTION]),
        quotes=tuple(ranges[clients.QUOTE_BOX]),
        history=tuple(start for start, _ in ranges[clients.HISTORY]),
        forwarded=tuple(start for start, _ in ranges[clients.FORWARDED]),
        headers=tuple(ranges[clients.HEADER]),
        signatures=tuple(ranges[clients.SIGNATURE]),
        asides=tuple(ranges[clients.ASIDE]),
        bare=tuple(ranges[""]),
    )
