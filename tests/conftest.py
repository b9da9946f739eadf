"""Fixtures for all tests: stores on both engines, real programs, and what is told when a test fails."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest
from hypothesis import settings

from gateway.clock import Clock
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL, SQLITE
from gateway.store.migrations import migrate
from tests.fakes import FakeClock
from tests.parts.chromium import Chromium
from tests.parts.daemon import Daemons
from tests.parts.dovecot import Dovecots
from tests.parts.postfix import Postfixes
from tests.parts.postgres import Postgres
from tests.source import longer_than

STRICT = os.environ.get("HELPGATE_TEST_STRICT") == "1"
LAST_LINES = 120
LONG_FILE = 300

# The same examples on every run, and no verdict on how fast this machine is.
settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")


@runtime_checkable
class Part(Protocol):
    """Something started for a test that keeps a log."""

    def log_text(self) -> str: ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test shows the logs of its parts; in strict mode a skipped one has failed."""
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and HELPGATE_TEST_STRICT=1 allows none: {_reason(report.longrepr)}"
    if report.failed:
        report.sections.extend(_logs(item))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skipping a whole module is skipping, too."""
    report = yield
    if STRICT and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"skipped, and HELPGATE_TEST_STRICT=1 allows none: {_reason(report.longrepr)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whoever runs the tests of the house hears which files grow long."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    if any("test_house.py" in report.nodeid for report in reports) and (long := longer_than(LONG_FILE)):
        terminalreporter.write_line(f"Files over {LONG_FILE} lines, two ideas? {', '.join(long)}")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A fresh folder for the store's files."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> FakeClock:
    """The time of a test, which stands still."""
    return FakeClock()


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def engine(request: pytest.FixtureRequest) -> str:
    """Whatever asks for a store runs once on each engine."""
    return str(request.param)


@pytest.fixture
def store_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a fresh, empty store; SQLite's file goes to `data_dir`."""
    if engine == SQLITE:
        yield SQLITE
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture
def store(engine: str, data_dir: Path, clock: FakeClock, request: pytest.FixtureRequest) -> Iterator[Store]:
    """An open store with the newest schema and nothing in it."""
    if engine == SQLITE:
        yield from _opened(SQLITE, data_dir, clock)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    template = postgres.prepare("migrated", lambda url: _migrated(url, data_dir, clock).close())
    url = postgres.database(template)
    yield from _opened(url, data_dir, clock)
    postgres.drop(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster for the tests of this worker. A test that stops or restarts it takes `own_postgres`."""
    cluster = Postgres()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A cluster for one test, as durable as in production."""
    cluster = Postgres(fsync=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def new_daemon(tmp_path: Path) -> Iterator[Daemons]:
    """Makes installations of the gateway in folders of this test; ends what still runs."""
    daemons = Daemons(tmp_path)
    yield daemons
    daemons.remove()


@pytest.fixture
def new_postfix() -> Iterator[Postfixes]:
    """Makes and starts Postfix servers; removes them."""
    servers = Postfixes()
    yield servers
    servers.remove()


@pytest.fixture
def new_dovecot() -> Iterator[Dovecots]:
    """Makes and starts Dovecot servers; removes them."""
    servers = Dovecots()
    yield servers
    servers.remove()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser for one module: while it runs, its thread can run no event loop of its own."""
    browser = Chromium()
    browser.start()
    yield browser
    browser.stop()


def _opened(url: str, data_dir: Path, clock: Clock) -> Iterator[Store]:
    store = _migrated(url, data_dir, clock)
    yield store
    store.close()


def _migrated(url: str, data_dir: Path, clock: Clock) -> Store:
    store = Store(url, data_dir, clock)
    store.open()
    migrate(store)
    return store


def _logs(item: pytest.Item) -> list[tuple[str, str]]:
    """The last lines of every part that the test asked for."""
    values: dict[str, object] = getattr(item, "funcargs", {})
    logs = {name: value.log_text() for name, value in values.items() if isinstance(value, Part)}
    return [(f"log of {name}", _last_lines(text)) for name, text in logs.items() if text.strip()]


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-LAST_LINES:])


def _reason(longrepr: object) -> str:
    """pytest keeps a skip as (path, line, reason)."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
