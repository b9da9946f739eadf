"""Many mails in one unit: each has its own fate, and those that have to do with one another find one another."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from gateway.desk.tables import Contact, Message
from gateway.flow.drain import BATCH
from gateway.store.database import Store
from gateway.store.engines import POSTGRESQL
from tests import people
from tests.fakes import FakeClock
from tests.flow.test_drain import Speeding, draining, fates
from tests.parts.ports import wait_for
from tests.people import ALICE, CAROL, DAVE, DESK, EVE, Person
from tests.world import World

ODD = "a word that the store refuses"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> World:
    return World(store, clock)


def refuse_odd_words(world: World) -> None:
    """From now on such a message cannot be stored; on PostgreSQL nobody awaits the statement that stores it."""
    with world.store.unit() as unit:
        if unit.engine == POSTGRESQL:
            raising = "RAISE EXCEPTION 'odd' USING ERRCODE = '22021'"
            unit.run(
                f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raising}; END $$"
            )
            when = f"WHEN (NEW.text LIKE '%{ODD}%') EXECUTE FUNCTION refuse()"
            unit.run(f"CREATE TRIGGER refusing BEFORE INSERT ON message FOR EACH ROW {when}")
        else:
            when = f"WHEN NEW.text LIKE '%{ODD}%' BEGIN SELECT RAISE(ABORT, 'odd'); END"
            unit.run(f"CREATE TRIGGER refusing BEFORE INSERT ON message {when}")


def mail(person: Person, subject: str, text: str = "hello", **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return people.mail(person, DESK, subject, text, headers=named)


def decide(world: World, *mails: bytes, drains: int = 1) -> list[str]:
    """The fates of these mails, which came together."""
    for one in mails:
        world.accepts(one)
    with ExitStack() as stack:
        for _ in range(drains):
            stack.enter_context(draining(world, time=Speeding(world.clock(), 20)))
        wait_for(lambda: "received" not in fates(world), "the fate of all", 60)
    return fates(world)


def emails(world: World) -> list[str]:
    with world.store.reading() as unit:
        return [one.email for one in unit.rows(Contact, "1 = 1 ORDER BY email")]


def said(world: World) -> list[tuple[int, str]]:
    """On which ticket, and what, in the order of the tickets."""
    with world.store.reading() as unit:
        rows = unit.rows(Message, "1 = 1 ORDER BY ticket_id, position")
    return [(row.ticket_id, row.text) for row in rows]


def test_a_mail_that_cannot_be_stored_is_alone_in_its_trouble(world: World) -> None:
    """Nor is it in the way of the next one by the same sender, whom nobody knew before."""
    refuse_odd_words(world)
    before = [mail(CAROL, f"{number}") for number in range(7)]
    after = [mail(DAVE if number % 2 else CAROL, f"{number}") for number in range(8, BATCH)]
    assert (
        decide(world, *before, mail(DAVE, "odd", ODD), *after) == ["applied"] * 7 + ["held"] + ["applied"] * 8
    )
    assert world.store.commits["apply"] == 2, "the batch, and once more the one alone"
    assert [one.subject for one in world.tickets()] == [f"{number}" for number in range(BATCH) if number != 7]
    assert emails(world) == sorted([CAROL.address, DAVE.address])


@pytest.mark.parametrize("times", range(1, 4))
def test_several_of_them_are_each_alone(world: World, times: int) -> None:
    """However often a connection has met the same trouble before."""
    refuse_odd_words(world)
    for _ in range(times):
        mails = [mail(CAROL, f"{number}", ODD if number % 5 == 2 else "hello") for number in range(BATCH)]
        found = decide(world, *mails)[-BATCH:]
        assert found == ["held" if number % 5 == 2 else "applied" for number in range(BATCH)]


def test_who_writes_twice_at_once_is_met_once(world: World) -> None:
    assert decide(world, *(mail(CAROL, f"{number}") for number in range(3))) == ["applied"] * 3
    assert emails(world) == [CAROL.address] and len(world.tickets()) == 3
    assert {one.requester_id for one in world.tickets()} == {1}
    promised = sorted(one.kind for one in world.promises())
    assert promised == ["notice"] * 3 + ["receipt_unproven"], "one receipt to one who has proven nothing"


@pytest.mark.parametrize("odd", [False, True], ids=["foreseen", "after an odd one"])
def test_a_mail_that_comes_twice_at_once_is_one_message(world: World, odd: bool) -> None:
    refuse_odd_words(world)
    one = mail(CAROL, "Printer")
    between = mail(EVE, "odd", ODD if odd else "hello")
    assert decide(world, one, between, one) == ["applied", "held" if odd else "applied", "dropped"]
    assert [row.duplicate_of for row in world.inbound()] == [None, None, 1]


@pytest.mark.parametrize("odd", [False, True], ids=["foreseen", "after an odd one"])
def test_a_reply_that_comes_with_what_it_answers_finds_it(world: World, odd: bool) -> None:
    refuse_odd_words(world)
    first = mail(CAROL, "Printer", "It is on fire.", Message_ID="<1@mail.example>")
    between = mail(EVE, "odd", ODD if odd else "hello")
    again = mail(CAROL, "Re: it", "Still burning.", In_Reply_To="<1@mail.example>")
    assert decide(world, first, between, again)[::2] == ["applied"] * 2
    [printer] = [one for one in world.tickets() if one.subject == "Printer"]
    assert [text for ticket, text in said(world) if ticket == printer.id] == [
        "It is on fire.",
        "Still burning.",
    ]


def test_one_brings_up_who_the_next_one_is_from(world: World) -> None:
    """Named in Cc by the first, then writing: it belongs to the same ticket, and to nobody else's."""
    first = mail(CAROL, "Printer", "It is on fire.", Message_ID="<1@mail.example>", Cc=DAVE.address)
    again = mail(DAVE, "Re: it", "It was me.", In_Reply_To="<1@mail.example>")
    assert decide(world, first, again, mail(DAVE, "Other")) == ["applied"] * 3
    assert emails(world) == sorted([CAROL.address, DAVE.address])
    assert [text for ticket, text in said(world) if ticket == world.tickets()[0].id][1:] == ["It was me."]


@pytest.mark.parametrize("engine", [POSTGRESQL], indirect=True)
def test_two_daemons_at_once_make_of_every_mail_one_message(world: World) -> None:
    """The same new senders and the same mails in both hands, in the order that is worst."""
    writers = (CAROL, DAVE, EVE)
    mails = [mail(writers[number % 3], f"{number}") for number in range(BATCH)]
    found = decide(world, *mails, *reversed(mails), *mails, drains=2)
    assert sorted(found) == ["applied"] * BATCH + ["dropped"] * 2 * BATCH
    assert sorted(one.subject for one in world.tickets()) == sorted(f"{number}" for number in range(BATCH))
    assert emails(world) == sorted(one.address for one in writers)
    assert ALICE.address not in emails(world)
