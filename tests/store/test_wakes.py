"""Being told of work that another process made: LISTEN and NOTIFY on a real PostgreSQL."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.wakes import CHANNEL, Wakes
from tests.fakes import FakeClock
from tests.parts.ports import LOOPBACK, free_port
from tests.parts.postgres import Postgres

SECONDS = 30
LISTENERS = f"FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN {CHANNEL}'"


class Told:
    """What `wake` is: each call lets one `again` pass."""

    def __init__(self) -> None:
        self._calls = threading.Semaphore(0)

    def __call__(self) -> None:
        self._calls.release()

    def again(self, seconds: float = SECONDS) -> bool:
        return self._calls.acquire(timeout=seconds)


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    found = postgres.database()
    yield found
    postgres.drop(found)


@pytest.fixture
def other(url: str, data_dir: Path, clock: FakeClock) -> Iterator[Store]:
    """The store as another process has it."""
    store = Store(url, data_dir, clock)
    yield store
    store.close()


@pytest.fixture
def told(url: str) -> Iterator[Told]:
    """Somebody who listens already."""
    told = Told()
    wakes = Wakes(url, told)
    wakes.start()
    assert told.again(), "who begins to listen looks once"
    yield told
    wakes.stop()


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    """What is logged meanwhile, at every level."""
    before = structlog.get_config()
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines
    structlog.configure(**before)


def test_what_another_process_announces_wakes(other: Store, told: Told) -> None:
    for _ in range(7):  # more often than it takes for psycopg to prepare a statement
        with other.unit() as unit:
            unit.announce()
            unit.announce()
        assert told.again()


def test_what_is_rolled_back_wakes_nobody(url: str, other: Store) -> None:
    with psycopg.connect(url, autocommit=True) as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        with pytest.raises(ZeroDivisionError), other.unit() as unit:  # noqa: PT012
            unit.announce()
            raise ZeroDivisionError
        with other.unit() as unit:
            with pytest.raises(ZeroDivisionError), unit.savepoint():  # noqa: PT012
                unit.announce()
                raise ZeroDivisionError
            unit.run(f"NOTIFY {CHANNEL}, 'the first that is heard'")
        (heard,) = listening.notifies(timeout=SECONDS, stop_after=1)
        assert heard.payload == "the first that is heard"


def test_a_connection_that_is_cut_is_made_anew(
    url: str, postgres: Postgres, other: Store, told: Told
) -> None:
    assert postgres.query(f"SELECT pg_terminate_backend(pid) {LISTENERS}", url=url) == [(True,)]
    assert told.again(), "who was deaf looks once"
    assert postgres.query(f"SELECT count(*) {LISTENERS}", url=url) == [(1,)]
    with other.unit() as unit:
        unit.announce()
    assert told.again()


def test_an_outage_is_told_once_and_so_is_its_end(
    url: str, postgres: Postgres, told: Told, lines: list[EventDict]
) -> None:
    for _ in range(2):
        postgres.query(f"SELECT pg_terminate_backend(pid) {LISTENERS}", url=url)
        assert told.again()
    assert [line["log_level"] for line in lines] == ["warning", "info"] * 2


def test_a_server_that_stays_away_is_told_once(lines: list[EventDict]) -> None:
    told = Told()
    with socket.create_server((LOOPBACK, 0)) as away:
        away.settimeout(SECONDS)
        wakes = Wakes(f"postgresql://helpgate@{LOOPBACK}:{away.getsockname()[1]}/nowhere", told, again_s=0)
        wakes.start()
        for _ in range(5):
            away.accept()[0].close()
        wakes.stop()
    assert [line["log_level"] for line in lines] == ["warning"]
    assert not told.again(0)


def test_listening_to_nobody_ends_when_it_is_told() -> None:
    told = Told()
    wakes = Wakes(f"postgresql://helpgate@{LOOPBACK}:{free_port()}/nowhere", told)
    before = set(threading.enumerate())  # perhaps some that are still ending
    wakes.start()
    wakes.stop()
    assert set(threading.enumerate()) <= before
    assert not told.again(0)


def test_an_embedded_store_has_nobody_to_tell(data_dir: Path, clock: FakeClock) -> None:
    store = Store(SQLITE, data_dir, clock)
    with store.unit() as unit:
        unit.announce()
    store.close()
