"""`helpgate journal`, `release` and `replay`: every mail that came in, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from gateway import clock
from gateway.cli.options import ROW_ID, opened, print_lines, print_table, with_config, with_json
from gateway.config import Settings
from gateway.desk import outbox
from gateway.desk.tables import Desk, Ticket
from gateway.store import journal as store_journal
from gateway.store.database import Store
from gateway.store.journal import FATES, Inbound
from gateway.store.unit import Unit

PAGE = 500
SHOWN = 100


@click.command()
@with_config
@with_json
@click.option("--since", metavar="T", help="Only mails received at or after this time (RFC 3339, UTC).")
@click.option("--fate", type=click.Choice(FATES), help="Only mails with this fate.")
def journal(settings: Settings, as_json: bool, since: str | None, fate: str | None) -> None:
    """Every mail that came in, and what became of it. The terminal shows the newest 100.

    Example: helpgate journal --fate held
    """
    with opened(settings) as store:
        where, values = _filter(since, fate)
        if as_json:
            print_lines(_shapes(store, where, values))
        else:
            _print_newest(store, where, values)


@click.command()
@click.argument("id", type=ROW_ID)
@with_config
def release(settings: Settings, id: int) -> None:
    """Let a held mail in: it becomes a ticket or a message.

    Example: helpgate release 42
    """
    _reconsider(settings, id, released=True)


@click.command()
@click.argument("id", type=ROW_ID)
@with_config
def replay(settings: Settings, id: int) -> None:
    """Run a held mail again, by the rules.

    Example: helpgate replay 42
    """
    _reconsider(settings, id, released=False)


def _reconsider(settings: Settings, id: int, *, released: bool) -> None:
    with opened(settings) as store, store.unit("reconsider") as unit:
        inbound = store_journal.by_id(unit, id)
        if inbound is None:
            raise click.ClickException(f"there is no mail {id} in the journal")
        if inbound.fate != store_journal.HELD:
            raise click.ClickException(
                f"mail {id} is {inbound.fate}, only held mail can be let in or run again"
            )
        store_journal.reconsider(unit, inbound, released=released)
    click.echo(f"mail {id} goes through intake again")


def _filter(since: str | None, fate: str | None) -> tuple[str, list[str | int]]:
    where = "id > ?"
    values: list[str | int] = []
    if since is not None:
        try:
            values.append(clock.from_rfc3339(since))
        except ValueError:
            raise click.UsageError(f"--since: {since} is no time: write 2026-11-21T00:00:00Z") from None
        where += " AND received_at >= ?"
    if fate is not None:
        values.append(fate)
        where += " AND fate = ?"
    return where, values


def _shapes(store: Store, where: str, values: list[str | int]) -> Iterator[dict[str, Any]]:
    """The rows as JSON, page by page, so that a large journal needs no memory."""
    last = 0
    while True:
        with store.reading() as unit:
            rows = unit.rows(Inbound, f"{where} ORDER BY id LIMIT {PAGE}", last, *values)
            if not rows:
                return
            names = _Names(unit, rows)
            yield from [_shape(row, names) for row in rows]
        last = rows[-1].id


class _Names:
    """What the ids of some rows stand for."""

    def __init__(self, unit: Unit, rows: list[Inbound]) -> None:
        self.desks = {desk.id: desk.name for desk in unit.rows(Desk, "1 = 1")}
        ids = sorted({row.ticket_id for row in rows if row.ticket_id})
        marks = ", ".join("?" * len(ids)) or "NULL"
        self.tickets = {one.id: one.number for one in unit.rows(Ticket, f"id IN ({marks})", *ids)}
        self.automatic = outbox.caused_by(unit, [row.id for row in rows])


def _shape(row: Inbound, names: _Names) -> dict[str, Any]:
    bounce = json.loads(row.bounce) if row.bounce else None
    return {
        "id": str(row.id),
        "received_at": clock.rfc3339(row.received_at),
        "channel": row.channel,
        "desk": names.desks.get(row.desk_id),
        "envelope": {"from": row.reverse_path, "to": json.loads(row.recipients)},
        "message_id": row.message_id,
        "from": {"email": row.from_email, "name": row.from_name},
        "subject": row.subject,
        "size": row.size,
        "fate": row.fate,
        "reason": row.fate_reason,
        "verdict": row.verdict or None,
        "reasons": json.loads(row.reasons),
        "carrier": row.carrier,
        "proof": row.proof,
        "ticket": names.tickets.get(row.ticket_id) if row.ticket_id else None,
        "message": row.message,
        "bounce": {"kind": bounce["kind"], "recipients": bounce["recipients"]} if bounce else None,
        "automatic_mails": names.automatic.get(row.id, 0),
        "seconds": (row.final_at - row.received_at) / 1000 if row.final_at else None,
        "duplicate_of": str(row.duplicate_of) if row.duplicate_of else None,
    }


def _print_newest(store: Store, where: str, values: list[str | int]) -> None:
    with store.reading() as unit:
        rows = unit.rows(Inbound, f"{where} ORDER BY id DESC LIMIT {SHOWN}", 0, *values)
        names = _Names(unit, rows)
    print_table(
        "Journal",
        ("id", "received", "desk", "from", "subject", "fate", "ticket", "why"),
        [
            (
                row.id,
                clock.rfc3339(row.received_at)[:19],
                names.desks.get(row.desk_id),
                row.from_email,
                row.subject[:60],
                row.fate,
                names.tickets.get(row.ticket_id) if row.ticket_id else "",
                row.fate_reason,
            )
            for row in reversed(rows)
        ],
    )
