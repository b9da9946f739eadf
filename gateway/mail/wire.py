"""How a process and its parse worker talk: pickled values, each behind its length.

Both ends are this program; the frames never hold anything but our own values.
"""

from __future__ import annotations

import pickle
import struct
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
