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
_PIECE = 1 << 16  # octets that a pipe holds


@dataclass(frozen=True, slots=True)
class Request:
    """One mail to read: its octets, or the path of a file that holds them.

    The rest is as `parse.read` takes it.
    """

    octets: bytes | None
    path: str = ""
    reverse_path: str = "x"
    folder: str = ""
    locale: str = "en"


def send(stream: BinaryIO, value: object) -> None:
    """One frame, flushed."""
    stream.write(_framed(value))
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
    """The value of the next frame, which comes alone: one answer to one request.

    deadline: of `time.monotonic`. TimeoutError when the frame is not whole by then, EOFError as `receive`.
    """
    frame = bytearray()
    while len(frame) < _whole(frame):
        _await(descriptor, select.POLLIN, deadline)
        piece = os.read(descriptor, _PIECE)
        if not piece:
            raise EOFError
        frame += piece
    return pickle.loads(memoryview(frame)[_LENGTH.size :])


def send_by(descriptor: int, value: object, deadline: float) -> None:
    """One frame, by a descriptor that does not block.

    deadline: as `receive_by`. TimeoutError when the frame is not taken by then, BrokenPipeError when the other
    end is gone.
    """
    left = memoryview(_framed(value))
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            _await(descriptor, select.POLLOUT, deadline)


def _framed(value: object) -> bytes:
    octets = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(octets)) + octets


def _whole(frame: bytearray) -> int:
    """How many octets a frame has, as far as its beginning says."""
    if len(frame) < _LENGTH.size:
        return _LENGTH.size
    length: int = _LENGTH.unpack_from(frame)[0]
    return _LENGTH.size + length


def _await(descriptor: int, event: int, deadline: float) -> None:
    """Until a descriptor is ready; any number of it, which `select.select` has no room for."""
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
