"""Processes seen from outside: CPU time, proportional memory, and how to start and end them.

A "tree" is a process and everything below it; a daemon's workers count as the daemon. Linux only
(proc(5): `stat`, `smaps_rollup`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from bench.errors import CannotMeasure

ROOT = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_EVERY = 0.01


@contextmanager
def running(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Runs a server until the block ends; gives its pid once 127.0.0.1:`port` accepts."""
    with log.open("ab") as sink:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        wait_for_port(port, server)
        yield server.pid
    finally:
        end(server)


def end(server: subprocess.Popen[bytes], patience: float = 35) -> None:
    """SIGTERM, then SIGKILL after `patience` seconds."""
    server.terminate()
    try:
        server.wait(patience)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def wait_for_port(port: int, server: subprocess.Popen[bytes], patience: float = 20) -> None:
    """Returns when 127.0.0.1:`port` accepts. Raises CannotMeasure when the server dies or is too slow."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise CannotMeasure(f"a server ended with {server.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise CannotMeasure("a server did not listen in time")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(*roots: int) -> float:
    """User and system seconds of the trees so far, with those of reaped children."""
    return sum(_ticks(pid) for root in roots for pid in tree(root)) / _TICKS


def pss_octets(root: int) -> int:
    """Proportional set size of the tree: pages shared by n processes count 1/n for each."""
    return sum(_pss(pid) for pid in tree(root))


def tree(root: int) -> list[int]:
    """The process and all its descendants that are alive."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children[int(fields[1])].append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children[pid])
    return found


class PeakMemory:
    """Samples the memory of a tree in a thread while the block runs; `peak` is the most it saw."""

    def __init__(self, root: int) -> None:
        self.peak = 0
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory")

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_EVERY):
            self.peak = max(self.peak, pss_octets(self._root))


def _ticks(pid: int) -> int:
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15])


def _stat(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` after the command's name; none when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name stands in parentheses and may itself contain blanks and parentheses.
    return text[text.rindex(")") + 2 :].split()


def _pss(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    kibibytes = (line.split()[1] for line in text.splitlines() if line.startswith("Pss:"))
    return int(next(kibibytes, "0")) * 1024
