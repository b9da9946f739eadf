"""Helpgate from outside: set up, started, watched and stopped as an operator would.

It is configured through the environment alone; commands, metrics and pages are all it is asked by.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import processes
from bench.errors import CannotMeasure
from bench.loads import LetterSink

DESK = "help@example.com"
AGENT = "agent@example.com"
_POLL = 0.1
_QUIET = 1.0
_METRICS = (
    "helpgate_inbound_total",
    "helpgate_inbound_waiting",
    "helpgate_outbox_waiting",
    "helpgate_store_commits_total",
)
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """One `serve` process that is running."""

    settings: Settings
    pid: int
    started_in: float

    def cpu_seconds(self) -> float:
        """CPU of every process of it so far."""
        return processes.cpu_seconds(self.pid)

    def counts(self) -> Counts:
        """What it says of itself just now."""
        return _counts(_get(self.settings.web_port, "/metrics"))

    def exported(self) -> list[dict[str, Any]]:
        """Its tickets, as `export --json` writes them."""
        return self.settings.listed("export", "--json")

    def page_since(self, moment: str) -> Page:
        """The public page of the ticket that the mails since a moment (RFC 3339) belong to."""
        numbers = {row["ticket"] for row in self.settings.listed("journal", "--json", "--since", moment)}
        if len(numbers) != 1:
            raise CannotMeasure(f"the mails since {moment} belong to {len(numbers)} tickets")
        [ticket] = self.settings.listed("export", "--json", "--ticket", str(numbers.pop()))
        parts = urlsplit(ticket["public_url"])
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return Page(path, sum(one["kind"] == "client" for one in ticket["messages"]))


@dataclass(frozen=True, slots=True)
class Page:
    """A ticket's public page: its path, and how many client messages it shows."""

    path: str
    messages: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of `/metrics`, summed over labels that do not matter here."""

    applied: float
    unfinished: float
    accept_commits: float
    letters_waiting: float


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation: its folder, ports and store, and where its letters go."""

    folder: Path
    sink: LetterSink
    command: str = ""
    store: str = "sqlite"
    smtp_port: int = field(default_factory=processes.free_port)
    web_port: int = field(default_factory=processes.free_port)

    def initialise(self) -> None:
        """`helpgate init`: a desk and an agent in a new folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run(
            *("init", str(self.folder), "--yes", "--desk", "Bench", "--address", DESK, "--agent", AGENT),
            *("--base-url", f"http://localhost:{self.web_port}"),
            configured=False,
        )

    def run(self, *arguments: str, configured: bool = True) -> str:
        """One command, run to its end; gives its output. Raises CannotMeasure when it fails."""
        words = [*program(self.command), *arguments, *(("--config", str(self.file)) if configured else ())]
        own = self.environment()
        done = subprocess.run(
            words, check=False, cwd=self.folder, env=own, capture_output=True, text=True, timeout=_PATIENCE
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise CannotMeasure(f"helpgate {arguments[0]} ended with {done.returncode}: {' '.join(last)}")
        return done.stdout

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """The objects of a command that writes one a line."""
        return [json.loads(line) for line in self.run(*arguments).splitlines()]

    @property
    def file(self) -> Path:
        """The configuration file that `init` wrote."""
        return self.folder / "helpgate.toml"

    def environment(self) -> dict[str, str]:
        """Everything on, letters without delay and without budgets, to the sink."""
        own = {
            "DATA_DIR": str(self.folder / "data"),
            "SMTP__LISTEN": f"127.0.0.1:{self.smtp_port}",
            "SMTP__HOSTNAME": "desk.example.com",
            "WEB__LISTEN": f"127.0.0.1:{self.web_port}",
            "WEB__BASE_URL": f"http://localhost:{self.web_port}",
            "LMTP__LISTEN": "",
            "STORE__URL": self.store,
            "SMARTHOST__HOST": "127.0.0.1",
            "SMARTHOST__PORT": str(self.sink.port),
            "SMARTHOST__SECURITY": "none",
            "AUTHENTICATION__VERIFY": "false",
            "ACKNOWLEDGE__PER_ADDRESS_DAY": "0",
            "ACKNOWLEDGE__PER_IP_HOUR": "0",
            "ACKNOWLEDGE__PER_DOMAIN_HOUR": "0",
            "ACKNOWLEDGE__TOTAL_HOUR": "0",
            "NOTIFY__DELAY_S": "0",
            "NOTIFY__HOLD_S": "0",
        }
        return {**os.environ, **{f"HELPGATE_{key}": value for key, value in own.items()}}

    @contextmanager
    def serving(self) -> Iterator[Gateway]:
        """Runs `helpgate serve` while the block lasts; ready when `/readyz` says so."""
        words = [*program(self.command), "serve", "--config", str(self.file)]
        with (self.folder / "serve.log").open("ab") as log:
            began = time.perf_counter()
            server = subprocess.Popen(words, cwd=self.folder, env=self.environment(), stdout=log, stderr=log)
        try:
            _wait_until_ready(self.web_port, server)
            yield Gateway(self, server.pid, time.perf_counter() - began)
        finally:
            processes.end(server)


def program(command: str) -> list[str]:
    """The words that start the program: the given command, else the one installed beside this Python."""
    if command:
        return shlex.split(command)
    installed = Path(sys.executable).with_name("helpgate")
    if not installed.exists():
        raise CannotMeasure("the command helpgate is not installed; `make install` does it")
    return [str(installed)]


def wait_applied(gateway: Gateway, count: float) -> None:
    """Returns when so many mails in all have become messages."""
    wait_for(lambda: gateway.counts().applied >= count, f"{count:.0f} mails to be applied")


def settle(gateway: Gateway) -> None:
    """Returns when nothing was left to apply or to send for a second: the other side gets the machine."""
    quiet_since = time.monotonic()

    def at_rest() -> bool:
        nonlocal quiet_since
        counts = gateway.counts()
        if counts.unfinished or counts.letters_waiting:
            quiet_since = time.monotonic()
        return time.monotonic() - quiet_since > _QUIET

    wait_for(at_rest, "the gateway to come to rest")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Polls until it holds. Raises CannotMeasure after five minutes."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise CannotMeasure(f"waited too long for {what}")
        time.sleep(_POLL)


def _wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CannotMeasure(f"helpgate serve ended with {server.returncode}")
        try:
            _get(port, "/readyz")
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
        else:
            return
    raise CannotMeasure("helpgate serve did not become ready")


def _get(port: int, path: str) -> str:
    """A page's text. Raises OSError when nobody answers or the answer is not 200."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def _counts(text: str) -> Counts:
    """Prometheus text to the four numbers. A label nobody has counted yet is 0."""
    for name in _METRICS:
        if name not in text:
            raise CannotMeasure(f"/metrics has no {name}")
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]

    def total(name: str, *labels: str) -> float:
        return sum(
            float(value)
            for series, value in lines
            if series.partition("{")[0] == name and (not labels or any(label in series for label in labels))
        )

    return Counts(
        applied=total("helpgate_inbound_total", 'fate="applied"'),
        unfinished=total("helpgate_inbound_waiting"),
        accept_commits=total("helpgate_store_commits_total", 'kind="accept"'),
        letters_waiting=total("helpgate_outbox_waiting"),
    )
