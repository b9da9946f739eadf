"""The inbound journal: one row for every mail at every desk, with its fate. It never loses a row."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile

from peewee import BigAutoField, BigIntegerField, IntegerField, Model, TextField

from gateway.errors import StoreError
from gateway.mail.envelope import Envelope
from gateway.store.engines import SQLITE
from gateway.store.statements import among
from gateway.store.unit import Unit

RECEIVED = "received"
APPLIED = "applied"
HELD = "held"
DROPPED = "dropped"
FATES = (RECEIVED, APPLIED, HELD, DROPPED)
OURS = f"id = ? AND fate = '{RECEIVED}' AND lease_until = ?"


class ClaimLost(StoreError):
    """The lease ran out and another process has taken the mail: what we did with it must be undone."""


class Inbound(Model):
    """One accepted mail at one desk.

    octets: SHA-256 of the raw mail, a key of `blob`.  detail: what stood between the desk's local
    part and its domain.  reasons, bounce, notes: JSON.  delivered_at: when it reached a mailbox elsewhere, where
    that is known.  historic: it is from before we were here, nobody is thanked for it nor told.  leave_open: the
    ticket that such a mail opens is not closed at once.
    """

    id = BigAutoField()
    received_at = BigIntegerField()
    channel = TextField()
    desk_id = BigIntegerField()
    recipient = TextField()
    detail = TextField()
    reverse_path = TextField()
    recipients = TextField()
    peer = TextField()
    helo = TextField()
    tls = TextField()
    login = TextField()
    size = BigIntegerField()
    octets = TextField()
    delivered_at = BigIntegerField(null=True)
    historic = IntegerField()
    leave_open = IntegerField()
    fate = TextField()
    fate_reason = TextField()
    final_at = BigIntegerField(null=True)
    lease_until = BigIntegerField()
    attempts = IntegerField()
    released = IntegerField()
    message_id = TextField()
    fingerprint = TextField()
    from_email = TextField()
    from_name = TextField()
    subject = TextField()
    verdict = TextField()
    reasons = TextField()
    carrier = TextField(null=True)
    proof = TextField(null=True)
    bounce = TextField(null=True)
    notes = TextField()
    ticket_id = BigIntegerField(null=True)
    message = BigIntegerField(null=True)
    duplicate_of = BigIntegerField(null=True)
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "inbound"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail for one desk, as it is written down before anyone is thanked for it."""

    desk_id: int
    recipient: str
    detail: str
    envelope: Envelope
    size: int
    octets: str
    received_at: int
    historic: bool = False
    leave_open: bool = False


def record(unit: Unit, arrivals: Sequence[Arrival]) -> list[int]:
    """Write arrivals down; returns their journal ids, in order."""
    return unit.insert_all(Inbound, _WRITTEN, [_written(one) for one in arrivals])


def _written(arrival: Arrival) -> tuple[str | int | None, ...]:
    envelope = arrival.envelope
    return (
        arrival.received_at,
        envelope.channel,
        arrival.desk_id,
        arrival.recipient,
        arrival.detail,
        envelope.reverse_path,
        json.dumps(envelope.recipients),
        envelope.peer,
        envelope.helo,
        envelope.tls,
        envelope.login,
        arrival.size,
        arrival.octets,
        envelope.delivered_at,
        int(arrival.historic),
        int(arrival.leave_open),
    )


_WRITTEN = (
    "received_at",
    "channel",
    "desk_id",
    "recipient",
    "detail",
    "reverse_path",
    "recipients",
    "peer",
    "helo",
    "tls",
    "login",
    "size",
    "octets",
    "delivered_at",
    "historic",
    "leave_open",
)


def is_waiting(unit: Unit) -> bool:
    """Whether a received mail can be claimed now."""
    where = f"fate = '{RECEIVED}' AND lease_until <= ? LIMIT 1"
    return unit.row(Inbound, where, unit.now) is not None


def claim(unit: Unit, limit: int, lease_ms: int, in_hand: Collection[int] = ()) -> list[Inbound]:
    """Take up to `limit` received mails, oldest first; nobody else gets them until the lease ends.

    Historic ones can wait: they come when there are no others.
    One that was claimed before comes alone: whatever happened to it then happens to no other.
    in_hand: ids that the caller has already, and never gets twice.
    """
    skip = "" if unit.engine == SQLITE else " FOR UPDATE SKIP LOCKED"
    due = unit.rows(
        Inbound,
        f"fate = '{RECEIVED}' AND lease_until <= ? ORDER BY historic, id LIMIT ?{skip}",
        unit.now,
        limit + len(in_hand),
    )
    free = [row for row in due if row.id not in in_hand][:limit]
    taken = list(takewhile(lambda row: not row.lease_until, free)) or free[:1]
    until = unit.now + lease_ms
    for row in taken:
        row.lease_until = until
    if taken:
        marks, ids = among([row.id for row in taken])
        unit.change_all(Inbound, f"id IN ({marks})", ids, lease_until=until)
    return taken


def renew(unit: Unit, claimed: Sequence[Inbound], lease_ms: int) -> list[tuple[Inbound, int]]:
    """Keep claims for longer; those that are still ours, with the lease each has once this is committed."""
    until = unit.now + lease_ms
    return [
        (row, until)
        for row in claimed
        if unit.change_where(Inbound, OURS, _claim_of(row), lease_until=until) == 1
    ]


