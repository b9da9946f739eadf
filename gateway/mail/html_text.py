"""Sanitised HTML to text one can read and fold: paragraphs, lists, links, quotes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SPACES = re.compile(r"[ \t\n\f\r]+")
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "blockquote"}
)
_LINES = frozenset({"div", "li", "dt", "dd", "tr", "caption", "center", "thead", "tbody", "tfoot"})


def to_text(html: str) -> str:
    """The text of what `sanitize` made. Quotes get `> `, links their address behind them."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.finish()


class _Writer(HTMLParser):
    """Writes lines; breaks are asked for and only made when more text comes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.line: list[str] = []
        self.quotes = 0
        self.preformatted = 0
        self.lists: list[int] = []  # next number, 0 for bullets
        self.links: list[tuple[str, int]] = []
        self.blank_wanted = False
        self.bullet = ""
        self.last_quotes = 0

    def finish(self) -> str:
        self._break()
        return "\n".join(self.lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._boundary(tag, nested=bool(self.lists))
        match tag:
            case "br":
                self._break(always=True)
            case "hr":
                self._break()
                self.line.append("---")
                self._break()
            case "blockquote":
                self.quotes += 1
            case "pre":
                self.preformatted += 1
            case "ul" | "ol":
                self.lists.append(1 if tag == "ol" else 0)
            case "li":
                self.bullet = self._next_bullet()
            case "td" | "th" if self.line:
                self.line.append(" ")
            case "a":
                self.links.append((dict(attrs).get("href") or "", len(self.line)))
            case "img":
                self.line.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        self._boundary(tag, nested=len(self.lists) > 1)
        match tag:
            case "blockquote":
                self.quotes = max(0, self.quotes - 1)
            case "pre":
                self.preformatted = max(0, self.preformatted - 1)
            case "ul" | "ol" if self.lists:
                self.lists.pop()
            case "a" if self.links:
                self._link(*self.links.pop())

    def handle_data(self, data: str) -> None:
        if self.preformatted:
            first, *rest = data.split("\n")
            self.line.append(first)
            for line in rest:
                self._break(always=True)
                self.line.append(line)
        else:
            self.line.append(_SPACES.sub(" ", data.replace("\xa0", " ")))

    def _boundary(self, tag: str, nested: bool) -> None:
        if tag in _PARAGRAPHS or tag in _LINES:
            self._break()
            self.blank_wanted |= tag in _PARAGRAPHS and not nested

    def _break(self, always: bool = False) -> None:
        """End the line at hand; an empty one counts only for a `<br>`."""
        text = "".join(self.line)
        text = text.rstrip() if self.preformatted else _SPACES.sub(" ", text).strip()
        self.line.clear()
        # A link that spans lines has lost its beginning; it is shown on its last line.
        self.links = [(href, 0) for href, _ in self.links] if self.links else self.links
        if not text and not always:
            return
        if self.blank_wanted and self.lines:
            self.lines.append(_marks(min(self.quotes, self.last_quotes)).rstrip())
        self.lines.append((_marks(self.quotes) + self.bullet + text).rstrip())
        self.blank_wanted, self.bullet, self.last_quotes = False, "", self.quotes

    def _next_bullet(self) -> str:
        indent = "  " * min(len(self.lists) - 1, 10)
        if not self.lists or not self.lists[-1]:
            return f"{indent}* "
        self.lists[-1] += 1
        return f"{indent}{self.lists[-1] - 1}. "

    def _link(self, href: str, start: int) -> None:
        shown = "".join(self.line[start:]).strip()
        plain = href.removeprefix("mailto:")
        if href and shown and plain not in shown and shown not in plain:
            self.line.append(f" <{href}>")
        elif href and not shown and not self.line:
            self.line.append(f"<{href}>")


def _marks(quotes: int) -> str:
    return "> " * min(quotes, 20)
