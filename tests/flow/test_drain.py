"""The loop that empties the journal: one mail's trouble is its own, and nothing ends the loop."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway import clock
from gateway.clock import Clock
from gateway.desk.tables import Reference
from gateway.flow.drain import BATCH, Drain
from gateway.flow.readers import Readers
from gateway.flow.reception import write_down
from gateway.mail.authenticate import Lookup, TxtRecords
from gateway.mail.template import Stationery
from gateway.store import journal
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL
from gateway.store.grouped import GroupCommit
from tests import people
from tests.fakes import FakeClock
from tests.parts.ports import wait_for
from tests.people import CAROL, DESK
from tests.world import World

IDEOGRAPHS = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FFF), k=980)))  # no compressing that
SIGNATURE = (
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=evil.example; s={}; h=from:subject;\r\n"
    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=dGVzdA==\r\n"
)


class Speeding:
    """A clock that runs on from a start, so many times faster than the machine's."""

    def __init__(self, start: int, times: int) -> None:
        self._start, self._times, self._began = start, times, clock.now()

    def __call__(self) -> int:
        return self._start + (clock.now() - self._began) * self._times


def no_records(name: str) -> TxtRecords:
    return TxtRecords()


@contextmanager
def draining(world: World, lookup: Lookup = no_records, time: Clock | None = None) -> Iterator[Drain]:
    """A drain at work on the world's journal, with workers and threads as in the daemon."""
    if time is not None:
        world.store.clock = time
    readers = Readers()
    folder = world.store.file.parent
    arrivals = GroupCommit(world.store, "accept", write_down)
    drain = Drain(
        world.store, world.settings, world.current, Stationery(None), readers, lookup, folder, arrivals
    )
    drain.start()
    try:
        yield drain
    finally:
        drain.stop()
        readers.stop()


def poison(field: str) -> bytes:
    """A mail that names an id longer than a key of PostgreSQL's index may be."""
    head = f"From: m@x.example\r\nTo: {DESK}\r\nSubject: odd\r\n"
    return f"{head}{field}: <{IDEOGRAPHS}@x.example>\r\n\r\nhi\r\n".encode()


def fates(world: World) -> list[str]:
    return [one.fate for one in world.inbound()]


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


@pytest.mark.parametrize("field", ["Message-ID", "References", "In-Reply-To"])
def test_ids_too_long_for_an_index_are_no_references(world: World, field: str) -> None:
    assert world.receives(poison(field)).fate == "applied"
    with world.store.reading() as unit:
        assert all(row.message_id.isascii() for row in unit.rows(Reference, "1 = 1"))


def test_ids_of_the_longest_line_are_references(world: World) -> None:
    """RFC 5322 §2.1.1."""
    long = f"<{'x' * 986}@x.example>"
    world.carol.writes("Printer", "It is on fire.", headers={"Message-ID": long})
    with world.store.reading() as unit:
        assert [row.message_id for row in unit.rows(Reference, "1 = 1")] == [long]


def refuse_in_the_database(world: World, subject: str, sqlstate: str) -> None:
    """From now on the database fails on this subject, by what looks like trouble of its own."""
    with world.store.unit() as unit:
        if world.store.engine == POSTGRESQL:
            unit.run(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = '{sqlstate}'; END $$"
            )
            when = f"WHEN (NEW.subject = '{subject}') EXECUTE FUNCTION refuse()"
            unit.run(f"CREATE TRIGGER refusing BEFORE INSERT ON ticket FOR EACH ROW {when}")
        else:
            raising = "SELECT json('odd')"  # an OperationalError
            unit.run(
                f"CREATE TRIGGER refusing BEFORE INSERT ON ticket WHEN NEW.subject = '{subject}'"
                f" BEGIN {raising}; END"
            )


