"""SIGKILL at every named point between accept and delivered: nothing is lost, nothing is doubled but by rule."""

from __future__ import annotations

import re
from pathlib import Path
from signal import SIGKILL

import pytest

from gateway.store.engines import POSTGRESQL, SQLITE
from tests.faults.ledger import House, Ledger, until
from tests.parts import crash_launcher
from tests.parts.daemon import COMMAND
from tests.parts.ports import accepts

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
OTHER_UNITS = {"recover", "summary", "forget", "page"}
"""Not on the way of a mail."""
DEATHS = {SQLITE: (1, 3), POSTGRESQL: (2,)}
"""The passages of a point that are its daemon's last, one life each."""


def test_every_named_point_is_killed_at() -> None:
    sources = [path.read_text() for path in Path("gateway/flow").glob("*.py")]
    sources.append(Path("gateway/daemon/house.py").read_text())
    steps = {name for source in sources for name in re.findall(r'\bstep\("([^"]+)"\)', source)}
    writers = {name for source in sources for name in re.findall(r'GroupCommit\([^)]*"([^"]+)"\)', source)}
    units = {name for source in sources for name in re.findall(r'\.unit\("([^"]+)"\)', source)}
    assert steps <= set(POINTS)
    assert units | writers <= set(UNITS) | OTHER_UNITS


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_nothing_is_lost(either_house: House, ledger: Ledger, engine: str, point: str) -> None:
    house, unanswered, in_doubt = either_house, [], 0
    for nth in DEATHS[engine]:
        unanswered += die(house, ledger, point, nth)
        in_doubt += house.number("SELECT count(*) FROM outbox WHERE state = 'sending'")
        house.bury()
    house.daemon.launcher = COMMAND
    house.daemon.start()
    for mark in unanswered:
        ledger.resent.add(mark)
        assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    by_hand = house.retry_by_hand()  # the second death can meet the one retry of what the first left in doubt
    house.settle()
    assert house.daemon.stop() == 0
    outcome = house.audit(ledger, copies=3 if by_hand else 2)
    assert outcome.letters == 2 * len(ledger.promised)
    assert outcome.doubles <= in_doubt, "only a letter whose text may have left is given a second time"


def die(house: House, ledger: Ledger, point: str, nth: int) -> list[str]:
    """Send one mail after the other until the daemon kills itself there; the marks that got no answer."""
    house.daemon.launcher = crash_launcher.launcher(f"die={point},{nth}")
    house.daemon.launch()
    until(lambda: not house.daemon.is_running or accepts(house.daemon.smtp_port), "a daemon")
    unanswered = []
    while house.daemon.is_running:
        (mark,) = ledger.marks(1)
        if not ledger.send(house.daemon.smtp_port, mark):
            unanswered.append(mark)
        until(lambda mark=mark: not house.daemon.is_running or house.has_told(mark), f"death at {point}")
    assert house.daemon.exit_code == -SIGKILL
    return unanswered
