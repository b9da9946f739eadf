"""Agents: who answers, at which desks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.desk import desks
from gateway.desk.tables import Agent, AgentDesk, Desk, Seat, Ticket
from gateway.errors import Conflict, Invalid, NotFound
from gateway.mail.address import address_key, parse_address
from gateway.mail.token import draw_handle
from gateway.store.statements import among
from gateway.store.unit import Unit


def add(unit: Unit, address: str, name: str = "", at: tuple[Desk, ...] = ()) -> Agent:
    """A new agent at these desks, at all when none is named. Raises Invalid or Conflict."""
    plain = parse_address(address)
    if plain is None:
        raise Invalid("address", "address.unreadable", address=address)
    if desks.directory(unit).is_ours(plain):
        raise Conflict("agent.is_desk", address=plain)
    key = address_key(plain)
    if unit.row(Agent, "email_key = ?", key):
        raise Conflict("agent.exists", address=plain)
    id = unit.insert(
        Agent,
        email=plain,
        email_key=key,
        name=" ".join(name.split())[:80],
        all_desks=0 if at else 1,
        created_at=unit.now,
    )
    for desk in at:
        unit.add(AgentDesk, agent_id=id, desk_id=desk.id)
    return by_id(unit, id)


def disable(unit: Unit, address: str) -> Agent:
    """From now on this agent's mail is a stranger's. Raises NotFound."""
    return _set_active(unit, address, 0)


def enable(unit: Unit, address: str) -> Agent:
    """An agent again, with their name and at their desks of before. Raises NotFound, or Conflict."""
    if desks.directory(unit).is_ours(address):
        raise Conflict("agent.is_desk", address=address)
    return _set_active(unit, address, 1)


def _set_active(unit: Unit, address: str, active: int) -> Agent:
    agent = with_address(unit, address)
    if agent is None:
        raise NotFound("agent.unknown", address=address)
    unit.change(Agent, agent.id, active=active)
    return by_id(unit, agent.id)


def everyone(unit: Unit) -> list[Agent]:
    """Every agent, oldest first."""
    return unit.rows(Agent, "1 = 1 ORDER BY id")


def of_desk(unit: Unit, desk_id: int) -> list[Agent]:
    """The active agents of a desk."""
    theirs = "active = 1 AND (all_desks = 1 OR id IN (SELECT agent_id FROM agent_desk WHERE desk_id = ?)) ORDER BY id"
    return unit.once(Agent, desk_id, lambda: unit.rows(Agent, theirs, desk_id))


def works_at(unit: Unit, agent: Agent, desk_id: int) -> bool:
    """Whether this agent may act at this desk now."""
    return bool(agent.active) and any(one.id == agent.id for one in of_desk(unit, desk_id))


def with_address(unit: Unit, email: str) -> Agent | None:
    """The agent with this address, active or not, or None."""
    return next(iter(unit.having(Agent, "email_key", address_key(email))), None) if email else None


def foresee(unit: Unit, emails: Iterable[str]) -> None:
    """Many will be asked for by address."""
    unit.foresee(Agent, "email_key", [address_key(email) for email in emails if email])


def by_id(unit: Unit, id: int) -> Agent:
    """The agent with this id."""
    agent = unit.row(Agent, "id = ?", id)
    assert agent is not None
    return agent


def display_name(agent: Agent) -> str:
    """What customers call them: their name; never a part of their address."""
    return agent.name or "Support"


def seat(unit: Unit, ticket: Ticket, agent_id: int) -> Seat:
    """This agent's place at this ticket, made when there is none."""
    return seats(unit, ticket, [agent_id])[0]


def seats(unit: Unit, ticket: Ticket, agent_ids: Sequence[int]) -> list[Seat]:
    """The places of these agents at this ticket, made where there are none."""
    if unit.is_new(Ticket, ticket.id):
        unit.no_longer_new(Ticket, ticket.id)
        return [
            unit.make(Seat, **_seat(ticket, id), took_part=0, read_to=0, read_at=None) for id in agent_ids
        ]
    marks, ids = among(agent_ids)
    found = unit.rows(Seat, f"ticket_id = ? AND agent_id IN ({marks})", ticket.id, *ids)
    seated = {one.agent_id: one for one in found}
    for id in agent_ids:
        if id not in seated:
            seated[id] = unit.obtain(Seat, ("ticket_id", "agent_id"), **_seat(ticket, id))
    return [seated[id] for id in agent_ids]


def _seat(ticket: Ticket, agent_id: int) -> dict[str, int]:
    return {"ticket_id": ticket.id, "agent_id": agent_id, "handle": draw_handle()}


def take_part(unit: Unit, seat: Seat) -> None:
    """From now on this agent hears of what happens on the ticket."""
    if not seat.took_part:
        unit.change(Seat, seat.id, took_part=1)
