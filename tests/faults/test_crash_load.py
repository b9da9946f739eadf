"""SIGKILL at random under load: `make crash` does it often enough to count the doubles."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from gateway.store.engines import POSTGRESQL, SQLITE
from tests.faults.ledger import Crowd, House, Ledger, Outcome

ROUNDS_IN_CI = {SQLITE: 20, POSTGRESQL: 6}
ROUNDS = int(os.environ.get("HELPGATE_CRASH_ROUNDS", "200"))
MAILS_A_ROUND = 12
LONGEST_LIFE_S = 1.0
REPORTS = Path("artifacts")


def test_killed_at_random_nothing_is_lost(either_house: House, ledger: Ledger, engine: str) -> None:
    kill_often(either_house, ledger, ROUNDS_IN_CI[engine])


@pytest.mark.crash
@pytest.mark.timeout(0)
def test_killed_at_random_many_times_doubles_stay_rare(
    either_house: House, ledger: Ledger, engine: str
) -> None:
    outcome = kill_often(either_house, ledger, ROUNDS)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"crash-{engine}.txt").write_text(
        f"{ROUNDS} kills, {len(ledger.promised)} mails, {len(ledger.resent)} of them sent again, "
        f"{outcome.letters} letters, {outcome.doubles} of them twice\n"
    )
    assert outcome.doubles < outcome.letters / 100


def kill_often(house: House, ledger: Ledger, rounds: int) -> Outcome:
    """So many lives of random length with senders at work all the time, then a long one; the audit."""
    dice = random.Random(rounds)
    with Crowd(ledger, [house.daemon.smtp_port], MAILS_A_ROUND * rounds) as crowd:
        for _ in range(rounds):
            house.daemon.start()
            crowd.await_answers(MAILS_A_ROUND // 2)
            time.sleep(dice.uniform(0, LONGEST_LIFE_S))  # the moment of death is the experiment
            house.daemon.kill()
            house.bury()
        house.daemon.start()
    by_hand = house.retry_by_hand(120)
    house.settle()
    assert house.daemon.stop() == 0
    assert len(ledger.promised) == MAILS_A_ROUND * rounds
    return house.audit(ledger, copies=3 if by_hand else 2)
