"""Power that goes at any moment: what is on the disk then has every mail that was answered 250. B2."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path

from gateway import clock
from gateway.store import blobs
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.journal import Inbound
from tests.faults.ledger import House, Ledger, until
from tests.parts import crash_launcher, power_cut, strace
from tests.parts.daemon import COMMAND
from tests.parts.power_cut import Disk

MAILS = 2
STARTS = 2
CHECKPOINT = re.compile(r"fdatasync\(\d+<[^>]*helpgate\.sqlite>")
_THANKS = re.compile(r'write\(.*"250 2\.6\.0 queued as (\d+)')


def test_whenever_the_power_goes_what_was_promised_is_there(
    house: House, ledger: Ledger, tmp_path: Path
) -> None:
    disk, thanked = play(house, ledger, tmp_path, COMMAND)
    cuts = disk.cuts()
    assert len(cuts) > 10 * MAILS
    for cut in cuts:
        promised = {id for id, line in thanked.items() if line < cut}
        for dice in (None, random.Random(cut)):
            assert lost(disk.after_cut(cut, dice), promised, tmp_path / f"{cut}-{dice is None}") == set()
    step = len(cuts) // STARTS
    for cut in cuts[step - 1 :: step]:
        goes_on(house, ledger, disk, cut, {id for id, line in thanked.items() if line < cut})


def test_without_fsync_it_would_not_be(house: House, ledger: Ledger, tmp_path: Path) -> None:
    disk, thanked = play(house, ledger, tmp_path, crash_launcher.launcher("unsynced"))
    assert lost(disk.after_cut(disk.cuts()[-1]), set(thanked), tmp_path / "lost") == set(thanked)


def play(house: House, ledger: Ledger, folder: Path, command: tuple[str, ...]) -> tuple[Disk, dict[str, int]]:
    """Some mails from accept to delivered under strace; the line at which each was thanked for, by journal id."""
    trace, data = folder / "trace", Path(house.daemon.settings["data_dir"])
    before = {file.name: file.read_bytes() for file in data.iterdir() if file.is_file()}
    house.daemon.launcher = (*strace.command(*power_cut.OPTIONS, "-o", str(trace)), *command)
    house.daemon.start()
    for mark in ledger.marks(MAILS):
        assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
        house.settle()
    if command == COMMAND:
        until(lambda: bool(CHECKPOINT.search(trace.read_text(errors="replace"))), "a checkpoint")
    house.daemon.kill()
    calls = strace.calls(trace)
    thanked = {match[1]: call.begun for call in calls if (match := _THANKS.match(call.text))}
    assert len(thanked) == MAILS
    return Disk(data, before, calls), thanked


def lost(files: Mapping[str, bytes], promised: set[str], folder: Path) -> set[str]:
    """Which of the promised mails are not in the store that these files are."""
    _lay_down(files, folder)
    store = Store(SQLITE, folder, clock.now)
    with store.reading() as unit:
        assert unit.run("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = {str(row.id): row for row in unit.rows(Inbound, "1 = 1")}
        kept = {id for id, row in rows.items() if b"printer is on fire" in blobs.load(unit, row.octets)}
    store.close()
    return promised - kept


def goes_on(house: House, ledger: Ledger, disk: Disk, cut: int, promised: set[str]) -> None:
    """A daemon that finds this disk finishes what it had begun."""
    folder = house.daemon.folder / f"after-{cut}"
    _lay_down(disk.after_cut(cut, random.Random(cut)), folder)
    house.daemon.settings["data_dir"] = str(folder)
    house.daemon.launcher = COMMAND
    house.daemon.start()
    house.settle()
    assert house.daemon.stop() == 0
    house.audit_store(Ledger({mark: id for mark, id in ledger.promised.items() if id in promised}))


def _lay_down(files: Mapping[str, bytes], folder: Path) -> None:
    folder.mkdir()
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
