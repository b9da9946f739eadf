"""Nobody is thanked before the disk has it: the order of system calls, and a build that gets it wrong."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.faults.ledger import House, Ledger, until
from tests.parts import crash_launcher, programs
from tests.parts.daemon import COMMAND

CALLS = "pwrite64,write,writev,fdatasync,fsync,sendto,sendmsg"
_THANKS = re.compile(r'(write|writev|sendto|sendmsg)\(.*"250 2\.6\.0 queued')
_WAL_WRITTEN = re.compile(r"pwrite64\(\d+<[^>]*helpgate\.sqlite-wal>")
_WAL_SYNCED = re.compile(r"(fdatasync|fsync)\(\d+<[^>]*helpgate\.sqlite-wal>\)\s+= 0")
_HALF = re.compile(r"(\d+) (\S.*) <unfinished \.\.\.>")
_REST = re.compile(r"(\d+) <\.\.\. \w+ resumed>(.*)")


def is_synced_before_thanks(trace: list[str]) -> bool:
    """Whether between the last write to the WAL and the 250 there is a finished fsync of the WAL."""
    synced = False
    for call in trace:
        if _WAL_WRITTEN.search(call):
            synced = False
        elif _WAL_SYNCED.search(call):
            synced = True
        elif _THANKS.search(call):
            return synced
    raise AssertionError("the trace thanks nobody")


@pytest.mark.parametrize("harm", ["", "unsynced"])
def test_the_log_is_on_disk_before_the_250(house: House, ledger: Ledger, tmp_path: Path, harm: str) -> None:
    trace = tmp_path / "trace"
    strace = (programs.need("strace", "strace"), *f"-f -y -s 64 -e trace={CALLS} -o {trace}".split())
    house.daemon.launcher = (*strace, *(crash_launcher.launcher(harm) if harm else COMMAND))
    house.daemon.settings["smarthost.host"] = ""  # so that nothing else is written meanwhile
    house.daemon.start()
    (mark,) = ledger.marks(1)
    assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    until(lambda: any(_THANKS.search(call) for call in _calls(trace)), "the thanks in the trace")
    os.killpg(house.daemon.process.pid, signal.SIGTERM)
    house.daemon.process.wait(30)
    assert is_synced_before_thanks(_calls(trace)) == (not harm)


def _calls(trace: Path) -> list[str]:
    """Each call where it ended: what strace cut in two, because another thread came between, put together."""
    begun: dict[str, str] = {}
    calls = []
    for line in trace.read_text(errors="replace").splitlines():
        if half := _HALF.match(line):
            begun[half[1]] = half[2]
            if _THANKS.search(half[2]) or _WAL_WRITTEN.search(half[2]):
                calls.append(half[2])  # a write counts from its beginning
        elif rest := _REST.match(line):
            calls.append(begun.pop(rest[1], "") + rest[2])
        else:
            calls.append(line.partition(" ")[2])
    return calls
