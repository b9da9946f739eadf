"""However much was said on a ticket, its page has an end: the newest is shown, and that there is more."""

from __future__ import annotations

import pytest

from gateway.desk import messages, pages
from gateway.desk.pages import WHOLE
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.web.pages import Draft, Pages
from gateway.web.settings import WebSettings
from tests import people
from tests.fakes import FakeClock
from tests.mailbox import Got
from tests.people import CAROL
from tests.world import World

NOTE = "Older messages are not shown here."


def long(number: int) -> str:
    """900,000 characters, of which no line was said before."""
    return "".join(f"line {line:06d} of {number}\n" for line in range(50_000)) + f"end of {number}"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


@pytest.fixture
def receipt(world: World) -> Got:
    """Of a ticket with one short message."""
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    return world.carol.only("receipt")


def drawn(world: World, receipt: Got) -> str:
    page = Pages(WebSettings("https://desk.example", ()))
    return page.ticket(world.page(receipt), receipt.link, Draft()).decode()


def test_a_page_has_an_end(world: World, receipt: Got) -> None:
    assert not world.page(receipt).older and NOTE not in drawn(world, receipt)
    for number in range(4):
        world.carol.replies(receipt, long(number), quoting=False)
    view = world.page(receipt)
    is_noted = NOTE in drawn(world, receipt)
    assert (view.older, is_noted) == (True, True)
    assert [one.text[-1] for one in view.messages] == ["2", "3"]
    assert sum(len(one.text) for one in view.messages) <= WHOLE.characters
    assert view.newest == 5


def test_what_was_not_shown_is_read_when_the_newest_is(world: World, receipt: Got) -> None:
    for number in range(4):
        world.carol.replies(receipt, long(number), quoting=False)
    world.door.read(receipt.link, 10_000)
    with world.store.reading() as unit:
        assert unit.number("SELECT max(read_to) FROM participant") == 5


def test_the_largest_message_is_shown(world: World, receipt: Got) -> None:
    world.carol.replies(receipt, "y" * 2_000_000, quoting=False)
    view = world.page(receipt)
    assert len(view.messages[-1].text) > 900_000
    assert len(view.messages) == 2


def test_what_is_folded_has_an_end(world: World, receipt: Got) -> None:
    quoted = "".join(f"> {line}\n" for line in long(0).splitlines())
    world.carol.replies(receipt, f"Still burning.\n\nOn Monday we wrote:\n{quoted}", quoting=False)
    last = world.page(receipt).messages[-1]
    assert last.text.startswith("Still burning.") and last.folded_lines > 1000
    assert len(last.full_text) < messages.FOLDED_MAX + 10 and last.full_text.endswith("[…]")
    assert len(world.messages()[-1].full_text) > messages.FOLDED_MAX, "the whole stays"


def test_many_small_messages_have_an_end_too(world: World, receipt: Got) -> None:
    with world.store.reading() as unit:
        few = pages.see(unit, world.current.keys, receipt.link, pages.Bounds(1, 1000))
        assert len(few.messages) == 1 and not few.older
    world.carol.replies(receipt, "Still burning.", quoting=False)
    with world.store.reading() as unit:
        few = pages.see(unit, world.current.keys, receipt.link, pages.Bounds(1, 1000))
    assert [one.text for one in few.messages] == ["Still burning."] and few.older


def test_only_small_tickets_are_seen_at_a_glance(world: World, receipt: Got) -> None:
    """What is drawn in the event loop keeps everybody waiting."""
    embedded = world.store.engine == SQLITE
    assert world.door.glance(receipt.link) == (world.page(receipt) if embedded else None)
    world.receives(people.mail(CAROL, receipt.reply_to, "Re", "z" * 60_000), receipt.reply_to)
    assert world.door.glance(receipt.link) is None
    assert len(world.page(receipt).messages) == 2
