"""The end of a daemon, and a log that nobody reads: neither costs a mail."""

from __future__ import annotations

import sys

import pytest

from tests.faults.ledger import Crowd, House, Ledger
from tests.parts.daemon import COMMAND

_UNREAD = "import os, sys; read, write = os.pipe(); os.set_inheritable(read, True); "
_CLOSED = "import os, sys; read, write = os.pipe(); os.close(read); "
_ONTO_IT = "os.dup2(write, 1); os.dup2(write, 2); os.execv(sys.argv[1], sys.argv[1:])"
LOGS = {
    "nobody reads it": (sys.executable, "-c", _UNREAD + _ONTO_IT),
    "its reader has gone": (sys.executable, "-c", _CLOSED + _ONTO_IT),
    "there is none": ("/bin/sh", "-c", 'exec "$0" "$@" >&- 2>&-'),
}


def test_sigterm_under_load_ends_well_and_loses_nothing(house: House, ledger: Ledger) -> None:
    house.daemon.start()
    with Crowd(ledger, [house.daemon.smtp_port], 120) as crowd:
        for _ in range(3):
            crowd.await_answers(15)
            assert house.daemon.stop(30) == 0
            house.daemon.start()
    house.settle()
    assert house.daemon.stop() == 0
    assert len(ledger.promised) == 120
    assert house.audit(ledger).doubles == 0


@pytest.mark.parametrize("log", LOGS)
def test_log_that_nobody_reads_stops_no_mail(house: House, ledger: Ledger, log: str) -> None:
    house.daemon.launcher = (*LOGS[log], *COMMAND)
    house.daemon.start()
    with Crowd(ledger, [house.daemon.smtp_port], 150):
        pass  # each writes some five lines, far more than a pipe holds
    house.settle()
    assert house.daemon.stop() == 0
    assert house.audit(ledger).doubles == 0
