"""Letters: what is due and unread becomes one mail for each recipient. Design §7.

Participants get replies, receipts and word of the end; agents get notices. Who gets what was
decided when it happened (`desk.notifications`); what is said is in `receipt`, `replies` and `notices`.
"""

from __future__ import annotations

from gateway import i18n
from gateway.desk import desks, notifications, tickets
from gateway.desk.notifications import CLOSED
from gateway.desk.tables import Desk, Notification, Participant, Seat
from gateway.flow import notices, receipt, replies
from gateway.flow.desktop import Desktop
from gateway.log import logger
from gateway.store.database import SQLITE, Unit

BATCH = 50

log = logger("letters")


def write_due(unit: Unit, desktop: Desktop) -> int:
    """Write the letters that are due, in this unit; returns how many promises were dealt with."""
    skip = "" if unit.store.engine == SQLITE else " FOR UPDATE SKIP LOCKED"
    due = unit.rows(
        Notification, f"state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?{skip}", unit.now, BATCH
    )
    receipts = [one for one in due if one.kind in notifications.RECEIPTS]
    for promise in receipts:
        notifications.written(unit, promise, receipt.write(unit, desktop, promise))
    first_of_each = {
        (one.ticket_id, one.participant_id, one.seat_id): one
        for one in reversed(due)
        if one.kind not in notifications.RECEIPTS
    }
    for promise in first_of_each.values():
        _write_joined(unit, desktop, promise)
    return len(due)


def _write_joined(unit: Unit, desktop: Desktop, first: Notification) -> None:
    """Everything that waits for this recipient and can be seen by now, in one letter."""
    waiting = _waiting(unit, first)
    ticket = tickets.by_id(unit, first.ticket_id)
    desk = desks.by_id(unit, ticket.desk_id)
    if first.seat_id is not None:
        seat = unit.row(Seat, "id = ?", first.seat_id)
        assert seat is not None
        unread = _unread(unit, desk, waiting, seat.read_to, seat.read_at)
        letter_id = notices.write(unit, desktop, desk, ticket, seat, unread)
    else:
        participant = unit.row(Participant, "id = ?", first.participant_id)
        assert participant is not None
        unread = _unread(unit, desk, waiting, participant.read_to, participant.read_at)
        letter_id = replies.write(unit, desktop, desk, ticket, participant, unread)
    for promise in unread:
        if letter_id is None:
            notifications.skip(unit, promise, "nothing in it was for this recipient")
        else:
            notifications.written(unit, promise, letter_id)


def _waiting(unit: Unit, first: Notification) -> list[Notification]:
    """The promises to the same recipient on the same ticket about what can be seen by now."""
    column = "participant_id" if first.participant_id else "seat_id"
    return unit.rows(
        Notification,
        f"state = 'waiting' AND ticket_id = ? AND {column} = ? AND kind NOT IN ('receipt', 'receipt_unproven')"
        " AND position IN (SELECT position FROM message WHERE ticket_id = ? AND visible_at <= ?) ORDER BY position",
        first.ticket_id,
        first.participant_id or first.seat_id,
        first.ticket_id,
        unit.now,
    )


def _unread(
    unit: Unit, desk: Desk, waiting: list[Notification], read_to: int, read_at: int | None
) -> list[Notification]:
    """The promises about what was not read in any door; the others are kept by saying so."""
    unread = []
    for promise in waiting:
        if promise.position <= read_to and promise.kind != CLOSED:
            when = i18n.format_moment(read_at or unit.now, desk.locale, desk.timezone)
            notifications.skip(unit, promise, f"not mailed: read on the page {when}")
            log.info("skipped: read", notification=promise.id)
        else:
            unread.append(promise)
    return unread
