"""Ticket numbers, statuses and read marks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.desk import contacts, desks, events, participants, tickets
from gateway.desk.messages import Words
from gateway.desk.tables import Notification, Participant, Seat, Ticket
from gateway.desk.tickets import Rules, Telling
from gateway.errors import Invalid, NotFound
from gateway.mail.reading import Mailbox
from gateway.store.database import Store
from tests.fakes import FakeClock
from tests.people import BOB, DESK
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        yield world


def opened(world: World) -> str:
    with world.store.unit() as unit:
        carol = contacts.meet(unit, Mailbox("carol@customer.example", "Carol"))
        desk = desks.by_id(unit, 1)
        ticket, _ = tickets.open(unit, Rules(), desk, carol, "Hi", Words("Hello."), telling=Telling())
    world.store.close()
    return ticket.number


def test_one_counter_a_week(world: World) -> None:
    assert [opened(world) for _ in range(3)] == ["2616-1", "2616-2", "2616-3"]
    world.opens_desk("Sales", "sales@desk.example")
    world.clock.forward(7 * 86_400)
    assert opened(world) == "2617-1"
    world.clock.forward(-7 * 86_400)
    assert opened(world) == "2616-4", "a clock set back gives no number twice"


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("2026-12-28T00:00:00Z", "2653-1"),
        ("2027-01-03T23:59:59Z", "2653-1"),
        ("2027-01-04T00:00:00Z", "2701-1"),
        ("2024-12-30T00:00:00Z", "2501-1"),
        ("2026-04-19T23:59:59.999Z", "2616-1"),
        ("2026-04-20T00:00:00Z", "2617-1"),
    ],
)
def test_weeks_at_the_turn_of_the_year(store: Store, moment: str, number: str) -> None:
    """ISO 8601: the week of the year's first Thursday, in UTC."""
    store.clock = FakeClock(moment)
    assert opened(World(store, store.clock)) == number


def test_numbers_are_given_once(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: opened(world), range(24)))
    assert len(set(numbers)) == 24


def test_statuses(world: World) -> None:
    opened(world)
    with world.store.unit() as unit:
        ticket = tickets.by_number(unit, "2616-1")
        for verb, status in (
            (tickets.solve, "solved"),
            (tickets.wait, "pending"),
            (tickets.hold, "onhold"),
            (tickets.reopen, "open"),
            (tickets.reopen, "open"),
        ):
            verb(unit, ticket)
            assert tickets.by_id(unit, ticket.id).status == status
        tickets.close(unit, Rules(), ticket)
        assert tickets.by_id(unit, ticket.id).closed_at == unit.now
        tickets.reopen(unit, ticket)
        assert tickets.by_id(unit, ticket.id).closed_at is None
        changes = [one.detail for one in events.of_ticket(unit, ticket) if one.kind == events.STATUS]
    assert changes == [
        "open solved",
        "solved pending",
        "pending onhold",
        "onhold open",
        "open closed",
        "closed open",
    ]
    with pytest.raises(NotFound), world.store.reading() as unit:
        tickets.by_number(unit, "2616-99")


def test_a_promise_is_one_for_an_event_and_a_recipient(world: World) -> None:
    opened(world)
    with world.store.unit() as unit:
        (one,) = unit.rows(Notification, "kind = 'notice'")
        again = {"event_id": one.event_id, "ticket_id": 1, "kind": "notice", "position": 1, "due_at": 0}
        assert not unit.add(Notification, seat_id=one.seat_id, **again)


def test_read_marks_only_grow(world: World) -> None:
    opened(world)

    def mark(position: int) -> int:
        with world.store.unit() as unit:
            row = unit.row(Participant, "1 = 1")
            assert row is not None
            participants.mark_read(unit, row, position)
            row.read_to = 0  # as somebody has it who looked before
            participants.mark_read(unit, row, position)
            return unit.number("SELECT read_to FROM participant")

    assert [mark(position) for position in (3, 2, 5, 0, 4)] == [3, 3, 5, 5, 5]


def test_a_read_mark_counts_for_its_own_reader_and_never_beyond_the_page(world: World) -> None:
    world.employs(BOB)
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.clock.forward(30)
    world.writes_due()
    world.carries()
    receipt = world.carol.only("receipt")
    world.door.read(receipt.link, 1_000_000_000)
    with world.store.reading() as unit:
        assert unit.number("SELECT read_to FROM participant") == 1
        assert {one.read_to for one in unit.rows(Seat, "1 = 1")} == {0}
    world.after(30)
    world.door.read(world.alice.only("notice").link, 1)
    world.carol.writes("Re", "More.", receipt.reply_to)
    world.after(10)
    view = world.page(world.alice.only("notice"))
    world.door.read(world.alice.only("notice").link, view.newest)
    world.after(70)
    assert len(world.alice.mailbox("notice")) == 1, "she has seen it on her page"
    assert len(world.bob.mailbox("notice")) == 2


@pytest.mark.parametrize("text", ["", "   \n", "\x00", "x" * 100_001])
def test_comments_that_are_none(world: World, text: str) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after(0)
    with pytest.raises(Invalid):
        world.comments(world.carol.only("receipt"), text)


def test_values_of_any_length_and_letter(world: World) -> None:
    """⚑11: what PostgreSQL minds and SQLite does not."""
    odd = "x\x00y\udcffz" + "w" * 300
    raw = (
        f"From: {'n' * 300} <carol@customer.example>\r\nTo: {DESK}\r\nSubject: {'s' * 900}\r\n"
        f"Message-ID: <{'m' * 500}@customer.example>\r\nReferences: <{'r' * 900}@x>\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"{odd}\r\n--b\r\nContent-Type: {'t' * 300}/x\r\n"
        f"Content-Disposition: attachment; filename={'f' * 300}.txt\r\n\r\nx\r\n--b--\r\n"
    ).encode("utf-8", "surrogatepass")
    decision = world.receives(raw, DESK, reverse_path="\u00fc" * 60 + "@x.example", peer="203.0.113.9")
    assert decision.fate == "applied"
    world.after()
    world.comments(world.mailbox("carol@customer.example")[0], "a\x00b\udc80c")
    texts = [one.text for one in world.messages()]
    assert not [one for one in texts if "\x00" in one or any("\ud800" <= c <= "\udfff" for c in one)]
    assert len(world.ticket().subject) <= 255


def test_numbers_as_large_as_they_come(world: World) -> None:
    """⚑11: UIDs and handles need 64 bits on both engines."""
    opened(world)
    with world.store.unit() as unit:
        for handle in (4_294_967_295, (1 << 63) - 1, -(1 << 63)):
            unit.change(Ticket, 1, handle=handle, created_at=4_294_967_295_000)
            assert unit.row(Ticket, "handle = ?", handle) is not None
