"""`helpgate init`: a folder with a configuration, a store with its keys, a first desk and a first agent."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import click

from gateway import clock, config
from gateway.config import FILE_NAME, Settings
from gateway.data import file
from gateway.desk import agents, desks
from gateway.errors import Conflict
from gateway.mail.address import parse_address
from gateway.store import settings as kept
from gateway.store.database import Store
from gateway.store.migrations import migrate
from gateway.store.unit import Unit

EXAMPLE = "config.example.toml"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a first set-up needs to know. `agent` may be empty."""

    desk: str
    address: str
    agent: str
    base_url: str


@click.command()
@click.argument(
    "folder", metavar="[DIR]", type=click.Path(file_okay=False, path_type=Path), default=Path(".")
)
@click.option("--yes", is_flag=True, help="Ask nothing: what is not given is guessed or left out.")
@click.option("--desk", metavar="NAME", help="Name of the first desk.")
@click.option("--address", metavar="ADDRESS", help="Address customers write to.")
@click.option("--agent", metavar="ADDRESS", help="Address of the first agent.")
@click.option("--base-url", metavar="URL", help="What links in letters begin with.")
def init(
    folder: Path, yes: bool, desk: str | None, address: str | None, agent: str | None, base_url: str | None
) -> None:
    """Set up a new gateway in DIR (default: here). Never overwrites anything.

    Example: helpgate init /srv/helpgate --desk Support --address support@example.org
    --agent alice@example.org --base-url https://help.example.org
    """
    answers = Answers(
        desk or _ask(yes, "Name of the first desk", "Support"),
        _address(address or _ask(yes, "Address customers write to", f"support@{_domain()}")),
        agent if agent is not None else _ask(yes, "Address of the first agent (empty for none)", ""),
        base_url or _ask(yes, "What links in letters begin with", "http://localhost:8080"),
    )
    try:
        click.echo(_set_up(folder, answers))
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename}: {error.strerror}") from None


def set_up(folder: Path, answers: Answers) -> Settings:
    """Write the configuration where there is none, and make the store ready. Keeps what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / FILE_NAME
    if not target.exists():
        _write_new(target, _filled(answers))
    settings = config.load(target)
    store = Store(settings.store.url, _data_folder(settings), clock.now)
    store.open()
    try:
        migrate(store)
        with store.unit("init") as unit:
            _first_rows(unit, answers)
    finally:
        store.close()
    return settings


def _set_up(folder: Path, answers: Answers) -> str:
    target = folder / FILE_NAME
    done = "Kept" if target.exists() else "Wrote"
    set_up(folder, answers)
    return (
        f"{done} {target}: set [smarthost] there, so that letters can leave.\n"
        f"Start it:   helpgate serve --config {target}\n"
        f"Look at it: helpgate check --config {target}"
    )


def _first_rows(unit: Unit, answers: Answers) -> None:
    if not kept.all_keys(unit):
        kept.add_key(unit)
    if desks.everyone(unit):
        return
    desks.add(unit, answers.desk, answers.address)
    if answers.agent:
        try:
            agents.add(unit, answers.agent)
        except Conflict:
            if agents.with_address(unit, answers.agent) is None:
                raise


def _filled(answers: Answers) -> str:
    """The example with this installation's values in their places."""
    text = file(EXAMPLE).read_text(encoding="utf-8")
    return re.sub(r'(?m)^base_url = ".*"$', lambda _: f"base_url = {_quoted(answers.base_url)}", text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write_new(target: Path, text: str) -> None:
    """For us and our group alone: a password will be written there."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def _data_folder(settings: Settings) -> Path:
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.data_folder


def _ask(yes: bool, question: str, guess: str) -> str:
    answer: str = guess if yes else click.prompt(question, default=guess, show_default=bool(guess))
    return answer.strip()


def _address(text: str) -> str:
    plain = parse_address(text)
    if plain is None:
        raise click.UsageError(f"--address: {text} is not an address: write support@example.org")
    return plain


def _domain() -> str:
    name = socket.gethostname()
    return name if "." in name else "example.org"
