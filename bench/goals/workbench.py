"""What every measurement is given: a folder, how much to do, mails, and the servers to compare with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import Gateway, Settings
from bench.loads import LetterSink, letter_sink
from bench.processes import ROOT, free_port

CORPUS = ROOT / "tests" / "corpus"


@dataclass(frozen=True, slots=True)
class Workbench:
    """`folder` is this measurement's own; `share` scales the amounts; the sides take turns `rounds` times.

    corpus: the folder of real mails.
    """

    folder: Path
    rounds: int = 5
    share: float = 1.0
    command: str = ""
    corpus: Path = CORPUS

    def amount(self, full: int) -> int:
        """So many, or fewer in a quick run, but never fewer than 20."""
        return max(20, round(full * self.share))

    def seconds(self, full: float) -> float:
        """So long, or shorter in a quick run, but never under half a second."""
        return max(0.5, full * self.share)

    @contextmanager
    def gateway(self, name: str = "helpgate", store: str = "sqlite") -> Iterator[Gateway]:
        """A fresh Helpgate that is running, with a sink of its own for its letters."""
        with self.sink(name) as sink:
            settings = Settings(self.folder / name, sink, self.command, store)
            settings.initialise()
            with settings.serving() as gateway:
                yield gateway

    @contextmanager
    def sink(self, name: str) -> Iterator[LetterSink]:
        """A letter sink with notes of its own."""
        folder = self.folder / f"{name}-sink"
        folder.mkdir(parents=True, exist_ok=True)
        with letter_sink(folder) as sink:
            yield sink

    def port(self) -> int:
        """A port for a reference."""
        return free_port()

    def log(self, name: str) -> Path:
        """Where a reference writes what it has to say."""
        return self.folder / f"{name}.log"
