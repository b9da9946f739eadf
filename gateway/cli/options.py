"""What commands share: the configuration they are given, the store it names, and how they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway import clock, config
from gateway.config import FILE_NAME, PREFIX, Settings
from gateway.errors import ConfigError
from gateway.store.database import Store
from gateway.store.migrations import NEWEST, has_schema, refuse_newer, version
from gateway.store.unit import Unit

ROW_ID = click.IntRange(1, (1 << 63) - 1)
"""An id of a row, as a command takes it."""

Command = TypeVar("Command", bound=Callable[..., Any])


def with_config(command: Command) -> Command:
    """Give a command `--config FILE` and hand it the settings as `settings`."""

    def load(ctx: click.Context, param: click.Parameter, value: str | None) -> Settings:
        file = config_file(value)
        try:
            return config.load(file)
        except OSError as error:
            raise ConfigError("", f"cannot read {file}: {error.strerror}") from None

    return _config_option("settings", load)(command)


def with_config_file(command: Command) -> Command:
    """Give a command `--config FILE` and hand it the unread file as `config_file`."""

    def name(ctx: click.Context, param: click.Parameter, value: str | None) -> Path:
        return config_file(value)

    return _config_option("config_file", name)(command)


def config_file(given: str | None) -> Path:
    """The configuration file that is meant."""
    return Path(given or os.environ.get(f"{PREFIX}CONFIG") or FILE_NAME)


def with_json(command: Command) -> Command:
    """Give a command `--json` as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(command)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The store beside a running daemon. Raises StoreError for one made by a newer program."""
    store = Store(settings.store.url, settings.data_folder, clock.now)
    if store.engine == "sqlite" and not store.file.exists():
        raise click.ClickException(f"there is no store in {settings.data_folder}: run `helpgate init` first")
    store.open()
    try:
        with store.reading() as unit:
            _refuse_other_schema(unit)
        yield store
    finally:
        store.close()


def print_lines(rows: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:
    """One JSON object a line, in UTF-8 whatever the locale says."""
    out = sys.stdout.buffer
    for row in rows:
        out.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    out.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on a terminal; tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(flat(cell) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(flat(cell)) for cell in row))
    Console().print(table)


def _config_option(name: str, callback: Callable[..., Any]) -> Callable[[Command], Command]:
    told = f"The configuration.  [default: ${PREFIX}CONFIG, else ./{FILE_NAME}]"
    return click.option("--config", name, metavar="FILE", callback=callback, help=told)


def _refuse_other_schema(unit: Unit) -> None:
    """A command reads and writes one schema: the newest."""
    done = version(unit) if has_schema(unit) else 0
    refuse_newer(done)
    if done == 0:
        raise click.ClickException("the store is empty: run `helpgate init` first")
    if done < NEWEST:
        raise click.ClickException(
            f"the store has schema {done}, this program needs {NEWEST}: run `helpgate migrate`"
        )


def flat(cell: object) -> str:
    """One line without control characters: what a stranger wrote must not move the cursor."""
    text = "" if cell is None else str(cell)
    return "".join(one if one.isprintable() else " " for one in text)
