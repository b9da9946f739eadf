"""No cannon for other people's words, and no loop goes on: budgets and the brake. T21, T22, T23, T25."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from gateway.clock import HOUR, MINUTE
from gateway.desk import brakes, events
from gateway.store import settings as store_settings
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import CAROL, DAVE, EVE, Person
from tests.plays.outcomes import answered, happened, letters
from tests.world import Actor, World, played

SPAM = "BUY-CANARY"
UNPROVEN = "no letter: the requester has proven nothing"
A_ROBOT = "no letter: no human opened this ticket"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def crowd(count: int) -> list[Person]:
    return [Person(f"P{number}", f"p{number}@crowd{number}.example") for number in range(count)]


def named(those: Sequence[Person]) -> dict[str, str]:
    return {"Cc": ", ".join(one.address for one in those)}


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
        assert brakes.SPENT_ON_TICKET in store_settings.get(unit, "summary.spent"), "the operator hears of it"
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


def test_a_spent_budget_is_an_event(world: World) -> None:
    for number in range(3):
        world.mallory.writes(f"Hi {number}", "Hello.")
    assert happened(world, events.NO_RECEIPT) == ["a budget of [acknowledge] is spent"] * 2
