"""The verbs on tickets. Every door enters here: mail, page, command line.

Each runs inside the caller's unit, records its event and promises its notifications there, so
that a ticket, what happened to it and who will hear of it are committed together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway import clock
from gateway.desk import agents, brakes, desks, events, messages, notifications, participants, receipts
from gateway.desk.messages import Words
from gateway.desk.notifications import Occasion
from gateway.desk.tables import (
    AGENT,
    AGENTS_ONLY,
    CLIENT,
    CLOSED,
    EVERYONE,
    INTERNAL,
    ONHOLD,
    OPEN,
    PENDING,
    SOLVED,
    Agent,
    Contact,
    Desk,
    Message,
    Participant,
    Ticket,
)
from gateway.errors import NotFound
from gateway.mail.reading import Mailbox
from gateway.mail.token import draw_handle
from gateway.store.unit import Unit

REOPENS_WITHIN = 30 * clock.DAY
SUBJECT_MAX = 255
COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about telling people. Milliseconds."""

    delay_s: int = 60
    hold_ms: int = 20 * clock.SECOND


@dataclass(frozen=True, slots=True)
class Telling:
    """Who hears of it.

    receipt: kind of receipt for the requester, empty for none, `withheld` where a budget is spent.  agents: a notice.
    knows: contacts who have this mail already (its To and Cc).
    """

    receipt: str = ""
    agents: bool = True
    knows: frozenset[int] = field(default_factory=frozenset)


def open(
    unit: Unit,
    rules: Rules,
    desk: Desk,
    author: Contact | None,
    subject: str,
    words: Words,
    *,
    telling: Telling,
    source: str = "mail",
    proof: str = "claimed",
    written_as: Mailbox | None = None,
    linked: tuple[Ticket, str] | None = None,
) -> tuple[Ticket, Message]:
    """A new ticket with its first message. `author` is None where nobody knows who wrote."""
    ticket = begin(unit, desk, author, subject, source, linked, messages=1)
    requester = participants.ask(unit, ticket, author) if author else None
    by = written_as or (Mailbox(author.email, author.name) if author else Mailbox(""))
    message = messages.say(unit, ticket, CLIENT, EVERYONE, words, by, contact=author, proof=proof, first=True)
    event = _record(unit, ticket, events.OPENED, message)
    occasion = _occasion(unit, rules, desk, ticket, message, event)
    if telling.receipt and author is not None and requester is not None:
        told = Occasion(event, ticket, message.position, unit.now)
        _acknowledge(unit, told, author, requester, telling.receipt)
    if telling.agents:
        notifications.tell_agents(unit, occasion)
    return ticket, message


def begin(
    unit: Unit,
    desk: Desk,
    author: Contact | None,
    subject: str,
    source: str,
    linked: tuple[Ticket, str] | None,
    messages: int = 0,
) -> Ticket:
    """A ticket on which nothing has been said yet; there is a place for so many messages."""
    return unit.make(
        Ticket,
        handle=draw_handle(),
        number=_next_number(unit),
        desk_id=desk.id,
        requester_id=author.id if author else None,
        assignee_id=None,
        subject=subject[:SUBJECT_MAX],
        status=OPEN,
        priority="normal",
        category=None,
        last_position=messages,
        source=source,
        linked_id=linked[0].id if linked else None,
        link_kind=linked[1] if linked else "",
        created_at=unit.now,
        updated_at=unit.now,
        closed_at=None,
    )


def receive(
    unit: Unit, rules: Rules, ticket: Ticket, author: Contact, words: Words, *, telling: Telling, proof: str
) -> Message:
    """A participant's message: opens the ticket again, agents hear, other participants too."""
    desk = desks.by_id(unit, ticket.desk_id)
    by = Mailbox(author.email, author.name)
    message = messages.say(unit, ticket, CLIENT, EVERYONE, words, by, contact=author, proof=proof)
    event = _record(unit, ticket, events.RECEIVED, message)
    if not words.automatic and telling.agents and ticket.status != OPEN:
        _set_status(unit, ticket, OPEN, "message")
    occasion = _occasion(unit, rules, desk, ticket, message, event)
    if telling.agents:
        notifications.tell_agents(unit, occasion)
        notifications.relay(unit, occasion, author.id, besides=telling.knows)
    return message


