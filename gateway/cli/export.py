"""`helpgate export`: tickets with their messages, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from gateway import clock
from gateway.cli.options import opened, print_lines, with_config
from gateway.config import Settings
from gateway.desk import attachments, messages, tickets
from gateway.desk.tables import Attachment, Contact, Desk, Letter, Message, Notification, Participant, Ticket
from gateway.mail.token import Keyring, Purpose
from gateway.store import settings as kept
from gateway.store.database import Store
from gateway.store.unit import Unit

PAGE = 100


@click.command()
@with_config
@click.option("--json", "as_json", is_flag=True, help="The only form there is; for symmetry.")
@click.option("--ticket", "number", metavar="N", help="Only the ticket with this number.")
def export(settings: Settings, as_json: bool, number: str | None) -> None:
    """Every ticket with its messages, one JSON object a line.

    Example: helpgate export --ticket 2616-2
    """
    with opened(settings) as store:
        print_lines(_shapes(store, settings.web.base_url.rstrip("/"), number))


def _shapes(store: Store, base_url: str, number: str | None) -> Iterator[dict[str, Any]]:
    """The tickets as JSON, page by page."""
    with store.reading() as unit:
        keys = kept.keyring(unit)
        desks = {desk.id: desk.name for desk in unit.rows(Desk, "1 = 1")}
        if number is not None:
            ticket = tickets.by_number(unit, number)
            yield _ticket(unit, keys, base_url, desks[ticket.desk_id], ticket)
            return
    last = 0
    while True:
        with store.reading() as unit:
            page = unit.rows(Ticket, f"id > ? ORDER BY id LIMIT {PAGE}", last)
            yield from [_ticket(unit, keys, base_url, desks[one.desk_id], one) for one in page]
        if not page:
            return
        last = page[-1].id


def _ticket(unit: Unit, keys: Keyring, base_url: str, desk: str, ticket: Ticket) -> dict[str, Any]:
    people = unit.rows(Participant, "ticket_id = ? ORDER BY requester DESC, id", ticket.id)
    contacts = {one.id: unit.row(Contact, "id = ?", one.contact_id) for one in people}
    requester = people[0] if people and people[0].requester else None
    said = messages.of_ticket(unit, ticket.id)
    files = attachments.of_messages(unit, [one.id for one in said], agents=True)
    letters = _letters(unit, ticket)
    return {
        "number": ticket.number,
        "public_url": f"{base_url}/helpdesk/ticket/{keys.seal(Purpose.LINK, requester.handle)}"
        if requester
        else None,
        "desk": desk,
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "category": ticket.category,
        "source": ticket.source,
        "created_at": clock.rfc3339(ticket.created_at),
        "requester": _person(contacts[requester.id]) if requester else None,
        "participants": [_person(contacts[one.id]) | {"let_in": one.let_in_at is not None} for one in people],
        "messages": [_message(one, files.get(one.id, []), letters.get(one.position, [])) for one in said],
    }


def _message(message: Message, files: list[Attachment], letters: list[Letter]) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind,
        "audience": message.audience,
        "author": {"email": message.author_email, "name": message.author_name},
        "created_at": clock.rfc3339(message.created_at),
        "message_id": message.message_id,
        "inbound": str(message.inbound_id) if message.inbound_id else None,
        "text": message.text,
        "full_text": message.full_text,
        "html": message.html,
        "attachments": [
            {
                "filename": one.filename,
                "content_type": one.content_type,
                "size": one.size,
                "sha256": one.sha256,
                "audience": one.audience,
            }
            for one in files
        ],
        "deliveries": [
            {"to": one.recipient, "state": one.state, "at": clock.rfc3339(one.sent_at or one.created_at)}
            for one in letters
        ],
    }


def _letters(unit: Unit, ticket: Ticket) -> dict[int, list[Letter]]:
    """The letters about each message, by its position: those that carry a promise about it."""
    by_id = {one.id: one for one in unit.rows(Letter, "ticket_id = ? ORDER BY id", ticket.id)}
    found: dict[int, list[Letter]] = {}
    for promise in unit.rows(Notification, "ticket_id = ? AND letter_id IS NOT NULL ORDER BY id", ticket.id):
        if promise.letter_id in by_id:
            found.setdefault(promise.position, []).append(by_id[promise.letter_id])
    return found


def _person(contact: Contact | None) -> dict[str, Any]:
    assert contact is not None
    return {"email": contact.email, "name": contact.name}
