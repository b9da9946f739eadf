"""`helpgate outbox`: every mail that is to go out, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from typing import Any

import click

from gateway import clock
from gateway.cli.options import ROW_ID, flat, opened, print_lines, print_table, with_config, with_json
from gateway.config import Settings
from gateway.desk import notifications, suppression
from gateway.desk import outbox as letters
from gateway.desk.outbox import NEVER, STATES
from gateway.desk.tables import Letter, Notification, Suppression, Ticket
from gateway.store.database import Store
from gateway.store.unit import Unit

PAGE = 200
SHOWN = 100
SUPPRESSED = ("address", "letters", "since", "last_reply")
SHOWN_HEADERS = ("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References")


class _ListByDefault(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`helpgate outbox --json` is `helpgate outbox list --json`; a command may stand behind options."""
        known = (*self.commands, *ctx.help_option_names)
        command = next((one for one in args if one in known), "list")
        if command in args:
            args.remove(command)
        return super().parse_args(ctx, [command, *args])


@click.group(cls=_ListByDefault, invoke_without_command=True)
def outbox() -> None:
    """Letters: what is to go out, and where it stands. Without a command: list.

    Example: helpgate outbox --state failed
    """


@outbox.command("list")
@with_config
@with_json
@click.option("--state", type=click.Choice(STATES), help="Only letters in this state.")
def list_letters(settings: Settings, as_json: bool, state: str | None) -> None:
    """Every letter, oldest first. The terminal shows the newest 100.

    Example: helpgate outbox list --state deferred
    """
    where, values = ("id > ? AND state = ?", [state]) if state else ("id > ?", [])
    with opened(settings) as store:
        if as_json:
            print_lines(_shapes(store, where, values))
        else:
            _print_newest(store, where, values)


@outbox.command("show")
@click.argument("id", type=ROW_ID)
@with_config
@with_json
def show_letter(settings: Settings, id: int, as_json: bool) -> None:
    """One letter: where it stands, what it tells, and the mail itself.

    Example: helpgate outbox show 7
    """
    with opened(settings) as store, store.reading() as unit:
        letter = _letter(unit, id)
        octets = letters.octets(unit, letter)
        shape = _shape(letter, _numbers(unit, [letter])) | _further(unit, letter)
    if as_json:
        print_lines([shape | {"mail": octets.decode("utf-8", "replace")}])
        return
    click.echo("\n".join(f"{key:<18} {_plain(value)}" for key, value in shape.items()))
    click.echo(f"\n{_mail(octets)}")


@outbox.command("retry")
@click.argument("ids", type=ROW_ID, nargs=-1, metavar="[ID]...")
@click.option("--unwritten", is_flag=True, help="Whatever could not even be written.")
@with_config
def retry_letters(settings: Settings, ids: tuple[int, ...], unwritten: bool) -> None:
    """Try letters again now: those that failed, wait, are held, dropped or perhaps delivered.

    Example: helpgate outbox retry 7 8
    """
    if not ids and not unwritten:
        raise click.UsageError("name letters by their ids, or --unwritten")
    if unwritten:
        with opened(settings) as store, store.unit("admin") as unit:
            tried = notifications.write_again(unit)
        click.echo(f"{tried} notifications without a letter are tried again now")
    _each(settings, ids, letters.retry, "is tried again now")


@outbox.command("drop")
@click.argument("ids", type=ROW_ID, nargs=-1, required=True, metavar="ID...")
@with_config
def drop_letters(settings: Settings, ids: tuple[int, ...]) -> None:
    """Never send these letters.

    Example: helpgate outbox drop 7
    """
    _each(settings, ids, letters.drop, "will never be sent")


@outbox.command("suppressed")
@with_config
@with_json
def list_suppressed(settings: Settings, as_json: bool) -> None:
    """Addresses that get no more letters, because those to them come back.

    Example: helpgate outbox suppressed
    """
    with opened(settings) as store, store.reading() as unit:
        shapes = [_suppressed(one) for one in suppression.everyone(unit)]
    if as_json:
        print_lines(shapes)
    else:
        rows = [[shape[column] for column in SUPPRESSED] for shape in shapes]
        print_table("Suppressed addresses", SUPPRESSED, rows)


@outbox.command("allow")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@with_config
def allow_addresses(settings: Settings, addresses: tuple[str, ...]) -> None:
    """Send letters to suppressed addresses again. What was not sent meanwhile stays dropped: see retry.

    Example: helpgate outbox allow jane@example.org
    """
    refused = False
    with opened(settings) as store:
        for address in addresses:
            with store.unit("admin") as unit:
                allowed = suppression.allow(unit, address)
            refused = refused or not allowed
            said = "gets letters again" if allowed else "is not suppressed: nothing was done"
            click.echo(f"{flat(address)} {said}", err=not allowed)
    if refused:
        raise click.exceptions.Exit(1)


