"""From what a reader may see to what the page shows: labels, sizes, moments, links and pictures in place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from markupsafe import Markup, escape

from gateway.clock import rfc3339
from gateway.desk.views import FileView, MessageView, TicketView
from gateway.i18n import format_moment, format_size
from gateway.web.downloads import PICTURE_TYPES, plain_name
from gateway.web.mail_html import MailHtml

Gettext = Callable[[str], str]

_LINK = re.compile(r"https?://[^\s<>\"'`]{1,2000}")
_AFTER_LINK = ".,;:!?)]}»”’"


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    url: str
    size: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the conversation. look: client, support, internal or system; decides the colours."""

    position: int
    look: str
    name: str
    email: str
    label: str
    moment: Markup
    body: Markup
    folded: Markup | None
    files: tuple[Attachment, ...]
    repeated_files: tuple[Attachment, ...]
    automatic: bool
    unverified: bool
    remark: str


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a message is drawn. kind: participant or agent."""

    kind: str
    locale: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything `ticket.html` says about a ticket."""

    number: str
    subject: str
    status: str
    status_text: str
    hint: str
    desk_name: str
    opened: Markup
    updated: Markup
    is_agent: bool
    reader_name: str
    may_unsubscribe: bool
    older: bool
    entries: tuple[Markup, ...]
    newest: int


def conversation(ticket: TicketView, entries: tuple[Markup, ...], _: Gettext) -> Conversation:
    """A ticket as the page shows it; `entries` are its messages, drawn."""
    return Conversation(
        number=ticket.number,
        subject=ticket.subject,
        status=ticket.status,
        status_text=_status(ticket, _),
        hint=_hint(ticket.status, _),
        desk_name=ticket.desk_name,
        opened=_moment(ticket.opened_at, ticket.locale, ticket.timezone),
        updated=_moment(ticket.updated_at, ticket.locale, ticket.timezone),
        is_agent=ticket.reader == "agent",
        reader_name=ticket.reader_name,
        may_unsubscribe=ticket.may_unsubscribe,
        older=ticket.older,
        entries=entries,
        newest=ticket.newest,
    )


def file_url(base: str, file: FileView) -> str:
    return f"{base}/attachments/{quote(file.handle, safe='')}/{quote(plain_name(file.name), safe='')}"


def entry(message: MessageView, reader: Reader, base: str, _: Gettext) -> Entry:
    """A message as this reader sees it. `base` is the path of the page, for the files."""
    body, folded, placed = _body(message, base, _)
    unplaced = [file for file in message.files if file.handle not in placed]
    label = _label(message, reader.kind, _)
    return Entry(
        position=message.position,
        look="support" if message.kind == "agent" else message.kind,
        name=message.author_name or label,
        email=message.author_email,
        label=label,
        moment=_moment(message.written_at, reader.locale, reader.timezone),
        body=body,
        folded=folded,
        files=tuple(_attachment(file, base) for file in unplaced if not file.repeated),
        repeated_files=tuple(_attachment(file, base) for file in unplaced if file.repeated),
        automatic=message.automatic,
        unverified=message.unverified,
        remark=message.remark,
    )


def _body(message: MessageView, base: str, _: Gettext) -> tuple[Markup, Markup | None, frozenset[str]]:
    """What is shown, what is folded below it, and the handles of the files shown in place.

    Quotes of an HTML mail fold where they stand. Where they cannot be told apart in it, the text
    without them stands for it, and the whole HTML is below the fold.
    """
    if message.kind == "system":
        return _text(_event(message, _)), None, frozenset()
    if message.html is None:
        folded = _text(message.full_text) if message.folded_lines else None
        return _text(message.text or _("(no text)")), folded, frozenset()
    pictures = {
        file.content_id: file
        for file in message.files
        if file.content_id and file.content_type in PICTURE_TYPES and not file.repeated
    }
    urls = {content_id: file_url(base, file) for content_id, file in pictures.items()}
    html = MailHtml(message.html, urls, _("Show quoted text"))
    placed = frozenset(pictures[content_id].handle for content_id in html.placed)
    shown = Markup(f'<div class="mail" dir="auto">{html.markup}</div>')
    if message.folded_lines and not html.has_quotes:
        return _text(message.text), shown, placed
    return shown, None, placed


def _event(message: MessageView, _: Gettext) -> str:
    """The sentence of a system entry, which has who was let in as its text and who did it as its remark."""
    if not message.remark:
        return message.text
    sentence = _("%(who)s added %(name)s to this conversation.")
    return sentence % {"who": message.remark, "name": message.text}


def _text(text: str) -> Markup:
    return Markup(f'<div class="text" dir="auto">{linked(text)}</div>')


def linked(text: str) -> Markup:
    """Plain text as HTML, its http addresses as links that tell the other side nothing."""
    if "://" not in text:
        return escape(text)
    parts: list[Markup] = []
    end = 0
    for match in _LINK.finditer(text):
        if "…" in match[0]:  # made neutral: it leads nowhere any more
            continue
        url = match[0].rstrip(_AFTER_LINK)
        parts.append(escape(text[end : match.start()]))
        parts.append(Markup('<a href="{0}" rel="noopener noreferrer nofollow">{0}</a>').format(url))
        end = match.start() + len(url)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _attachment(file: FileView, base: str) -> Attachment:
    return Attachment(file.name, file_url(base, file), format_size(file.size))


def _label(message: MessageView, reader: str, _: Gettext) -> str:
    if message.kind == "internal":
        return _("Internal")
    if message.kind == "agent":
        return _("Support")
    if reader == "agent":
        return _("Customer")
    return _("You") if message.mine else _("Participant")


def _status(ticket: TicketView, _: Gettext) -> str:
    sentences = {
        "open": _("Open"),
        "pending": _("Pending") if ticket.reader == "agent" else _("Waiting for your answer"),
        "onhold": _("On hold"),
        "solved": _("Solved"),
        "closed": _("Closed"),
    }
    return sentences.get(ticket.status, ticket.status)


def _hint(status: str, _: Gettext) -> str:
    if status == "solved":
        return _("This ticket is solved. If something is still missing, write a comment and it opens again.")
    if status == "closed":
        return _("This ticket is closed. If you write a comment, we take the matter up again.")
    return ""


@lru_cache(maxsize=4096)
def _moment(milliseconds: int, locale: str, timezone: str) -> Markup:
    """A moment for a machine (RFC 3339) and for a person; kept, since it is asked for again."""
    person = escape(format_moment(milliseconds, locale, timezone))
    return Markup(f'<time datetime="{rfc3339(milliseconds)}" dir="auto">{person}</time>')
