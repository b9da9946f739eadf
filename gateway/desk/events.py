"""Events: what happened to a ticket, in order, never changed."""

from __future__ import annotations

from gateway.desk.tables import Event, Ticket
from gateway.store.unit import Unit

OPENED = "opened"
RECEIVED = "received"
ANSWERED = "answered"
NOTED = "noted"
STATUS = "status"
CLOSED = "closed"
ADDED = "added"
NO_RECEIPT = "no-receipt"
BRAKE = "brake"
BUDGET = "budget"
LETTER_FAILED = "letter-failed"

BY_A_MACHINE = "no human wrote it"  # the detail of such an arrival
FROM_ARCHIVE = "from an archive"  # the detail of what happened before we were here


def record(
    unit: Unit,
    ticket: Ticket,
    kind: str,
    *,
    position: int = 0,
    agent_id: int | None = None,
    contact_id: int | None = None,
    detail: str = "",
) -> int:
    """Write an event down; returns its id."""
    return unit.insert(
        Event,
        ticket_id=ticket.id,
        kind=kind,
        at=unit.now,
        position=position,
        agent_id=agent_id,
        contact_id=contact_id,
        detail=detail,
    )


def of_ticket(unit: Unit, ticket: Ticket) -> list[Event]:
    """What happened, oldest first."""
    return unit.rows(Event, "ticket_id = ? ORDER BY id", ticket.id)
