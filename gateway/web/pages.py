"""The pages a customer's browser gets: templates compiled once, assets named after their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from gateway.data import folder
from gateway.desk.views import MessageView, TicketView
from gateway.i18n import format_size, translator
from gateway.web.settings import WebSettings
from gateway.web.shapes import Gettext, Reader, conversation, entry

ASSETS = "/helpdesk/assets"
ASSET_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
DRAWN_KEPT, LARGEST_KEPT = 500, 20_000
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Content-Type": "text/html; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""On every answer about a ticket, errors included (T55)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the comment form. field: which one `error` is about, text or files."""

    text: str = ""
    error: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    content_type: str
    name: str


class Pages:
    """Renders. Has no state but compiled templates, and may be used from any thread."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._environment = Environment(
            loader=FileSystemLoader(folder("web_public")),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.assets = {asset.name: asset for asset in map(_asset, ASSET_TYPES)}
        largest = format_size(settings.limits.file_octets).replace(".0 ", "\N{NO-BREAK SPACE}")
        self.file_limits: Mapping[str, str | int] = {"count": settings.limits.files, "size": largest}
        self._environment.globals |= {
            "assets": {
                kind: f"{settings.prefix}{ASSETS}/{asset.name}"
                for kind, asset in zip(ASSET_TYPES, self.assets.values(), strict=True)
            },
            "max_octets": settings.limits.file_octets,
            "max_files": self.file_limits,
            "max_characters": settings.limits.text_octets // 4,
        }
        self._ticket = self._environment.get_template("ticket.html")
        self._entry = self._environment.get_template("entry.html").module
        self._drawn = lru_cache(maxsize=DRAWN_KEPT)(self._draw)
        self._notice = self._environment.get_template("notice.html")
        self._unsent = self._environment.get_template("unsent.html")

    def base(self, token: str) -> str:
        """The path of a ticket's page as people see it."""
        return f"{self._settings.prefix}/helpdesk/ticket/{quote(token, safe='')}"

    def translator(self, locale: str = "") -> Gettext:
        return translator(locale or self._settings.locale).gettext

    def ticket(self, ticket: TicketView, token: str, draft: Draft) -> bytes:
        base = self.base(token)
        _ = self.translator(ticket.locale)
        reader = Reader(ticket.reader, ticket.locale, ticket.timezone)
        shown = conversation(ticket, tuple(self._entry_of(one, reader, base) for one in ticket.messages), _)
        return self._ticket.render(_=_, locale=ticket.locale, ticket=shown, base=base, draft=draft).encode()

    def _entry_of(self, message: MessageView, reader: Reader, base: str) -> Markup:
        """A message never changes: what was drawn once for a reader is kept, unless it is large."""
        small = len(message.text) + len(message.full_text) + len(message.html or "") < LARGEST_KEPT
        return (self._drawn if small else self._draw)(message, reader, base)

    def _draw(self, message: MessageView, reader: Reader, base: str) -> Markup:
        _ = self.translator(reader.locale)
        shown = entry(message, reader, base, _)
        macro = self._entry.system if shown.look == "system" else self._entry.message  # type: ignore[attr-defined]
        drawn: Markup = macro(shown, _)
        return drawn

    def notice(self, title: str, sentence: str) -> bytes:
        """A page that says one thing."""
        values = {"title": title, "sentence": sentence, "ticket": None, "button": ""}
        return self._notice.render(_=self.translator(), locale=self._settings.locale, **values).encode()

    def about(self, ticket: TicketView, token: str, title: str, sentence: str, button: str = "") -> bytes:
        """A page that says one thing about a ticket, with the way back to it; the button stops its mails."""
        values = {"title": title, "sentence": sentence, "ticket": ticket, "button": button}
        _ = self.translator(ticket.locale)
        return self._notice.render(_=_, locale=ticket.locale, base=self.base(token), **values).encode()

    def unsent(self, token: str, text: str, sentence: str) -> bytes:
        """The words of a comment that could not be stored, to send again; needs nothing from the store."""
        _ = self.translator()
        values = {"base": self.base(token), "text": text, "sentence": sentence}
        return self._unsent.render(_=_, locale=self._settings.locale, **values).encode()


def answer(body: bytes, status: int = 200, extra: Mapping[str, str] | None = None) -> Response:
    """A page with the headers every page has."""
    return Response(body, status, {**PAGE_HEADERS, **extra} if extra else PAGE_HEADERS)


def _asset(name: str) -> Asset:
    content = (folder("web_public") / name).read_bytes()
    stem, _, extension = name.partition(".")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, ASSET_TYPES[name], f"{stem}.{digest}.{extension}")