def give_back(unit: Unit, inbound: Inbound, *, until: int, attempts: int, reason: str) -> None:
    """Let a claimed mail be tried again at a later time; nothing when the claim is no longer ours."""
    unit.change_where(
        Inbound, OURS, _claim_of(inbound), lease_until=until, attempts=attempts, fate_reason=reason
    )


def conclude(unit: Unit, inbound: Inbound, fate: str, reason: str, **columns: str | int | None) -> None:
    """Give a mail its final fate, and write down what was found on the way. Raises ClaimLost."""
    values: dict[str, str | int | None] = {
        "fate": fate,
        "fate_reason": reason,
        "final_at": unit.now,
        "lease_until": 0,
        **columns,
    }
    if unit.change_where(Inbound, OURS, _claim_of(inbound), **values) != 1:
        raise ClaimLost(f"mail {inbound.id} was claimed by somebody else meanwhile")


def reconsider(unit: Unit, inbound: Inbound, *, released: bool) -> None:
    """Run a mail again; released: a human says that it may come in."""
    unit.change(
        Inbound,
        inbound.id,
        fate=RECEIVED,
        fate_reason="",
        final_at=None,
        lease_until=0,
        attempts=0,
        released=int(released),
        operator_told_at=None,
    )
    unit.announce()


def recover(unit: Unit) -> None:
    """At the start of the only daemon of a store: the claims of the one before are void."""
    unit.change_where(Inbound, f"fate = '{RECEIVED}' AND lease_until > 0 AND attempts = 0", (), lease_until=0)


def take_turns(unit: Unit, fingerprints: Collection[str]) -> None:
    """Processes that are about to ask for copies of the same mail do so one after the other, in one order.

    At least one fingerprint.
    """
    if unit.engine != SQLITE:
        keys = sorted({int(one[:15], 16) for one in fingerprints})
        marks = ", ".join(["(?::bigint)"] * len(keys))
        unit.run(f"SELECT pg_advisory_xact_lock(key) FROM (VALUES {marks}) AS turns (key)", *keys)
    unit.foresee_none(Inbound, "fingerprint", fingerprints)


def copy_at_desk(unit: Unit, inbound: Inbound, fingerprint: str, within: int) -> int | None:
    """The journal id of another mail with these very octets at the same desk, or None.

    One that came later counts when it was applied first: this one may have been tried again meanwhile.
    A historic one that is held does not count for mail of today, which may have a letter to settle.
    """
    if unit.nobody_has(Inbound, "fingerprint", fingerprint):
        return None
    take_turns(unit, [fingerprint])
    found = unit.row(
        Inbound,
        "fingerprint = ? AND fingerprint <> '' AND desk_id = ? AND received_at BETWEEN ? AND ?"
        f" AND (fate = '{APPLIED}' AND id <> ? OR fate <> '{DROPPED}' AND id < ? AND historic <= ?)"
        " ORDER BY id LIMIT 1",
        fingerprint,
        inbound.desk_id,
        inbound.received_at - within,
        inbound.received_at + within,
        inbound.id,
        inbound.id,
        inbound.historic,
    )
    return None if found is None else found.id


def copies_elsewhere(unit: Unit, inbound: Inbound, fingerprint: str, within: int) -> list[Inbound]:
    """The applied mails with these very octets at other desks."""
    if unit.nobody_has(Inbound, "fingerprint", fingerprint):
        return []
    return unit.rows(
        Inbound,
        f"fingerprint = ? AND fingerprint <> '' AND desk_id <> ? AND fate = '{APPLIED}'"
        " AND received_at BETWEEN ? AND ? ORDER BY id",
        fingerprint,
        inbound.desk_id,
        inbound.received_at - within,
        inbound.received_at + within,
    )


def is_imported(unit: Unit, arrival: Arrival) -> bool:
    """Whether a historic mail is here already, from this very place: then nobody needs to write it down again."""
    at = arrival.envelope.delivered_at
    same = "delivered_at IS NULL" if at is None else "delivered_at = ?"
    where = f"octets = ? AND historic = 1 AND desk_id = ? AND channel = ? AND {same}"
    values = (arrival.octets, arrival.desk_id, arrival.envelope.channel)
    return unit.row(Inbound, where, *values, *(() if at is None else (at,))) is not None


def historic_waiting(unit: Unit) -> int:
    """How many historic mails have no fate yet."""
    return unit.number(f"SELECT count(*) FROM inbound WHERE fate = '{RECEIVED}' AND historic = 1")


def historic_fates(unit: Unit, since: int, channel: str) -> dict[str, int]:
    """What became of the historic mails of a way in from this id on: how many have each fate."""
    sql = "SELECT fate, count(*) FROM inbound WHERE id >= ? AND historic = 1 AND channel = ? GROUP BY fate"
    return {str(fate): int(count) for fate, count in unit.run(sql, since, channel).fetchall()}


def by_id(unit: Unit, id: int) -> Inbound | None:
    """The row with this id."""
    return unit.row(Inbound, "id = ?", id)


def _claim_of(inbound: Inbound) -> tuple[int, int]:
    """Whose claim it is, its lease tells: no two are alike."""
    return inbound.id, inbound.lease_until
