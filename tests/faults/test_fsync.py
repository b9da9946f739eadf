"""Nobody is thanked before the disk has it: the order of system calls, and a build that gets it wrong."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.faults.customer import Page
from tests.faults.ledger import House, Ledger, new_house, until
from tests.parts import crash_launcher, programs
from tests.parts.daemon import COMMAND, Daemons
from tests.parts.scripted_smtp import EXTENSIONS, ScriptedSMTP

CALLS = "pwrite64,write,writev,fdatasync,fsync,sendto,sendmsg"
THANKS = re.compile(r'(write|writev|sendto|sendmsg)\(.*"250 2\.6\.0 queued')
PAGE_THANKS = re.compile(r'(write|writev|sendto|sendmsg)\(.*"HTTP/1\.1 303')
DATA = re.compile(r'(write|writev|sendto|sendmsg)\(.*"DATA\\r\\n"')
TEXT = re.compile(r'(write|writev|sendto|sendmsg)\(.*"Date: ')
_SAID = re.compile("|".join(one.pattern for one in (THANKS, PAGE_THANKS, DATA, TEXT)))
_WAL_WRITTEN = re.compile(r"pwrite64\(\d+<[^>]*helpgate\.sqlite-wal>")
_WAL_SYNCED = re.compile(r"(fdatasync|fsync)\(\d+<[^>]*helpgate\.sqlite-wal>\)\s+= 0")
_HALF = re.compile(r"(\d+) (\S.*) <unfinished \.\.\.>")
_REST = re.compile(r"(\d+) <\.\.\. \w+ resumed>(.*)")


def is_synced_before(moment: re.Pattern[str], trace: list[str]) -> bool:
    """Whether between the last write to the WAL and that call there is a finished fsync of the WAL."""
    synced = False
    for call in trace:
        if _WAL_WRITTEN.search(call):
            synced = False
        elif _WAL_SYNCED.search(call):
            synced = True
        elif moment.search(call):
            return synced
    raise AssertionError(f"nobody said {moment.pattern}")


@pytest.mark.parametrize("harm", ["", "unsynced"])
@pytest.mark.parametrize(
    "moment", [THANKS, PAGE_THANKS, DATA, TEXT], ids=["mail", "comment", "letter", "letter at once"]
)
def test_the_log_is_on_disk_before(
    new_daemon: Daemons,
    sink: ScriptedSMTP,
    ledger: Ledger,
    tmp_path: Path,
    moment: re.Pattern[str],
    harm: str,
) -> None:
    """Before the 250 for a mail, before the answer to a comment, and `sending` before the text of a letter.

    A relay that takes one command at a time is not even told DATA before.
    """
    if moment is DATA:
        sink.extensions = EXTENSIONS
    house, trace = new_house(new_daemon, sink, {"notify.delay_s": "60"}, agent=""), tmp_path / "trace"
    if moment not in (DATA, TEXT):
        house.daemon.settings["smarthost.host"] = ""  # so that nothing else is written meanwhile
    strace = (programs.need("strace", "strace"), *f"-f -y -s 64 -e trace={CALLS} -o {trace}".split())
    house.daemon.launcher = (*strace, *(crash_launcher.launcher(harm) if harm else COMMAND))
    house.daemon.start()
    (mark,) = ledger.marks(1)
    assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    if moment is PAGE_THANKS:
        until(lambda: house.number("SELECT count(*) FROM outbox") == 1, "the receipt")
        assert Page(house.daemon.export()[0]["public_url"]).comment("More.") == 303
    until(lambda: any(moment.search(call) for call in _calls(trace)), "the moment in the trace")
    os.killpg(house.daemon.process.pid, signal.SIGTERM)
    house.daemon.process.wait(30)
    assert is_synced_before(moment, _calls(trace)) == (not harm)


def test_a_disk_that_does_not_keep_it_ends_the_daemon(house: House, ledger: Ledger) -> None:
    """B4: asked once more the kernel may say yes, with pages that it has given up."""
    failing = ("-f", "-qq", "-o", "/dev/null", "-e", "inject=fdatasync,fsync:error=EIO")
    house.daemon.launcher = (programs.need("strace", "strace"), *failing, *COMMAND)
    house.daemon.start()
    (mark,) = ledger.marks(1)
    assert ledger.send(house.daemon.smtp_port, mark).startswith("451 4.3.0")
    assert house.daemon.process.wait(30) == os.EX_TEMPFAIL
    assert "the disk does not keep what it is given" in house.daemon.log_text()
    house.daemon.launcher = COMMAND
    house.daemon.start()
    ledger.resent.add(mark)
    assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    house.settle()
    assert house.daemon.stop() == 0
    house.audit(ledger)


def _calls(trace: Path) -> list[str]:
    """Each call where it ended: what strace cut in two, because another thread came between, put together."""
    begun: dict[str, str] = {}
    calls = []
    for line in trace.read_text(errors="replace").splitlines():
        if half := _HALF.match(line):
            begun[half[1]] = half[2]
            if _SAID.search(half[2]) or _WAL_WRITTEN.search(half[2]):
                calls.append(half[2])  # a write counts from its beginning
        elif rest := _REST.match(line):
            calls.append(begun.pop(rest[1], "") + rest[2])
        else:
            calls.append(line.partition(" ")[2])
    return calls
