"""Messages as a letter shows them, and their files: along with it, or as links when they are large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from gateway import i18n
from gateway.desk import attachments, notifications
from gateway.desk.tables import AGENT, Attachment, Desk, Message, Participant
from gateway.mail.letter import File
from gateway.mail.template import MOST_FILES
from gateway.mail.words import Attached, FileLink, Passage
from gateway.store import blobs
from gateway.store.unit import Unit

FILES_MAX = 10_000_000  # octets in one letter; more become links, and so do more than a letter lists


@dataclass(frozen=True, slots=True)
class Enclosed:
    """The files of a letter's messages, by message, and whether they travel with it or are fetched."""

    by_message: dict[int, list[Attachment]]
    travel: bool


def enclosed(unit: Unit, news: Sequence[Message], *, agents: bool) -> Enclosed:
    """The files for an agent or for anybody else."""
    by_message = attachments.of_messages(unit, [one.id for one in news], agents=agents)
    files = [file for of_one in by_message.values() for file in of_one]
    travel = len(files) <= MOST_FILES and sum(file.size for file in files) <= FILES_MAX
    return Enclosed(by_message, travel)


def of(desk: Desk, news: Sequence[Message], enclosed: Enclosed, page: str) -> tuple[Passage, ...]:
    """The news of a letter, oldest first; `page` is the reader's own link, which links to files begin with."""
    return tuple(_passage(desk, one, enclosed, page) for one in news)


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


def files(unit: Unit, news: Sequence[Message], enclosed: Enclosed) -> tuple[File, ...]:
    """The files that travel with the letter."""
    if not enclosed.travel:
        return ()
    return tuple(
        File(file.filename, file.content_type, blobs.load(unit, file.sha256))
        for one in news
        for file in enclosed.by_message.get(one.id, [])
    )


def name(desk: Desk, message: Message) -> str:
    """Who wrote, for a customer: a name, never an agent's address."""
    return message.author_name or (
        desk.name if message.kind == AGENT else message.author_email.partition("@")[0]
    )


def _passage(desk: Desk, message: Message, enclosed: Enclosed, page: str) -> Passage:
    files = enclosed.by_message.get(message.id, [])
    attached = [Attached(one.filename, i18n.format_size(one.size)) for one in files if enclosed.travel]
    linked = [FileLink(one.filename, _url(page, one)) for one in files if not enclosed.travel]
    return Passage(
        author_name=name(desk, message),
        kind=message.kind,
        written_at=i18n.format_moment(message.created_at, desk.locale, desk.timezone),
        text=message.text,
        html=Markup(message.html) if message.html and not message.folded_lines else None,
        attachments=tuple(attached),
        files_as_links=tuple(linked),
    )


def _url(page: str, file: Attachment) -> str:
    return f"{page}/attachments/{attachments.handle_text(file)}/{quote(file.filename, safe='')}"
