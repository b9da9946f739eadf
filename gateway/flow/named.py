"""Whom a mail names: its customer where a form sent it, and the others in To and Cc. Design §6."""

from __future__ import annotations

from gateway.desk import agents, contacts, participants
from gateway.desk.desks import Directory
from gateway.desk.tables import Contact, Desk, Ticket
from gateway.mail.address import address_key
from gateway.mail.reading import Mailbox, Reading
from gateway.store.unit import Unit

ADDED_MAX = 20


def by_form(desk: Desk, reading: Reading) -> Mailbox | None:
    """The customer a contact form of this desk (`form_senders`) names in Reply-To; None for all other mail."""
    forms = {address_key(one) for one in desk.form_senders.split()}
    if reading.sender is None or address_key(reading.sender.email) not in forms:
        return None
    return reading.reply_to[0] if len(reading.reply_to) == 1 and reading.reply_to[0].email else None


def claimed_name(reading: Reading) -> str:
    """Who it says it is from, where that is not one readable address."""
    return reading.from_[0].name if reading.from_ else ""


def others(unit: Unit, directory: Directory, reading: Reading) -> list[Contact]:
    """People in To and Cc who are neither desks nor agents nor the sender."""
    found: dict[int, Contact] = {}
    sender = address_key(reading.sender.email) if reading.sender else ""
    for mailbox in (*reading.to, *reading.cc)[: 2 * ADDED_MAX]:
        if not mailbox.email or directory.is_ours(mailbox.email):
            continue
        if agents.with_address(unit, mailbox.email) or address_key(mailbox.email) == sender:
            continue
        contact = contacts.meet(unit, mailbox, named_by_another=True)
        found[contact.id] = contact
    return list(found.values())


def let_in(unit: Unit, ticket: Ticket, author: Contact, named: list[Contact], position: int) -> None:
    """A proven participant's To and Cc: these people may read from this message on."""
    present = unit.number(
        "SELECT count(*) FROM participant WHERE ticket_id = ? AND let_in_at IS NOT NULL", ticket.id
    )
    places = [(other, participants.of(unit, ticket, other)) for other in named]
    outside = [other for other, place in places if place is None or place.let_in_at is None]
    for other in outside[: max(0, ADDED_MAX - present)]:
        participants.let_in(unit, ticket, other, reads_from=position, added_by=contacts.display_name(author))
