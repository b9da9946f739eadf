"""A smarthost and an installation for each test of faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.ledger import House, Ledger, new_house
from tests.parts.daemon import Daemons
from tests.parts.scripted_smtp import EXTENSIONS, ScriptedSMTP


@pytest.fixture
def sink() -> Iterator[ScriptedSMTP]:
    """The smarthost, well-behaved until told otherwise; like most it takes several commands at once."""
    with ScriptedSMTP(extensions=(*EXTENSIONS, "PIPELINING")) as server:
        yield server


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def house(new_daemon: Daemons, sink: ScriptedSMTP) -> House:
    """An installation on SQLite, not yet started."""
    return new_house(new_daemon, sink)


@pytest.fixture
def either_house(new_daemon: Daemons, sink: ScriptedSMTP, store_url: str) -> Iterator[House]:
    """An installation on SQLite, and once more on PostgreSQL, not yet started."""
    yield new_house(new_daemon, sink, url=store_url)
    new_daemon.remove()  # before its database is


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long variant is for `make crash`, which asks for it by its mark."""
    if not config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("crash")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
