"""A server that misbehaves: one bad mail stops no other, and nothing of a mail gets into a command. B8, T74."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from gateway.flow import mailboxes
from gateway.store import imap as ledger
from gateway.store.database import Store
from gateway.transport.imap.trouble import Trouble
from tests.fakes import FakeClock
from tests.parts.scripted_imap import DROP, ScriptedIMAP
from tests.people import CAROL, DESK, mail
from tests.transport.imap_house import ImapHouse, numbered
from tests.world import World, played

GRAMMAR = re.compile(
    rb"[A-Z]+\d+ (?:CAPABILITY|AUTHENTICATE PLAIN|LOGOUT|(?:SELECT|EXAMINE) \"?INBOX\"?"
    rb"|UID SEARCH (?:[\d:]+ )?UID [\d:*]+"
    rb"|UID FETCH [\d,]+ \((?:RFC822\.SIZE INTERNALDATE|BODY\.PEEK\[\](?:<\d+\.\d+>)?)\)"
    rb")\r\n"
)


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def visits(house: ImapHouse, times: int) -> None:
    for _ in range(times):
        try:
            house.looks()
        except Trouble:
            continue


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"* 2 FETCH (UID 2 BODY[] NIL)\r\n",
        b'* 2 FETCH (UID 2 BODY[] "")\r\n',
        b"* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n",
        b"* 2 FETCH (UID x BODY[] (((\r\n",
        b"* 2 FETCH (UID 2 BODY[] {100}\r\nhalf a mail" + DROP,
        b"* BYE too much\r\n" + DROP,
        b"* 2 FETCH (UID 2 BODY[] " + b"y" * 1_100_000 + b")\r\n",
    ],
    ids=["missing", "nil", "empty", "flags", "nonsense", "cut", "bye", "endless line"],
)
def test_a_bad_mail_among_good_ones(world: World, said: bytes) -> None:
    """Threat 9: an OK without the mail moves nothing on in silence."""
    with ScriptedIMAP(dict(enumerate(numbered(1, 4), 1))) as server:
        server.fetches[2] = said
        house = ImapHouse(world, server.port, since="all")
        visits(house, 3)
        assert sorted(house.subjects()) == ["mail 1", "mail 3", "mail 4"]
        (left,) = [row for row in house.listed if row.state in ledger.LEFT]
        assert (left.uid, left.state) == (2, ledger.FAILED) and left.reason
        for _ in range(6):
            world.clock.forward(3601)
            visits(house, 1)
        assert [row.state for row in house.listed if row.uid == 2] == [ledger.GIVEN_UP]
        before = len(server.lines)
        visits(house, 1)
        assert not [line for line in server.lines[before:] if b"FETCH 2 " in line], "never again by itself"
        del server.fetches[2]
        with world.store.unit() as unit:
            assert ledger.try_again(unit, house.folder, [2]) == 1
        visits(house, 1)
        assert sorted(house.subjects()) == ["mail 1", "mail 2", "mail 3", "mail 4"]


def test_every_line_we_send_fits_a_grammar(world: World) -> None:
    """T74: whatever stands in a mail."""
    evil = mail(CAROL, DESK, "x", "y", headers={"Message-ID": '<a"b@evil.example>'})
    evil = b'Message-ID: <x\rA1 DELETE INBOX\r>\r\nDelivered-To: "\r\nA2 LOGOUT"\r\n' + evil
    with ScriptedIMAP({1: evil, 4_294_967_294: numbered(1, 1)[0]}) as server:
        house = ImapHouse(world, server.port, since="all")
        visits(house, 2)
        assert [row.uid for row in house.listed] == [1, 4_294_967_294]
        lines = [line for line in server.lines if not re.fullmatch(rb"[A-Za-z0-9+/=]+\r\n", line)]
    assert [line for line in lines if not GRAMMAR.fullmatch(line)] == []


def test_without_uidvalidity_nothing_is_taken(world: World) -> None:
    with ScriptedIMAP(dict(enumerate(numbered(1, 1), 1))) as server:
        server.instead["EXAMINE"] = b"* 1 EXISTS\r\n%t OK [READ-ONLY] done\r\n"
        house = ImapHouse(world, server.port, since="all")
        with pytest.raises(Trouble, match="UIDVALIDITY"):
            house.looks()


def test_a_mail_that_somebody_takes_away_meanwhile_is_no_failure(world: World) -> None:
    with ScriptedIMAP(dict(enumerate(numbered(1, 3), 1))) as server:
        server.fetches[2] = b""
        house = ImapHouse(world, server.port, since="all")
        visits(house, 1)
        del server.mails[2]
        world.clock.forward(61)
        visits(house, 1)
        assert [row.state for row in house.listed] == [ledger.SETTLED] * 3


def test_the_summary_names_no_mailbox(world: World) -> None:
    """Folders go by their number: what a server says may be anything."""
    house = ImapHouse(world, 1, folder="Geheim")
    house.takes_lease()
    with world.store.unit() as unit:
        ledger.begin(unit, house.folder, "this", 7, 0, None)
        ledger.trouble(unit, house.folder.id, f"no such folder Geheim of {DESK}")
    world.clock.forward(3600)
    with world.store.unit() as unit:
        folder = ledger.meet(unit, house.settings.name)
        ledger.seen(unit, folder, "this", 1, 9, ledger.TOO_LARGE, reason="it is too large")
        told = mailboxes.news(unit)
        assert mailboxes.news(unit) == (), "once"
    assert [line.partition(":")[0] for line in told] == [f"folder {folder.id}"] * 2
    assert not [line for line in told if "Geheim" in line or DESK in line or "127.0.0.1" in line]
