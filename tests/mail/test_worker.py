"""The parse worker as a process: frames in, frames out, and where it must die."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from gateway.mail import wire
from gateway.mail.parse import read
from gateway.mail.reading import Reading
from gateway.mail.wire import Request
from gateway.mail.worker import answer

ROOT = Path(__file__).parents[2]
MAIL = (Path(__file__).parent / "fixtures" / "full.eml").read_bytes()


class Worker:
    """A worker process and its two pipes."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "gateway.mail.worker"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT)
        self.requests = cast("BinaryIO", self.process.stdin)
        self.answers = cast("BinaryIO", self.process.stdout)

    def ask(self, request: Request) -> Reading:
        wire.send(self.requests, request)
        found = wire.receive(self.answers)
        assert isinstance(found, Reading)
        return found

    def end(self) -> int:
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def worker() -> Iterator[Worker]:
    started = Worker()
    yield started
    started.end()


def test_a_worker_answers_one_mail_after_the_other_and_ends_with_its_input(
    worker: Worker, tmp_path: Path
) -> None:
    file = tmp_path / "mail"
    file.write_bytes(MAIL)
    expected = read(MAIL, reverse_path="")
    for octets, path in ((MAIL, ""), (None, str(file))):
        request = Request(octets, path, "")
        assert worker.ask(request) == expected
    assert expected.verdict == "auto-reply"
    assert worker.end() == 0


def test_large_enclosures_are_handed_over_as_files(worker: Worker, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    mail = tmp_path / "mail"
    mail.write_bytes(
        b"From: a@b.example\r\nContent-Type: application/x; name=x\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(content)
    )
    (enclosure,) = worker.ask(Request(None, str(mail), folder=str(tmp_path))).enclosures
    assert enclosure.data is None
    assert Path(enclosure.path).read_bytes() == content


def test_a_worker_has_no_room_for_more_than_its_limit(worker: Worker) -> None:
    limits = Path(f"/proc/{worker.process.pid}/limits")
    worker.ask(Request(b"x"))
    lines = {line[:26].strip(): line[26:].split()[:2] for line in limits.read_text().splitlines()}
    assert lines["Max address space"] == [str(512 << 20)] * 2
    assert lines["Max core file size"] == ["0", "0"]


def test_a_worker_is_light() -> None:
    script = "import sys, gateway.mail.worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    heavy = {"jinja2", "peewee", "starlette", "asyncio", "email.message", "pydantic", "ssl"}
    assert heavy & set(loaded.stdout.split()) == set()


def test_an_empty_file_is_an_empty_mail(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert answer(Request(None, str(empty))).text == ""


def test_a_frame_that_breaks_off_is_the_end() -> None:
    stream = io.BytesIO()
    wire.send(stream, Request(b"x"))
    whole = stream.getvalue()
    assert wire.receive(io.BytesIO(whole)) == Request(b"x")
    for octets in (b"", whole[:5], whole[:-1]):
        with pytest.raises(EOFError):
            wire.receive(io.BytesIO(octets))


def test_a_frame_by_descriptor_is_whole_or_an_error() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    soon = time.monotonic() + 10
    wire.send_by(writer, Request(b"x"), soon)
    assert wire.receive_by(reader, soon) == Request(b"x")
    with pytest.raises(TimeoutError):
        wire.receive_by(reader, 0)
    with pytest.raises(TimeoutError):
        wire.send_by(writer, Request(bytes(1 << 20)), 0)  # nobody reads: a pipe holds less
    os.close(writer)
    with pytest.raises(EOFError):
        wire.receive_by(reader, soon)
    os.close(reader)


def test_nobody_at_the_other_end_is_a_broken_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        wire.send_by(writer, Request(b"x"), time.monotonic() + 10)
    os.close(writer)
