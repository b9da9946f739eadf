"""The parse worker: `python -m gateway.mail.worker` reads foreign mail in a process of its own.

Requests come on standard input, Readings leave on standard output (see `gateway.mail.wire`).
What is too big dies here and nowhere else; the parent holds the clock.
"""

from __future__ import annotations

import mmap
import os
import resource
import sys
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from gateway.mail import wire
from gateway.mail.parse import read
from gateway.mail.reading import Reading
from gateway.mail.wire import Request

MEMORY = 512 << 20
"""Octets of address space, design §4."""


def main() -> None:
    """Answer requests until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not look like a frame
    serve(sys.stdin.buffer, answers)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """One Reading for each Request, in order."""
    while True:
        try:
            request = wire.receive(requests)
        except EOFError:
            return
        if not isinstance(request, Request):
            raise TypeError(f"not a request: {type(request).__name__}")
        wire.send(answers, answer(request))


def answer(request: Request) -> Reading:
    """The Reading of one request. A file is mapped, never copied whole."""
    if request.octets is not None:
        return _read(request, request.octets)
    with Path(request.path).open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:  # an empty file cannot be mapped
            return _read(request, b"")
        with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as octets:
            return _read(request, octets)


def _read(request: Request, octets: bytes | mmap.mmap) -> Reading:
    return read(
        octets,
        reverse_path=request.reverse_path,
        folder=request.folder,
        locale=request.locale,
    )


if __name__ == "__main__":
    main()
