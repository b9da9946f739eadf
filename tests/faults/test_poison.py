"""A mail that kills or stalls its reader is held; the ones around it pass."""

from __future__ import annotations

from tests.faults.ledger import House, Ledger, letter_of, until
from tests.parts import crash_launcher

CRASHES = ("poison-exit", "poison-kill", "poison-memory")
OVERRUN = "poison-time"


def test_poison_is_held_and_the_others_go_on(house: House, ledger: Ledger) -> None:
    port = house.daemon.smtp_port
    house.daemon.launcher = crash_launcher.launcher("poisoned")
    house.daemon.start()
    well = ledger.marks(8)
    poisoned = dict(zip((*CRASHES, OVERRUN), ledger.marks(4), strict=True))
    for mark in well[:4]:
        assert ledger.send(port, mark).startswith("250")
    for poison, mark in poisoned.items():
        assert ledger.send(port, mark, letter_of(mark, poison)).startswith("250")
    for mark in well[4:]:
        assert ledger.send(port, mark).startswith("250")
    until(lambda: all(house.has_told(mark) for mark in well), "the good ones")
    until(lambda: not house.daemon.journal("--fate", "received"), "the fate of the others")
    held = {one["id"]: one["reason"] for one in house.daemon.journal("--fate", "held")}
    crashed = [ledger.promised[poisoned[poison]] for poison in CRASHES]
    assert held == {
        **dict.fromkeys(crashed, "the worker died while reading it"),
        ledger.promised[poisoned[OVERRUN]]: "reading it took too long",
    }
    assert house.daemon.log_text().count('"reason": "Crashed"') == 2 * len(CRASHES)
    assert house.daemon.log_text().count('"reason": "Overrun"') == 1
    assert house.daemon.stop() == 0
    house.daemon.start()
    (later,) = ledger.marks(1)
    assert ledger.send(port, later).startswith("250")
    until(lambda: house.has_told(later), "a mail after the restart")
    assert len(house.daemon.journal("--fate", "held")) == 4
    assert house.daemon.stop() == 0
