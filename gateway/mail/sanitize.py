"""Foreign HTML to the only HTML this program ever shows or sends on (threats T35-T39)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import urlsplit

import nh3
from markupsafe import Markup

from gateway.mail.tidy import ATTRIBUTES_OF, TAGS, tidy

LONGEST = 1_000_000
"""Characters of HTML that are read; the rest is left away (the raw mail has it)."""

_LINK_SCHEMES = frozenset({"http", "https", "mailto"})
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BYTE_ORDER_MARK = "\ufeff"
_NUMBER = re.compile(r"[0-9]{1,4}%?")
_PREFORMATTED = re.compile(r'(<pre(?: dir="[a-z]+")?>)\n', re.IGNORECASE)
"""Whose first line break goes without saying for every reader, ourselves included; HTML Standard §13.2.6.4.7."""
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')


def sanitize(html: str, pictures: Mapping[str, str] | None = None) -> Markup:
    """`html` with an allow-list of tags, no style, no remote image, no way to run anything.

    Links lead to http, https or mailto. Remote pictures are replaced by their alternative
    text. Pictures of the mail itself stay as `<img src="cid:ID" …>`, the source always
    directly behind `<img `: whoever shows the page puts the address of the attachment there.
    pictures: addresses that lead to pictures of this mail, and the `cid:` URLs that stand for them.
    Idempotent. Never raises; linear in the length of `html`.
    """
    html = _CONTROLS.sub("\ufffd", html[:LONGEST].replace("\r\n", "\n"))
    clean = _clean(html, pictures or {})
    while len(clean) > LONGEST:  # every bare <a> grows by its rel
        html = html[: len(html) * LONGEST // len(clean) * 9 // 10]
        clean = _clean(html, pictures or {})
    return Markup(clean.lstrip(_BYTE_ORDER_MARK))  # a parser drops one in front, the next one another


def _clean(html: str, pictures: Mapping[str, str]) -> str:
    clean = _CONTROLS.sub("\ufffd", _CLEANER.clean(tidy(html, pictures)))  # references write them, too: &#1;
    if "<img" in clean:
        clean = _IMAGE.sub(_image, clean)
    return _PREFORMATTED.sub("\\1\n\n", clean) if "<pre" in clean else clean


def _attribute(tag: str, name: str, value: str) -> str | None:
    """The value to keep, or None to drop the attribute."""
    match name:
        case "href":
            return value if _scheme(value) in _LINK_SCHEMES else None
        case "src":
            return "cid:" + value.strip()[4:] if _scheme(value) == "cid" else None
        case "width" | "height" | "colspan" | "rowspan" | "start":
            return value if _NUMBER.fullmatch(value) else None
        case "dir":
            return value if value.lower() in ("ltr", "rtl", "auto") else None
        case "align":
            return value if value.lower() in ("left", "right", "center") else None
    return value


def _scheme(url: str) -> str:
    try:
        return urlsplit(url.strip()).scheme
    except ValueError:
        return ""


def _image(tag: re.Match[str]) -> str:
    attributes = dict(re.findall(r' ([a-z]+)="([^"]*)"', tag[1]))
    source = attributes.pop("src", "")
    if not source:
        return escape(unescape(attributes.get("alt", "")), quote=False)
    rest = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<img src="{source}"{rest}>'


_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags={"script", "style", "title", "template", "svg", "math"},
    attributes={"*": {"dir"}, **{tag: set(names) for tag, names in ATTRIBUTES_OF.items()}},
    attribute_filter=_attribute,
    link_rel="noopener noreferrer nofollow ugc",
    url_schemes={*_LINK_SCHEMES, "cid"},
    url_relative="deny",
)
