"""Foreign HTML to the only HTML this program ever shows or sends on (threats T35-T39)."""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import urlsplit

import nh3
from markupsafe import Markup

from gateway.mail.tidy import ATTRIBUTES_OF, TAGS, tidy

LONGEST = 1_000_000
"""Characters of HTML that are read; the rest is left away (the raw mail has it)."""

_LINK_SCHEMES = frozenset({"http", "https", "mailto"})
_NUMBER = re.compile(r"[0-9]{1,4}%?")
_IMAGE = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')


def sanitize(html: str) -> Markup:
    """`html` with an allow-list of tags, no style, no remote image, no way to run anything.

    Links lead to http, https or mailto. Remote pictures are replaced by their alternative
    text. Pictures of the mail itself stay as `<img src="cid:ID" …>`, the source always
    directly behind `<img `: whoever shows the page puts the address of the attachment there.
    Idempotent. Never raises; linear in the length of `html`.
    """
    html = html[:LONGEST]
    clean = _clean(html)
    while len(clean) > LONGEST:  # every bare <a> grows by its rel
        html = html[: len(html) * LONGEST // len(clean) - 1]
        clean = _clean(html)
    return Markup(clean)


def _clean(html: str) -> str:
    clean = _CLEANER.clean(tidy(html))
    return _IMAGE.sub(_image, clean) if "<img" in clean else clean


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
