"""A store that is locked or full: outward only "later", inward nothing lost, and it mends itself."""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.engines import SQLITE
from tests.faults.customer import customer_page
from tests.faults.ledger import Crowd, House, Ledger, letter_of, new_house, until
from tests.parts.daemon import Daemons
from tests.parts.postgres import Postgres
from tests.parts.scripted_smtp import ScriptedSMTP

SIZE = "24m"
KIBIBYTE = 1024


@pytest.fixture
def small_disk(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own with 24 MiB, where the engine's own user can reach it."""
    parent = tmp_path if engine == SQLITE else request.getfixturevalue("postgres").folder
    folder = Path(tempfile.mkdtemp(prefix="disk-", dir=parent))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs root that may mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def cramped(
    engine: str,
    new_daemon: Daemons,
    sink: ScriptedSMTP,
    small_disk: Path,
    request: pytest.FixtureRequest,
) -> Iterator[House]:
    """An installation whose data are on the small disk.

    PostgreSQL has its tables there; its log of changes has room: where that has none, the server ends, and that
    is the trouble of `test_postgres_trouble`.
    """
    if engine == SQLITE:
        yield new_house(new_daemon, sink, {"data_dir": str(small_disk / "data")})
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    tables = small_disk / "tables"
    tables.mkdir()
    shutil.chown(small_disk, postgres.folder.owner())
    url = postgres.database_in(tables)
    yield new_house(new_daemon, sink, url=url)
    new_daemon.remove()
    postgres.drop(url)


def test_full_disk_says_later_and_goes_on_when_there_is_room(
    cramped: House, ledger: Ledger, small_disk: Path
) -> None:
    cramped.daemon.start()
    port = cramped.daemon.smtp_port
    page = customer_page(cramped, ledger)
    assert b"helpgate_postponed_total 0.0" in cramped.daemon.get("/metrics")[1]
    ballast = fill(small_disk)
    refused = [until_refused(ledger, port, kibibytes) for kibibytes in (150, 150, 600, 600)]
    assert {reply[:9] for reply in ledger.refusals} == {"452 4.3.1"}
    assert page.comment(f"no room for this {noise(90)}") == 507
    assert page.get() == 200
    assert cramped.daemon.get("/healthz")[0] == 200
    assert b"helpgate_postponed_total 0.0" not in cramped.daemon.get("/metrics")[1]
    ballast.unlink()
    assert all(ledger.send(port, mark).startswith("250") for mark in refused)
    assert page.comment("mark-00001 there is room again") == 303
    cramped.settle()
    assert cramped.daemon.stop() == 0
    said = "SELECT count(*) FROM message WHERE text LIKE '%{}%'"
    assert cramped.number(said.format("no room for this")) == 0
    assert cramped.number(said.format("there is room again")) == 1
    ledger.comments["mark-00001"] += 1
    cramped.audit(ledger)


def test_disk_that_fills_under_load_loses_nothing(cramped: House, ledger: Ledger, small_disk: Path) -> None:
    cramped.daemon.start()
    with Crowd(ledger, [cramped.daemon.smtp_port]) as crowd:
        for _ in range(3):
            crowd.await_answers(10)
            ballast = fill(small_disk)
            await_refusals(ledger, 4)
            ballast.unlink()
    cramped.settle()
    assert cramped.daemon.stop() == 0
    cramped.audit(ledger)


def test_files_that_cannot_grow_say_later_and_go_on(house: House, ledger: Ledger) -> None:
    house.daemon.start()
    with Crowd(ledger, [house.daemon.smtp_port]) as crowd:
        for _ in range(2):
            crowd.await_answers(5)
            with unwritable(house):
                await_refusals(ledger, 3)
    house.settle()
    assert house.daemon.stop() == 0
    house.audit(ledger)


@pytest.mark.timeout(180)
def test_locked_store_says_later_and_goes_on(house: House, ledger: Ledger) -> None:
    house.daemon.start()
    with Crowd(ledger, [house.daemon.smtp_port]) as crowd:
        crowd.await_answers(5)
        with locked(Path(house.daemon.settings["data_dir"]) / "helpgate.sqlite"):
            await_refusals(ledger, 1)
            assert house.daemon.get("/healthz")[0] == 200
    house.settle()
    assert house.daemon.stop() == 0
    assert {reply.split()[0] for reply in ledger.refusals} == {"451"}
    house.audit(ledger)


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process' lock on the whole store."""
    other = sqlite3.connect(file, isolation_level=None, timeout=10)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextlib.contextmanager
def unwritable(house: House) -> Iterator[None]:
    """Every write beyond a file's first kibibyte fails: EFBIG, which SQLite calls an I/O error."""
    assert house.daemon.process is not None
    pid = house.daemon.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (KIBIBYTE, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4 * KIBIBYTE)):
            pass
    return ballast


def await_refusals(ledger: Ledger, how_many: int) -> None:
    """Until so many more mails were not taken."""
    wanted = len(ledger.refusals) + how_many
    until(lambda: len(ledger.refusals) >= wanted, "refusals", 60)


def noise(kibibytes: int) -> str:
    """Lines that no compression makes smaller."""
    dice = random.Random(kibibytes)
    return "\r\n".join(dice.randbytes(511).hex() for _ in range(kibibytes))


def until_refused(ledger: Ledger, port: int, kibibytes: int) -> str:
    """Mails of this size until one is not taken: the store may have a last page of its own. That one's mark."""
    for mark in ledger.marks(40):
        if not ledger.send(port, mark, letter_of(mark, noise(kibibytes))).startswith("250"):
            return mark
    raise AssertionError("the disk does not fill")
