"""The load generators as one call each, and the sinks they need: every one a process of its own."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.errors import CannotMeasure
from bench.load_http import Pages
from bench.mails import Letter
from bench.processes import ROOT, free_port, running

_PATIENCE = 300
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class LetterSink:
    """Where a helpdesk's letters go, and what was noted of them."""

    port: int
    notes: Path

    def count(self) -> int:
        """How many letters came so far."""
        return self.notes.read_bytes().count(b"\n")

    def last_at(self) -> float:
        """When the last letter came, in seconds since 1970."""
        return self.notes.stat().st_mtime

    def letters(self) -> list[Letter]:
        """All that came so far."""
        return [Letter(**json.loads(line)) for line in self.notes.read_text().splitlines()]

    def forget(self) -> None:
        """Starts the notes anew."""
        self.notes.write_text("")


@contextmanager
def letter_sink(folder: Path) -> Iterator[LetterSink]:
    """Runs a letter sink whose notes lie in `folder`."""
    sink = LetterSink(free_port(), folder / "letters.jsonl")
    sink.notes.touch()
    command = reference("letter_sink", sink.port, sink.notes)
    with running(command, sink.port, folder / "sink.log"):
        yield sink


def reference(name: str, *arguments: object) -> list[str]:
    """The words that start a server of `bench.reference`."""
    return [sys.executable, "-m", f"bench.reference.{name}", *(str(one) for one in arguments)]


def send_mails(port: int, mails: int, size: int, sessions: int = 10, per_connection: int = 100) -> float:
    """Sends new mails as fast as they are taken; gives mails a second."""
    told = _generator("load_smtp", *_mails(port, mails, size, sessions, per_connection))
    return _accepted(told) / float(told["seconds"])


def send_large_mail(port: int, octets: int) -> None:
    """Sends one mail of so many octets."""
    _accepted(_generator("load_smtp", *_mails(port, 1, octets, 1, 1)))


def send_folder(port: int, folder: Path, rate: float = 0.0) -> None:
    """Sends the mails of a folder, as fast as they are taken or so many a second."""
    options = {"port": port, "folder": folder.resolve(), "run": run_name(), "sessions": 10, "rate": rate}
    _accepted(_generator("load_smtp", *_words(options)))


def send_replies(port: int, letters: Sequence[Letter], size: int, folder: Path) -> float:
    """Answers each letter once; gives mails a second."""
    file = folder / "answered.jsonl"
    file.write_text("".join(json.dumps(asdict(letter)) + "\n" for letter in letters))
    words = _mails(port, len(letters), size, 10, 100)
    told = _generator("load_smtp", *words, "--replies-to", str(file))
    return _accepted(told) / float(told["seconds"])


@contextmanager
def steady_mails(port: int, rate: float, seconds: float) -> Iterator[None]:
    """Sends so many mails a second beside the block, for so long."""
    words = _words({"port": port, "run": run_name(), "rate": rate, "seconds": seconds})
    generator = subprocess.Popen(
        [sys.executable, "-m", "bench.load_smtp", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield
    finally:
        output, _ = generator.communicate(timeout=seconds + 60)
    _accepted(json.loads(output))


def get_page(port: int, path: str, seconds: float, connections: int = 8) -> Pages:
    """GETs a page for so long. Raises CannotMeasure when an answer is not 200."""
    options = {"port": port, "path": path, "seconds": seconds, "connections": connections}
    pages = Pages(**_generator("load_http", *_words(options)))
    if pages.failures or not pages.requests:
        raise CannotMeasure(f"{pages.failures} of {pages.failures + pages.requests} pages failed")
    return pages


def run_name() -> str:
    """A word that no other run of this process has."""
    return f"r{next(_runs)}"


def _mails(port: int, mails: int, size: int, sessions: int, per_connection: int) -> list[str]:
    options = {"port": port, "mails": mails, "size": size, "sessions": sessions, "run": run_name()}
    return _words({**options, "per-connection": per_connection})


def _words(options: Mapping[str, object]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def _generator(name: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"bench.{name}", *words]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE)
    if done.returncode:
        raise CannotMeasure(f"{name} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _accepted(told: dict[str, Any]) -> int:
    if told["refused"] or told["accepted"] != told["mails"] or not told["mails"]:
        raise CannotMeasure(f"{told['refused']} of {told['mails']} mails refused: {told['last_refusal']}")
    return int(told["accepted"])
