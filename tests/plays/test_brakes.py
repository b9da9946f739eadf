"""No cannon for other people's words, and no loop goes on: budgets and the brake. T21, T22, T23, T25."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.clock import HOUR, MINUTE
from gateway.desk import brakes, events
from gateway.desk.tables import Event
from gateway.store import settings as store_settings
from gateway.store.database import SQLITE, Store
from gateway.store.migrations import migrate
from tests import people
from tests.fakes import FakeClock
from tests.mailbox import Got
from tests.people import CAROL, DAVE, DESK, EVE, Person
from tests.world import Actor, World, played

SPAM = "BUY-CANARY"
UNPROVEN = "no letter: the requester has proven nothing"
A_ROBOT = "no letter: no human opened this ticket"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def happened(world: World, kind: str) -> list[str]:
    with world.store.reading() as unit:
        return [one.detail for one in unit.rows(Event, "kind = ? ORDER BY id", kind)]


def crowd(count: int) -> list[Person]:
    return [Person(f"P{number}", f"p{number}@crowd{number}.example") for number in range(count)]


def named(those: Sequence[Person]) -> dict[str, str]:
    return {"Cc": ", ".join(one.address for one in those)}


def letters(world: World, kind: str = "reply") -> Counter[str]:
    return Counter(got.recipient for got in world.everything() if got.kind == kind)


def answered(world: World, text: str = "We look into it.") -> None:
    world.alice.replies(world.alice.mailbox("notice")[0], text, quoting=False)
    world.after()


@pytest.mark.parametrize(
    ("auth", "headers", "why_not"),
    [
        ("pass", {}, ""),
        ("", {}, UNPROVEN),
        ("fail", {}, UNPROVEN),
        ("", {"Auto-Submitted": "auto-generated"}, A_ROBOT),
        ("pass", {"Auto-Submitted": "auto-generated"}, A_ROBOT),
        ("pass", {"Precedence": "bulk"}, A_ROBOT),
    ],
)
def test_word_of_the_end_repeats_nothing_to_the_unproven(
    world: World, auth: str, headers: dict[str, str], why_not: str
) -> None:
    """T21, T22: the From of a mail may be a victim's."""
    world.carol.writes(f"{SPAM} subject", f"{SPAM} text", auth=auth, headers=headers)
    world.closes()
    world.after()
    assert len(world.carol.mailbox("closed")) == (0 if why_not else 1)
    assert happened(world, events.CLOSED) == [why_not]
    assert any(SPAM in got.everything() for got in world.carol.mailbox()) == (not why_not)


def test_who_answers_the_fixed_receipt_hears_of_the_end(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.")
    world.after()
    world.carol.replies(world.carol.only("receipt"), "Still.", quoting=False)
    world.closes()
    world.after()
    assert len(world.carol.mailbox("closed")) == 1


def test_a_proven_opening_is_marked_as_such(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.carol.writes("Scanner", "It, too.")
    opened = [world.messages(ticket)[0].proof for ticket in world.tickets()]
    assert opened == ["participant", "claimed"]


def test_letting_in_is_no_cannon(world: World) -> None:
    """Mallory has proven an address and no agent knows her: whom she lets in hears nothing."""
    victims = crowd(30)
    world.mallory.writes(SPAM, "text")
    world.after()
    receipt = world.mallory.only("receipt")
    world.mallory.replies(receipt, SPAM, headers=named(victims), quoting=False)
    for number in range(10):
        world.after()
        world.mallory.replies(receipt, f"{SPAM} {number}", quoting=False)
    world.after()
    assert letters(world) == {}
    reasons = {one.reason for one in world.promises() if one.kind == "reply"}
    assert reasons == {brakes.UNANSWERED}
    answered(world)
    assert set(letters(world).values()) == {1} and len(letters(world)) == len(world.participants()) == 20


def test_a_budget_for_each_ticket_and_hour(world: World) -> None:
    """T25: even where an agent has answered, an hour has an end; agents' answers go on."""
    ticket_of_crowd(world, "mallory")
    before = sum(letters(world).values())
    for number in range(9):
        world.mallory.replies(world.mallory.newest(), f"{SPAM} {number}", quoting=False)
        world.after()
    relayed = sum(letters(world).values())
    assert relayed + len(world.mallory.mailbox("receipt")) == brakes.TICKET_HOUR and relayed > before
    assert len(happened(world, events.BUDGET)) == 5
    with world.store.reading() as unit:
        assert "budget" in store_settings.get(unit, "summary.spent"), "the operator hears of it"
    answered(world, "Enough.")
    assert sum(letters(world).values()) == relayed + 20, "an agent's answer is never held back"
    world.clock.forward(HOUR / 1000)
    world.mallory.replies(world.mallory.newest(), "Later.", quoting=False)
    world.after()
    assert sum(letters(world).values()) == relayed + 20 + 19
    assert len(happened(world, events.BUDGET)) == 5


def ticket_of_crowd(world: World, name: str) -> None:
    who: Actor = getattr(world, name)
    who.writes("Party", "Come.", auth="pass")
    world.after()
    who.replies(who.newest("receipt"), "All of you.", headers=named(crowd(19)), quoting=False)
    world.after()
    answered(world)


def test_a_budget_for_each_author_and_day(world: World) -> None:
    ticket_of_crowd(world, "carol")
    before = sum(letters(world).values())
    for number in range(15):
        world.clock.forward(HOUR / 1000)
        world.carol.replies(world.carol.newest(), f"Number {number}", quoting=False)
        world.after()
    assert sum(letters(world).values()) - before == brakes.AUTHOR_DAY
    assert {one.reason for one in world.promises() if one.state == "skipped"} == {brakes.SPENT_BY_AUTHOR}
    world.clock.forward(24 * HOUR / 1000)
    world.carol.replies(world.carol.newest(), "A day later.", quoting=False)
    world.after()
    assert sum(letters(world).values()) - before == brakes.AUTHOR_DAY + 19


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Dave Dunn", "Dave Dunn"),
        ("x" * 250, "x" * 60),
        ("Visit http://spam.example/now", "dave"),
        ("www.spam.example", "dave"),
        ("buy at SPAM.EXAMPLE today", "dave"),
        ("write to a@b.example", "dave"),
    ],
)
def test_names_of_others_are_no_place_for_words(world: World, name: str, shown: str) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    cc = {"Cc": f'"{name}" <{DAVE.address}>'}
    world.carol.replies(world.carol.only("receipt"), "Dave, look.", headers=cc, quoting=False)
    answered(world)
    got = world.carol.only("reply")
    assert f"added {shown} to" in " ".join(got.text.split())
    assert shown == name or name not in got.everything()
    assert shown == name or name not in repr(world.page(got))


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


