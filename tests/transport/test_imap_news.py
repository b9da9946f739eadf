"""No mail waits because it came between two commands: what a server tells beside its answers is heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.store import imap as ledger
from gateway.store.database import Store
from gateway.transport.imap.connection import WINDOW, Connection
from gateway.transport.imap.trouble import Trouble
from tests.fakes import FakeClock
from tests.parts.ports import wait_for
from tests.parts.scripted_imap import DROP, ScriptedIMAP
from tests.transport.imap_house import QUICK, ImapHouse, numbered
from tests.world import World, played

SECONDS = 10
IDLES = "IMAP4rev1 UIDPLUS MOVE IDLE AUTH=PLAIN"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


@pytest.fixture
def server() -> Iterator[ScriptedIMAP]:
    """It has two mails."""
    with ScriptedIMAP(dict(enumerate(numbered(1, 2), 1)), capabilities=IDLES) as server:
        yield server


@pytest.fixture
def connection(world: World, server: ScriptedIMAP) -> Iterator[Connection]:
    """It has seen them."""
    connection = ImapHouse(world, server.port).connect()
    connection.select("INBOX", read_only=True)
    yield connection
    connection.leave()


@pytest.mark.parametrize(
    ("said", "is_news"),
    [
        (b"", False),
        (b"* 2 EXISTS\r\n* 0 RECENT\r\n", False),
        (b"* OK Still here\r\n* 1 FETCH (FLAGS (\\Seen))\r\n", False),
        (b"* 3 EXISTS\r\n* 1 RECENT\r\n", True),
        (b"* 2 EXPUNGE\r\n* 2 EXISTS\r\n", True),
    ],
)
def test_what_comes_with_the_answer_to_idle(
    server: ScriptedIMAP, connection: Connection, said: bytes, is_news: bool
) -> None:
    """In one piece with it, so that no poll of the socket ever shows it."""
    server.at_idle = lambda: said
    assert connection.begin_idle() is is_news
    connection.end_idle()


def test_the_half_of_a_line_waits_for_the_rest(server: ScriptedIMAP, connection: Connection) -> None:
    server.at_idle = lambda: b"* OK Still here\r\n* 4 EX"
    assert not connection.begin_idle()
    assert not connection.hears(0)
    server.say(b"ISTS\r\n* 5 EX")
    assert connection.hears(SECONDS)
    assert not connection.hears(0)
    server.say(b"PUNGE\r\n")
    assert connection.hears(SECONDS)
    server.say(b"* OK Still")
    server.say(b" here\r\n")
    assert not connection.hears(SECONDS)
    connection.end_idle()


def test_the_half_of_a_line_and_then_the_end(server: ScriptedIMAP, connection: Connection) -> None:
    server.at_idle = lambda: b"* 4 EX" + DROP
    with pytest.raises(Trouble):
        assert connection.begin_idle() or connection.hears(SECONDS)


def test_a_server_that_has_gone_or_says_so(server: ScriptedIMAP, connection: Connection) -> None:
    assert not connection.begin_idle()
    server.say(b"* BYE for now\r\n")
    with pytest.raises(Trouble, match="goodbye"):
        connection.hears(SECONDS)
    connection.interrupt()
    with pytest.raises(Trouble, match="has closed the connection"):
        connection.hears(SECONDS)


def test_what_was_told_beside_an_earlier_answer(server: ScriptedIMAP, connection: Connection) -> None:
    """Servers tell such a thing once."""
    server.instead["UID SEARCH"] = b"* SEARCH 1 2\r\n* 3 EXISTS\r\n%t OK done\r\n"
    assert connection.has(2)
    assert connection.begin_idle()
    connection.end_idle()
    connection.select("INBOX", read_only=True)
    assert not connection.begin_idle(), "it has been looked at"


def test_a_mail_that_comes_just_before_idle_is_taken_at_once(world: World, server: ScriptedIMAP) -> None:
    """The watch would sit in IDLE for a minute."""
    house = ImapHouse(world, server.port, since="all")

    def comes() -> bytes:
        server.mails[3] = numbered(3, 3)[0]
        server.at_idle = bytes
        return b"* 3 EXISTS\r\n"

    server.at_idle = comes
    watch = house.watch(replace(QUICK, idle=60))
    watch.start()
    try:
        wait_for(lambda: len(house.journal) == 3, "the third mail")
        assert server.connections == 1, "not only after the next one"
    finally:
        watch.stop()
        watch.join(5)


def test_mails_that_come_while_others_are_fetched_are_taken_at_once(
    world: World, server: ScriptedIMAP
) -> None:
    """A server need not say more than that it has answered."""
    house = ImapHouse(world, server.port, since="all")
    server.at_search = lambda: server.mails.update({3: numbered(3, 3)[0]})
    watch = house.watch(replace(QUICK, idle=60))
    watch.start()
    try:
        wait_for(lambda: len(house.journal) == 3, "the third mail")
        assert server.connections == 1, "not only after the next one"
    finally:
        watch.stop()
        watch.join(5)


def test_mails_taken_away_between_two_windows_hide_no_other(world: World) -> None:
    """Their numbers go down meanwhile: one slips from the second window into the first."""
    mails = dict.fromkeys(range(1, WINDOW + 3), b"")
    with ScriptedIMAP(mails) as server:
        server.at_search = lambda: server.mails.pop(1, None)
        connection = ImapHouse(world, server.port).connect()
        selected = connection.select("INBOX", read_only=True)
        found = list(connection.above(0, selected))
        connection.leave()
    assert [uid for uids in found for uid in uids] == list(range(2, WINDOW + 3))


def test_mails_that_we_take_away_ourselves_disturb_no_comparison(world: World) -> None:
    """A number that no mail has any more is answered BAD. RFC 3501 §9."""
    uids = (1, WINDOW + 1, WINDOW + 2)
    with ScriptedIMAP(dict(zip(uids, numbered(1, 3), strict=True))) as server:
        house = ImapHouse(world, server.port, since="all", after="move:Done")
        house.looks()
        assert (len(house.journal), server.mails) == (3, {})
        assert [row.gone_at for row in house.listed] == [None] * 3
        server.mails[WINDOW + 3] = numbered(4, 4)[0]
        later(house, days=1)
        assert [row.gone_at is None for row in house.listed] == [False, False, False, True]


def test_mails_that_have_gone_are_forgotten_after_a_month(world: World, server: ScriptedIMAP) -> None:
    house = ImapHouse(world, server.port, since="all")
    house.looks()
    del server.mails[1]
    later(house, days=1)
    assert [row.gone_at is None for row in house.listed] == [False, True]
    later(house, days=29)
    assert len(house.listed) == 2, "the folder may come back from a backup"
    later(house, days=2)
    assert [row.uid for row in house.listed] == [2]
    assert house.folder.taken == 2


def test_a_mail_that_was_not_gone_is_not_forgotten(world: World, server: ScriptedIMAP) -> None:
    house = ImapHouse(world, server.port, since="all")
    house.looks()
    mail = server.mails.pop(1)
    later(house, days=1)
    server.mails = {1: mail} | server.mails
    later(house, days=1)
    later(house, days=31)
    assert [(row.uid, row.gone_at) for row in house.listed] == [(1, None), (2, None)]


def test_a_folder_that_was_lost_and_comes_back_within_a_month_brings_nothing_twice(
    world: World, server: ScriptedIMAP
) -> None:
    """B9: it was empty in between, and its UIDVALIDITY is another; one mail never comes back."""
    house = ImapHouse(world, server.port, since="all")
    house.looks()
    mails, server.mails = server.mails, {}
    later(house, days=1)
    server.uidvalidity, server.mails = 8, {7: mails[2]}
    later(house, days=20)
    assert len(house.journal) == 2
    later(house, days=31)
    assert [(row.uidvalidity, row.uid, row.gone_at) for row in house.listed] == [(8, 7, None)]


def test_what_is_still_to_be_done_in_the_folder_is_not_forgotten(world: World, server: ScriptedIMAP) -> None:
    house = ImapHouse(world, server.port, since="all")
    house.looks()
    with world.store.unit() as unit:
        unit.run("UPDATE imap_mail SET state = ? WHERE uid = 1", ledger.TAKEN)
        ledger.compare(unit, house.folder, "this", 0, 2, ())
    world.clock.forward(40 * 86_400)
    with world.store.unit() as unit:
        ledger.forget(unit, house.folder, "this")
    assert [row.uid for row in house.listed] == [1]


def later(house: ImapHouse, *, days: int) -> None:
    """A look after some days, by a daemon that has run all the time."""
    house.world.clock.forward(days * 86_400 + 1)
    house.looks()