def receive_silently(
    unit: Unit, rules: Rules, ticket: Ticket, author: Contact, words: Words, *, proof: str, notice: bool
) -> Message:
    """Automatic mail of a participant: kept on the ticket, changes nothing, tells agents at most."""
    by = Mailbox(author.email, author.name)
    message = messages.say(unit, ticket, CLIENT, EVERYONE, words, by, contact=author, proof=proof)
    _tell_of_machine(unit, rules, ticket, message, notice)
    return message


def receive_from_stranger(
    unit: Unit,
    rules: Rules,
    ticket: Ticket,
    author: Contact | None,
    by: Mailbox,
    words: Words,
    *,
    notice: bool,
    human: bool,
) -> Message:
    """What somebody unknown wrote to a ticket: under their own name, for agents only, until let in."""
    message = messages.say(unit, ticket, CLIENT, AGENTS_ONLY, words, by, contact=author, proof="claimed")
    if not human:
        _tell_of_machine(unit, rules, ticket, message, notice)
        return message
    event = _record(unit, ticket, events.RECEIVED, message)
    if notice:
        desk = desks.by_id(unit, ticket.desk_id)
        notifications.tell_agents(unit, _occasion(unit, rules, desk, ticket, message, event))
    return message


def reply(unit: Unit, rules: Rules, ticket: Ticket, agent: Agent, words: Words) -> Message:
    """An agent's public answer: seen after the hold, then told to every participant let in."""
    desk = desks.by_id(unit, ticket.desk_id)
    _take_part(unit, ticket, agent)
    message = messages.say(
        unit,
        ticket,
        AGENT,
        EVERYONE,
        words,
        Mailbox(agent.email, agent.name),
        agent=agent,
        proof="agent",
        visible_at=unit.now + rules.hold_ms,
    )
    event = _record(unit, ticket, events.ANSWERED, message)
    if ticket.status != desk.answered_status:
        _set_status(unit, ticket, desk.answered_status, "answer", agent)
    occasion = _occasion(unit, rules, desk, ticket, message, event)
    notifications.tell_participants(unit, occasion)
    notifications.tell_colleagues(unit, occasion, besides=agent.id)
    return message


def note(unit: Unit, rules: Rules, ticket: Ticket, agent: Agent, words: Words) -> Message:
    """An internal note: agents only, for ever."""
    desk = desks.by_id(unit, ticket.desk_id)
    _take_part(unit, ticket, agent)
    by = Mailbox(agent.email, agent.name)
    message = messages.say(unit, ticket, INTERNAL, AGENTS_ONLY, words, by, agent=agent, proof="agent")
    event = _record(unit, ticket, events.NOTED, message)
    occasion = _occasion(unit, rules, desk, ticket, message, event)
    notifications.tell_colleagues(unit, occasion, besides=agent.id)
    return message


def solve(unit: Unit, ticket: Ticket, agent: Agent | None = None) -> None:
    """Ours to answer no longer."""
    _set_status(unit, ticket, SOLVED, "", agent)


def wait(unit: Unit, ticket: Ticket, agent: Agent | None = None) -> None:
    """Theirs to answer."""
    _set_status(unit, ticket, PENDING, "", agent)


def hold(unit: Unit, ticket: Ticket, agent: Agent | None = None) -> None:
    """Waiting for somebody else."""
    _set_status(unit, ticket, ONHOLD, "", agent)


def reopen(unit: Unit, ticket: Ticket, agent: Agent | None = None) -> None:
    """Ours to answer again."""
    _set_status(unit, ticket, OPEN, "", agent)


def close(unit: Unit, rules: Rules, ticket: Ticket, agent: Agent | None = None) -> None:
    """The end; the requester is told where the desk says so and nothing speaks against it."""
    if ticket.status == CLOSED:
        return
    _set_status(unit, ticket, CLOSED, "", agent)
    desk = desks.by_id(unit, ticket.desk_id)
    if desk.closed_letter:
        why_not = brakes.against_word_of_the_end(unit, ticket)
        event = events.record(
            unit,
            ticket,
            events.CLOSED,
            position=ticket.last_position,
            agent_id=agent.id if agent else None,
            detail=why_not,
        )
        if why_not:
            return
        shown_at = unit.number("SELECT max(visible_at) FROM message WHERE ticket_id = ?", ticket.id)
        due = notifications.due_at(unit, desk, shown_at, desks.delay_ms(desk, rules.delay_s))
        notifications.tell_requester(
            unit, Occasion(event, ticket, ticket.last_position, due), notifications.CLOSED
        )


