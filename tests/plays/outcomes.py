"""What became of a mail, in one word, for tables of cases; and what followed from it."""

from __future__ import annotations

from collections import Counter

from gateway.desk.tables import AGENT, EVERYONE, INTERNAL, Event, Ticket
from gateway.flow.decision import Decision
from tests.world import World

ANSWER, NOTE, MESSAGE, AGENTS, NEW, HELD, DROPPED = (
    "answer",
    "note",
    "message",
    "agents only",
    "new ticket",
    "held",
    "dropped",
)


def outcome(decision: Decision, ticket: Ticket) -> str:
    """Seen from one ticket: what this mail did to it."""
    if decision.fate in (HELD, DROPPED):
        return decision.fate
    assert decision.message is not None and decision.ticket is not None
    if decision.ticket.id != ticket.id:
        return NEW
    if decision.message.kind in (AGENT, INTERNAL):
        return ANSWER if decision.message.kind == AGENT else NOTE
    return MESSAGE if decision.message.audience == EVERYONE else AGENTS


def happened(world: World, kind: str) -> list[str]:
    """Details of the events of a kind, oldest first."""
    with world.store.reading() as unit:
        return [one.detail for one in unit.rows(Event, "kind = ? ORDER BY id", kind)]


def letters(world: World, kind: str = "reply") -> Counter[str]:
    """How many letters of a kind everybody got."""
    return Counter(got.recipient for got in world.everything() if got.kind == kind)


def answered(world: World, text: str = "We look into it.") -> None:
    """Alice answers the first she heard of, and it is delivered."""
    world.alice.replies(world.alice.mailbox("notice")[0], text, quoting=False)
    world.after()
