"""Folders of a real Dovecot: everything comes once, whatever breaks on the way. Threats B8, B9, B15, B19, B21."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.flow.reception import Reception, write_down
from gateway.store import imap as ledger
from gateway.store.database import Store
from gateway.store.grouped import GroupCommit
from tests.fakes import FakeClock
from tests.parts import memory
from tests.parts.daemon import Daemons
from tests.parts.dovecot import PASSWORD, Dovecot, Dovecots
from tests.parts.ports import wait_for
from tests.parts.proxy import Proxy
from tests.people import ALICE, DESK
from tests.transport.imap_house import QUICK, ImapHouse, numbered
from tests.world import World, played

MANY = 20_000
SMALL = b"From: carol@customer.example\nMessage-ID: <%d@customer.example>\nSubject: mail %d\n\nHello.\n"


@pytest.fixture
def dovecot(new_dovecot: Dovecots) -> Dovecot:
    return new_dovecot([DESK])


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


@pytest.fixture
def house(dovecot: Dovecot, world: World) -> ImapHouse:
    """It has seen the folder empty, so that whatever comes is new."""
    house = ImapHouse(world, dovecot.port)
    house.looks()
    return house


def test_first_connect_takes_what_comes_from_then_on(dovecot: Dovecot, world: World) -> None:
    dovecot.put(numbered(1, 3))
    house = ImapHouse(world, dovecot.port)
    house.looks()
    assert house.journal == []
    dovecot.put(numbered(4, 5))
    house.looks()
    house.looks()
    assert house.subjects() == ["mail 4", "mail 5"]
    assert {(row.channel, row.recipient) for row in house.journal} == {("imap", DESK)}


def test_old_mail_is_taken_when_asked_for_and_nobody_is_thanked(dovecot: Dovecot, world: World) -> None:
    dovecot.put(numbered(1, 3))
    house = ImapHouse(world, dovecot.port, since="all")
    house.looks()
    dovecot.put(numbered(4, 4))
    house.looks()
    assert house.subjects() == ["mail 1", "mail 2", "mail 3", "mail 4"]
    assert [row.historic for row in house.journal][:3] == [1, 1, 1]
    world.after()
    assert not any("mail 1" in got.subject for got in world.everything())


def test_a_mail_somebody_has_read_is_as_good_as_any(dovecot: Dovecot, house: ImapHouse) -> None:
    dovecot.put(numbered(1, 2))
    with dovecot.client() as phone:
        phone.fetch([1], ["BODY[]"])
    house.looks()
    assert house.subjects() == ["mail 1", "mail 2"]
    with dovecot.client() as phone:
        assert phone.get_flags([2])[2] in ((), (b"\\Recent",)), "reading by us marks nothing"


@pytest.mark.parametrize("after", ["keep", "seen", "move:Done/By us", "delete"])
def test_what_happens_in_the_folder_afterwards(dovecot: Dovecot, world: World, after: str) -> None:
    house = ImapHouse(world, dovecot.port, after=after)
    house.looks()
    dovecot.put(numbered(1, 3))
    house.looks()
    house.looks()
    assert house.subjects() == ["mail 1", "mail 2", "mail 3"]
    with dovecot.client() as client:
        left = client.search("ALL")
        assert len(left) == (3 if after in ("keep", "seen") else 0)
        assert len(client.search("SEEN")) == (3 if after == "seen" else 0)
        if after.startswith("move:"):
            assert client.select_folder("Done/By us")[b"EXISTS"] == 3
    assert {row.state for row in house.listed} == {ledger.SETTLED}


def test_nothing_is_deleted_before_it_is_kept(dovecot: Dovecot, world: World, store: Store) -> None:
    house = ImapHouse(world, dovecot.port, after="delete")
    house.looks()
    dovecot.put(numbered(1, 2))
    house.place = replace(house.place, owner="somebody whose lease has run out")
    house.visit._place = house.place
    connection = house.connect()
    with pytest.raises(ledger.LeaseLost):
        house.visit.look(connection)
    connection.close()
    assert house.journal == []
    with dovecot.client() as client:
        assert client.search("ALL") == [1, 2]


def test_too_large_is_left_noted_and_not_asked_for_again(dovecot: Dovecot, world: World) -> None:
    house = ImapHouse(world, dovecot.port, max_octets=20_000, after="delete")
    house.looks()
    dovecot.put([*numbered(1, 1), *numbered(2, 2, "x" * 70 + "\r\n" + "y " * 15_000), *numbered(3, 3)])
    house.looks()
    house.looks()
    assert house.subjects() == ["mail 1", "mail 3"]
    (large,) = [row for row in house.listed if row.state in ledger.LEFT]
    assert (large.state, large.uid, large.attempts) == (ledger.TOO_LARGE, 2, 0)
    with dovecot.client() as client:
        assert client.search("ALL") == [2]


def test_a_large_mail_comes_in_pieces_and_whole(dovecot: Dovecot, house: ImapHouse) -> None:
    text = "".join(f"{number:07d} all work and no play makes a long mail\r\n" for number in range(70_000))
    dovecot.put(numbered(1, 1, text))
    house.looks()
    (row,) = house.journal
    with dovecot.client() as client:
        assert client.fetch([1], ["RFC822.SIZE"])[1][b"RFC822.SIZE"] == row.size > 3 << 20
    assert house.subjects() == ["mail 1"]


def test_a_folder_made_anew_brings_nothing_twice(dovecot: Dovecot, house: ImapHouse) -> None:
    """B9: other UIDVALIDITY, other UIDs, the same mails and a new one."""
    first = numbered(1, 5)
    dovecot.put(first)
    house.looks()
    dovecot.stop()
    shutil.rmtree(dovecot.maildir())
    dovecot.put([*reversed(first), *numbered(6, 6), first[0]])
    dovecot.start()
    before = house.folder.uidvalidity
    house.looks()
    assert house.folder.uidvalidity != before
    assert house.subjects()[:6] == [f"mail {number}" for number in range(1, 7)]
    extra = house.journal[6:]
    assert [(row.fate, row.duplicate_of) for row in extra] == [("dropped", 1)], (
        "one more copy is one more mail"
    )
    house.looks()
    assert len(house.journal) == 7


def test_a_folder_made_anew_leaves_what_was_there_before_us(dovecot: Dovecot, world: World) -> None:
    old = numbered(1, 3)
    dovecot.put(old)
    house = ImapHouse(world, dovecot.port)
    house.looks()
    world.clock.forward(3600)
    dovecot.stop()
    shutil.rmtree(dovecot.maildir())
    dovecot.put(old)
    for file in (dovecot.maildir() / "new").iterdir():
        os.utime(file, (1_600_000_000, 1_600_000_000))
    dovecot.start()
    house.looks()
    assert house.journal == []


def test_two_daemons_and_one_folder(dovecot: Dovecot, house: ImapHouse) -> None:
    """B21: one has the lease, the other stands by, and takes over when the first one goes."""
    other = ImapHouse(house.world, dovecot.port, owner="other")
    assert house.takes_lease()
    assert not other.takes_lease()
    connection = other.connect()
    dovecot.put(numbered(1, 3))
    with pytest.raises(ledger.LeaseLost):
        other.visit.look(connection)
    connection.close()
    house.looks()
    house.world.clock.forward(61)
    assert other.takes_lease()
    assert not house.takes_lease()
    dovecot.put(numbered(4, 4))
    other.looks()
    assert house.subjects() == ["mail 1", "mail 2", "mail 3", "mail 4"]


def test_watches_race_for_one_folder(dovecot: Dovecot, house: ImapHouse) -> None:
    watches = [ImapHouse(house.world, dovecot.port, owner=f"daemon {n}").watch() for n in range(3)]
    house.world.clock.forward(61)
    for watch in watches:
        watch.start()
    dovecot.put(numbered(1, 30))
    wait_for(lambda: len(house.journal) == 30, "30 mails")
    for watch in watches:
        watch.stop()
    for watch in watches:
        watch.join(5)
    assert sorted(house.subjects()) == sorted(f"mail {number}" for number in range(1, 31))
    assert sum(watch.taken for watch in watches) == 30


def test_idle_hears_of_a_mail_and_survives_a_restart_of_the_server(
    dovecot: Dovecot, house: ImapHouse
) -> None:
    watch = house.watch(replace(QUICK, idle=60))
    watch.start()
    try:
        wait_for(lambda: watch.is_connected, "the connection")
        dovecot.put(numbered(1, 1))
        wait_for(lambda: len(house.journal) == 1, "the mail that IDLE tells of")
        dovecot.stop()
        wait_for(lambda: bool(house.folder.problem), "the trouble, written down")
        dovecot.put(numbered(2, 2))
        dovecot.start()
        wait_for(lambda: len(house.journal) == 2, "the mail after the restart")
        wait_for(lambda: not house.folder.problem, "all is well again")
    finally:
        watch.stop()
        watch.join(5)
    assert house.subjects() == ["mail 1", "mail 2"]
    assert house.folder.lease_until == 0, "whoever comes next need not wait"
    wait_for(lambda: "Logged out" in dovecot.log_text(), "a goodbye, which needs the end of IDLE first")


def test_a_connection_that_dies_in_silence_is_no_busy_loop(dovecot: Dovecot, house: ImapHouse) -> None:
    with Proxy(dovecot.host, dovecot.port) as proxy:
        through = ImapHouse(house.world, proxy.port)
        watch = through.watch(replace(QUICK, idle=60))
        house.world.clock.forward(0)
        watch.start()
        try:
            wait_for(lambda: watch.is_connected, "the connection")
            proxy.cut()
            wait_for(lambda: proxy.connections >= 2 and watch.is_connected, "the next connection")
            assert proxy.connections < 10
        finally:
            watch.stop()
            watch.join(5)


def test_a_wrong_password_is_told(dovecot: Dovecot, house: ImapHouse) -> None:
    wrong = ImapHouse(house.world, dovecot.port, password="wrong")
    watch = wrong.watch()
    watch.start()
    try:
        wait_for(lambda: "AUTHENTICATIONFAILED" in house.folder.problem, "the refusal, written down")
    finally:
        watch.stop()
        watch.join(10)


def test_twenty_thousand_on_first_connect(new_dovecot: Dovecots, world: World) -> None:
    """B19: in time and memory that a machine has, and no burst of letters."""
    dovecot = new_dovecot([DESK], settings={"mail_location": "mbox:~/mail:INBOX=~/inbox"})
    dovecot.put_mbox(SMALL % (number, number) for number in range(MANY))
    ImapHouse(world, dovecot.port).looks()
    assert world.inbound() == [], "new mail only"
    with world.store.unit() as unit:
        unit.run("DELETE FROM imap_folder")
    writer = GroupCommit(world.store, "accept", write_down)  # as in a daemon: many mails, one commit
    writer.start()
    reception = Reception(writer, lambda: world.current.directory, lambda: None)
    everything = ImapHouse(world, dovecot.port, since="all", reception=reception)
    before = memory.begin()
    try:
        everything.looks()
    finally:
        writer.stop()
    assert memory.peak() - before < 64 << 20
    assert reception.postponed == 0
    with world.store.reading() as unit:
        assert unit.number("SELECT count(*) FROM inbound WHERE historic = 1") == MANY
        assert unit.number("SELECT count(*) FROM inbound") == MANY
        assert unit.number("SELECT count(DISTINCT uid) FROM imap_mail") == MANY


def test_a_daemon_reads_a_folder_and_says_how_it_is(
    dovecot: Dovecot, new_daemon: Daemons, store_url: str
) -> None:
    table = {"desk": "Support", "host": dovecot.host, "port": dovecot.port, "security": "none"}
    login = {"username": DESK, "password": PASSWORD}
    daemon = new_daemon({"store.url": store_url, "imap": json.dumps([table | login])})
    daemon.init(address=DESK, agent=ALICE.address)
    daemon.start()

    def state() -> dict[str, object]:
        (line,) = [json.loads(line) for line in daemon.run("imap", "list", "--json").splitlines()]
        return dict(line)

    wait_for(lambda: state()["state"] == "read", "the first look")
    dovecot.put(numbered(1, 2))
    wait_for(lambda: [row["fate"] for row in daemon.journal()] == ["applied"] * 2, "two mails")
    assert {row["channel"] for row in daemon.journal()} == {"imap"}
    assert (state()["taken"], state()["left"]) == (2, 0)
    found = [json.loads(line) for line in daemon.try_run("check", "--json").stdout.splitlines()]
    assert [one["level"] for one in found if one["subject"].startswith("mailbox ")] == ["ok"]
    assert daemon.run("imap", "status", "--json") == ""
    assert daemon.stop() == 0
    assert DESK not in daemon.log_text() and PASSWORD not in daemon.log_text()
    daemon.settings["imap"] = json.dumps([table | login | {"password": "wrong"}])
    found = [json.loads(line) for line in daemon.try_run("check", "--json").stdout.splitlines()]
    assert "failed" in [one["level"] for one in found if one["subject"].startswith("mailbox ")]


def test_after_a_kill_the_next_daemon_reads_at_once(dovecot: Dovecot, new_daemon: Daemons) -> None:
    """The lease of the dead one would last a minute; nobody else can hold one on an embedded store."""
    table = {"desk": "Support", "host": dovecot.host, "port": dovecot.port, "security": "none"}
    daemon = new_daemon({"imap": json.dumps([table | {"username": DESK, "password": PASSWORD}])})
    daemon.init(address=DESK)
    daemon.start()
    wait_for(lambda: "reading folder" in daemon.log_text(), "the first look")
    daemon.kill()
    dovecot.put(numbered(1, 1))
    daemon.start()
    wait_for(
        lambda: [row["fate"] for row in daemon.journal()] == ["applied"], "the mail", ledger.LEASE_MS / 2000
    )


def test_a_log_names_no_mailbox(dovecot: Dovecot, new_daemon: Daemons) -> None:
    """Not even when the server does, which is asked for a folder it has not, and for a name it does not know."""
    table = {"desk": "Support", "host": dovecot.host, "port": dovecot.port, "security": "none"}
    tables = [
        table | {"username": DESK, "password": PASSWORD, "folder": "Geheim"},
        table | {"username": "nobody@mail.example", "password": "wrong"},
    ]
    daemon = new_daemon({"imap": json.dumps(tables)})
    daemon.init(address=DESK)
    daemon.start()
    wait_for(lambda: daemon.log_text().count("cannot read folder") == 2, "two complaints")
    assert daemon.stop() == 0
    problems = [json.loads(line)["problem"] for line in daemon.run("imap", "list", "--json").splitlines()]
    assert "Geheim" in problems[0] and "AUTHENTICATIONFAILED" in problems[1]
    for name in (DESK, "nobody@mail.example", "Geheim", "wrong", "AUTHENTICATIONFAILED"):
        assert name not in daemon.log_text()
