"""The HTML of a mail put into a page: its pictures in place, its quotes folded, its headings below ours.

It works on what `mail.sanitize` wrote, and only on that: well-formed tags, every attribute in double
quotes. Tags are matched whole, attributes included, so that nothing inside a value is taken for a tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import unquote

from markupsafe import Markup, escape

_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z]+="[^"]*")*)>')
_SOURCE = re.compile(r'^ src="cid:([^"]*)"')
_ALTERNATIVE = re.compile(r' alt="([^"]*)"')
_HEADING = re.compile(r"h[1-6]")


class MailHtml:
    """One message's HTML, made ready.

    pictures: URL by Content-ID, of this very message.  summary: what stands where a quote is folded.
    markup: the result.  placed: Content-IDs that were found.  has_quotes: something was folded.
    """

    def __init__(self, html: str, pictures: Mapping[str, str], summary: str) -> None:
        self._pictures = pictures
        self._summary = Markup('<details class="folded"><summary>{}</summary>').format(summary)
        self._depth = 0
        self.placed: set[str] = set()
        self.has_quotes = False
        self.markup = Markup(_TAG.sub(self._tag, html))

    def _tag(self, tag: re.Match[str]) -> str:
        closing, name, attributes = tag.groups()
        if name == "img":
            return self._picture(attributes)
        if name == "blockquote":
            return self._quote_end(tag[0]) if closing else self._quote_start(tag[0])
        if _HEADING.fullmatch(name):
            return f"<{closing}h4{attributes}>"
        return tag[0]

    def _picture(self, attributes: str) -> str:
        """A `cid:` picture of this message, or the alternative text of any other. RFC 2392."""
        source = _SOURCE.match(attributes)
        content_id = unquote(unescape(source[1])) if source else ""
        if source is None or content_id not in self._pictures:
            alternative = _ALTERNATIVE.search(attributes)
            return escape(unescape(alternative[1])) if alternative else ""
        self.placed.add(content_id)
        return f'<img src="{escape(self._pictures[content_id])}"{attributes[source.end() :]} loading="lazy">'

    def _quote_start(self, tag: str) -> str:
        """The outermost of nested quotes opens the fold."""
        self._depth += 1
        self.has_quotes = True
        return self._summary + Markup(tag) if self._depth == 1 else tag

    def _quote_end(self, tag: str) -> str:
        self._depth -= 1
        return tag + "</details>" if self._depth == 0 else tag
