"""Foreign HTML to short, well-nested HTML, in one linear pass.

The HTML algorithm closes and reopens formatting elements so faithfully that 17 KB of unclosed
`<b>` become 9 MB, and it compares every attribute of a tag with every other. What leaves here
is balanced, bounded in depth and in attributes, and holds no comment, script or style; the
sanitiser behind it then costs no more than its length. Tags and attributes are told apart as
HTML Living Standard §13.2.5 does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from html import escape, unescape
from types import MappingProxyType

DEPTH = 100
ATTRIBUTES = 100


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


VOID = _names("br hr img wbr")
_BLOCKS = _names(
    "blockquote caption center dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre "
    "table tbody td tfoot th thead tr ul"
)
_INLINE = _names(
    "a abbr b big br cite code del em i img ins kbd mark q s samp small span strike strong "
    "sub sup tt u var wbr"
)
TAGS = _BLOCKS | _INLINE
ATTRIBUTES_OF = {
    "a": frozenset({"href", "title"}),
    "img": frozenset({"src", "alt", "title", "width", "height"}),
    "td": frozenset({"colspan", "rowspan", "align"}),
    "th": frozenset({"colspan", "rowspan", "align"}),
    "ol": frozenset({"start"}),
}
_EVERYWHERE = frozenset({"dir"})

# Content that is not writing, left out up to its end tag.
_SKIPPED = _names(
    "script style title template textarea svg math iframe noembed noframes xmp applet audio video canvas map"
)
# Containers that are not kept but part the words they parted.
_GAPS = _names("section article header footer address fieldset form option body")
# Opening the one closes the other when it is open inside the nearest of the last.
_CLOSES = {
    "li": ({"li"}, {"ul", "ol"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
    "tr": ({"tr", "td", "th", "caption"}, {"table"}),
    "tbody": ({"tbody", "thead", "tfoot", "caption"}, {"table"}),
    "thead": ({"tbody", "thead", "tfoot", "caption"}, {"table"}),
    "tfoot": ({"tbody", "thead", "tfoot", "caption"}, {"table"}),
    "a": ({"a"}, {"td", "th", "caption"}),
}
_SCOPE = frozenset({"td", "th", "caption", "table"})
_TABLE_PARTS = frozenset({"table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption"})
_TABLE = frozenset({"table"})
_INSIDE_TABLE = _TABLE_PARTS - _TABLE
_PARAGRAPH = frozenset({"p"})

_NO_PICTURES: Mapping[str, str] = MappingProxyType({})
_TAG = re.compile(r"</?([a-zA-Z][^\s/>]*)(>?)")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")


def tidy(html: str, pictures: Mapping[str, str] = _NO_PICTURES) -> str:
    """`html` with only allowed tags and attributes, every tag closed. Never raises; linear.

    pictures: what to write for some sources of pictures.
    """
    return _Tidier(html, pictures).run()


class _Tidier:
    def __init__(self, html: str, pictures: Mapping[str, str]) -> None:
        self.html = html
        self.pictures = pictures
        self.position = 0
        self.out: list[str] = []
        self.open: list[str] = []
        self.never_again: set[str] = set()  # terminators that do not occur any more

    def run(self) -> str:
        html = self.html
        while (start := html.find("<", self.position)) >= 0:
            self.out.append(html[self.position : start])
            self.position = start
            self._markup()
        self.out.append(html[self.position :])
        self._close_down_to(0)
        return "".join(self.out)

    def _markup(self) -> None:
        tag = _TAG.match(self.html, self.position)
        if tag is not None:
            closing = self.html[self.position + 1] == "/"
            self.position = tag.end()
            self._tag(tag[1].lower(), closing, [] if tag[2] else self._attributes())
        elif self.html.startswith("<!--", self.position):
            self._skip_past("-->", 4)
        elif self.html.startswith(("<!", "<?", "</"), self.position):
            self._skip_past(">", 2)
        else:
            self.out.append("&lt;")
            self.position += 1

    def _skip_past(self, terminator: str, lead: int) -> None:
        """Past a terminator; only past the lead where it never comes, to lose no words."""
        end = -1
        if terminator not in self.never_again:
            end = self.html.find(terminator, self.position + lead)
        if end < 0:
            self.never_again.add(terminator)
            self.position += lead
        else:
            self.position = end + len(terminator)

    def _tag(self, name: str, closing: bool, attributes: list[tuple[str, str]]) -> None:
        if name in _SKIPPED:
            if not closing:
                self._skip_element(name)
        elif name not in TAGS:
            self.out.append("\n" if name in _GAPS else "")
        elif closing:
            self._end(name)
        else:
            self._start(name, attributes)

    def _attributes(self) -> list[tuple[str, str]]:
        """The attributes of the tag at hand; moves behind the tag."""
        html, position = self.html, self.position
        found: list[tuple[str, str]] = []
        for _ in range(ATTRIBUTES):
            attribute = _ATTRIBUTE.match(html, position)
            if attribute is None:
                break
            position = attribute.end()
            if attribute.lastindex != 1:
                found.append((attribute[1].lower(), attribute[attribute.lastindex or 1]))
        end = html.find(">", position)
        self.position = len(html) if end < 0 else end + 1
        return found

    def _skip_element(self, name: str) -> None:
        terminator = f"</{name}"
        if terminator in self.never_again:
            return
        end = re.compile(terminator + r"(?=[\s/>])", re.IGNORECASE).search(self.html, self.position)
        if end is None:
            self.never_again.add(terminator)
        else:
            self.position = end.end()
            self._attributes()

    def _start(self, name: str, attributes: list[tuple[str, str]]) -> None:
        if name in _CLOSES:
            closes, within = _CLOSES[name]
            self._close_nearest(closes, within)
        if name in _BLOCKS:
            self._close_nearest(_PARAGRAPH, _SCOPE)
        if name in _INSIDE_TABLE and "table" not in self.open:  # HTML knows no such thing
            self.out.append("\n")
            return
        if name not in VOID:
            if len(self.open) >= DEPTH:
                return
            self.open.append(name)
        if name == "img" and self.pictures:
            attributes = [(key, self._source(value) if key == "src" else value) for key, value in attributes]
        self.out.append(f"<{name}{_written(name, attributes)}>")

    def _source(self, written: str) -> str:
        return self.pictures.get(unescape(written).strip(), written)

    def _end(self, name: str) -> None:
        if name == "br":
            self.out.append("<br>")
        elif name not in VOID:
            within = _TABLE if name in _TABLE_PARTS else _SCOPE
            self._close_nearest({name}, within)

    def _close_nearest(self, names: Set[str], within: Set[str]) -> None:
        """Close the nearest open one of `names`, and all inside it, unless one of `within` is nearer."""
        if names.isdisjoint(self.open):  # which is never longer than DEPTH
            return
        for index in range(len(self.open) - 1, -1, -1):
            if self.open[index] in names:
                self._close_down_to(index)
                return
            if self.open[index] in within:
                return

    def _close_down_to(self, index: int) -> None:
        while len(self.open) > index:
            self.out.append(f"</{self.open.pop()}>")


def _written(name: str, attributes: list[tuple[str, str]]) -> str:
    if not attributes:
        return ""
    kept: dict[str, str] = {}
    for key, value in attributes:
        if key in _EVERYWHERE or key in ATTRIBUTES_OF.get(name, ()):
            kept.setdefault(key, value)  # of twins the first counts
    return "".join(f' {key}="{escape(unescape(value))}"' for key, value in kept.items())
