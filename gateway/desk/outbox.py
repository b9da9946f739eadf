"""The outbox: every letter, and where it stands.

queued -> claimed (a lease) -> sending (committed before its text leaves) -> sent, deferred, failed or uncertain.
An expired claim is due again; an expired `sending` is uncertain: tried once more with the same
Message-ID, then left for a human. Design §4, `deliver`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.desk import events, suppression
from gateway.desk.tables import Letter, LetterOctets, Ticket
from gateway.mail.letter import Outcome, Parcel
from gateway.store.engines import SQLITE
from gateway.store.statements import among
from gateway.store.unit import Unit

QUEUED, CLAIMED, SENDING, SENT = "queued", "claimed", "sending", "sent"
DEFERRED, FAILED, UNCERTAIN, HELD, DROPPED = "deferred", "failed", "uncertain", "held", "dropped"
STATES = (QUEUED, CLAIMED, SENDING, SENT, DEFERRED, FAILED, UNCERTAIN, HELD, DROPPED)
DUE = f"('{QUEUED}', '{CLAIMED}', '{SENDING}', '{DEFERRED}', '{UNCERTAIN}')"
OURS = f"id = ? AND state IN ('{CLAIMED}', '{SENDING}') AND lease_until = ?"
NEEDS_HUMAN = f"(state IN ('{FAILED}', '{HELD}') OR state = '{UNCERTAIN}' AND doubts > 1)"
SUMMARY = "summary"  # the one kind that nothing suppresses: it tells the operator what is
CLAIM_MS = 120_000
SENDING_MS = 900_000  # longer than the relay may take to answer the final dot, RFC 5321 §4.5.3.2.6
OCTETS_AT_ONCE = 20_000_000
REPLY_MAX = 500
NEVER = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class Ladder:
    """When a letter is tried again. Milliseconds."""

    steps: tuple[int, ...]
    give_up: int
    uncertain: int


def is_due(unit: Unit) -> bool:
    """Whether there may be something to claim."""
    where = f"state IN {DUE} AND next_attempt_at <= ? AND lease_until <= ? LIMIT 1"
    return unit.run(f"SELECT 1 FROM outbox WHERE {where}", unit.now, unit.now).fetchone() is not None


def claim(unit: Unit, limit: int, ladder: Ladder) -> list[Letter]:
    """Take up to `limit` letters that are due, as many as fit in memory; nobody else gets them until the lease ends."""
    skip = "" if unit.engine == SQLITE else " FOR UPDATE SKIP LOCKED"
    due = unit.rows(
        Letter,
        f"state IN {DUE} AND next_attempt_at <= ? AND lease_until <= ? ORDER BY next_attempt_at LIMIT ?{skip}",
        unit.now,
        unit.now,
        limit,
    )
    taken: list[Letter] = []
    room = OCTETS_AT_ONCE
    for letter in due:
        room -= letter.size
        if room < 0 and taken:
            break
        if letter.state == SENDING:
            _doubt(unit, letter, "the program ended while handing it over", unit.now + ladder.uncertain)
        else:
            letter.attempts += 1
            letter.lease_until = unit.now + CLAIM_MS
            taken.append(letter)
    if taken:
        _take(unit, [letter.id for letter in taken])
    return taken


def _take(unit: Unit, ids: Sequence[int]) -> None:
    marks, values = among(ids)
    unit.run(
        f"UPDATE outbox SET state = '{CLAIMED}', attempts = attempts + 1, lease_until = ? WHERE id IN ({marks})",
        unit.now + CLAIM_MS,
        *values,
    )


def parcels(unit: Unit, letters: Sequence[Letter]) -> list[Parcel]:
    """Letters as the courier takes them; one whose octets are lost, by whatever damage, waits for a human."""
    found = unit.by_ids(LetterOctets, [one.id for one in letters])
    for letter in letters:
        if letter.id not in found:
            lost = "not sent: its text is missing in the store"
            unit.change(Letter, letter.id, state=HELD, last_reply=lost, lease_until=0, next_attempt_at=NEVER)
    return [
        Parcel(one.id, one.reverse_path, one.recipient, bytes(found[one.id].octets))
        for one in letters
        if one.id in found
    ]


def octets(unit: Unit, letter: Letter) -> bytes:
    """The composed mail; empty where the store has lost it."""
    found = unit.row(LetterOctets, "id = ?", letter.id)
    return bytes(found.octets) if found else b""


def sending(unit: Unit, letter: Letter) -> bool:
    """Its text is next: the claim gets a longer lease. False when the letter is no longer ours to send."""
    lease = unit.now + SENDING_MS
    mine = f"id = ? AND state = '{CLAIMED}' AND lease_until = ?"
    if unit.change_where(Letter, mine, _claim_of(letter), state=SENDING, lease_until=lease) != 1:
        return False
    unit.after_commit(lambda: _prolong(letter, lease))
    return True


def recover(unit: Unit, ladder: Ladder) -> None:
    """At the start of the only daemon of a store: the claims of the one before are void."""
    unit.change_where(Letter, f"state = '{CLAIMED}'", (), state=QUEUED, lease_until=0)
    for letter in unit.rows(Letter, f"state IN {DUE} AND state = '{SENDING}'"):
        _doubt(unit, letter, "the program ended while handing it over", unit.now + ladder.uncertain)


def settle(unit: Unit, claimed: Letter, outcome: Outcome, ladder: Ladder) -> Letter | None:
    """Write down what became of a letter that is still ours; returns it when it failed for good."""
    reply = outcome.reply[:REPLY_MAX]
    if outcome.state == "sent":
        _sent(unit, claimed, reply)
        return None
    held = "" if unit.engine == SQLITE else " FOR UPDATE"
    letter = unit.row(Letter, f"{OURS}{held}", *_claim_of(claimed))
    if letter is None:
        return None
    if outcome.state == "refused":
        return fail(unit, letter, reply)
    elif outcome.state == "uncertain":
        _doubt(unit, letter, reply, unit.now + ladder.uncertain)
    elif outcome.state == "untried":
        _untried(unit, letter, reply)
    elif unit.now - letter.created_at >= ladder.give_up:
        return fail(unit, letter, reply)
    else:
        _defer(unit, letter, reply, unit.now + _pause(ladder, letter.attempts))
    return None


def _sent(unit: Unit, claimed: Letter, reply: str) -> None:
    unit.change_all(
        Letter,
        OURS,
        _claim_of(claimed),
        state=SENT,
        sent_at=unit.now,
        last_reply=reply,
        lease_until=0,
        next_attempt_at=NEVER,
    )


def fail(unit: Unit, letter: Letter, reply: str) -> Letter:
    """This letter will not arrive; the ticket says so."""
    unit.change(
        Letter,
        letter.id,
        state=FAILED,
        last_reply=reply,
        lease_until=0,
        next_attempt_at=NEVER,
        operator_told_at=None,
    )
    letter.state, letter.last_reply = FAILED, reply
    if letter.ticket_id is not None:
        ticket = unit.row(Ticket, "id = ?", letter.ticket_id)
        assert ticket is not None
        events.record(unit, ticket, events.LETTER_FAILED, position=letter.position, detail=str(letter.id))
    return letter


def reported(unit: Unit, letter: Letter, reply: str) -> None:
    """A report says something of it that changes nothing: still on its way, or not for sure."""
    unit.change(Letter, letter.id, last_reply=reply[:REPLY_MAX])


def retry(unit: Unit, id: int) -> bool:
    """An operator wants this letter tried now."""
    states = f"('{FAILED}', '{DEFERRED}', '{UNCERTAIN}', '{HELD}', '{DROPPED}')"
    unit.announce()
    return (
        unit.change_where(
            Letter,
            f"id = ? AND state IN {states}",
            (id,),
            state=QUEUED,
            attempts=0,
            doubts=0,
            next_attempt_at=unit.now,
            lease_until=0,
            operator_told_at=None,
        )
        == 1
    )


def drop(unit: Unit, id: int) -> bool:
    """An operator wants this letter never sent."""
    states = f"('{QUEUED}', '{DEFERRED}', '{UNCERTAIN}', '{HELD}', '{FAILED}')"
    return (
        unit.change_where(
            Letter,
            f"id = ? AND state IN {states}",
            (id,),
            state=DROPPED,
            next_attempt_at=NEVER,
            lease_until=0,
        )
        == 1
    )


def hold_all(unit: Unit) -> int:
    """After a restore: what was not sent waits for a human. Returns how many."""
    return unit.change_where(Letter, f"state IN {DUE}", (), state=HELD, next_attempt_at=NEVER, lease_until=0)


def queue(unit: Unit, *, recipient: str, octets: bytes, **columns: str | int | None) -> int:
    """Put a letter into the outbox, to leave now; returns its id. To a suppressed address it leaves never.

    Agents are never suppressed, not even where one is a customer as well.
    """
    for_staff = columns["kind"] == SUMMARY or columns.get("seat_id") is not None
    reason = "" if for_staff else suppression.reason(unit, recipient)
    if reason:
        columns |= {"state": DROPPED, "last_reply": reason[:REPLY_MAX], "next_attempt_at": NEVER}
    else:
        columns["next_attempt_at"] = unit.now
    id = unit.insert(Letter, created_at=unit.now, recipient=recipient, size=len(octets), **columns)
    unit.put(LetterOctets, id=id, octets=octets)
    return id


def drop_all_to(unit: Unit, recipient: str, reason: str) -> int:
    """No letter that waits for this address is sent. Returns how many."""
    waiting = (
        f"state IN ('{QUEUED}', '{DEFERRED}', '{UNCERTAIN}') AND seat_id IS NULL AND kind <> '{SUMMARY}'"
        " AND lower(recipient) = lower(?)"
    )
    return unit.change_where(
        Letter, waiting, (recipient,), state=DROPPED, last_reply=reason[:REPLY_MAX], next_attempt_at=NEVER
    )


def by_handle(unit: Unit, handle: int) -> Letter | None:
    """The letter a return path or Message-ID speaks of."""
    return unit.row(Letter, "handle = ?", handle)


def caused_by(unit: Unit, inbound_ids: Sequence[int]) -> dict[int, int]:
    """How many mails these mails made us send by ourselves to anyone but agents and operator."""
    if not inbound_ids:
        return {}
    marks = ", ".join("?" * len(inbound_ids))
    counted = unit.run(
        f"SELECT cause, count(*) FROM outbox WHERE cause IN ({marks}) AND seat_id IS NULL GROUP BY cause",
        *inbound_ids,
    )
    return {int(cause): int(count) for cause, count in counted.fetchall()}


def _claim_of(letter: Letter) -> tuple[int, int]:
    """Whose claim it is, its lease tells: no two are alike."""
    return letter.id, letter.lease_until


def _prolong(letter: Letter, lease: int) -> None:
    letter.lease_until = lease


def _doubt(unit: Unit, letter: Letter, reply: str, again_at: int) -> None:
    """Perhaps delivered. Once more with the same Message-ID, the second time it is a human's."""
    unit.change(
        Letter,
        letter.id,
        state=UNCERTAIN,
        doubts=letter.doubts + 1,
        last_reply=reply[:REPLY_MAX],
        next_attempt_at=again_at if letter.doubts == 0 else NEVER,
        lease_until=0,
    )


def _defer(unit: Unit, letter: Letter, reply: str, again_at: int) -> None:
    unit.change(Letter, letter.id, state=DEFERRED, last_reply=reply, next_attempt_at=again_at, lease_until=0)


def _untried(unit: Unit, letter: Letter, reply: str) -> None:
    """Its session ended before its turn: not an attempt."""
    unit.change(
        Letter,
        letter.id,
        state=DEFERRED,
        attempts=max(0, letter.attempts - 1),
        next_attempt_at=unit.now + 1000,
        lease_until=0,
    )


def _pause(ladder: Ladder, attempts: int) -> int:
    """The ladder's step with jitter, so that a thousand letters do not come back in one moment."""
    step = ladder.steps[min(max(attempts, 1), len(ladder.steps)) - 1]
    return int(step * random.uniform(0.9, 1.2))
