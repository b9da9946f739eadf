"""Brakes: Helpgate is no cannon for other people's words, and no loop of robots goes on. T23, T25.

What an agent answers is never held back. What participants write is told to the others only where

- an agent has answered on the ticket (until then the requester alone is told), and
- the address does not answer every letter at once (`PACE`: else the brake), and
- the ticket and the author have not used up what leaves for them in an hour and in a day.

The brake is an event on the ticket where it was pulled. For a day nothing leaves to that address by itself, on
any ticket: no receipt, no letter about what others wrote, no word of the end. It is pulled for a participant whom
letters about others' words reach faster than `PACE`, and for an address that is sent receipts faster than that.

A letter counts for the pace when nobody here wrote it, when its reader has answered it by mail, and when no
agent has answered since: people who only read, and talks that an agent takes part in, are not slowed down.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clock import DAY, HOUR, MINUTE
from gateway.desk import events
from gateway.desk.tables import AGENT, CLIENT, Contact, Participant, Ticket
from gateway.i18n import marked
from gateway.mail.reading import HUMAN
from gateway.store import settings
from gateway.store.unit import Unit

PACE = ((2, 10 * MINUTE), (5, HOUR), (10, DAY))
BRAKED_FOR = DAY
TICKET_HOUR = 100
AUTHOR_DAY = 200
STORM = 5 * MINUTE
SPENT = "summary.spent"

UNANSWERED = marked("not mailed: no agent has answered here yet")
BRAKED = marked("not mailed: too many automatic letters in a short time")
SPENT_ON_TICKET = marked("not mailed: the budget of letters an hour for a ticket is spent")
SPENT_BY_AUTHOR = marked("not mailed: the budget of letters a day for one author is spent")

_LETTERS = (
    "SELECT count(DISTINCT coalesce(letter_id, -participant_id)) FROM notification"
    " JOIN event ON event.id = notification.event_id WHERE participant_id IS NOT NULL AND state <> 'skipped'"
)
"""How many letters promises have become or will become: what waits for one reader will be one."""


def hold_back(
    unit: Unit, ticket: Ticket, position: int, author_id: int, readers: Sequence[Participant]
) -> dict[int, str]:
    """Which of these participants are not mailed what this contact wrote, and why, by their ids."""
    held: dict[int, str] = {}
    if readers and not _is_answered(unit, ticket):
        held = {one.id: UNANSWERED for one in readers if not one.requester}
    for one in readers:
        if one.id not in held and is_braked(unit, ticket, one, position):
            held[one.id] = BRAKED
    rest = [one for one in readers if one.id not in held]
    return held | _over_budget(unit, ticket, position, author_id, rest)


def is_braked(unit: Unit, ticket: Ticket, participant: Participant, position: int) -> bool:
    """Whether letters that no agent wrote are off for this participant; pulls the brake where it is due."""
    if is_pulled(unit, participant.contact_id):
        return True
    if not _goes_too_fast(unit, ticket, participant):
        return False
    pull(unit, ticket, participant.contact_id, position, "answers every letter at once")
    return True


def is_pulled(unit: Unit, contact_id: int) -> bool:
    """Whether nothing may leave to this contact by itself, on whatever ticket that was found."""
    if unit.is_new(Contact, contact_id):
        return False
    pulled = f"SELECT count(*) FROM event WHERE kind = '{events.BRAKE}' AND contact_id = ? AND at > ?"
    return unit.number(pulled, contact_id, unit.now - BRAKED_FOR) > 0


def pull(unit: Unit, ticket: Ticket, contact_id: int, position: int, why: str) -> None:
    """For a day nothing but agents' answers leaves to this contact; the event tells agents why."""
    detail = f"{why}: no letters for a day but agents' answers"
    unit.no_longer_new(Contact, contact_id)
    events.record(unit, ticket, events.BRAKE, position=position, contact_id=contact_id, detail=detail)


def against_word_of_the_end(unit: Unit, ticket: Ticket) -> str:
    """Why the requester is not told that the ticket is closed; empty where nothing speaks against it.

    That letter quotes what was said. Somebody else may have said it in the requester's name, or no human. Promise 4.
    """
    requester = unit.row(Participant, "ticket_id = ? AND requester = 1 AND let_in_at IS NOT NULL", ticket.id)
    if requester is None:
        return "no letter: nobody knows who asked"
    if unit.number(_OPENED_BY_MACHINE, ticket.id):
        return "no letter: no human opened this ticket"
    if not unit.number(_PROVEN, ticket.id, requester.contact_id):
        return "no letter: the requester has proven nothing"
    if is_braked(unit, ticket, requester, ticket.last_position):
        return "no letter: too many automatic letters in a short time"
    return ""


