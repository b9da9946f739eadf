"""B4: a disk that reads or writes no more, or only reads: outward "later", nothing lost, and it mends itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.customer import customer_page
from tests.faults.ledger import House, Ledger, new_house
from tests.parts import strace
from tests.parts.daemon import Daemons
from tests.parts.scripted_smtp import ScriptedSMTP

HARMS = {
    "it reads and writes no more": "inject=pread64,pwrite64,ftruncate:error=EIO",
    "it is read-only since": "inject=pwrite64,ftruncate:error=EROFS",
}


@pytest.mark.parametrize("harm", HARMS)
def test_disk_that_fails_says_later_and_goes_on(house: House, ledger: Ledger, harm: str) -> None:
    """A file system with files open for writing cannot be mounted read-only by hand; the kernel can make it so."""
    house.daemon.start()
    page, port = customer_page(house, ledger), house.daemon.smtp_port
    marks = ledger.marks(3)
    with strace.attached(house.daemon.process.pid, "-f", "-e", HARMS[harm]):
        assert {ledger.send(port, mark)[:9] for mark in marks} == {"451 4.3.0"}
        assert page.comment("never said") == 503
        assert page.get() in (200, 503)
        assert house.daemon.get("/healthz")[0] == 200
        assert b"helpgate_postponed_total 3.0" in house.daemon.get("/metrics")[1]
    ledger.resent.update(marks)
    assert all(ledger.send(port, mark).startswith("250") for mark in marks)
    assert page.comment("mark-00001 it works again") == 303
    ledger.comments["mark-00001"] += 1
    house.settle()
    assert house.daemon.stop() == 0
    assert house.number("SELECT count(*) FROM message WHERE text LIKE '%never said%'") == 0
    house.audit(ledger)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("needs root that may mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_read_only_disk_refuses_a_start_and_says_why(
    new_daemon: Daemons, sink: ScriptedSMTP, ledger: Ledger, disk: Path
) -> None:
    house = new_house(new_daemon, sink, {"data_dir": str(disk / "data")})
    remount(disk, "ro")
    house.daemon.launch()
    assert house.daemon.process.wait(30) == os.EX_USAGE
    assert "read-only" in house.daemon.log_text()
    assert "Traceback" not in house.daemon.log_text()
    remount(disk, "rw")
    house.daemon.start()
    (mark,) = ledger.marks(1)
    assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    house.settle()
    assert house.daemon.stop() == 0
    house.audit(ledger)


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)
