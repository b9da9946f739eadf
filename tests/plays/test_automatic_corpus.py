"""Every automatic mail of the corpus, at every address it could come to: nobody is answered by a program. Promise 4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.mail.parse import UNKNOWN_PATH, read
from gateway.mail.reading import HUMAN
from gateway.store.database import Store
from tests.corpus import sidecar
from tests.corpus.sidecar import CORPUS
from tests.fakes import FakeClock
from tests.people import CAROL, DESK
from tests.world import World, played

MAILS = sorted((CORPUS / "auto").glob("*.eml"))


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        world.alice.replies(world.alice.newest(), "Pull the plug.")
        world.after()
        yield world


def by_carol(octets: bytes) -> bytes:
    """The same mail, as a program of Carol's would have written it."""
    return re.sub(rb"(?m)^From:[^\r\n]*", b"From: " + str(CAROL).encode(), octets, count=1)


def automatic() -> Iterator[tuple[str, str, bytes]]:
    """Name, reverse-path and octets of all that no human wrote, under its own name and under Carol's."""
    for mail in MAILS:
        fixture = sidecar.load(mail)
        path = fixture.reverse_path if fixture.reverse_path != UNKNOWN_PATH else CAROL.address
        for octets in (fixture.octets, by_carol(fixture.octets)):
            if read(octets, reverse_path=path).verdict != HUMAN:
                yield mail.stem, path, octets


def test_no_program_is_answered(world: World) -> None:
    receipt, reply = world.carol.only("receipt"), world.carol.only("reply")
    places = (DESK, receipt.reply_to, reply.reply_to, reply.reverse_path, receipt.reverse_path)
    tried = 0
    for name, path, octets in automatic():
        for place in places:
            tried += 1
            before = len(world.letters())
            copy = f"X-Copy: {tried}\r\n".encode() + octets  # the same octets twice would be dropped
            world.receives(copy, place, auth="pass", reverse_path=path)
            world.after()
            outside = [one.recipient for one in world.letters()[before:] if one.seat_id is None]
            assert (outside, world.tickets()[0].status) == ([], "pending"), (name, place)
    assert tried > 400


@pytest.mark.parametrize(
    "mail", [one for one in MAILS if one.stem.startswith("human-")], ids=lambda one: one.stem
)
def test_no_person_is_held(world: World, mail: Path) -> None:
    receipt = world.carol.only("receipt")
    octets = by_carol(sidecar.load(mail).octets)
    decision = world.receives(octets, receipt.reply_to, reverse_path=CAROL.address)
    assert decision.fate == "applied" and world.tickets()[0].status == "open"
