"""Notifications: who is told of what, and when. Design §7.

A promise is unique for an event and a recipient. Nobody is told their own words. Waiting is a due
time, skipping is a condition: `flow.letters` asks for what is due and unread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gateway.clock import MINUTE
from gateway.desk import agents, brakes
from gateway.desk.tables import Desk, Notification, Participant, Seat, Ticket
from gateway.i18n import marked
from gateway.store import settings
from gateway.store.statements import among
from gateway.store.unit import Unit

WAITING, WRITTEN, SKIPPED, FAILED = "waiting", "written", "skipped", "failed"
RECEIPT, RECEIPT_UNPROVEN, NOTICE, REPLY, CLOSED = "receipt", "receipt_unproven", "notice", "reply", "closed"
WITHHELD = "withheld"  # a receipt for which no budget is left

RECEIPTS = (RECEIPT, RECEIPT_UNPROVEN)
AGAIN_MS = 10 * MINUTE  # a letter that could not be written is tried once more
REASON_MAX = 500
RESTORED_AT = "restored.at"
_NOBODY: Mapping[int, str] = MappingProxyType({})

READ = marked("not mailed: read on the page %(when)s")
NOT_FOR_THEM = marked("nothing in it was for this recipient")
RESTORED = marked("not mailed: restored from a backup")


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event to tell of: its row, its ticket, the message it is about and when letters may leave."""

    event_id: int
    ticket: Ticket
    position: int
    due_at: int


def tell_agents(unit: Unit, occasion: Occasion, *, besides: int | None = None) -> None:
    """A notice to the assignee, else to the desk's agents; `besides` is the agent who wrote."""
    ticket = occasion.ticket
    staff = agents.of_desk(unit, ticket.desk_id)
    told = [agent for agent in staff if agent.id == ticket.assignee_id] or staff
    ids = [agent.id for agent in told if agent.id != besides]
    _promise(unit, occasion, NOTICE, agents.seats(unit, ticket, ids) if ids else ())


def tell_colleagues(unit: Unit, occasion: Occasion, *, besides: int | None = None) -> None:
    """A notice to the agents who took part."""
    rows = unit.rows(Seat, "ticket_id = ? AND took_part = 1", occasion.ticket.id)
    active = {agent.id for agent in agents.of_desk(unit, occasion.ticket.desk_id)}
    _promise(unit, occasion, NOTICE, [one for one in rows if one.agent_id in active - {besides}])


def tell_participants(unit: Unit, occasion: Occasion) -> None:
    """An agent's answer, to every participant let in."""
    _promise(unit, occasion, REPLY, readers(unit, occasion.ticket))


def relay(unit: Unit, occasion: Occasion, author_id: int, *, besides: frozenset[int]) -> None:
    """A participant's words, to the others as far as the brakes let them; `besides` are contacts who know already."""
    ticket = occasion.ticket
    others = [one for one in readers(unit, ticket) if one.contact_id not in besides | {author_id}]
    held = brakes.hold_back(unit, ticket, occasion.position, author_id, others)
    _promise(unit, occasion, REPLY, others, held)


def tell_requester(unit: Unit, occasion: Occasion, kind: str, requester: Participant | None = None) -> None:
    """A receipt, or word that the ticket is closed. requester: where the caller has that row."""
    told = [requester] if requester else let_in(unit, occasion.ticket)
    _promise(unit, occasion, kind, [one for one in told if one.requester])


def let_in(unit: Unit, ticket: Ticket) -> list[Participant]:
    """The participants who may read, the requester first."""
    return unit.rows(
        Participant, "ticket_id = ? AND let_in_at IS NOT NULL ORDER BY requester DESC, id", ticket.id
    )


def readers(unit: Unit, ticket: Ticket) -> list[Participant]:
    """Those of them who have not left."""
    return [one for one in let_in(unit, ticket) if one.unsubscribed_at is None]


def due_at(unit: Unit, desk: Desk, visible_at: int, delay_ms: int) -> int:
    """When a letter about a message may leave: counted from when the message can be seen."""
    return max(visible_at, unit.now) + delay_ms


