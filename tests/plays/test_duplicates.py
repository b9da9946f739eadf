"""The same mail twice is one message. Promise 3, B10; and mail to several desks, design §6."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.clock import DAY, HOUR
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import CAROL, DESK, MALLORY
from tests.world import World, played

TRACE = (
    b"Return-Path: <carol@customer.example>\r\nDelivered-To: help@desk.example\r\n"
    b"Received: from relay.example by mx.example; Mon, 13 Apr 2026 09:00:00 +0000\r\n"
    b"X-Original-To: help@desk.example\r\nX-Spam-Status: No\r\nARC-Seal: i=1; a=b\r\n"
    b"Authentication-Results: other.example; spf=pass\r\n"
)
SALES = "sales@desk.example"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def written(message_id: str | None = None, text: str = "It is on fire.") -> bytes:
    headers = {} if message_id is None else {"Message-ID": message_id}
    return people.mail(
        CAROL, DESK, "Printer", text, headers=headers | {"Date": "Mon, 13 Apr 2026 09:00:00 +0000"}
    )


@pytest.mark.parametrize("again", [lambda raw: raw, lambda raw: TRACE + raw, lambda raw: raw + b"\r\n"])
def test_the_same_octets_are_one_message(world: World, again: object) -> None:
    raw = written("<one@customer.example>")
    world.receives(raw, DESK)
    decision = world.receives(again(raw), DESK)  # type: ignore[operator]
    assert (decision.fate, decision.reason) == ("dropped", "same mail as 1")
    first, second = world.inbound()
    assert (first.fate, second.fate, second.duplicate_of) == ("applied", "dropped", 1)
    assert len(world.messages()) == 1


def test_one_message_id_with_other_octets_is_two(world: World) -> None:
    """A forger who claims an id first must not make the true mail vanish."""
    forged = people.mail(MALLORY, DESK, "Printer", "Mine!", headers={"Message-ID": "<one@customer.example>"})
    world.receives(forged, DESK)
    assert world.receives(written("<one@customer.example>"), DESK).fate == "applied"


@pytest.mark.parametrize(
    ("message_id", "after", "fate"),
    [
        ("<one@customer.example>", 5 * DAY, "dropped"),
        ("<one@customer.example>", 5 * DAY + 1000, "applied"),
        ("", HOUR, "dropped"),
        ("", HOUR + 1000, "applied"),
    ],
)
def test_for_how_long(world: World, message_id: str, after: int, fate: str) -> None:
    world.receives(written(message_id), DESK)
    world.clock.forward(after / 1000)
    assert world.receives(written(message_id), DESK).fate == fate


def test_lacking_a_message_id_drops_nothing(world: World) -> None:
    assert world.receives(written("", "One."), DESK).fate == "applied"
    assert world.receives(written("", "Two."), DESK).fate == "applied"


def test_a_copy_that_was_quicker_counts(world: World) -> None:
    """The first one met trouble and is tried again, when the second has been applied already."""
    first, second = (world.accepts(written("<one@customer.example>"), DESK)[0] for _ in range(2))
    assert world.applies(second).fate == "applied"
    assert world.applies(first).fate == "dropped"
    assert len(world.messages()) == 1


def test_copies_that_are_applied_at_once(world: World) -> None:
    """B21: several processes on one database."""
    raw = written("<one@customer.example>")
    ids = [world.accepts(raw, DESK)[0] for _ in range(6)]

    def fate(id: int) -> str:
        try:
            return world.applies(id).fate
        finally:
            world.store.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(fate, ids)) == ["applied", *["dropped"] * 5]
    assert len(world.messages()) == 1


def test_two_desks_open_a_ticket_each_and_they_are_linked(world: World) -> None:
    world.opens_desk("Sales", SALES)
    decisions = world.receives_for_all(written(), DESK, SALES)
    assert [one.fate for one in decisions] == ["applied", "applied"]
    first, second = world.tickets()
    assert (first.desk_id, second.desk_id) == (1, 2)
    assert (second.linked_id, second.link_kind) == (first.id, "same mail")


def test_two_addresses_of_one_desk_are_one_row(world: World) -> None:
    world.receives(written(), DESK, auth="pass")
    world.after()
    sealed = world.carol.only("receipt").reply_to
    raw = people.mail(CAROL, DESK, "Again", "Both.")
    ids = world.accepts(raw, DESK, sealed, "HELP@desk.example", "help+x@desk.example")
    assert len(ids) == 4 and len(set(ids)) == 1
    assert world.applies(ids[0]).ticket == world.ticket(), "the sealed one says more"


def test_two_desks_and_a_carrier_are_one_message(world: World) -> None:
    """A sealed carrier decides the ticket whatever desk the mail came to; the second row names the first."""
    world.opens_desk("Sales", SALES)
    world.receives(written(), DESK, auth="pass")
    world.after()
    receipt = world.carol.only("receipt")
    raw = people.reply(CAROL, receipt.raw, "And the desk.", {"Cc": SALES})
    for order in ((receipt.reply_to, SALES), (SALES, receipt.reply_to)):
        first, second = world.receives_for_all(raw + b"." * len(order[0]), *order)
        assert first.fate == "applied" and first.ticket == world.ticket()
        assert second.fate == "dropped" and second.reason == f"same mail as {world.inbound()[-2].id}"


def test_a_sealed_carrier_decides_the_ticket_at_another_desk(world: World) -> None:
    world.opens_desk("Sales", SALES)
    world.receives(written(), DESK, auth="pass")
    world.after()
    decision = world.carol.replies(world.carol.only("receipt"), "Here, too.", to=SALES)
    assert decision.ticket is not None and decision.ticket.desk_id == 1


@pytest.mark.parametrize("to_address", [True, False])
def test_conflicting_carriers_go_to_the_address_else_to_the_newest_and_say_so(
    world: World, to_address: bool
) -> None:
    for subject in ("First", "Second"):
        world.carol.writes(subject, "Hello.", auth="pass")
        world.after()
    first, second = world.carol.mailbox("receipt")
    to = first.reply_to if to_address else DESK
    both = f"{second.mail['Message-ID']} {first.mail['Message-ID']}"
    raw = people.reply(CAROL, second.raw, "Which one?", {"To": to, "References": both})
    decision = world.receives(raw, to)
    assert decision.ticket is not None and decision.ticket.subject == ("First" if to_address else "Second")
    assert decision.message is not None and "several tickets" in decision.message.remark
    world.after()
    assert "several tickets" in repr(world.page(world.alice.newest("notice")))
    assert "several tickets" not in repr(world.page(first)) + repr(world.page(second))
