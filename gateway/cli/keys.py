"""`helpgate keys`: the MAC keys that seal reply addresses and links. Secrets are never shown."""

from __future__ import annotations

import click

from gateway import clock
from gateway.cli.options import opened, print_lines, print_table, with_config, with_json
from gateway.config import Settings
from gateway.mail.token import KEY_BITS
from gateway.store import settings as kept
from gateway.store.settings import MacKey

MOST = 1 << KEY_BITS
SEALS, VERIFIES, RETIRED = "seals", "verifies", "retired"


@click.group()
def keys() -> None:
    """Keys that seal reply addresses and links.

    Example: helpgate keys list
    """


@keys.command("list")
@with_config
@with_json
def list_keys(settings: Settings, as_json: bool) -> None:
    """Every key, oldest first. The newest one seals, the others still verify.

    Example: helpgate keys list --json
    """
    with opened(settings) as store, store.reading() as unit:
        rows, current = kept.all_keys(unit), kept.keyring(unit).current
    shapes = [_shape(row, current) for row in rows]
    if as_json:
        print_lines(shapes)
    else:
        columns = ("id", "state", "made_at", "retired_at")
        print_table("Keys", columns, [[shape[column] for column in columns] for shape in shapes])


@keys.command("rotate")
@with_config
def rotate_keys(settings: Settings) -> None:
    """Add a key, which seals from now on. Letters sent before stay good: old keys verify until retired.

    Example: helpgate keys rotate
    """
    with opened(settings) as store, store.unit("admin") as unit:
        if len(kept.all_keys(unit)) == MOST:
            raise click.ClickException(f"there are {MOST} keys already, and no token can name another one")
        made = kept.add_key(unit)
    click.echo(f"key {made} seals from now on; the others still verify")


@keys.command("retire")
@click.argument("id", type=int)
@with_config
def retire_key(settings: Settings, id: int) -> None:
    """Make a key verify no longer: every address and link it sealed is dead from now on.

    Example: helpgate keys retire 0
    """
    with opened(settings) as store, store.unit("admin") as unit:
        if kept.keyring(unit).current == id:
            raise click.ClickException(f"key {id} seals: run `helpgate keys rotate` first")
        if not kept.retire_key(unit, id):
            raise click.ClickException(f"there is no key {id} in use: `helpgate keys list` shows them")
    click.echo(f"key {id} is retired; what it sealed is dead")


def _shape(row: MacKey, current: int) -> dict[str, str | int | None]:
    state = RETIRED if row.retired_at else SEALS if row.id == current else VERIFIES
    return {
        "id": row.id,
        "state": state,
        "made_at": clock.rfc3339(row.made_at),
        "retired_at": clock.rfc3339(row.retired_at) if row.retired_at else None,
    }
