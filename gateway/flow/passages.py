"""Messages as a letter shows them, and their files: along with it, or as links when they are large."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup

from gateway import i18n
from gateway.desk import attachments, notifications
from gateway.desk.tables import AGENT, Attachment, Desk, Message, Participant
from gateway.flow import envelopes
from gateway.flow.desktop import Desktop
from gateway.mail.letter import File
from gateway.mail.template import MOST_FILES
from gateway.mail.token import Purpose
from gateway.mail.words import Attached, FileLink, Passage
from gateway.store import blobs
from gateway.store.database import Unit

FILES_MAX = 10_000_000  # octets in one letter; more become links, and so do more than a letter lists


def of(
    unit: Unit, desk: Desk, news: Sequence[Message], desktop: Desktop, purpose: Purpose, handle: int
) -> tuple[Passage, ...]:
    """The news of a letter, oldest first; links to files are the reader's own."""
    by_message = attachments.of_messages(unit, [one.id for one in news], agents=purpose == Purpose.AGENT_LINK)
    travel = _travels(by_message)
    page = envelopes.link(desktop, purpose, handle)
    return tuple(_passage(desk, one, by_message.get(one.id, []), travel, page) for one in news)


def quoted(unit: Unit, desk: Desk, message: Message, participant: Participant) -> Passage:
    """What a letter answers, once, without files; and why it was not mailed when it was written."""
    reason = ""
    if message.contact_id != participant.contact_id:
        row = unit.run(
            "SELECT reason FROM notification WHERE ticket_id = ? AND participant_id = ? AND position = ?"
            " AND state = 'skipped'",
            message.ticket_id,
            participant.id,
            message.position,
        ).fetchone()
        reason = row[0] if row else ""
    return Passage(
        author_name=name(desk, message),
        kind=message.kind,
        written_at=i18n.format_moment(message.created_at, desk.locale, desk.timezone),
        text=message.text,
        skipped_note=notifications.why_not_mailed(reason, i18n.translator(desk.locale).gettext),
    )


def files(unit: Unit, news: Sequence[Message], *, agents: bool) -> tuple[File, ...]:
    """The files that travel with the letter, to an agent or to anybody else."""
    by_message = attachments.of_messages(unit, [one.id for one in news], agents=agents)
    if not _travels(by_message):
        return ()
    return tuple(
        File(file.filename, file.content_type, blobs.load(unit, file.sha256))
        for one in news
        for file in by_message.get(one.id, [])
    )


def name(desk: Desk, message: Message) -> str:
    """Who wrote, for a customer: a name, never an agent's address."""
    return message.author_name or (
        desk.name if message.kind == AGENT else message.author_email.partition("@")[0]
    )


def _passage(desk: Desk, message: Message, files: Sequence[Attachment], travel: bool, page: str) -> Passage:
    return Passage(
        author_name=name(desk, message),
        kind=message.kind,
        written_at=i18n.format_moment(message.created_at, desk.locale, desk.timezone),
        text=message.text,
        html=Markup(message.html) if message.html and not message.folded_lines else None,
        attachments=tuple(Attached(one.filename, i18n.format_size(one.size)) for one in files)
        if travel
        else (),
        files_as_links=() if travel else tuple(FileLink(one.filename, _url(page, one)) for one in files),
    )


def _travels(by_message: dict[int, list[Attachment]]) -> bool:
    files = [file for of_one in by_message.values() for file in of_one]
    return len(files) <= MOST_FILES and sum(file.size for file in files) <= FILES_MAX


def _url(page: str, file: Attachment) -> str:
    return f"{page}/attachments/{attachments.handle_text(file)}/{quote(file.filename, safe='')}"
