"""No loop goes on: robots that hide what they are, two installations, storms. T23, T25."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.clock import HOUR
from gateway.desk import brakes, events
from gateway.store import settings as store_settings
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.migrations import migrate
from tests import people
from tests.fakes import FakeClock
from tests.mailbox import Got
from tests.people import DESK, Person
from tests.plays.outcomes import answered, happened, letters
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


ROBOTS = (Person("Robot A", "a@robota.example"), Person("Robot B", "b@robotb.example"))


def answer_everything(world: World, robots: Sequence[Person], seen: set[int]) -> int:
    """Each robot answers at once what it got, without saying that it is one; returns how many mails that were."""
    answers = [
        (robot, got) for robot in robots for got in world.mailbox(robot.address) if got.row.id not in seen
    ]
    for robot, got in answers:
        seen.add(got.row.id)
        to = got.reply_to or DESK
        raw = people.mail(robot, to, f"Thank you {got.row.id}", f"We have your mail {got.row.id}.")
        world.receives(raw, to, auth="pass", reverse_path=robot.address)
    return len(answers)


@pytest.mark.parametrize("pause_s", [80, 700, 3700])
def test_two_robots_on_one_ticket_come_to_an_end(world: World, pause_s: int) -> None:
    """T23: neither says it is one. At whatever pace, the loop ends within the brake's numbers."""
    one, other = ROBOTS
    world.receives(people.mail(one, DESK, "Hi", "Beep."), auth="pass", reverse_path=one.address)
    world.after()
    receipt = world.mailbox(one.address)[0]
    raw = people.mail(one, receipt.reply_to, "Re: Hi", "And B.", headers={"Cc": str(other)})
    world.receives(raw, receipt.reply_to, reverse_path=one.address)
    world.alice.replies(world.alice.mailbox("notice")[0], "Hello both.", quoting=False)
    seen: set[int] = {receipt.row.id}
    sent = []
    for _ in range(40):
        world.after(pause_s)
        sent.append(answer_everything(world, ROBOTS, seen))
    assert sent[-5:] == [0] * 5, "it is over"
    most = {80: 2, 700: 5, 3700: 10}[pause_s]
    relayed = {robot.address: letters(world)[robot.address] - 1 for robot in ROBOTS}
    assert 0 < max(relayed.values()) <= most
    assert len(happened(world, events.BRAKE)) in (1, 2)
    before = letters(world)
    answered(world, "An agent's own answer is never braked.")
    assert letters(world) == before + Counter(robot.address for robot in ROBOTS)


def test_a_proven_robot_at_the_plain_address_gets_few_receipts(world: World) -> None:
    """T23: it answers each receipt to the desk's plain address, with a subject of its own."""
    robot = ROBOTS[0]
    moments = []
    for number in range(60):
        raw = people.mail(robot, DESK, f"Case {number}", f"We have your mail {number}.")
        world.receives(raw, DESK, auth="pass", reverse_path=robot.address)
        before = len(world.mailbox(robot.address))
        world.after(120)
        if len(world.mailbox(robot.address)) > before:
            moments.append(world.clock())
    for most, span in brakes.PACE:
        assert max(sum(0 <= at - start < span - 120_000 for at in moments) for start in moments) <= most
    assert len(happened(world, events.NO_RECEIPT)) == 60 - len(moments)
    assert set(happened(world, events.NO_RECEIPT)) == {brakes.BRAKED}
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after(0)
    assert len(world.carol.mailbox("receipt")) == 1, "others are not concerned"


def test_the_brake_of_one_ticket_holds_on_all(world: World) -> None:
    """T23: for a day nothing leaves to that address by itself, and an agent's answer does."""
    robot = ROBOTS[0]
    for number in range(3):
        world.receives(
            people.mail(robot, DESK, f"Case {number}", "Beep."), auth="pass", reverse_path=robot.address
        )
    world.after()
    assert len(world.mailbox(robot.address)) == 2
    assert happened(world, events.BRAKE) == [
        "opens tickets too fast: no letters for a day but agents' answers"
    ]
    world.closes(world.tickets()[0])
    world.after(12 * HOUR / 1000)
    world.receives(people.mail(robot, DESK, "Later", "Beep."), auth="pass", reverse_path=robot.address)
    world.after()
    assert len(world.mailbox(robot.address)) == 2
    assert happened(world, events.CLOSED) == ["no letter: too many automatic letters in a short time"]
    answered(world)
    assert len(world.mailbox(robot.address)) == 3
    world.clock.forward(24 * HOUR / 1000)
    world.receives(people.mail(robot, DESK, "Next day", "Beep."), auth="pass", reverse_path=robot.address)
    world.after()
    assert len(world.mailbox(robot.address)) == 4