_OPENED_BY_MACHINE = (
    "SELECT count(*) FROM message JOIN inbound ON inbound.id = message.inbound_id"
    f" WHERE message.ticket_id = ? AND position = 1 AND verdict <> '{HUMAN}'"
)
_PROVEN = (
    "SELECT count(*) FROM message WHERE ticket_id = ? AND contact_id = ? AND automatic = 0"
    " AND proof IN ('participant', 'unverified')"
)


def is_over_pace(now: int, moments: Sequence[int]) -> bool:
    """Whether one more would be too many after so many at these moments."""
    return any(sum(moment > now - span for moment in moments) >= most for most, span in PACE)


def after_storm(unit: Unit, ticket: Ticket, due_at: int) -> int:
    """When agents hear of one more mail that no human wrote: with the one that waits, else minutes after the last."""
    last = unit.number(
        "SELECT max(due_at) FROM notification JOIN event ON event.id = notification.event_id"
        f" WHERE notification.ticket_id = ? AND seat_id IS NOT NULL AND event.detail = '{events.BY_A_MACHINE}'",
        ticket.id,
    )
    return last if last > unit.now else max(due_at, last + STORM)


def _is_answered(unit: Unit, ticket: Ticket) -> bool:
    return _last_answer(unit, ticket) > 0


def _last_answer(unit: Unit, ticket: Ticket) -> int:
    """The position of the newest answer of an agent that can be seen; 0 where there is none."""
    return unit.number(
        f"SELECT max(position) FROM message WHERE ticket_id = ? AND kind = '{AGENT}' AND visible_at <= ?",
        ticket.id,
        unit.now,
    )


def _goes_too_fast(unit: Unit, ticket: Ticket, participant: Participant) -> bool:
    """Letters that were answered: no more than there were letters, and no more than there were answers."""
    answered = _last_answer(unit, ticket)
    mails = _moments(
        unit,
        f"SELECT created_at FROM message WHERE ticket_id = ? AND position > ? AND kind = '{CLIENT}'"
        " AND contact_id = ? AND inbound_id IS NOT NULL AND automatic = 0 AND created_at > ?",
        ticket.id,
        answered,
        participant.contact_id,
        unit.now - DAY,
    )
    if not is_over_pace(unit.now, mails):
        return False
    letters = _moments(
        unit,
        "SELECT min(due_at) FROM notification JOIN event ON event.id = notification.event_id"
        " WHERE notification.ticket_id = ? AND notification.position > ? AND participant_id = ?"
        f" AND event.kind <> '{events.ANSWERED}' AND state <> 'skipped' AND due_at > ?"
        " GROUP BY coalesce(letter_id, 0)",
        ticket.id,
        answered,
        participant.id,
        unit.now - DAY,
    )
    return is_over_pace(unit.now, letters)


def _over_budget(
    unit: Unit, ticket: Ticket, position: int, author_id: int, readers: Sequence[Participant]
) -> dict[int, str]:
    """Those for whom nothing is left; the requester is served first."""
    if not readers:
        return {}
    of_ticket = unit.number(
        f"{_LETTERS} AND notification.ticket_id = ? AND due_at > ?", ticket.id, unit.now - HOUR
    )
    of_author = unit.number(
        f"{_LETTERS} AND event.kind = '{events.RECEIVED}' AND event.contact_id = ? AND event.at > ?",
        author_id,
        unit.now - DAY,
    )
    left = {SPENT_ON_TICKET: TICKET_HOUR - of_ticket, SPENT_BY_AUTHOR: AUTHOR_DAY - of_author}
    reason = min(left, key=lambda one: left[one])
    over = readers[max(0, left[reason]) :]
    if over:
        events.record(
            unit,
            ticket,
            events.BUDGET,
            position=position,
            contact_id=author_id,
            detail=f"{len(over)} {reason}",
        )
        settings.put(unit, SPENT, f"letters to participants of ticket {ticket.number}: {reason}")
    return {one.id: reason for one in over}


def _moments(unit: Unit, sql: str, *values: int) -> list[int]:
    return [int(row[0]) for row in unit.run(sql, *values).fetchall()]
