"""The gateway itself as its users start it: a process of its own, a folder, an environment."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.parts import programs
from tests.parts.ports import LOOPBACK, free_port, wait_for

_INSTALLED = Path(sys.executable).with_name("helpgate")
_FROM_CHECKOUT = (sys.executable, "-c", "from gateway.cli import main; main()")
COMMAND = (str(_INSTALLED),) if _INSTALLED.exists() else _FROM_CHECKOUT
"""`helpgate`, as `make install` puts it beside this Python; without that the checkout's own."""


class Daemon:
    """One installation in `folder`, and its daemon while it runs.

    settings: keys over the defaults of the tests, as `section.key` or `key`; lists as JSON. They go into the
    environment of every command and win over `helpgate.toml`.
    launcher: the command that stands for `helpgate` when a test wants to put something in front of it.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, launcher: Sequence[str] = COMMAND
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.launcher = tuple(launcher)
        self.web_port = free_port()
        self.smtp_port = free_port()
        self.lmtp_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.settings = {
            "data_dir": str(folder / "data"),
            "web.listen": f"{LOOPBACK}:{self.web_port}",
            "web.base_url": f"http://{LOOPBACK}:{self.web_port}",
            "smtp.listen": f"{LOOPBACK}:{self.smtp_port}",
            "smtp.hostname": "mx.desk.example",
            "lmtp.listen": f"{LOOPBACK}:{self.lmtp_port}",
            "notify.delay_s": "0",
            "notify.hold_s": "0",
        } | dict(settings or {})

    def init(self, *, desk: str = "Support", address: str = "help@desk.example", agent: str = "") -> None:
        """`helpgate init --yes`; the smarthost is a setting: see `smarthost`."""
        arguments = ["init", str(self.folder), "--yes", "--desk", desk, "--address", address]
        arguments += ["--base-url", self.settings["web.base_url"]]
        self.run(*arguments, *(["--agent", agent] if agent else []))

    def smarthost(self, port: int, **further: str) -> None:
        """Where letters go, without TLS unless `further` says otherwise (`security="starttls"`)."""
        values = {"host": LOOPBACK, "port": str(port), "security": "none"} | further
        self.settings |= {f"smarthost.{key}": value for key, value in values.items()}

    def start(self) -> None:
        """Returns when /healthz answers 200."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Starts the process and does not wait for it."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.launcher, "serve", *self._configuration],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )

    def wait_ready(self, seconds: float = 30) -> None:
        """Raises AssertionError with the log when the daemon ends or stays silent instead."""
        try:
            wait_for(lambda: not self.is_running or self._healthy(), "/healthz", seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.log_text()}") from error
        assert self.is_running, f"the daemon ended with {self.exit_code}\n{self.log_text()}"

    def stop(self, seconds: float = 35) -> int:
        """SIGTERM, which drains; returns the exit code."""
        return self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """SIGKILL to the daemon and its workers, as a power cut would take them all."""
        self._end(signal.SIGKILL, 10)

    def remove(self) -> None:
        """Ends whatever still runs; the folder is the test's."""
        if self.is_running:
            self.kill()

    def run(self, *arguments: str, stdin: bytes = b"", code: int = 0) -> str:
        """Standard output of one `helpgate` command. Raises AssertionError unless it ends with `code`."""
        done = self.try_run(*arguments, stdin=stdin)
        said = done.stdout.decode(errors="replace")
        complaint = done.stderr.decode(errors="replace")
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{said}\n{complaint}"
        return said

    def try_run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """One `helpgate` command to its end, whatever that is."""
        command = [*COMMAND, *arguments]
        if arguments and arguments[0] != "init":
            command += self._configuration
        return subprocess.run(
            command, input=stdin, capture_output=True, timeout=60, env=self.environment, cwd=self.folder
        )

    def journal(self, *arguments: str) -> list[dict[str, Any]]:
        """`helpgate journal --json`, in its order."""
        return _objects(self.run("journal", "--json", *arguments))

    def outbox(self) -> list[dict[str, Any]]:
        """`helpgate outbox list --json`."""
        return _objects(self.run("outbox", "list", "--json"))

    def export(self, *arguments: str) -> list[dict[str, Any]]:
        """`helpgate export --json`."""
        return _objects(self.run("export", "--json", *arguments))

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one GET. Raises OSError when nobody answers."""
        connection = http.client.HTTPConnection(LOOPBACK, self.web_port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()

    def log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of ours but the settings; the checkout stands in for an installed package."""
        keys = {f"HELPGATE_{key.replace('.', '__').upper()}": value for key, value in self.settings.items()}
        checkout = str(Path(__file__).resolve().parents[2])
        return programs.clean_environment({"PYTHONPATH": checkout, "PYTHONWARNINGS": "default"} | keys)

    @property
    def _configuration(self) -> tuple[str, ...]:
        return ("--config", str(self.folder / "helpgate.toml"))

    @property
    def _log(self) -> Path:
        return self.folder / "daemon.log"

    def _healthy(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _end(self, how: signal.Signals, seconds: float) -> int:
        assert self.process is not None, "it was never started"
        if self.process.poll() is None:
            self._signal(how)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"still there {seconds:g} s after {how.name}\n{self.log_text()}") from error
        finally:
            self._sweep()
        return code

    def _signal(self, how: signal.Signals) -> None:
        assert self.process is not None
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)

    def _sweep(self) -> None:
        """Workers that outlived their daemon must not outlive the test."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Daemons:
    """Installations of one test, each in a folder of its own unless one is given."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._numbers = itertools.count(1)
        self._made: list[Daemon] = []

    def __call__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        launcher: Sequence[str] = COMMAND,
    ) -> Daemon:
        daemon = Daemon(folder or self._parent / f"helpgate-{next(self._numbers)}", settings, launcher)
        self._made.append(daemon)
        return daemon

    def log_text(self) -> str:
        return "\n".join(f"{daemon.folder}\n{daemon.log_text()}" for daemon in self._made)

    def remove(self) -> None:
        for daemon in self._made:
            daemon.remove()


def _objects(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines() if line]
