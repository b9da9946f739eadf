"""PostgreSQL that goes away, and two daemons on one of them."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from tests.faults.ledger import QUICK, Crowd, House, Ledger, letter_of, new_house, sender_of, until
from tests.parts import crash_launcher
from tests.parts.daemon import COMMAND, Daemon, Daemons
from tests.parts.postgres import Postgres
from tests.parts.scripted_smtp import ScriptedSMTP, permanent


@pytest.fixture
def shared(new_daemon: Daemons, sink: ScriptedSMTP, postgres: Postgres) -> Iterator[House]:
    """An installation on PostgreSQL, not yet started."""
    url = postgres.database()
    yield new_house(new_daemon, sink, url=url)
    new_daemon.remove()
    postgres.drop(url)


@pytest.fixture
def second(shared: House, new_daemon: Daemons) -> Daemon:
    """Another daemon on the same database, not yet started."""
    daemon = new_daemon(QUICK | {"store.url": shared.url})
    daemon.smarthost(shared.sink.port)
    shutil.copy(shared.daemon.folder / "helpgate.toml", daemon.folder)
    return daemon


@pytest.mark.timeout(180)
def test_restarted_postgres_costs_nothing(
    new_daemon: Daemons, sink: ScriptedSMTP, own_postgres: Postgres, ledger: Ledger
) -> None:
    house = new_house(new_daemon, sink, url=own_postgres.database())
    house.daemon.start()
    with Crowd(ledger, [house.daemon.smtp_port], 80) as crowd:
        for mode in ("immediate", "fast", "immediate"):
            crowd.await_answers(12)
            own_postgres.restart(mode)
    house.settle(140)
    assert house.daemon.stop() == 0
    assert {reply.split()[0] for reply in ledger.refusals} <= {"451"}
    assert len(ledger.promised) == 80
    assert house.audit(ledger).doubles == 0


def test_commands_wake_a_daemon_also_after_a_restart(
    new_daemon: Daemons, sink: ScriptedSMTP, own_postgres: Postgres, ledger: Ledger
) -> None:
    """LISTEN: this daemon never looks at a table unless somebody wakes it."""
    house = new_house(
        new_daemon, sink, url=own_postgres.database(), launcher=crash_launcher.launcher("blind")
    )
    refused, automatic = ledger.marks(2)
    sink.recipients[sender_of(refused)] = permanent("5.1.1 unknown")
    house.daemon.start()
    own_postgres.restart("immediate")
    until(lambda: house.daemon.get("/readyz")[0] == 200, "a store to write in")
    until(lambda: ledger.send(house.daemon.smtp_port, refused).startswith("250"), "a mail taken")
    failed = "SELECT count(*) FROM outbox WHERE state = 'failed'"
    until(lambda: house.number(failed) == 1, "a refused letter")
    held = b"Auto-Submitted: auto-replied\r\n" + letter_of(automatic)
    assert ledger.send(house.daemon.smtp_port, automatic, held).startswith("250")
    until(lambda: house.number("SELECT count(*) FROM inbound WHERE fate = 'held'") == 1, "a held mail")
    del sink.recipients[sender_of(refused)]
    for (letter,) in house.rows("SELECT id FROM outbox WHERE state = 'failed'"):
        house.daemon.run("outbox", "retry", str(letter))
    until(lambda: house.has_told(refused), "the letter of `outbox retry`")
    house.daemon.run("release", ledger.promised[automatic])
    until(
        lambda: house.number("SELECT count(*) FROM inbound WHERE fate = 'applied'") == 2,
        "the mail of `release`",
    )
    assert house.daemon.stop() == 0


def test_two_daemons_share_the_work(shared: House, second: Daemon, ledger: Ledger) -> None:
    shared.daemon.start()
    second.start()
    ports = [shared.daemon.smtp_port, second.smtp_port]
    with Crowd(ledger, ports, 80):
        pass
    shared.settle()
    assert [daemon.stop() for daemon in (shared.daemon, second)] == [0, 0]
    for daemon in (shared.daemon, second):
        assert '"event": "decided"' in daemon.log_text()
        assert '"event": "delivery"' in daemon.log_text()
    assert shared.audit(ledger).doubles == 0


@pytest.mark.parametrize("point", ["intake.claimed", "apply.begun", "dispatch.claimed", "dispatch.sending"])
@pytest.mark.parametrize("how", ["die", "freeze"])
def test_one_takes_over_from_the_other(
    shared: House, second: Daemon, ledger: Ledger, point: str, how: str
) -> None:
    shared.daemon.launcher = crash_launcher.launcher(f"{how}={point},1")
    shared.daemon.start()
    (first,) = ledger.marks(1)
    assert ledger.send(shared.daemon.smtp_port, first).startswith("250")
    until(lambda: _is_gone(shared.daemon), f"{how} at {point}")
    second.start()
    (mark,) = ledger.marks(1)
    assert ledger.send(second.smtp_port, mark).startswith("250")
    until(lambda: shared.has_told(mark), "the letters of the second")
    assert not shared.has_told(first)
    shared.leases_run_out()
    until(lambda: shared.has_told(first), "the letters of the first")
    shared.settle()
    if how == "freeze":
        os.kill(shared.daemon.process.pid, signal.SIGCONT)
        assert shared.daemon.stop() == 0
    assert second.stop() == 0
    assert shared.audit(ledger).doubles <= (2 if point == "dispatch.sending" else 0)


def test_locks_of_one_that_stands_still_are_waited_for_only_so_long(
    shared: House, second: Daemon, ledger: Ledger
) -> None:
    shared.daemon.launcher = crash_launcher.launcher("freeze=apply.decided,1")
    shared.daemon.start()
    (mark,) = ledger.marks(1)
    assert ledger.send(shared.daemon.smtp_port, mark).startswith("250")
    until(lambda: _is_gone(shared.daemon), "the standstill")
    second.start()
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    assert shared.number(idle) == 1
    until(lambda: shared.number(idle) == 0, "the end of its patience", 60)
    shared.leases_run_out()
    until(lambda: shared.has_told(mark), "the letters")
    os.kill(shared.daemon.process.pid, signal.SIGCONT)
    shared.settle()
    assert [daemon.stop() for daemon in (shared.daemon, second)] == [0, 0]
    assert shared.audit(ledger).doubles == 0


def test_second_daemon_on_one_folder_is_refused(house: House, new_daemon: Daemons) -> None:
    house.daemon.start()
    other = new_daemon({"data_dir": house.daemon.settings["data_dir"]}, folder=house.daemon.folder / "other")
    shutil.copy(house.daemon.folder / "helpgate.toml", other.folder)
    other.launch()
    assert other.process.wait(20) == 64
    assert "another daemon works in" in other.log_text()
    assert "Traceback" not in other.log_text()
    assert house.daemon.get("/readyz")[0] == 200
    house.daemon.launcher = COMMAND
    assert house.daemon.stop() == 0


def _is_gone(daemon: Daemon) -> bool:
    """Dead, or stopped by SIGSTOP."""
    if not daemon.is_running:
        return True
    with open(f"/proc/{daemon.process.pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"
