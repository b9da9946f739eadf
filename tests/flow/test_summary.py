"""The operator's summary: what needs a human, at most hourly. Promise 2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.desk import outbox
from gateway.flow import summary
from gateway.store.database import Store
from tests.fakes import LOSE, REFUSE, FakeClock
from tests.mailbox import Got
from tests.people import CAROL
from tests.world import World, played

OPERATOR = "operator@elsewhere.example"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock, operator={"address": OPERATOR}) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        yield world


def summed_up(world: World, stopped: str = "", postponed: str = "") -> list[Got]:
    with world.store.unit() as unit:
        summary.write_when_due(unit, world.desktop, stopped, postponed)
    world.after(0)
    return world.mailbox(OPERATOR)


def test_nothing_to_say_is_no_mail(world: World) -> None:
    world.after()
    assert summed_up(world) == []


def test_what_is_held_and_what_failed(world: World) -> None:
    world.courier.misbehave(CAROL.address, REFUSE)
    world.after()
    held = world.carol.writes("Away", "Private words.", headers={"Auto-Submitted": "auto-replied"})
    assert held.fate == "held"
    (got,) = summed_up(world)
    assert "mail 2:" in got.text and "helpgate explain 2" in got.text and "550 5.1.1 nobody here" in got.text
    assert "Private" not in got.text and got.html == ""
    assert len(summed_up(world)) == 1
    world.carol.writes("Away", "More private words.", headers={"Auto-Submitted": "auto-replied"})
    world.clock.forward(3599)
    assert len(summed_up(world)) == 1, "at most hourly"
    world.clock.forward(1)
    assert len(summed_up(world)) == 2


def test_a_stopped_queue_and_a_spent_budget(world: World) -> None:
    for number in range(3):
        world.mallory.writes("Hi", f"Text {number}")
    (got,) = summed_up(world, "535 who are you")
    assert "535 who are you" in got.text and "[acknowledge]" in got.text.replace("\r\n", " ")
    world.clock.forward(3600)
    assert len(summed_up(world)) == 1, "said once"


def test_mails_that_could_not_be_stored(world: World) -> None:
    (got,) = summed_up(world, postponed="12: database or disk is full")
    assert "could not be stored" in got.text and "12: database or disk is full" in got.text


def test_each_is_told_once_and_all_are_counted(world: World) -> None:
    """One failed letter is one line in one summary, not one each hour."""
    for number in range(30):
        world.carol.writes(f"Away {number}", "Beach.", headers={"Auto-Submitted": "auto-replied"})
    world.courier.misbehave(CAROL.address, REFUSE)
    world.after()
    (got,) = summed_up(world)
    assert "30 mails are held" in got.text and "and 10 more" in got.text and "1 letter could not" in got.text
    for _ in range(48):
        world.clock.forward(3601)
        assert len(summed_up(world)) == 1
    with world.store.unit() as unit:
        outbox.retry(unit, 1)
    world.courier.misbehave(CAROL.address, REFUSE)
    world.after()
    assert len(summed_up(world)) == 2, "tried again, and failed again"


def test_a_doubt_is_told_once_it_is_a_humans(world: World) -> None:
    world.courier.misbehave(CAROL.address, LOSE, LOSE)
    world.after()
    assert summed_up(world) == []
    world.after(1800)
    (got,) = summed_up(world)
    assert "letter 1: uncertain" in got.text


def test_an_operator_at_our_own_desk_gets_none(store: Store, clock: FakeClock) -> None:
    """It would be held there, and the next one would tell of it, for ever."""
    with played(store, clock, operator={"address": "Help+ops@DESK.example"}) as world:
        world.carol.writes("Away", "Beach.", headers={"Auto-Submitted": "auto-replied"})
        with world.store.unit() as unit:
            assert not summary.write_when_due(unit, world.desktop, "")
        assert world.letters() == []
