"""A town on each engine, furnished and not yet started, with its smarthost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.town import SETTINGS, Town
from tests.parts.daemon import Daemons
from tests.parts.scripted_smtp import ScriptedSMTP


@pytest.fixture
def smarthost() -> Iterator[ScriptedSMTP]:
    """Takes our letters; well-behaved until told otherwise."""
    with ScriptedSMTP() as server:
        yield server


@pytest.fixture
def town(new_daemon: Daemons, smarthost: ScriptedSMTP, store_url: str) -> Town:
    """A furnished installation on each engine, not yet started."""
    town = Town(new_daemon(SETTINGS | {"store.url": store_url}), smarthost, store_url)
    town.daemon.smarthost(smarthost.port)
    town.furnish()
    return town