@pytest.mark.parametrize("sqlstate", ["53200", "54000"])
def test_what_the_store_refuses_alone_is_held(world: World, sqlstate: str) -> None:
    """A mail on which the store itself fails stops none of its batch."""
    refuse_in_the_database(world, "odd", sqlstate)
    for subject in ("one", "odd", "two", "three"):
        world.accepts(people.mail(CAROL, DESK, subject, "hello"))
    with draining(world, time=Speeding(world.clock(), 20)):
        wait_for(lambda: "received" not in fates(world), "the fate of all", 40)
    assert fates(world) == ["applied", "held", "applied", "applied"]
    assert len(world.tickets()) == 3


class Breaking(threading.Event):
    """A listener that breaks the first time it is told something."""

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def set(self) -> None:
        self.told += 1
        if self.told == 1:
            raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_mistake_of_ours_does_not_end_the_intake(world: World) -> None:
    breaking = Breaking()
    world.accepts(people.mail(CAROL, DESK, "one", "hello"))
    with draining(world, time=Speeding(world.clock(), 1)) as drain:
        drain.on_decided.append(breaking)
        wait_for(lambda: breaking.told > 0, "the first mail")
        world.accepts(people.mail(CAROL, DESK, "two", "hello"))
        wait_for(lambda: fates(world) == ["applied"] * 2, "the second mail")


def test_what_is_in_hand_is_not_claimed_again(world: World, clock: FakeClock) -> None:
    for number in range(3):
        world.accepts(people.mail(CAROL, DESK, f"{number}", "hello"))
    with world.store.unit() as unit:
        one, two = journal.claim(unit, 2, 1000)
    clock.forward(2)
    with world.store.unit() as unit:
        assert [row.id for row in journal.claim(unit, 16, 1000, {one.id, two.id})] == [3]


def test_who_was_claimed_before_comes_alone(world: World, clock: FakeClock) -> None:
    for number in range(4):
        world.accepts(people.mail(CAROL, DESK, f"{number}", "hello"))
    with world.store.unit() as unit:
        assert [row.id for row in journal.claim(unit, 2, 1000)] == [1, 2]
    clock.forward(2)
    found = []
    for _ in range(4):
        with world.store.unit() as unit:
            found.append([row.id for row in journal.claim(unit, 16, 60_000)])
    assert found == [[1], [2], [3, 4], []]


def test_claims_are_renewed_while_they_are_ours(world: World, clock: FakeClock) -> None:
    for number in range(2):
        world.accepts(people.mail(CAROL, DESK, f"{number}", "hello"))
    with world.store.unit() as unit:
        claimed = journal.claim(unit, 2, 1000)
    with world.store.unit() as unit:
        journal.give_back(unit, claimed[1], until=0, attempts=0, reason="")
        clock.forward(0.5)
    with world.store.unit() as unit:
        assert journal.renew(unit, claimed, 1000) == [(claimed[0], unit.now + 1000)]
    clock.forward(0.6)
    with world.store.unit() as unit:
        assert [row.id for row in journal.claim(unit, 16, 1000)] == [2]
        with pytest.raises(journal.ClaimLost):
            journal.conclude(unit, claimed[0], "held", "the lease is another one by now")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_names_nobody_answers_for_stop_nobody(world: World) -> None:
    """Signatures whose keys are asked for in vain: each mail waits only so long, all of them at once."""
    in_vain, asked = threading.Event(), []

    def black_hole(name: str) -> TxtRecords:
        asked.append(name)
        in_vain.wait(3 / 40)
        records = TxtRecords()
        records.temporary = True
        return records

    for number in range(BATCH + 4):
        signatures = "".join(SIGNATURE.format(f"s{number}x{n}") for n in range(3))
        head = (
            f"From: m@evil.example\r\nTo: {DESK}\r\nSubject: slow {number}\r\nMessage-ID: <{number}@evil>\r\n"
        )
        world.accepts(f"{signatures}{head}\r\nhi\r\n".encode())
    world.accepts(people.mail(CAROL, DESK, "good", "hello"))
    with draining(world, black_hole, Speeding(world.clock(), 40)):
        wait_for(lambda: "received" not in fates(world), "the fate of all", 60)
    assert set(fates(world)) == {"applied"}
    assert len(asked) == len(set(asked)), "no mail was worked on twice"
