"""The parse workers' parent: whatever goes wrong with one mail, the next one is read."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.flow.readers import WORKERS, Overrun, Readers
from gateway.mail.wire import Request

MAIL = b"From: a@b.example\r\nSubject: hello\r\n\r\nhi\r\n"
LARGE = MAIL + b"x" * 1_000_000  # more than a pipe holds
LONG_S = 60.0


@pytest.fixture
def readers() -> Iterator[Readers]:
    readers = Readers(seconds=0.5)
    yield readers
    readers.stop()


@contextmanager
def no_descriptors() -> Iterator[None]:
    """The process has as many files open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def children() -> list[int]:
    """The processes we started."""
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]


def test_a_worker_that_cannot_be_started_is_nobodys_fault(readers: Readers) -> None:
    with no_descriptors():
        asked = [readers.read(Request(MAIL)) for _ in range(2 * WORKERS)]
        for future in asked:
            with pytest.raises(OSError, match="Too many open files"):
                future.result(LONG_S)
    assert readers.read(Request(MAIL)).result(LONG_S).subject == "hello"


def test_what_is_no_mail_stops_nothing(readers: Readers) -> None:
    with pytest.raises(Exception, match=r"(?i)pickle|local object"):
        readers.read(Request(lambda: b"")).result(LONG_S)  # type: ignore[arg-type]
    assert readers.read(Request(MAIL)).result(LONG_S).subject == "hello"


def test_a_worker_that_takes_nothing_in_is_an_overrun() -> None:
    readers = Readers(seconds=0.5)
    before = set(children())
    assert readers.read(Request(MAIL)).result(LONG_S).subject == "hello"
    (worker,) = set(children()) - before
    os.kill(worker, signal.SIGSTOP)
    with pytest.raises(Overrun):
        readers.read(Request(LARGE)).result(LONG_S)
    assert readers.read(Request(LARGE)).result(LONG_S).subject == "hello"
    readers.stop()


def test_one_worker_reads_what_holds_nobody_up() -> None:
    readers = Readers(held_up_s=LONG_S)
    before = set(children())
    asked = [readers.read(Request(MAIL)) for _ in range(20)]
    assert {future.result(LONG_S).subject for future in asked} == {"hello"}
    assert len(set(children()) - before) == 1
    readers.stop()


def test_a_mail_that_holds_up_the_others_brings_another_worker() -> None:
    readers = Readers(seconds=LONG_S, held_up_s=0.0)
    before = set(children())
    assert readers.read(Request(MAIL)).result(LONG_S).subject == "hello"
    (worker,) = set(children()) - before
    os.kill(worker, signal.SIGSTOP)
    asked = {readers.read(Request(LARGE)), readers.read(Request(MAIL))}
    answered, _ = wait(asked, timeout=LONG_S, return_when=FIRST_COMPLETED)
    assert answered, "the one that the stopped worker has not got is read by another"
    os.kill(worker, signal.SIGCONT)
    assert {one.result(LONG_S).subject for one in asked} == {"hello"}
    readers.stop()
