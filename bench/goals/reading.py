"""G15, G22 and G23: mails of a folder and hostile ones, read alone and brought all the way.

The folder is the one given with `--corpus`, else our own fixtures. Each library reads it in a process of its
own; hostile mails are read by the parse worker, as in the daemon, with its limits.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from bench import corpus
from bench.errors import CannotMeasure
from bench.gateway import Gateway, settle, wait_for
from bench.goals.table import Reached
from bench.goals.workbench import Workbench
from bench.hostile import IN_A_REPORT, MAILS
from bench.loads import reference, send_folder
from bench.processes import ROOT
from bench.rounds import Sample, interleave, middle, percentile, rate_ratio
from gateway.mail import wire
from gateway.mail.wire import Request

LIBRARIES = ("default", "compat32", "mail-parser")
_LARGE = 25_000_000
_FLOOR_S = 0.05
_GOOD_S = 1.0
_TRIES = 3
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class _Pass:
    """How a library did in one round."""

    mails: int
    failed: int
    seconds: float
    p99_ms: float
    worst_ms: float


def beside_libraries(bench: Workbench) -> list[Reached]:
    """G22: mails a second of what each could read, all in the same rounds."""
    corpus.paths(bench.corpus)
    last: dict[str, _Pass] = {}

    def side(library: str) -> Sample:
        last[library] = _read_all(library, bench.corpus)
        return Sample((last[library].mails - last[library].failed) / last[library].seconds)

    names = ("helpgate", *LIBRARIES)
    table = interleave(bench.rounds, *(lambda name=name: side(name) for name in names))
    ours = _told(table, 0, "ours", last["helpgate"])
    return [
        Reached(
            f"G22 {name}", rate_ratio(table, to=place), f"{ours}; {_told(table, place, name, last[name])}"
        )
        for place, name in enumerate(LIBRARIES, 1)
    ]


def whole_path(bench: Workbench) -> list[Reached]:
    """G23: SMTP to fate, all at once for the rate, then at a third of it for the p99."""
    count = len(corpus.paths(bench.corpus))
    with bench.gateway() as gateway:
        table = interleave(
            bench.rounds,
            lambda: Sample(_bring(gateway, bench.corpus, count)),
            lambda: Sample(count / _read_all("helpgate", bench.corpus).seconds),
        )
        slowly = middle(table, 0).rate / 3
        before = len(gateway.settings.listed("journal", "--json"))
        _bring(gateway, bench.corpus, count, slowly)
        rows = gateway.settings.listed("journal", "--json")[before:]
    p99 = 1000 * percentile([row["seconds"] for row in rows], 0.99)
    rates = f"{middle(table, 0).rate:,.0f} mails/s, read alone {middle(table, 1).rate:,.0f}/s"
    return [
        Reached("G23 rate", rate_ratio(table), f"{rates}, {count} mails a round"),
        Reached("G23 p99", p99, f"at {slowly:,.0f} mails/s"),
    ]


def hostile_mails(bench: Workbench) -> list[Reached]:
    """G15: the slowest of them, and the one whose time grows fastest from half the size."""
    size = round(_LARGE * bench.share)
    with _Worker(bench.folder) as worker:
        found = {name: _grown(worker, name, size) for name in MAILS}
    slowest = sorted(found, key=lambda name: found[name].seconds, reverse=True)
    steepest = max(found, key=lambda name: found[name].growth)
    told = ", ".join(f"{name} {found[name].seconds:.2f} s" for name in slowest[:3])
    return [
        Reached("G15 time", found[slowest[0]].seconds, f"{len(MAILS)} kinds of {size / 1e6:.1f} MB; {told}"),
        Reached("G15 growth", found[steepest].growth, f"{steepest}, {found[steepest].seconds:.2f} s"),
    ]


@dataclass(frozen=True, slots=True)
class _Grown:
    """Seconds for a whole mail, and how many times those of half of it."""

    seconds: float
    growth: float


class _Worker:
    """The parse worker as the daemon starts it; one that dies is replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "worker"
        self._folder.mkdir()

    def __enter__(self) -> _Worker:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.mail.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def seconds(self, mail: Path, reverse_path: str) -> float:
        """How long a mail takes from the request to its Reading; without end when the worker dies or hangs."""
        requests, answers = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        enclosed = self._folder / "enclosed"
        enclosed.mkdir()
        began = time.perf_counter()
        try:
            wire.send(requests, Request(None, str(mail), reverse_path, str(enclosed)))
            wire.receive_by(answers.fileno(), time.monotonic() + _PATIENCE_S)
            return time.perf_counter() - began
        except (EOFError, TimeoutError, BrokenPipeError):
            self.__exit__()
            self.__enter__()
            return float("inf")
        finally:
            shutil.rmtree(enclosed)

    def write(self, octets: bytes) -> Path:
        """A file with a mail, until the next."""
        path = self._folder / "mail"
        path.write_bytes(octets)
        return path


def _grown(worker: _Worker, name: str, size: int) -> _Grown:
    """The least of some tries, as long as it looks bad: a busy moment is no fault of the mail."""
    half = whole = float("inf")
    for _ in range(_TRIES):
        half = min(half, _seconds(worker, name, size // 2))
        whole = min(whole, _seconds(worker, name, size))
        if whole <= _GOOD_S and whole <= 2 * max(half, _FLOOR_S):
            break
    return _Grown(whole, whole / max(half, _FLOOR_S))


def _seconds(worker: _Worker, name: str, size: int) -> float:
    path = "" if name in IN_A_REPORT else "jo@example.org"
    return worker.seconds(worker.write(MAILS[name](size)), path)


def _bring(gateway: Gateway, folder: Path, count: int, rate: float = 0.0) -> float:
    """All mails of a folder by SMTP, until each has its fate; gives mails a second."""
    began = time.perf_counter()
    send_folder(gateway.settings.smtp_port, folder, rate)
    wait_for(lambda: not gateway.counts().unfinished, f"{count} mails to have their fate")
    taken = count / (time.perf_counter() - began)
    settle(gateway)
    return taken


def _read_all(library: str, folder: Path) -> _Pass:
    command = reference("readers", library, folder)
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise CannotMeasure(f"{library} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return _Pass(**json.loads(done.stdout.splitlines()[-1]))


def _told(table: list[tuple[Sample, ...]], place: int, name: str, last: _Pass) -> str:
    failed = f", raises on {last.failed} of {last.mails}" if last.failed else ""
    return f"{name} {middle(table, place).rate:,.0f}/s, p99 {last.p99_ms:.1f} ms{failed}"
