"""Folding on a ticket: what we said is folded when it comes back, what a customer says never is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.store.database import Store
from tests.fakes import FakeClock
from tests.people import ALICE, DAVE, Person
from tests.world import World, played

FIRST = "The printer in the hall is on fire.\nPlease send somebody at once."
ASKED = "Good morning Carol, thank you for writing.\nWhich printer is it that burns?\nBye"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol has asked, Alice has asked back."""
    with played(store, clock) as world:
        world.carol.writes("Printer", FIRST, auth="pass")
        world.after()
        world.alice.replies(world.alice.only("notice"), ASKED)
        world.after()
        yield world


def answers(world: World, text: str, from_: Person | None = None) -> str:
    """What is shown of an answer without any quote mark."""
    world.carol.replies(world.carol.newest("reply"), text, quoting=False, from_=from_)
    world.after()
    return world.messages()[-1].text


def test_what_customers_say_again_stays(world: World) -> None:
    again = f"Nobody came.\n{FIRST}\nI am waiting."
    assert answers(world, again) == again
    assert answers(world, again) == again


def test_what_they_say_again_from_another_address_stays(world: World) -> None:
    again = f"I write from home:\n{FIRST}\nI am waiting."
    assert answers(world, again, Person("Carol", "carol@home.example")) == again


def test_what_another_customer_said_stays(world: World) -> None:
    again = f"As Carol says.\n{FIRST}\nThat is all."
    assert answers(world, again, DAVE) == again


def test_a_line_of_ours_in_their_words_stays(world: World) -> None:
    again = "You ask me\nWhich printer is it that burns?\nand I have told you."
    assert answers(world, again) == again


def test_our_lines_that_come_back_without_a_mark_are_folded(world: World) -> None:
    assert answers(world, f"The one in the hall.\n\n{ASKED}") == "The one in the hall."
    said = world.messages()[-1]
    assert ASKED in said.full_text and said.folded_lines == 3


def test_answers_below_each_of_our_lines_stay(world: World) -> None:
    hello, question, _ = ASKED.split("\n")
    text = f"{hello}\nGood morning.\n{question}\nThe one in the hall."
    assert answers(world, text) == text


def test_an_agent_who_writes_as_a_customer_keeps_their_words(world: World) -> None:
    again = f"Once more.\n{ASKED}\nThat was it."
    assert answers(world, again, ALICE) == again


def test_an_opening_mail_folds_its_signature_alone(world: World) -> None:
    quote = "On 3 Feb 2025 at 10:11, Shop <shop@shop.example> wrote:\n> We have sent it."
    world.carol.writes("Parcel", f"It has not come.\n\n{quote}\n\n-- \nCarol\nHall 3", auth="pass")
    said = world.messages(world.tickets()[-1])[0]
    assert said.text == f"It has not come.\n\n{quote}"
    assert said.full_text.endswith("Hall 3")
