"""SIGKILL at every named point between accept and delivered: nothing is lost, nothing is doubled but by rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.ledger import House, Ledger, until
from tests.parts import crash_launcher
from tests.parts.daemon import COMMAND

UNITS = ("accept", "claim", "apply", "letters", "delivery")
POINTS = (
    "accept.received",
    "accept.stored",
    "intake.claimed",
    "intake.read",
    "apply.begun",
    "apply.decided",
    "letter.composing",
    "letter.queued",
    "dispatch.claimed",
    "dispatch.sending",
    "dispatch.answered",
    "dispatch.settled",
    *(f"{kind}.{moment}" for kind in UNITS for moment in ("before-commit", "committed")),
)
AFTER_DATA = ("dispatch.sending", "dispatch.answered", "delivery.before-commit", "delivery.committed")
"""Where a letter may have arrived although the store does not know: it is given once more."""
OTHER_UNITS = {"recover", "summary", "forget", "page", "admin", "desk", "init"}
MAILS = 12


def test_every_named_point_is_killed_at() -> None:
    sources = [path.read_text() for path in Path("gateway").rglob("*.py")]
    steps = {name for source in sources for name in re.findall(r'\bstep\("([^"]+)"\)', source)}
    units = {name for source in sources for name in re.findall(r'\.unit\("([^"]+)"\)', source)}
    units |= {name for source in sources for name in re.findall(r'GroupCommit\([^)]*"([^"]+)"\)', source)}
    assert steps <= set(POINTS)
    assert units - OTHER_UNITS == set(UNITS)


@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("point", POINTS)
def test_killed_there_nothing_is_lost(house: House, ledger: Ledger, point: str, nth: int) -> None:
    house.daemon.launcher = crash_launcher.launcher(f"die={point},{nth}")
    house.daemon.start()
    marks = ledger.marks(MAILS)
    answered = [mark for mark in marks if ledger.send(house.daemon.smtp_port, mark)]
    until(lambda: not house.daemon.is_running, f"death at {point}")
    assert house.daemon.exit_code == -9
    house.daemon.launcher = COMMAND
    house.daemon.start()
    for mark in marks:
        if mark not in answered:
            ledger.resent.add(mark)
            assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    house.settle()
    assert house.daemon.stop() == 0
    outcome = house.audit(ledger)
    assert outcome.letters == 2 * MAILS
    assert outcome.doubles <= (2 if point in AFTER_DATA else 0)
