"""Mails of an archive, for plays."""

from __future__ import annotations

from gateway.desk import desks
from gateway.flow.decision import Decision
from gateway.flow.imports.feeding import Feeder
from gateway.flow.imports.places import UNKNOWN
from gateway.store import journal
from tests.world import World


def remembers(
    world: World,
    raw: bytes,
    desk: str = "Help",
    *,
    delivered_at: int = UNKNOWN,
    leave_open: bool = False,
) -> Decision:
    """A mail from before there was a Helpgate comes in, and is brought to its fate."""
    return world.applies(notes_down(world, raw, desk, delivered_at=delivered_at, leave_open=leave_open))


def notes_down(
    world: World,
    raw: bytes,
    desk: str = "Help",
    *,
    delivered_at: int = UNKNOWN,
    leave_open: bool = False,
) -> int:
    """It is written down, as `helpgate import` does it, and waits; its journal id."""
    with world.store.reading() as unit:
        place = desks.named(unit, desk)
    with Feeder(world.store, place, leave_open=leave_open) as feeder:
        feeder.feed([raw], delivered_at)
        feeder.flush()
    assert feeder.written == 1
    with world.store.reading() as unit:
        row = journal.by_id(unit, feeder.first)
    assert row is not None and row.historic
    return feeder.first
