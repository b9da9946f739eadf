"""What an agent hears of a mail of their own: it is held and why, or it did not arrive."""

from __future__ import annotations

from gateway.clock import DAY
from gateway.desk import agents, desks, tickets
from gateway.desk.tables import Agent, Letter, Seat, Ticket
from gateway.flow import envelopes
from gateway.flow.desktop import Desktop
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords
from gateway.store.database import Unit

A_DAY = 20  # confirmations an agent gets; a robot that answers them must come to an end


def ask_agent(unit: Unit, desktop: Desktop, agent: Agent, seat: Seat, missing: tuple[str, ...]) -> None:
    """A mail of theirs is held: what is missing, and that a human can release it."""
    ticket = tickets.by_id(unit, seat.ticket_id)
    reason = f"It was not sent to the customer, because this is missing: {', '.join(missing)}."
    _write(unit, desktop, agent, ticket, reason)


def tell_author(unit: Unit, desktop: Desktop, letter: Letter) -> None:
    """A letter failed: its author hears of it, else the assignee; without either it is in the operator's summary."""
    if letter.ticket_id is None or letter.seat_id is not None:
        return
    ticket = tickets.by_id(unit, letter.ticket_id)
    agent_id = letter.author_id or ticket.assignee_id
    if agent_id is None:
        return
    reason = f"The letter to {letter.recipient} did not arrive. The mail server said: {letter.last_reply}"
    _write(unit, desktop, agents.by_id(unit, agent_id), ticket, reason)


def _write(unit: Unit, desktop: Desktop, agent: Agent, ticket: Ticket, reason: str) -> None:
    if not agent.active or _written_today(unit, agent) >= A_DAY:
        return
    desk = desks.by_id(unit, ticket.desk_id)
    seat = agents.seat(unit, ticket.id, agent.id)
    written = desktop.stationery.write(
        "confirmation",
        LetterWords(
            desk_name=desk.name,
            ticket_url=envelopes.link(desktop, Purpose.AGENT_LINK, seat.handle),
            ticket_number=ticket.number,
            subject=ticket.subject,
            status=ticket.status,
            reason=reason,
        ),
        desk.locale,
    )
    handle = draw_handle()
    draft = Draft(
        message_id=envelopes.message_id(desktop, desk, Purpose.LETTER, handle),
        from_=Mailbox(desk.address, desk.name),
        to=(Mailbox(agent.email, agent.name),),
        subject=written.subject,
        text=written.text,
        html=written.html,
        date=unit.now,
        references=envelopes.references(desktop, desk, ticket, (), before=0),
        automatic=True,
    )
    envelopes.post(
        unit,
        desktop,
        desk,
        draft,
        kind="confirmation",
        recipient=agent.email,
        handle=handle,
        ticket_id=ticket.id,
        seat_id=seat.id,
    )


def _written_today(unit: Unit, agent: Agent) -> int:
    return unit.number(
        "SELECT count(*) FROM outbox WHERE kind = 'confirmation' AND recipient = ? AND created_at > ?",
        agent.email,
        unit.now - DAY,
    )
