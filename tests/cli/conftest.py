"""Installations for the commands: one on SQLite for most, one on each engine where it matters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.parts.daemon import Daemon, Daemons
from tests.parts.ports import wait_for
from tests.people import ALICE, BOB

Wait = Callable[[Daemon, int], None]


@pytest.fixture
def house(new_daemon: Daemons) -> Daemon:
    """On SQLite, with a desk and two agents, not running."""
    return _furnished(new_daemon())


@pytest.fixture
def either(new_daemon: Daemons, store_url: str) -> Daemon:
    """The same on each engine."""
    return _furnished(new_daemon({"store.url": store_url}))


@pytest.fixture
def decided() -> Wait:
    """Waits until so many mails have come to their fate."""

    def wait(daemon: Daemon, count: int) -> None:
        def done() -> bool:
            fates = [row["fate"] for row in daemon.journal()]
            return len(fates) >= count and "received" not in fates

        wait_for(done, f"{count} mails decided", 30)

    return wait


def _furnished(daemon: Daemon) -> Daemon:
    daemon.init(agent=ALICE.address)
    daemon.run("agent", "add", BOB.address, "--name", BOB.name)
    return daemon
