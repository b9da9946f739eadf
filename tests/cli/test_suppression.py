"""`helpgate outbox suppressed` and `allow`: addresses whose letters come back, seen and let in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.clock import DAY
from gateway.desk import suppression
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from tests.fakes import FakeClock
from tests.parts.daemon import Daemon
from tests.people import CAROL


@pytest.fixture
def suppressing(house: Daemon) -> Daemon:
    """A house where Carol's letters have come back three times."""
    clock = FakeClock()
    store = Store(SQLITE, Path(house.settings["data_dir"]), clock)
    for _ in range(suppression.LETTERS):
        with store.unit() as unit:
            suppression.came_back(unit, CAROL.address, "550 5.1.1 gone\x1b[31m")
        clock.forward(DAY / 1000)
    store.close()
    return house


def shown(house: Daemon) -> list[dict[str, object]]:
    return [json.loads(line) for line in house.run("outbox", "suppressed", "--json").splitlines()]


def test_suppressed_addresses_are_listed(suppressing: Daemon) -> None:
    (row,) = shown(suppressing)
    assert list(row) == ["address", "letters", "since", "last_reply"]
    assert (row["address"], row["letters"]) == (CAROL.address, 3)
    table = suppressing.run("outbox", "suppressed")
    assert CAROL.address in table and "5.1.1 gone" in table and "\x1b" not in table


def test_an_operator_allows_one(suppressing: Daemon) -> None:
    done = suppressing.try_run("outbox", "allow", CAROL.address, "dave@customer.example")
    assert done.returncode == 1 and b"dave@customer.example is not suppressed" in done.stderr
    assert f"{CAROL.address} gets letters again" in done.stdout.decode()
    assert shown(suppressing) == []


def test_nothing_is_suppressed_at_first(house: Daemon) -> None:
    assert shown(house) == []
    assert house.try_run("outbox", "allow", CAROL.address).returncode == 1
