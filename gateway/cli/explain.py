"""`helpgate explain`: the whole reasoning for one mail, from the journal or for a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gateway.cli.options import ROW_ID, flat, opened, print_lines, with_config, with_json
from gateway.cli.reasoning import Chapter, of_file, of_mail
from gateway.config import Settings
from gateway.flow.readers import Crashed, Overrun
from gateway.store import journal
from gateway.store.database import Store


@click.command()
@click.argument("what", metavar="ID|FILE.eml")
@with_config
@with_json
def explain(settings: Settings, what: str, as_json: bool) -> None:
    """Why a mail became what it became; for a file, what it would be taken for. Changes nothing.

    Example: helpgate explain 42
    """
    with opened(settings) as store:
        if what.isdecimal():
            chapters = _of_id(store, settings, ROW_ID(what))
        else:
            chapters = _of_file(store, settings, Path(what))
    if as_json:
        print_lines([{chapter.name: dict(chapter.facts) for chapter in chapters}])
    elif sys.stdout.isatty():
        _show(chapters)
    else:
        click.echo("\n\n".join(_plain(chapter) for chapter in chapters))


def _of_id(store: Store, settings: Settings, id: int) -> list[Chapter]:
    with store.reading() as unit:
        inbound = journal.by_id(unit, id)
        if inbound is None:
            raise click.ClickException(f"there is no mail {id} in the journal: `helpgate journal` shows them")
        return of_mail(unit, settings, inbound)


def _of_file(store: Store, settings: Settings, file: Path) -> list[Chapter]:
    if not file.is_file():
        raise click.ClickException(f"{file} is neither a journal id nor a file")
    try:
        with store.reading() as unit:
            return of_file(unit, settings, file.read_bytes())
    except Overrun:
        raise click.ClickException("reading this mail takes too long: it would be held") from None
    except Crashed:
        raise click.ClickException("the worker died while reading this mail: it would be held") from None


def _plain(chapter: Chapter) -> str:
    lines = [chapter.name.replace("_", " ").upper()]
    for key, value in chapter.facts:
        label = key.replace("_", " ")
        parts = value if isinstance(value, list) else [value]
        shown = [_words(part) for part in parts] or ["none"]
        lines += [f"  {label if not at else '':<20}  {text}" for at, text in enumerate(shown)]
    return "\n".join(lines)


def _show(chapters: Sequence[Chapter]) -> None:
    """On a terminal: the same, headings marked."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for chapter in chapters:
        heading, _, rest = _plain(chapter).partition("\n")
        console.print(Text(heading, style="bold"))
        console.print(Text(f"{rest}\n"))


def _words(value: Any) -> str:
    """One line for a value, whoever wrote it."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(one)}" for key, one in value.items() if one not in (None, "", []))
    if isinstance(value, list):
        return ", ".join(_words(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return flat(value) or "none"
