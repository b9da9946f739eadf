"""Participants: contacts on a ticket, what they may see and what they have seen."""

from __future__ import annotations

from gateway.desk import contacts, events
from gateway.desk.messages import Words, say
from gateway.desk.tables import EVERYONE, SYSTEM, Contact, Participant, Seat, Ticket
from gateway.mail.reading import Mailbox
from gateway.mail.token import draw_handle
from gateway.store.unit import Unit


def let_in(unit: Unit, ticket: Ticket, contact: Contact, *, reads_from: int, added_by: str) -> None:
    """From this message on the contact may read, and is told in the next letter; an entry says who did it."""
    participant = join(unit, ticket, contact, reads_from=reads_from, added_by=added_by)
    if participant.let_in_at is None:
        unit.change(Participant, participant.id, let_in_at=unit.now, reads_from=reads_from, added_by=added_by)
    events.record(unit, ticket, events.ADDED, position=reads_from, contact_id=contact.id, detail=added_by)
    entry = Words(text=contacts.display_name(contact), remark=added_by)
    say(unit, ticket, SYSTEM, EVERYONE, entry, Mailbox(""))


def name(unit: Unit, ticket: Ticket, contact: Contact) -> None:
    """Somebody in To or Cc of a mail: their own mail threads here, they are told nothing."""
    join(unit, ticket, contact, reads_from=0)


def mark_read(unit: Unit, participant: Participant, position: int) -> None:
    """This participant has seen everything up to here. Monotonic."""
    if position > participant.read_to:
        unit.change_where(
            Participant,
            "id = ? AND read_to < ?",
            (participant.id, position),
            read_to=position,
            read_at=unit.now,
        )


def mark_seen_by_agent(unit: Unit, seat: Seat, position: int) -> None:
    """This agent has seen everything up to here. Monotonic."""
    if position > seat.read_to:
        unit.change_where(
            Seat, "id = ? AND read_to < ?", (seat.id, position), read_to=position, read_at=unit.now
        )


def of(unit: Unit, ticket: Ticket, contact: Contact | None) -> Participant | None:
    """This contact's place on this ticket, or None."""
    if contact is None:
        return None
    return unit.row(Participant, "ticket_id = ? AND contact_id = ?", ticket.id, contact.id)


def ask(unit: Unit, ticket: Ticket, contact: Contact) -> Participant:
    """Who opens a ticket, the first of its participants."""
    return unit.make(
        Participant,
        **_place(ticket, contact),
        requester=1,
        reads_from=1,
        let_in_at=unit.now,
        added_by="",
        read_to=0,
        read_at=None,
        told_to=0,
        unsubscribed_at=None,
    )


def join(unit: Unit, ticket: Ticket, contact: Contact, *, reads_from: int, added_by: str = "") -> Participant:
    """This contact's place on this ticket, made when there is none."""
    return unit.obtain(
        Participant,
        ("ticket_id", "contact_id"),
        **_place(ticket, contact),
        requester=0,
        reads_from=reads_from,
        added_by=added_by,
    )


def _place(ticket: Ticket, contact: Contact) -> dict[str, int]:
    return {"ticket_id": ticket.id, "contact_id": contact.id, "handle": draw_handle()}
