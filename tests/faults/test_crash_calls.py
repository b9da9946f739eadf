"""SIGKILL right before any one system call that writes, from accept to delivered and through the checkpoint. B1.

One mail is traced first. Then there is a life for each call of it: strace, attached to the thread that made it,
kills the daemon when the same thread comes to its nth call of that kind. `make crash` dies at all of them.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from signal import SIGKILL

import pytest

from gateway.store.database import FILE_NAME
from tests.faults.ledger import DESK, House, Ledger, Outcome, sender_of, until
from tests.parts import strace
from tests.parts.ports import wait_for

CALLS = "pwrite64,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,rename,renameat2,unlink,unlinkat"
IN_CI = 5
TO_CHECKPOINT_S = 2.0
REPORT = Path("artifacts/crash-calls.txt")


@dataclass(frozen=True, slots=True)
class Death:
    """Before the nth call of this name. thread: which one, by age; None is whoever moves the log into the store."""

    thread: int | None
    call: str
    nth: int


def test_killed_at_some_calls_nothing_is_lost(house: House, ledger: Ledger, tmp_path: Path) -> None:
    house.daemon.start()
    deaths = record(house, ledger, tmp_path)
    kill_at_each(house, ledger, deaths[:: len(deaths) // IN_CI + 1], tmp_path)


@pytest.mark.crash
@pytest.mark.timeout(0)
def test_killed_at_every_call_nothing_is_lost(house: House, ledger: Ledger, tmp_path: Path) -> None:
    house.daemon.start()
    deaths = record(house, ledger, tmp_path)
    died, outcome = kill_at_each(house, ledger, deaths, tmp_path)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(
        f"{len(deaths)} calls, {died} kills, {len(ledger.resent)} mails sent again, "
        f"{outcome.letters} letters, {outcome.doubles} of them twice\n"
    )


def record(house: House, ledger: Ledger, folder: Path) -> list[Death]:
    """One mail, and every call that wrote something on its way."""
    process, trace = house.daemon.process.pid, folder / "trace"
    threads = strace.threads_of(process)
    with strace.attached(process, "-f", "-y", "-s", "0", "-e", f"trace={CALLS}", trace=trace):
        (mark,) = ledger.marks(1)
        assert ledger.send(house.daemon.smtp_port, mark, mail_of(mark)).startswith("250")
        house.settle()
        until(lambda: any(map(_ends_checkpoint, strace.calls(trace))), "the log moved into the store")
    found, counted = [], Counter[tuple[int, str]]()
    for call in strace.calls(trace):
        in_store = f"{FILE_NAME}>" in call.text
        if in_store or call.thread in threads:
            counted[call.thread, call.name] += 1
            place = None if in_store else threads.index(call.thread)
            found.append(Death(place, call.name, counted[call.thread, call.name]))
    assert {death.call for death in found} >= {"pwrite64", "fdatasync", "write"}
    return found


def kill_at_each(house: House, ledger: Ledger, deaths: Sequence[Death], folder: Path) -> tuple[int, Outcome]:
    """A life for each; the next one starts by itself. How many ended as wanted, and the audit of all."""
    died = in_doubt = 0
    for death in deaths:
        (mark,) = ledger.marks(1)
        mail = mail_of(mark)
        reply = send_and_die(house, ledger, death, mark, mail)
        if not house.daemon.is_running:
            assert house.daemon.exit_code == -SIGKILL, house.daemon.exit_code
            died += 1
            in_doubt += _remains(house, folder)
            house.daemon.start()
        if not reply:
            ledger.resent.add(mark)
            assert ledger.send(house.daemon.smtp_port, mark, mail).startswith("250")
        house.settle()
    assert house.daemon.stop() == 0
    assert died > len(deaths) / 2, "threads and calls are no longer those of the trace"
    outcome = house.audit(ledger)
    assert house.number("SELECT count(*) FROM attachment") == len(ledger.promised)
    assert outcome.doubles <= in_doubt, "only a letter whose text may have left is given a second time"
    return died, outcome


def send_and_die(house: House, ledger: Ledger, death: Death, mark: str, mail: bytes) -> str:
    """The reply to the mail, or ""."""
    harm = ("-e", f"trace={death.call}", "-e", f"inject={death.call}:signal=SIGKILL:when={death.nth}")
    process = house.daemon.process.pid
    if death.thread is None:
        store = str(Path(house.daemon.settings["data_dir"]) / FILE_NAME)
        place, harm = process, ("-f", "-P", store, *harm)
    else:
        place = strace.threads_of(process)[death.thread]
    with strace.attached(place, *harm):
        reply = ledger.send(house.daemon.smtp_port, mark, mail)
        until(lambda: not house.daemon.is_running or house.has_told(mark), f"{death}")
        with contextlib.suppress(TimeoutError):  # a call less than in the trace
            wait_for(lambda: not house.daemon.is_running, f"{death}", TO_CHECKPOINT_S)
    return reply


def mail_of(mark: str) -> bytes:
    """A mail with a file."""
    mail = EmailMessage(SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender_of(mark), DESK, f"{mark} fire"
    mail["Message-ID"] = f"<{mark}@customer.example>"
    mail.set_content(f"{mark}\nThe picture shows it.\n")
    mail.add_attachment(random.Random(mark).randbytes(3000), "image", "png", filename="fire.png")
    return bytes(mail)


def _remains(house: House, folder: Path) -> int:
    """What lies on the disk is whole; how many letters were being handed over. Looks at a copy."""
    copy = folder / "remains"
    copy.mkdir()
    for file in Path(house.daemon.settings["data_dir"]).glob(f"{FILE_NAME}*"):
        shutil.copy(file, copy)
    with contextlib.closing(sqlite3.connect(copy / FILE_NAME)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (in_doubt,) = store.execute("SELECT count(*) FROM outbox WHERE state = 'sending'").fetchone()
    shutil.rmtree(copy)
    return int(in_doubt)


def _ends_checkpoint(call: strace.Call) -> bool:
    return call.name == "fdatasync" and f"{FILE_NAME}>" in call.text
