"""The schema: numbered steps, run once whoever comes first. B22."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.migrations import NAMES, NEWEST, Applied, migrate, version
from tests.fakes import FakeClock
from tests.source import ROOT

PROGRAM = """
import sys; from pathlib import Path
from gateway.clock import now
from gateway.store.database import Store
from gateway.store.migrations import migrate
store = Store(sys.argv[1], Path(sys.argv[2]), now)
print(len(migrate(store)))
store.close()
"""


def test_running_them_again_does_nothing(store: Store) -> None:
    assert migrate(store) == []
    with store.reading() as unit:
        assert version(unit) == NEWEST == len(NAMES)


def test_a_newer_schema_is_refused(store: Store) -> None:
    with store.unit() as unit:
        unit.add(Applied, number=NEWEST + 1, name="from the future")
    with pytest.raises(StoreError, match="newer"):
        migrate(store)


def test_a_step_that_breaks_leaves_nothing(store_url: str, data_dir: Path) -> None:
    store = Store(store_url, data_dir, FakeClock())
    with store.unit() as unit:
        unit.run("CREATE TABLE receipt_grant (id INTEGER)")
    with pytest.raises(Exception, match="receipt_grant"):
        migrate(store)
    with store.unit() as unit:
        unit.run("DROP TABLE receipt_grant")
    assert migrate(store) == list(NAMES)
    store.close()


def test_eight_threads_at_once(store_url: str, data_dir: Path) -> None:
    stores = [Store(store_url, data_dir, FakeClock()) for _ in range(8)]

    def run(store: Store) -> int:
        ran = len(migrate(store))
        store.close()
        return ran

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(run, stores)) == [0] * 7 + [len(NAMES)]


def test_three_processes_at_once(store_url: str, data_dir: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, store_url, str(data_dir)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(process.communicate(timeout=60)[0].strip() for process in running)
    assert said == ["0", "0", str(len(NAMES))]
    assert store_url != SQLITE or (data_dir / "helpgate.sqlite").exists()