def by_number(unit: Unit, number: str) -> Ticket:
    """The ticket with this number. Raises NotFound."""
    ticket = unit.row(Ticket, "number = ?", number)
    if ticket is None:
        raise NotFound("ticket.unknown", number=number)
    return ticket


def by_id(unit: Unit, id: int) -> Ticket:
    """The ticket with this id."""
    ticket = unit.row(Ticket, "id = ?", id)
    assert ticket is not None
    return ticket


def is_long_closed(unit: Unit, ticket: Ticket) -> bool:
    """Closed so long ago that a new message opens a new, linked ticket."""
    return ticket.status == CLOSED and (ticket.closed_at or 0) < unit.now - REOPENS_WITHIN


def _acknowledge(
    unit: Unit, occasion: Occasion, author: Contact, requester: Participant, receipt: str
) -> None:
    """The receipt, unless there is no budget for it; then the event tells agents."""
    if why_not := _against_receipt(unit, occasion, author, receipt):
        events.record(
            unit,
            occasion.ticket,
            events.NO_RECEIPT,
            position=occasion.position,
            contact_id=author.id,
            detail=why_not,
        )
    else:
        notifications.tell_requester(unit, occasion, receipt, requester)


def _against_receipt(unit: Unit, occasion: Occasion, author: Contact, receipt: str) -> str:
    """Why there is no receipt; empty where nothing speaks against it. An address that gets too many is braked."""
    if receipt == notifications.WITHHELD:
        return "a budget of [acknowledge] is spent"
    if brakes.is_pulled(unit, author.id):
        return brakes.BRAKED
    if receipt == notifications.RECEIPT and not receipts.grant_proven(unit, author.email_key):
        brakes.pull(unit, occasion.ticket, author.id, occasion.position, "opens tickets too fast")
        return brakes.BRAKED
    return ""


def _tell_of_machine(unit: Unit, rules: Rules, ticket: Ticket, message: Message, notice: bool) -> None:
    """What no human wrote: agents hear of a storm of it once in a while. T25."""
    event = _record(unit, ticket, events.RECEIVED, message, events.BY_A_MACHINE)
    if notice:
        desk = desks.by_id(unit, ticket.desk_id)
        occasion = _occasion(unit, rules, desk, ticket, message, event)
        due_at = brakes.after_storm(unit, ticket, occasion.due_at)
        notifications.tell_agents(unit, replace(occasion, due_at=due_at))


def _next_number(unit: Unit) -> str:
    """`YYWW-N`: one counter a week for the whole installation.

    Whoever has drawn from it has it for themselves until their unit ends.
    """
    week = clock.iso_week(unit.now)
    drawn: list[int] = unit.once(COUNTER, week, list)
    if drawn:
        unit.run("UPDATE counter SET last = last + 1 WHERE week = ?", week)
        drawn.append(drawn[-1] + 1)
    else:
        drawn.append(unit.number(_FIRST_NUMBER, week))
    return f"{week}-{drawn[-1]}"


_FIRST_NUMBER = (
    "INSERT INTO counter (week, last) VALUES (?, 1)"
    " ON CONFLICT (week) DO UPDATE SET last = counter.last + 1 RETURNING last"
)


def _take_part(unit: Unit, ticket: Ticket, agent: Agent) -> None:
    agents.take_part(unit, agents.seat(unit, ticket, agent.id))


def _set_status(unit: Unit, ticket: Ticket, status: str, why: str, agent: Agent | None = None) -> None:
    if ticket.status == status:
        return
    closed_at = unit.now if status == CLOSED else None
    unit.change(Ticket, ticket.id, status=status, closed_at=closed_at, updated_at=unit.now)
    detail = f"{ticket.status} {status} {why}".strip()
    events.record(unit, ticket, events.STATUS, agent_id=agent.id if agent else None, detail=detail)
    ticket.status, ticket.closed_at = status, closed_at


def _record(unit: Unit, ticket: Ticket, kind: str, message: Message, detail: str = "") -> int:
    return events.record(
        unit,
        ticket,
        kind,
        position=message.position,
        agent_id=message.agent_id,
        contact_id=message.contact_id,
        detail=detail,
    )


def _occasion(unit: Unit, rules: Rules, desk: Desk, ticket: Ticket, message: Message, event: int) -> Occasion:
    delay = desks.delay_ms(desk, rules.delay_s)
    due = notifications.due_at(unit, desk, message.visible_at, delay)
    return Occasion(event, ticket, message.position, due)