def test_the_brake_is_off_after_a_day(world: World) -> None:
    three_talk_to_an_agent(world)
    for number in range(4):
        write(world, DAVE, f"Quick {number}.")
        write(world, EVE, f"Quick, too {number}.")
    assert len(happened(world, events.BRAKE)) > 0
    before = letters(world)
    world.clock.forward(3 * HOUR / 1000)
    write(world, DAVE, "Hours later.")
    assert letters(world)[EVE.address] == before[EVE.address]
    world.clock.forward(24 * HOUR / 1000)
    write(world, DAVE, "Next day.")
    assert letters(world)[EVE.address] == before[EVE.address] + 1


def three_talk_to_an_agent(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    receipt = world.carol.only("receipt")
    world.carol.replies(receipt, "Dave and Eve, look.", headers={"Cc": f"{DAVE}, {EVE}"}, quoting=False)
    answered(world)


def write(world: World, who: Person, text: str) -> None:
    """An answer to the newest letter, to the desk alone, as mail programs address it."""
    got = world.mailbox(who.address)[-1]
    raw = people.mail(who, got.reply_to, f"Re: {got.subject}", text)
    world.receives(raw, got.reply_to, reverse_path=who.address)
    world.after()


def test_three_humans_at_normal_speed_pass_unhindered(world: World) -> None:
    """Two hours, a mail every six minutes, and an agent who answers now and then."""
    three_talk_to_an_agent(world)
    before = letters(world)
    for turn in range(20):
        world.clock.forward(5 * MINUTE / 1000)
        write(world, (CAROL, DAVE, EVE)[turn % 3], f"Turn {turn}.")
        if turn % 7 == 6:
            answered(world, f"So do we. {turn}")
    got = letters(world) - before
    written = Counter((CAROL, DAVE, EVE)[turn % 3].address for turn in range(20))
    assert got == {who.address: 20 - written[who.address] + 2 for who in (CAROL, DAVE, EVE)}
    assert happened(world, events.BRAKE) == happened(world, events.BUDGET) == []


def test_who_only_reads_is_never_braked(world: World) -> None:
    three_talk_to_an_agent(world)
    before = letters(world)[EVE.address]
    for number in range(12):
        write(world, (CAROL, DAVE)[number % 2], f"Line {number}.")
        world.clock.forward(20 * MINUTE / 1000)
    assert letters(world)[EVE.address] == before + 12


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


def test_a_spent_budget_is_an_event(world: World) -> None:
    for number in range(3):
        world.mallory.writes(f"Hi {number}", "Hello.")
    assert happened(world, events.NO_RECEIPT) == ["a budget of [acknowledge] is spent"] * 2


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
