"""Messages: what was said on a ticket, in order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from gateway.desk import attachments
from gateway.desk.tables import AGENTS_ONLY, Agent, Contact, Message, Reference, Ticket
from gateway.mail.reading import Enclosure, Mailbox
from gateway.store.unit import Unit

FOLDED_MAX = 200_000  # characters below the fold of a page; the whole is in the store and in the raw mail
TICKETS_READ = 5  # there are programs that give all their mails one Message-ID
MESSAGE_ID_MAX = 998  # octets, RFC 5322 §2.1.1: no header line is longer; a key of PostgreSQL may have 2,704


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody said, whatever door they said it at.

    text: as shown.  full_text: nothing folded.  references: foreign Message-IDs this belongs with.
    files_for_agents: those that nobody else may have, whoever may read the words.
    """

    text: str
    full_text: str = ""
    folded_lines: int = 0
    html: str | None = None
    files: Sequence[Enclosure] = ()
    files_for_agents: Sequence[Enclosure] = ()
    message_id: str = ""
    references: Sequence[str] = ()
    inbound_id: int | None = None
    automatic: bool = False
    remark: str = ""


def say(
    unit: Unit,
    ticket: Ticket,
    kind: str,
    audience: str,
    words: Words,
    by: Mailbox,
    *,
    contact: Contact | None = None,
    agent: Agent | None = None,
    proof: str = "",
    visible_at: int | None = None,
    first: bool = False,
) -> Message:
    """Add a message at the next position, with its files and references.

    first: the ticket was begun with a place for this one.
    """
    position = ticket.last_position if first else _next_position(unit, ticket)
    message = unit.make(
        Message,
        ticket_id=ticket.id,
        position=position,
        kind=kind,
        audience=audience,
        contact_id=contact.id if contact else None,
        agent_id=agent.id if agent else None,
        author_name=by.name[:255],
        author_email=by.email,
        created_at=unit.now,
        visible_at=unit.now if visible_at is None else visible_at,
        proof=proof,
        **_columns(words),
    )
    if words.files:
        attachments.keep(unit, message.id, words.files)
    if words.files_for_agents:
        attachments.keep(unit, message.id, words.files_for_agents, AGENTS_ONLY)
    refer(unit, ticket, [words.message_id, *words.references])
    return message


def _columns(words: Words) -> dict[str, str | int | None]:
    return {
        "inbound_id": words.inbound_id,
        "message_id": words.message_id,
        "text": words.text,
        "full_text": words.full_text or words.text,
        "folded_lines": words.folded_lines,
        "html": words.html,
        "automatic": int(words.automatic),
        "remark": words.remark,
    }


def _next_position(unit: Unit, ticket: Ticket) -> int:
    """The place after the last one; the UPDATE makes writers of one ticket queue."""
    position = unit.number(
        "UPDATE ticket SET last_position = last_position + 1, updated_at = ? WHERE id = ? RETURNING last_position",
        unit.now,
        ticket.id,
    )
    ticket.last_position, ticket.updated_at = position, unit.now
    return position


def refer(unit: Unit, ticket: Ticket, message_ids: Sequence[str]) -> None:
    """Mail that names one of these ids may belong to this ticket. RFC 5322 §3.6.4."""
    fit = [one for one in dict.fromkeys(message_ids) if _is_kept(one)]
    if fit:
        unit.add_all(Reference, ("message_id", "ticket_id"), [(one, ticket.id) for one in fit])


def named_by(unit: Unit, message_id: str, *, oldest: bool = False) -> list[int]:
    """The ids of the tickets that a Message-ID belongs to, the newest first, or the oldest; `TICKETS_READ` at most."""
    if unit.nobody_has(Reference, "message_id", message_id):
        return []
    order = "ticket_id" if oldest else "ticket_id DESC"
    rows = unit.rows(Reference, f"message_id = ? ORDER BY {order} LIMIT ?", message_id, TICKETS_READ)
    return [row.ticket_id for row in rows]


def foresee(unit: Unit, message_ids: Sequence[str]) -> None:
    """Many Message-IDs will be asked for: most belong to no ticket yet."""
    unit.foresee_none(Reference, "message_id", message_ids)


def _is_kept(message_id: str) -> bool:
    plain = message_id.isascii() and message_id.isprintable()
    return plain and 0 < len(message_id) <= MESSAGE_ID_MAX


def newest(
    unit: Unit, ticket_id: int, room: int, where: str, *values: str | int
) -> tuple[list[Message], bool]:
    """The newest messages of a ticket that match and together have `room` characters, oldest first.

    With them, whether there are older ones. What is not taken is never in memory, but for one message.
    """
    kept: list[Message] = []
    matching = unit.each(Message, f"ticket_id = ? AND {where} ORDER BY position DESC", ticket_id, *values)
    with closing(matching):
        for message in matching:
            room -= shown_size(message)
            if room < 0:
                return kept[::-1], True
            kept.append(message)
    return kept[::-1], False


def shown_size(message: Message) -> int:
    """How many characters a page shows of it: the HTML, or the text with what is folded below."""
    if message.folded_lines:
        return len(message.text) + min(len(message.full_text), FOLDED_MAX)
    return len(message.html or message.text)


def of_ticket(unit: Unit, ticket_id: int, where: str = "1 = 1", *values: str | int) -> list[Message]:
    """The messages of a ticket that match, oldest first."""
    return unit.rows(Message, f"ticket_id = ? AND {where} ORDER BY position", ticket_id, *values)
