"""What one reader may see of a ticket, as values. Nothing that is not for that reader is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileView:
    """One attachment a reader may download.

    handle: unguessable, as text for the URL.  inline: `content_id` is shown in place by the HTML.
    repeated: a picture that an earlier message brought already, such as a signature's logo.
    """

    handle: str
    name: str
    content_type: str
    size: int
    content_id: str = ""
    inline: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message as this reader sees it.

    position: its place in the ticket, from 1.  kind: client, agent, internal or system.
    mine: written by this reader.  written_at: milliseconds UTC.
    text: as shown, quotes folded away.  folded_lines: how many lines `full_text` has more.
    full_text: nothing folded.  html: sanitised by `mail.sanitize`, or None.
    automatic: an automatic reply, shown folded.
    unverified: who wrote it could not be proven; only agents are told.
    """

    position: int
    kind: str
    mine: bool
    author_name: str
    written_at: int
    text: str
    full_text: str
    folded_lines: int = 0
    html: str | None = None
    files: tuple[FileView, ...] = ()
    automatic: bool = False
    unverified: bool = False
    author_email: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket as one reader sees it, the messages oldest first.

    reader: participant (may comment) or agent (a read-only view with everything).
    status: open, pending, onhold, solved or closed.  locale, timezone: the desk's.
    newest: position of the newest message shown, for the read mark.
    may_unsubscribe: a participant other than the requester, who may stop these mails.
    older: there are older messages, too many or too long for one page.
    """

    number: str
    subject: str
    status: str
    desk_name: str
    opened_at: int
    updated_at: int
    reader: str
    reader_name: str
    messages: tuple[MessageView, ...]
    newest: int
    locale: str = "en"
    timezone: str = "UTC"
    may_unsubscribe: bool = False
    older: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """One file that came with a comment, not yet stored.

    filename: made safe to show, never empty.  content_type: as the browser declared it.
    path_or_bytes: the octets, or a file that holds them; that file lives until the verb returns.
    """

    filename: str
    content_type: str
    path_or_bytes: Path | bytes
    size: int