def _plain(value: object) -> str:
    """What a person reads for a value of the JSON."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(flat, value))
    return flat(value) or "-"


def _suppressed(known: Suppression) -> dict[str, Any]:
    return {
        "address": known.address,
        "letters": known.letters,
        "since": clock.rfc3339(known.suppressed_at or known.last_at),
        "last_reply": known.reply,
    }


def _each(settings: Settings, ids: tuple[int, ...], verb: Callable[[Unit, int], bool], done: str) -> None:
    """Do what can be done, say what cannot; that ends with 1."""
    refused = False
    with opened(settings) as store:
        for id in ids:
            with store.unit("admin") as unit:
                letter = unit.row(Letter, "id = ?", id)
                changed = verb(unit, id)
            if changed:
                click.echo(f"letter {id} {done}")
                continue
            refused = True
            why = f"letter {id} is {letter.state}" if letter else f"there is no letter {id}"
            click.echo(f"{why}: nothing was done", err=True)
    if refused:
        raise click.exceptions.Exit(1)


def _shapes(store: Store, where: str, values: list[str]) -> Iterator[dict[str, Any]]:
    """The letters as JSON, page by page."""
    last = 0
    while True:
        with store.reading() as unit:
            rows = unit.rows(Letter, f"{where} ORDER BY id LIMIT {PAGE}", last, *values)
            if not rows:
                return
            numbers = _numbers(unit, rows)
        yield from [_shape(row, numbers) for row in rows]
        last = rows[-1].id


def _shape(letter: Letter, numbers: dict[int, str]) -> dict[str, Any]:
    waits = letter.state in (letters.QUEUED, letters.DEFERRED, letters.UNCERTAIN)
    due = waits and letter.next_attempt_at < NEVER
    return {
        "id": str(letter.id),
        "kind": letter.kind,
        "to": letter.recipient,
        "ticket": numbers.get(letter.ticket_id) if letter.ticket_id else None,
        "message_id": letter.message_id,
        "state": letter.state,
        "attempts": letter.attempts,
        "next_attempt_at": clock.rfc3339(letter.next_attempt_at) if due else None,
        "last_reply": letter.last_reply,
        "created_at": clock.rfc3339(letter.created_at),
        "sent_at": clock.rfc3339(letter.sent_at) if letter.sent_at else None,
    }


def _further(unit: Unit, letter: Letter) -> dict[str, Any]:
    """What the list leaves out."""
    promises = unit.rows(Notification, "letter_id = ? ORDER BY id", letter.id)
    return {
        "reverse_path": f"<{letter.reverse_path}>",
        "automatic": bool(letter.automatic),
        "caused_by": str(letter.cause) if letter.cause else None,
        "perhaps_delivered": letter.doubts,
        "tells": [f"{one.kind} of message {one.position}" for one in promises],
        "size": letter.size,
    }


def _mail(octets: bytes) -> str:
    """The headers a reader sees and the text of a mail that we composed."""
    mail = message_from_bytes(octets, policy=default)
    headers = [f"{name}: {flat(mail[name])}" for name in SHOWN_HEADERS if mail[name]]
    body = mail.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    return "\n".join([*headers, "", *(flat(line) for line in text.splitlines())])


def _letter(unit: Unit, id: int) -> Letter:
    letter = unit.row(Letter, "id = ?", id)
    if letter is None:
        raise click.ClickException(f"there is no letter {id}: `helpgate outbox list` shows them")
    return letter


def _numbers(unit: Unit, rows: list[Letter]) -> dict[int, str]:
    """Ticket numbers by the ids of their rows."""
    ids = sorted({row.ticket_id for row in rows if row.ticket_id})
    marks = ", ".join("?" * len(ids)) or "NULL"
    return {one.id: one.number for one in unit.rows(Ticket, f"id IN ({marks})", *ids)}


def _print_newest(store: Store, where: str, values: list[str]) -> None:
    with store.reading() as unit:
        rows = unit.rows(Letter, f"{where} ORDER BY id DESC LIMIT {SHOWN}", 0, *values)
        numbers = _numbers(unit, rows)
    columns = ("id", "kind", "to", "ticket", "state", "attempts", "next_attempt_at", "last_reply")
    shapes = [_shape(row, numbers) for row in reversed(rows)]
    print_table("Outbox", columns, [[shape[column] for column in columns] for shape in shapes])
