"""strace: at a process that runs already, to harm it for a while; and what a trace of system calls tells.

with attached(pid, "-f", "-e", "inject=pwrite64:error=EIO"):
    ...every write to a file fails
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parts import programs
from tests.parts.ports import wait_for

_LINE = re.compile(r"(\d+) +(.*)")
_BEGUN = re.compile(r"(.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call of a thread.  begun, ended: the lines of the trace, so that calls can be put in order."""

    thread: int
    text: str
    begun: int
    ended: int

    @property
    def name(self) -> str:
        return self.text.partition("(")[0]


def command(*options: str) -> tuple[str, ...]:
    """strace with these options; it says nothing of its own."""
    return (programs.need("strace", "strace"), "-qqq", *options)


@contextlib.contextmanager
def attached(process: int, *options: str, trace: Path = Path(os.devnull)) -> Iterator[None]:
    """strace at a process (`-f`: with all threads it has and will have) or at one thread by its number.

    Skips the test where the system does not let us.
    """
    tracer = subprocess.Popen(
        command(*options, "-o", str(trace), "-p", str(process)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=programs.clean_environment(),
    )
    threads = threads_of(process) if "-f" in options else [process]
    try:
        wait_for(lambda: tracer.poll() is not None or all(map(_is_traced, threads)), "strace", 10)
        if tracer.poll():
            pytest.skip("needs strace that may attach to a process")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)


def threads_of(process: int) -> list[int]:
    """The numbers of a process' threads, oldest first."""
    return sorted(int(name) for name in os.listdir(f"/proc/{process}/task"))


def calls(trace: Path) -> list[Call]:
    """Every finished call in the order they ended, those put together that another thread's call cut in two."""
    begun: dict[int, tuple[int, str]] = {}
    found = []
    for number, line in enumerate(trace.read_text(errors="replace").splitlines()):
        matched = _LINE.match(line)
        if matched is None:
            continue
        thread, text = int(matched[1]), matched[2]
        if half := _BEGUN.match(text):
            begun[thread] = number, half[1]
            continue
        start, first = number, ""
        if rest := _RESUMED.match(text):
            start, first = begun.pop(thread, (number, ""))
            text = rest[1]
        found.append(Call(thread, first + text, start, number))
    return found


def _is_traced(thread: int) -> bool:
    try:
        status = Path(f"/proc/{thread}/status").read_text()
    except OSError:  # it has ended
        return True
    return "TracerPid:\t0\n" not in status
