"""A connection to a real Dovecot that is cut wherever it can be: nothing lost, nothing twice. Threat B8."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from gateway.store import imap as ledger
from gateway.store.database import Store
from gateway.transport.imap.trouble import Trouble
from tests.fakes import FakeClock
from tests.parts.dovecot import Dovecot, Dovecots
from tests.parts.proxy import CUT, Limit, Proxy
from tests.people import DESK
from tests.transport.imap_house import ImapHouse, numbered
from tests.world import World, played

STEP = 97  # octets, so that the cuts come to stand everywhere
EACH = 5  # cuts to a mail


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


@pytest.mark.parametrize(
    ("after", "lines"), [("keep", 40), ("keep", 400), ("seen", 40), ("move:Done", 40), ("delete", 40)]
)
def test_cut_at_every_97th_octet(new_dovecot: Dovecots, world: World, after: str, lines: int) -> None:
    """B8: each connection lives for 97 octets more than the one before; every mail comes once, and stays or goes."""
    dovecot = new_dovecot([DESK])
    house = ImapHouse(world, dovecot.port, after=after)
    house.looks()
    count, states = cut_until_done(house, dovecot, "line\r\n" * lines)
    assert ledger.FAILED in states, "a mail was cut into"
    assert after == "keep" or ledger.TAKEN in states, "one was kept, and not yet done with"
    for _ in range(4):  # mails over which connections ended wait for a while
        world.clock.forward(3601)
        house.looks()
    assert sorted(house.subjects()) == sorted(f"mail {number}" for number in range(1, count + 1))
    assert {row.state for row in house.listed} == {ledger.SETTLED}
    with dovecot.client() as client:
        assert len(client.search("ALL")) == (count if after in ("keep", "seen") else 0)
        assert len(client.search("SEEN")) == (count if after == "seen" else 0)
        if after == "move:Done":
            assert client.select_folder("Done")[b"EXISTS"] == count


def cut_until_done(house: ImapHouse, dovecot: Dovecot, text: str) -> tuple[int, set[str]]:
    """Visits over connections cut after 97, 194, 291… octets, every few to a new mail, until one is not cut.

    Gives the number of mails, and the states in which cuts have left some.
    """
    states, cuts, mails = set(), 0, 0
    with Proxy(dovecot.host, dovecot.port) as proxy:
        cut = ImapHouse(house.world, proxy.port)
        cut.visit = house.visit
        while not cuts or proxy.reached.is_set():
            if cuts % EACH == 0:
                mails += 1
                dovecot.put(numbered(mails, mails, text))
            cuts += 1
            proxy.reached.clear()
            proxy.downstream = Limit(STEP * cuts, CUT)
            with suppress(Trouble):
                cut.looks()
            states |= {row.state for row in house.listed}
            house.world.clock.forward(61)
        assert proxy.connections == cuts
    return mails, states
