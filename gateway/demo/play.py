"""`helpgate demo`: set up, a catcher for a smarthost, the daemon, a played conversation, and what to do next."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

import click

from gateway import config
from gateway.config import FILE_NAME, PREFIX, Settings
from gateway.daemon.house import open_store
from gateway.daemon.serve import run
from gateway.demo.catcher import LOOPBACK, Catcher, Caught
from gateway.demo.guide import DELAY_S, HOLD_S, Ports, guide
from gateway.demo.pages import CatcherPages
from gateway.demo.people import ALICE, DESK, HOST
from gateway.demo.story import Conversation
from gateway.desk import agents, desks
from gateway.errors import ConfigError, GatewayError
from gateway.store import settings as kept
from gateway.store.migrations import migrate

_OURS = "# Written by `helpgate demo`, anew each time it starts.\n"


def play(folder: Path | None) -> None:
    """Run the demo until it is told to stop. Without a folder nothing of it stays.

    Raises ConfigError or StoreError when it cannot start.
    """
    _forget_environment()
    click.echo("Helpgate demo: setting up and playing a first conversation, some seconds …")
    if folder is not None:
        _play_in(folder.absolute(), is_kept=True)
        return
    with tempfile.TemporaryDirectory(prefix="helpgate-demo-", ignore_cleanup_errors=True) as throw_away:
        _play_in(Path(throw_away), is_kept=False)
    click.echo("Stopped; everything of the demo is gone.")


def _play_in(folder: Path, *, is_kept: bool) -> None:
    _refuse_somebody_elses(folder)
    caught = Caught(folder / "caught")
    ports = Ports(_free_port(Ports.USUAL_WEB), _free_port(Ports.USUAL_SMTP))
    with Catcher(caught) as catcher:
        tree = _tree(ports, catcher.port)
        (folder / FILE_NAME).write_text(_OURS + _toml(tree), encoding="utf-8")
        settings = config.build(tree, folder)
        _set_up(settings)
        begin = threading.Thread(
            target=_begin, args=(caught, ports, folder if is_kept else None), daemon=True
        )
        run(
            settings,
            extra_routes=lambda house: CatcherPages(house, caught, ports.smtp).routes(),
            ready=lambda house: begin.start(),
        )


def _begin(caught: Caught, ports: Ports, folder: Path | None) -> None:
    """Play the conversation where nothing was played yet, then say what there is."""
    if caught.newest == 0:
        try:
            Conversation(caught, ports.smtp, ports.web).play()
        except GatewayError as error:
            click.echo(f"The first conversation could not be played to its end: {error}", err=True)
    click.echo(guide(caught, ports, folder))


def _tree(ports: Ports, catcher_port: int) -> dict[str, Any]:
    """The configuration; what it does not name is as in config.example.toml."""
    return {
        "data_dir": "./data",
        "web": {"listen": f"{LOOPBACK}:{ports.web}", "base_url": f"http://{LOOPBACK}:{ports.web}"},
        "smtp": {"listen": f"{LOOPBACK}:{ports.smtp}", "hostname": HOST},
        "lmtp": {"listen": ""},
        "smarthost": {"host": LOOPBACK, "port": catcher_port, "security": "none"},
        "authentication": {"verify": False},
        "notify": {"delay_s": DELAY_S, "hold_s": HOLD_S},
    }


def _toml(tree: dict[str, Any]) -> str:
    """Strings, whole numbers and booleans are written alike in JSON and TOML."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in tree.items() if not isinstance(value, dict)]
    for name, section in tree.items():
        if isinstance(section, dict):
            lines += [f"\n[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def _set_up(settings: Settings) -> None:
    """A store with its keys, a desk and an agent, where there is none."""
    store = open_store(settings)
    try:
        migrate(store)
        with store.unit("demo") as unit:
            if desks.everyone(unit):
                return
            kept.add_key(unit)
            desks.add(unit, DESK.name, DESK.email)
            agents.add(unit, ALICE.email, ALICE.name)
    finally:
        store.close()


def _refuse_somebody_elses(folder: Path) -> None:
    """A real installation must not send its letters to a catcher."""
    file = folder / FILE_NAME
    is_ours = file.exists() and file.read_text(encoding="utf-8", errors="replace").startswith(_OURS)
    if not is_ours and (file.exists() or (folder / "data").exists()):
        raise ConfigError("", f"{folder} holds an installation: give the demo a folder of its own")


def _forget_environment() -> None:
    """The demo has no configuration at all, not even by accident."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]


def _free_port(wanted: int) -> int:
    """This port of 127.0.0.1 when nobody has it, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise ConfigError("", f"no port of {LOOPBACK} is free")
