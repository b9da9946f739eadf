"""Where mail arrives: who is known here, and one row for each desk, committed together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.flow.reception import Reception, write_down
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.store import blobs
from gateway.store.database import Store
from gateway.store.grouped import GroupCommit
from gateway.store.imap import LeaseLost
from gateway.store.unit import Unit
from tests import people
from tests.fakes import FakeClock
from tests.people import CAROL, DESK
from tests.world import World, played


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        world.opens_desk("Sales", "sales@other.example")
        yield world


@pytest.mark.parametrize(
    ("recipient", "known"),
    [
        (DESK, True),
        ("HELP@DESK.EXAMPLE", True),
        ("help+anything@desk.example", True),
        ("help+a+b@desk.example", True),
        ("sales@other.example", True),
        ("postmaster", True),
        ("Postmaster@desk.example", True),
        ("postmaster@OTHER.example", True),
        ("postmaster@third.example", False),
        ("help@other.example", False),
        ("help@desk.example.evil.example", False),
        ("helpx@desk.example", False),
        ("", False),
        ("@", False),
    ],
)
def test_who_is_known(world: World, recipient: str, known: bool) -> None:
    refusal = world.reception.refuses(recipient)
    assert (refusal is None) == known
    assert refusal is None or refusal.code == 550


def test_answers_to_old_letters_are_taken_when_the_address_has_changed(world: World) -> None:
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    receipt = world.carol.only("receipt")
    world.sets(address="support@desk.example", reply="{local}-{token}@{domain}", bounce="")
    assert world.reception.refuses(DESK) is None
    assert world.reception.refuses(receipt.reverse_path) is None
    assert world.carol.replies(receipt, "Still burning.").fate == "applied"
    assert len(world.tickets()) == 1 and world.messages()[-1].text == "Still burning."


def test_postmaster_is_the_first_desk_of_the_domain(world: World) -> None:
    raw = people.mail(CAROL, "postmaster", "Hi", "Who runs this?")
    for recipient, desk in (("postmaster", 1), ("postmaster@other.example", 2)):
        (id,) = world.accepts(raw, recipient)
        assert {one.id: one.desk_id for one in world.inbound()}[id] == desk


def test_postmaster_of_a_domain_of_before_is_taken(world: World) -> None:
    world.sets(address="help@new.example")
    raw = people.mail(CAROL, "postmaster@desk.example", "Hi", "Who runs this?")
    (id,) = world.accepts(raw, "postmaster@desk.example")
    assert {one.id: one.desk_id for one in world.inbound()}[id] == 1
    assert world.reception.refuses("postmaster@third.example") is not None


def test_desks_share_the_octets_and_one_commit(world: World) -> None:
    raw = people.mail(CAROL, DESK, "Hi", "Text.\n" * 300_000)
    before = world.store.commits["accept"]
    ids = world.accepts(raw, DESK, "sales@other.example", "help+x@desk.example", reverse_path="a@b.example")
    assert ids[0] == ids[2] != ids[1]
    assert world.store.commits["accept"] == before + 1
    first, second = world.inbound()
    assert first.octets == second.octets and first.size == second.size == len(raw)
    assert {one.desk_id: one.detail for one in (first, second)} == {1: "x", 2: ""}
    assert first.reverse_path == "a@b.example" and DESK in first.recipients
    with world.store.reading() as unit:
        assert blobs.load(unit, first.octets) == raw
        assert unit.number("SELECT count(*) FROM blob") == 1


def test_postmasters_mail_becomes_a_ticket(world: World) -> None:
    raw = people.mail(CAROL, "postmaster@desk.example", "Hi", "Who runs this?")
    assert world.receives(raw, "postmaster@desk.example").fate == "applied"


@pytest.mark.parametrize(("error", "count"), [(StoreError("no answer"), 1), (LeaseLost("folder 7"), 0)])
def test_only_the_stores_trouble_is_told(world: World, tmp_path: Path, error: Exception, count: int) -> None:
    """A lease that went to another process is nobody's trouble, and no word of it reaches the summary."""

    def fail(unit: Unit, ids: tuple[str, ...]) -> None:
        raise error

    writer = GroupCommit(world.store, "accept", write_down)
    reception = Reception(writer, lambda: world.current.directory, lambda: None)
    writer.start()
    with contextlib.closing(Octets(tmp_path)) as octets:
        octets.write(people.mail(CAROL, DESK, "Hi", "Text."))
        future = reception.keep(Envelope("imap", CAROL.address, (DESK,)), octets, beside=fail)
        writer.stop()
    assert future.exception() is error
    assert (reception.postponed, reception.trouble) == (count, "no answer" if count else "")
    assert world.inbound() == []
