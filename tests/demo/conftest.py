"""The demo as a newcomer starts it: a process in an environment that says nothing."""

from __future__ import annotations

import fcntl
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.parts import programs
from tests.parts.daemon import COMMAND
from tests.parts.ports import wait_for
from tests.source import ROOT

PATIENCE_S = 60


class Demo:
    """A running demo. lines: what it printed.  url: where its pages are."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        self.lines: list[str] = []
        self._printed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [*command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self) -> None:
        """Until the command to send a mail is printed, the last of its lines."""
        while not any(line.startswith("python3 -c") for line in self.lines):
            line = self._printed.get(timeout=PATIENCE_S)
            assert line, "the demo ended:\n" + self.log_text()
            self.lines.append(line.rstrip("\n"))

    def stop(self) -> int:
        """Ctrl-C; gives the exit code when everything was printed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        code = self._process.wait(PATIENCE_S)
        self._reader.join()
        self._take()
        return code

    def remove(self) -> None:
        """End whatever is left."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def url(self) -> str:
        return self._found(r"(http://127\.0\.0\.1:\d+)/demo")

    @property
    def ticket_url(self) -> str:
        return self._found(r"(http://\S+/helpdesk/ticket/\S+)")

    @property
    def command(self) -> str:
        """The printed one."""
        return next(line for line in self.lines if line.startswith("python3 -c"))

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=20, trust_env=False)

    def log_text(self) -> str:
        """Everything it said so far, warnings too."""
        self._take()
        return "\n".join(self.lines)

    def mails(self, owner: str) -> list[tuple[int, str]]:
        """Number and preview of what somebody received, by the catcher's page, newest first."""
        with self.client() as client:
            page = client.get("/demo").text
        boxes = re.split(r'<section class="box"', page)[1:]
        box = next((box for box in boxes if f">{owner}<" in box), "")
        rows = re.findall(r'/demo/mail/(\d+)">.*?class="preview"[^>]*>([^<]*)<', box, re.DOTALL)
        return [(int(number), preview) for number, preview in rows]

    def mail(self, owner: str, words: str) -> int:
        """The number of the newest mail to somebody that begins with such words, once it is there."""
        wait_for(lambda: any(words in text for _, text in self.mails(owner)), f"a mail to {owner}: {words}")
        return next(number for number, text in self.mails(owner) if words in text)

    def _take(self) -> None:
        while not self._printed.empty():
            if line := self._printed.get():
                self.lines.append(line.rstrip("\n"))

    def _found(self, pattern: str) -> str:
        found = re.search(pattern, self.log_text())
        assert found, self.log_text()
        return found[1]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._printed.put(line)
        self._printed.put("")  # no line is empty: this is the end


@contextmanager
def running(
    cwd: Path, *arguments: str, program: Sequence[str] = COMMAND, **environment: str
) -> Iterator[Demo]:
    """A demo past its first conversation. Two that start at once would find the same ports free."""
    clean = programs.clean_environment({"PYTHONPATH": str(ROOT)} | environment)
    with (Path(tempfile.gettempdir()) / f"helpgate-demo-tests-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        demo = Demo([*program, "demo", *arguments], clean, cwd)
        try:
            demo.wait()
        except BaseException:
            demo.remove()
            raise
    try:
        yield demo
    finally:
        demo.remove()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `demo` keeps its things."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(demo_folder: Path) -> Iterator[Demo]:
    """One demo for all tests of a worker: they write mails of their own and leave those of others alone."""
    with running(demo_folder, str(demo_folder / "kept")) as one:
        yield one
