"""How a process and its parse worker talk: pickled values, each behind its length.

Both ends are this program; the frames never hold anything but our own values.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
import time
from dataclasses import dataclass
from typing import BinaryIO

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Request:
    """One mail to read: its octets, or the path of a file that holds them.

    The rest is as `parse.read` takes it.
    """

    octets: bytes | None
    path: str = ""
    reverse_path: str = "x"
    own_addresses: frozenset[str] = frozenset()
    folder: str = ""
    locale: str = "en"


def send(stream: BinaryIO, value: object) -> None:
    """One frame, flushed."""
    octets = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(octets)))
    stream.write(octets)
    stream.flush()


def receive(stream: BinaryIO) -> object:
    """The value of the next frame. EOFError when the other end is gone, in a frame or between two."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    octets = stream.read(count)
    if len(octets) < count:
        raise EOFError
    return octets


def receive_by(descriptor: int, deadline: float) -> object:
    """The value of the next frame, read without a buffer in between.

    deadline: of `time.monotonic`. TimeoutError when the frame is not whole by then, EOFError as `receive`.
    """
    (length,) = _LENGTH.unpack(_exactly_by(descriptor, _LENGTH.size, deadline))
    return pickle.loads(_exactly_by(descriptor, length, deadline))


def send_by(descriptor: int, value: object, deadline: float) -> None:
    """One frame, by a descriptor that does not block.

    deadline: as `receive_by`. TimeoutError when the frame is not taken by then, BrokenPipeError when the other
    end is gone.
    """
    octets = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    for part in (_LENGTH.pack(len(octets)), octets):
        left = memoryview(part)
        while left:
            _await(descriptor, select.POLLOUT, deadline)
            left = left[os.write(descriptor, left) :]


def _await(descriptor: int, event: int, deadline: float) -> None:
    """Until a descriptor is ready; any number of it, which `select.select` has no room for."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError


def _exactly_by(descriptor: int, count: int, deadline: float) -> bytes:
    pieces = []
    while count:
        _await(descriptor, select.POLLIN, deadline)
        piece = os.read(descriptor, min(count, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