def waiting(
    unit: Unit, column: str, recipients: Sequence[Participant | Seat]
) -> dict[int, list[Notification]]:
    """The promises to each of them, by id, about what can be seen by now. `column` names the recipient in a promise."""
    marks, ids = among([one.id for one in recipients])
    ticket_marks, ticket_ids = among({one.ticket_id for one in recipients})
    seen = (
        "EXISTS (SELECT 1 FROM message WHERE message.ticket_id = notification.ticket_id"
        " AND message.position = notification.position AND message.visible_at <= ?)"
    )
    where = f"state = '{WAITING}' AND ticket_id IN ({ticket_marks}) AND {column} IN ({marks}) AND {seen}"
    found: dict[int, list[Notification]] = {}
    for promise in unit.rows(Notification, f"{where} ORDER BY position, id", *ticket_ids, *ids, unit.now):
        found.setdefault(getattr(promise, column), []).append(promise)
    return found


def skip(unit: Unit, notification: Notification, reason: str) -> None:
    """Keep a promise by not sending: the reason is shown."""
    unit.change(Notification, notification.id, state=SKIPPED, reason=reason)


def skip_restored(unit: Unit) -> int:
    """After a restore: nobody is told again what was promised before. Returns how many promises."""
    settings.put(unit, RESTORED_AT, str(unit.now))
    return unit.change_where(Notification, f"state = '{WAITING}'", (), state=SKIPPED, reason=RESTORED)


def skip_of_old_mail(unit: Unit) -> None:
    """No second receipt for a mail that waited in the backup: agents alone hear of it, their links are new."""
    restored_at = int(settings.get(unit, RESTORED_AT, "0"))
    if restored_at:
        old = (
            "EXISTS (SELECT 1 FROM message JOIN inbound ON inbound.id = message.inbound_id WHERE"
            " message.ticket_id = notification.ticket_id AND message.position = notification.position"
            " AND inbound.received_at <= ?)"
        )
        where = f"state = '{WAITING}' AND participant_id IS NOT NULL AND {old}"
        unit.change_where(Notification, where, (restored_at,), state=SKIPPED, reason=RESTORED)


def why_not_mailed(reason: str, translate: Callable[[str], str]) -> str:
    """The reason of a promise that was kept by not sending, for a letter in another language."""
    before_moment = READ.partition("%")[0]
    if reason.startswith(before_moment):
        return translate(READ) % {"when": reason.removeprefix(before_moment)}
    return translate(reason) if reason else ""


def written(unit: Unit, promises: Sequence[Notification], letter_id: int) -> None:
    """The promises are in this letter."""
    marks, ids = among([one.id for one in promises])
    unit.change_all(Notification, f"id IN ({marks})", ids, state=WRITTEN, letter_id=letter_id)


def write_again(unit: Unit) -> int:
    """An operator wants all letters tried now that could not be written. Returns how many promises."""
    unit.announce()
    return unit.change_where(
        Notification,
        f"state = '{FAILED}'",
        (),
        state=WAITING,
        attempts=0,
        due_at=unit.now,
        reason="",
        operator_told_at=None,
    )


def not_written(unit: Unit, notification: Notification, reason: str) -> None:
    """Its letter could not be written: once more later, by itself, then it waits for a human."""
    if notification.attempts:
        unit.change(Notification, notification.id, state=FAILED, attempts=2, reason=reason[:REASON_MAX])
    else:
        unit.change(Notification, notification.id, attempts=1, due_at=unit.now + AGAIN_MS)


def _promise(
    unit: Unit,
    occasion: Occasion,
    kind: str,
    recipients: Sequence[Participant | Seat],
    skipped: Mapping[int, str] = _NOBODY,
) -> None:
    """`skipped` is why it will not be kept by mail, by the recipient's id."""
    rows = []
    for one in recipients:
        places = (one.id, None) if isinstance(one, Participant) else (None, one.id)
        reason = skipped.get(one.id, "")
        state = SKIPPED if reason else WAITING
        rows.append((*_about(occasion, kind), *places, state, reason))
    if rows:
        unit.add_all(Notification, _WRITTEN, rows)


def _about(occasion: Occasion, kind: str) -> tuple[int, int, str, int, int]:
    return occasion.event_id, occasion.ticket.id, kind, occasion.position, occasion.due_at


_WRITTEN = (
    "event_id",
    "ticket_id",
    "kind",
    "position",
    "due_at",
    "participant_id",
    "seat_id",
    "state",
    "reason",
)