def test_a_robot_with_many_addresses_comes_to_an_end(store: Store, clock: FakeClock) -> None:
    """T23, in total: its domain signs for every address it makes up."""
    with played(store, clock, acknowledge={"proven_total_hour": 7}) as world:
        for robot in (Person("Robot", f"r{number}@many.example") for number in range(20)):
            world.receives(people.mail(robot, DESK, "Hi", "Beep."), auth="pass", reverse_path=robot.address)
            world.after()
        assert sum(letters(world, "receipt").values()) == 7
        assert happened(world, events.NO_RECEIPT) == ["a budget of [acknowledge] is spent"] * 13
        with world.store.reading() as unit:
            assert "proven who they are" in store_settings.get(unit, "summary.spent")
        world.clock.forward(HOUR / 1000)
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        assert len(world.carol.mailbox("receipt")) == 1


def test_a_rude_responder_gets_two_automatic_mails(world: World) -> None:
    """T23: it strips every header, changes the subject and forgets the address it should answer to."""
    robot = ROBOTS[0]
    world.receives(people.mail(robot, DESK, "Hi", "Beep."), auth="pass", reverse_path=robot.address)
    seen: set[int] = set()
    for number in range(50):
        world.after(30)
        for got in world.mailbox(robot.address):
            if got.row.id not in seen:
                seen.add(got.row.id)
                raw = people.mail(robot, DESK, f"Thanks {number}", f"We have your mail {number}.")
                world.receives(raw, auth="pass", reverse_path=robot.address)
    assert len(world.mailbox(robot.address)) == 2
    assert len(happened(world, events.BRAKE)) == 1


@pytest.mark.parametrize("stripped", [False, True])
def test_two_helpgates_that_write_to_each_other(
    store: Store, clock: FakeClock, tmp_path: Path, stripped: bool
) -> None:
    """T23: by headers within two automatic mails, else (something between strips them) by the brake."""
    folder = tmp_path / "other"
    folder.mkdir()
    with played(store, clock) as here, other_store(folder, clock) as elsewhere:
        there = World(elsewhere, clock, desk="desk@there.example")
        here.receives(people.mail("desk@there.example", DESK, "Hi", "Hello."), auth="pass")
        seen: set[tuple[int, int]] = set()
        for _ in range(40):
            clock.forward(80)
            for one, other in ((here, there), (there, here)):
                one.after(0)
                pass_on(one, other, seen, stripped)
        letters_each = [len(automatic(one)) for one in (here, there)]
        assert sum(letters_each) <= (20 if stripped else 2), letters_each
        before = sum(letters_each)
        for _ in range(5):
            here.after()
            there.after(0)
        assert sum(len(automatic(one)) for one in (here, there)) == before


class other_store:
    """A second installation's store, in SQLite whatever the first one has."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self._store = Store(SQLITE, folder, clock)

    def __enter__(self) -> Store:
        self._store.open()
        migrate(self._store)
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()


def automatic(world: World) -> list[Got]:
    """What a world wrote to the other one."""
    return [got for got in world.everything() if got.recipient in (DESK, "desk@there.example")]


def pass_on(one: World, other: World, seen: set[tuple[int, int]], stripped: bool) -> None:
    for got in automatic(one):
        if (id(one), got.row.id) in seen:
            continue
        seen.add((id(one), got.row.id))
        raw = got.raw
        if stripped:
            to, sender = got.recipient, str(got.mail["From"])
            raw = people.mail(sender, to, f"A mail {len(seen)}", "Thank you for your mail.")
        to = got.recipient
        other.receives(raw, to, auth="pass", reverse_path=got.reverse_path)


@pytest.mark.parametrize("stranger", [False, True])
def test_a_storm_of_machine_mail_is_one_notice_in_five_minutes(world: World, stranger: bool) -> None:
    """T25."""
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    receipt, before = world.carol.only("receipt"), len(world.alice.mailbox("notice"))
    robot = world.mallory if stranger else world.carol
    for number in range(60):
        headers = {"Auto-Submitted": "auto-generated"}
        robot.replies(receipt, f"Report {number}.", headers=headers, quoting=False)
        world.after(15)
    world.after(400)
    notices = world.alice.mailbox("notice")[before:]
    assert 3 <= len(notices) <= 5
    moments = [got.row.created_at for got in notices]
    assert all(later - earlier >= brakes.STORM for earlier, later in pairwise(moments))
    text = "".join(got.text for got in notices)
    assert all(f"Report {number}." in text for number in range(60)), "nothing is lost"


def test_an_agents_robot_is_not_asked_for_ever(world: World) -> None:
    """T23: it answers each question, without saying that it is a robot, and its domain signs."""
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.alice.replies(world.alice.newest("notice"), "Pull the plug.", to=DESK, auth="pass", quoting=False)
    for number in range(20):
        world.after()
        asked = world.alice.mailbox("confirmation")
        if number < len(asked):
            world.alice.replies(asked[-1], f"Thanks {number}.", auth="pass", quoting=False)
    assert len(world.alice.mailbox("confirmation")) == 2
