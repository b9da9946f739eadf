"""Stands for `helpgate` in front of a test's daemon, with one thing wrong: `python -m … HARM COMMAND…`.

die=STEP,N     the process kills itself at the Nth time it reaches the named step (`gateway.log.step`)
freeze=STEP,N  it stops itself there (SIGSTOP), as a machine does that has no time for it
blind          no stage looks by itself for what is due: somebody has to wake it
unsynced       SQLite without fsync: the negative control
poisoned       the parse workers read mails with a marker in them as `poison/sitecustomize.py` says
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import peewee

from gateway import log
from gateway.cli import main
from gateway.flow import dispatch, drain

_POISON = Path(__file__).with_name("poison")


def launcher(harm: str) -> tuple[str, ...]:
    """The command for `new_daemon(launcher=…)`."""
    return sys.executable, "-m", "tests.parts.crash_launcher", harm


def _signal_at(place: str, number: signal.Signals) -> None:
    name, _, nth = place.partition(",")
    passed = itertools.count(1)

    def listen(step: str) -> None:
        if step == name and next(passed) == int(nth):
            os.kill(os.getpid(), number)
            time.sleep(1)  # a signal takes effect a moment later than the call returns

    log.on_step(listen)


def _blind() -> None:
    dispatch.PAUSE_S = drain.PAUSE_S = 3600.0


def _unsynced() -> None:
    begin = peewee.SqliteDatabase.__init__

    def unsynced(database: Any, file: str, pragmas: dict[str, Any]) -> None:
        begin(database, file, pragmas=pragmas | {"synchronous": "off"})

    peewee.SqliteDatabase.__init__ = unsynced


def _do(harm: str) -> None:
    kind, _, place = harm.partition("=")
    if kind == "die":
        _signal_at(place, signal.SIGKILL)
    elif kind == "freeze":
        _signal_at(place, signal.SIGSTOP)
    elif kind == "blind":
        _blind()
    elif kind == "unsynced":
        _unsynced()
    elif kind == "poisoned":
        sys.path.insert(0, str(_POISON))  # workers are given our path
    else:
        raise ValueError(harm)


if __name__ == "__main__":
    _do(sys.argv.pop(1))
    main()
