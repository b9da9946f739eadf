"""The whole corpus dropped into one installation: promises 2, 4 and 8 of the design hold for every mail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.desk.tables import Letter
from gateway.flow.decision import Decision
from gateway.mail.parse import UNKNOWN_PATH
from gateway.mail.reading import HUMAN
from gateway.store import blobs
from gateway.store.database import Store
from gateway.store.journal import APPLIED, DROPPED, HELD, Inbound
from tests.corpus import sidecar
from tests.corpus.sidecar import FIXTURES, Fixture
from tests.fakes import FakeClock
from tests.world import SOMEBODY, World, played


def test_every_mail_comes_to_its_end(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        wrong = [
            f"{mail.name}: {what}" for mail in FIXTURES for what in _dropped_in(world, sidecar.load(mail))
        ]
        assert wrong == []
        assert len(world.inbound()) == len(FIXTURES)


def _dropped_in(world: World, fixture: Fixture) -> Iterator[str]:
    """What goes wrong with one mail."""
    before = len(world.letters())
    path = SOMEBODY if fixture.reverse_path == UNKNOWN_PATH else fixture.reverse_path
    decision = world.receives(fixture.octets, reverse_path=path)
    world.after()
    row = world.inbound()[-1]
    yield from _wrong_end(decision, row)
    yield from _wrong_letters(row, world.letters()[before:])
    with world.store.reading() as unit:
        if blobs.load(unit, row.octets) != fixture.octets:
            yield "its octets were not kept as they came"


def _wrong_end(decision: Decision, row: Inbound) -> Iterator[str]:
    if decision.fate not in (APPLIED, HELD, DROPPED) or row.fate != decision.fate:
        yield f"it ended as {decision.fate!r}, written down as {row.fate!r}"
    if decision.fate == APPLIED and decision.message is None and row.bounce is None:
        yield "applied, and nobody will see a message"
    if decision.fate in (HELD, DROPPED) and not decision.reason:
        yield f"{decision.fate} without a reason"


def _wrong_letters(row: Inbound, letters: Sequence[Letter]) -> Iterator[str]:
    """Promise 4: only agents hear by mail of what no human wrote."""
    outside = [letter.kind for letter in letters if letter.seat_id is None]
    if row.verdict != HUMAN and outside:
        yield f"{row.verdict}, and it was answered by {outside}"
