"""What became of a mail, in one word, for tables of cases."""

from __future__ import annotations

from gateway.desk.tables import AGENT, EVERYONE, INTERNAL, Ticket
from gateway.flow.intake import Decision

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
