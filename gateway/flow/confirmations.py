"""What an agent hears of a mail of their own: it is held and why, or whom it did not reach."""

from __future__ import annotations

from dataclasses import replace

from gateway.clock import DAY
from gateway.desk import agents, brakes, desks, outbox, tickets
from gateway.desk.tables import Agent, Letter, Seat, Ticket
from gateway.errors import StoreError
from gateway.flow import envelopes
from gateway.flow.desktop import Desktop
from gateway.log import logger
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords
from gateway.store.unit import Unit

A_DAY = 20  # confirmations an agent gets; a robot that answers them must come to an end
NAMED = 20  # people of whom a letter says that it reached them
HELD, FAILED = "confirmation", "failed"

log = logger("confirmations")


def ask_agent(unit: Unit, desktop: Desktop, agent: Agent, seat: Seat, missing: tuple[str, ...]) -> None:
    """A mail of theirs is held: what is missing, and that a human can release it. No robot keeps asking. T23."""
    if brakes.is_over_pace(unit.now, _asked(unit, seat)):
        return
    ticket = tickets.by_id(unit, seat.ticket_id)
    reason = f"It was not sent to the customer, because this is missing: {', '.join(missing)}."
    _write(unit, desktop, agent, ticket, HELD, LetterWords("", reason=reason))


def tell_author(unit: Unit, desktop: Desktop, letter: Letter) -> None:
    """A letter failed: its author hears of it, else the assignee; without either it is in the operator's summary."""
    if letter.ticket_id is None or letter.seat_id is not None:
        return
    try:
        with unit.savepoint():
            _tell_author(unit, desktop, letter, tickets.by_id(unit, letter.ticket_id))
    except StoreError:
        raise
    except Exception:  # what became of the letter is written down all the same
        log.exception("its author was not told", letter=letter.id)


def tell_if_suppressed(unit: Unit, desktop: Desktop, letter_id: int) -> None:
    """An agent's answer is not sent, for its address is suppressed: its author hears of it, once on a ticket."""
    letter = unit.row(Letter, f"id = ? AND state = '{outbox.DROPPED}' AND author_id IS NOT NULL", letter_id)
    if letter is None:
        return
    same = (
        f"ticket_id = ? AND recipient = ? AND state = '{outbox.DROPPED}' AND author_id IS NOT NULL AND id < ?"
    )
    earlier = unit.number(
        f"SELECT count(*) FROM outbox WHERE {same}", letter.ticket_id, letter.recipient, letter.id
    )
    if not earlier:
        tell_author(unit, desktop, letter)


def _tell_author(unit: Unit, desktop: Desktop, letter: Letter, ticket: Ticket) -> None:
    agent_id = letter.author_id or ticket.assignee_id
    if agent_id is None:
        return
    words = LetterWords(
        "",
        reason=letter.last_reply or "nothing",
        recipient=letter.recipient,
        reached=_reached(unit, letter),
        is_answer=letter.author_id is not None,
    )
    _write(unit, desktop, agents.by_id(unit, agent_id), ticket, FAILED, words)


def _reached(unit: Unit, letter: Letter) -> tuple[str, ...]:
    """Who else has got the same news: their letters share a Message-ID."""
    sent = unit.rows(
        Letter,
        f"ticket_id = ? AND message_id = ? AND state = '{outbox.SENT}' AND seat_id IS NULL ORDER BY id LIMIT ?",
        letter.ticket_id,
        letter.message_id,
        NAMED,
    )
    return tuple(one.recipient for one in sent)


def _write(
    unit: Unit, desktop: Desktop, agent: Agent, ticket: Ticket, template: str, words: LetterWords
) -> None:
    if not agent.active or _written_today(unit, agent) >= A_DAY:
        return
    desk = desks.by_id(unit, ticket.desk_id)
    seat = agents.seat(unit, ticket, agent.id)
    written = desktop.stationery.write(
        template,
        replace(
            words,
            desk_name=desk.name,
            ticket_url=envelopes.link(desktop, Purpose.AGENT_LINK, seat.handle),
            ticket_number=ticket.number,
            subject=ticket.subject,
            status=ticket.status,
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


def _asked(unit: Unit, seat: Seat) -> list[int]:
    """When this agent was asked about mail to this ticket, within a day."""
    rows = unit.run(
        "SELECT created_at FROM outbox WHERE ticket_id = ? AND seat_id = ? AND kind = ? AND created_at > ?",
        seat.ticket_id,
        seat.id,
        HELD,
        unit.now - DAY,
    )
    return [int(row[0]) for row in rows.fetchall()]


def _written_today(unit: Unit, agent: Agent) -> int:
    return unit.number(
        "SELECT count(*) FROM outbox WHERE kind = 'confirmation' AND recipient = ? AND created_at > ?",
        agent.email,
        unit.now - DAY,
    )
