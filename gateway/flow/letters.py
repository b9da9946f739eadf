"""Letters: what is due and unread becomes one mail for each recipient. Design §7.

Participants get replies, receipts and word of the end; agents get notices. Who gets what was
decided when it happened (`desk.notifications`); what is said is in `receipt`, `replies` and `notices`.
A letter that cannot be written holds up no other.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway import i18n
from gateway.desk import notifications
from gateway.desk.notifications import CLOSED, RECEIPTS
from gateway.desk.tables import Desk, Notification, Participant, Seat
from gateway.errors import GatewayError, StoreError
from gateway.flow import notices, receipt, replies
from gateway.flow.desktop import Desktop
from gateway.flow.round import Recipient, Round
from gateway.log import logger
from gateway.store.engines import SQLITE
from gateway.store.unit import Unit

BATCH = 50
SHARED = 4  # so many batches are looked at, so that other daemons find something that nobody has in hand

log = logger("letters")


def write_due(unit: Unit, desktop: Desktop) -> int:
    """Write the letters that are due, in this unit; returns how many promises were dealt with."""
    notifications.skip_of_old_mail(unit)
    participants = unit.rows(Participant, *_with_something_due(unit, "participant_id"))
    seats = unit.rows(Seat, *_with_something_due(unit, "seat_id"))
    round = Round(unit, desktop, participants, seats)
    return sum(_write_to(round, recipient) for recipient in round.recipients)


def _with_something_due(unit: Unit, column: str) -> tuple[str, int, int, int]:
    """Which recipients. Whom another daemon has in hand is left to it, or they would be told twice."""
    skip = "" if unit.engine == SQLITE else " FOR UPDATE SKIP LOCKED"
    due = (
        f"SELECT {column} FROM notification WHERE state = 'waiting' AND due_at <= ? AND {column} IS NOT NULL"
        " ORDER BY due_at, id LIMIT ?"
    )
    return f"id IN ({due}) ORDER BY id LIMIT ?{skip}", unit.now, BATCH * SHARED, BATCH


def _write_to(round: Round, recipient: Recipient) -> int:
    """A letter for each receipt and for each promise that failed once, and one for all the others."""
    now = round.unit.now
    waiting = round.promises(recipient)
    letters = [[one] for one in waiting if _stands_alone(one) and one.due_at <= now]
    joined = [one for one in waiting if not _stands_alone(one)]
    if any(one.due_at <= now for one in joined):
        letters.append(joined)
    for promises in letters:
        _write_apart(round, recipient, promises)
    return sum(map(len, letters))


def _stands_alone(promise: Notification) -> bool:
    return promise.kind in RECEIPTS or promise.attempts > 0


def _write_apart(round: Round, recipient: Recipient, promises: Sequence[Notification]) -> None:
    """One letter; what cannot be written is tried once more later, each promise by itself, then a human's."""
    unit = round.unit
    try:
        with unit.savepoint():
            _write(round, recipient, promises)
    except StoreError:
        raise
    except Exception as error:  # one letter's trouble is its own: the other letters of this unit leave
        log.exception("letter not written", notifications=[promise.id for promise in promises])
        reason = str(error) if isinstance(error, GatewayError) else type(error).__name__
        for promise in promises:
            notifications.not_written(unit, promise, f"it could not be written: {reason}; see the log")


def _write(round: Round, recipient: Recipient, promises: Sequence[Notification]) -> None:
    """A receipt, or everything of this that the recipient has not read, in one letter."""
    unit = round.unit
    if isinstance(recipient, Participant) and promises[0].kind in RECEIPTS:
        notifications.written(unit, promises, receipt.write(round, recipient, promises[0]))
        return
    desk = round.desk(round.ticket(recipient))
    unread = _unread(unit, desk, promises, recipient.read_to, recipient.read_at)
    if isinstance(recipient, Seat):
        letter_id = notices.write(round, recipient, unread)
    else:
        letter_id = replies.write(round, recipient, unread)
    if letter_id is not None:
        notifications.written(unit, unread, letter_id)
    else:
        for promise in unread:
            notifications.skip(unit, promise, notifications.NOT_FOR_THEM)


def _unread(
    unit: Unit, desk: Desk, waiting: Sequence[Notification], read_to: int, read_at: int | None
) -> list[Notification]:
    """The promises about what was not read in any door; the others are kept by saying so."""
    unread = []
    for promise in waiting:
        if promise.position <= read_to and promise.kind != CLOSED:
            when = i18n.format_moment(read_at or unit.now, desk.locale, desk.timezone)
            notifications.skip(unit, promise, notifications.READ % {"when": when})
            log.info("skipped: read", notification=promise.id)
        else:
            unread.append(promise)
    return unread
