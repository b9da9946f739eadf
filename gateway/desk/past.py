"""The verbs for what was said before we were here: nobody is told of it, and it wakes nobody.

Each thing said has the time it was said at, and stands on its ticket where it belongs in time, as long
as nothing has happened there since. On a ticket that lives it comes last: letters, pages and read marks
count positions, which never change then.
"""

from __future__ import annotations

import copy

from gateway.desk import desks, events, messages, participants, tickets
from gateway.desk.messages import Words
from gateway.desk.tables import AGENT, CLIENT, CLOSED, EVERYONE, OPEN, Agent, Contact, Desk, Message, Ticket
from gateway.mail.reading import Mailbox
from gateway.store.unit import Unit

SOURCE = "archive"
PROOF = "archive"


def open(
    unit: Unit,
    moment: int,
    desk: Desk,
    requester: Contact | None,
    subject: str,
    linked: tuple[Ticket, str] | None = None,
) -> Ticket:
    """A ticket of that time, with a number of that week; something has to be said on it next."""
    then = _at(unit, moment)
    ticket = tickets.begin(then, desk, requester, subject, SOURCE, linked)
    if requester is not None:
        participants.ask(then, ticket, requester)
    return ticket


def say(
    unit: Unit,
    moment: int,
    ticket: Ticket,
    words: Words,
    by: Mailbox,
    *,
    kind: str = CLIENT,
    audience: str = EVERYONE,
    contact: Contact | None = None,
    agent: Agent | None = None,
    leave_open: bool = False,
) -> Message:
    """Add what was said then. leave_open: where the last word was the customer's, it is still ours to answer."""
    resting, updated_at = is_resting(unit, ticket), ticket.updated_at
    message = messages.say(
        _at(unit, moment),
        ticket,
        kind,
        audience,
        words,
        by,
        contact=contact,
        agent=agent,
        proof=PROOF,
    )
    if resting:
        _move_to_its_time(unit, message)
        _settle(unit, ticket, leave_open)
    else:
        unit.change(Ticket, ticket.id, updated_at=updated_at)
        ticket.updated_at = updated_at
    events.record(
        _at(unit, moment),
        ticket,
        events.RECEIVED if kind == CLIENT else events.ANSWERED if kind == AGENT else events.NOTED,
        position=message.position,
        agent_id=message.agent_id,
        contact_id=message.contact_id,
        detail=events.FROM_ARCHIVE,
    )
    return message


def is_resting(unit: Unit, ticket: Ticket) -> bool:
    """Whether everything that ever happened on a ticket happened before we were here."""
    lived = "SELECT count(*) FROM event WHERE ticket_id = ? AND detail <> ?"
    return ticket.source == SOURCE and not unit.number(lived, ticket.id, events.FROM_ARCHIVE)


def _move_to_its_time(unit: Unit, message: Message) -> None:
    """An answer may be here before its question: what was said later moves on by one."""
    where = "ticket_id = ? AND position < ? AND created_at > ?"
    values = (message.ticket_id, message.position, message.created_at)
    place = unit.number(f"SELECT min(position) FROM message WHERE {where}", *values)
    if not place:
        return
    last = message.position
    between = "ticket_id = ? AND position >= ? AND position < ?"
    unit.change(Message, message.id, position=0)
    for table, sign in (("message", -1), ("event", 1)):  # below zero on the way, where positions are a key
        unit.run(
            f"UPDATE {table} SET position = {sign} * (position + 1) WHERE {between}",
            message.ticket_id,
            place,
            last,
        )
    unit.run(
        "UPDATE message SET position = -position WHERE ticket_id = ? AND position < 0", message.ticket_id
    )
    unit.change(Message, message.id, position=place)
    message.position = place


def _settle(unit: Unit, ticket: Ticket, leave_open: bool) -> None:
    """The times of the ticket are those of what was said; it is over, or ours or theirs to answer."""
    span = "SELECT min(created_at), max(created_at) FROM message WHERE ticket_id = ?"
    first, last = unit.run(span, ticket.id).fetchone()
    spoken = "ticket_id = ? AND automatic = 0 AND kind IN (?, ?) ORDER BY position DESC LIMIT 1"
    newest = unit.row(Message, spoken, ticket.id, CLIENT, AGENT)
    answered = newest is not None and newest.kind == AGENT
    status = CLOSED
    if leave_open:
        status = desks.by_id(unit, ticket.desk_id).answered_status if answered else OPEN
    ticket.status, ticket.closed_at = status, last if status == CLOSED else None
    ticket.created_at, ticket.updated_at = first, last
    unit.change(
        Ticket,
        ticket.id,
        status=status,
        closed_at=ticket.closed_at,
        created_at=first,
        updated_at=last,
    )


def _at(unit: Unit, moment: int) -> Unit:
    """The same unit, and its clock at that time."""
    then = copy.copy(unit)
    then.now = moment
    return then
