"""A mail as it arrives: in memory while it is small, then in a file that nobody has to clear away."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gateway.errors import StoreError, StoreFull

MOST_IN_MEMORY = 256 * 1024
PIECE = 1024 * 1024

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Octets:
    """The raw octets of one mail: appended by one thread, then read by any, any number of times.

    Up to `MOST_IN_MEMORY` octets stay in memory. More go to a file without a name in `folder`, which is gone
    when it is closed or the process dies. It is never synced: only the store's commit makes a mail durable.
    """

    __slots__ = ("_digest", "_file", "_folder", "_pieces", "size")

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self._folder = folder
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        """Append a piece. Raises StoreFull when the disk is full, StoreError for other trouble."""
        self.size += len(piece)
        if self._file is None and self.size <= MOST_IN_MEMORY:
            self._pieces.append(piece)
            return
        if self._file is None:
            self._spill()
        self._append(piece)

    @property
    def sha256(self) -> bytes:
        """The digest, 32 octets: of a small mail made when asked, else on the way. FIPS 180-4."""
        if self._file is None:
            return hashlib.sha256(bytes(self)).digest()
        return self._digest.digest()

    def __bytes__(self) -> bytes:
        """All octets in one value: for mails known to be small."""
        if self._file is not None:
            return b"".join(self)
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0]

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of `PIECE` octets, the last one shorter; none for an empty mail."""
        if self._file is None:
            if self.size:
                yield bytes(self)
            return
        for start in range(0, self.size, PIECE):
            yield self._read(start)

    def close(self) -> None:
        """Let go of memory and file. May be called again."""
        self._pieces = []
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        gathered, self._pieces = self._pieces, []
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - lives as long as we
        except OSError as error:
            raise _in_our_words(error) from error
        for piece in gathered:
            self._append(piece)

    def _append(self, piece: bytes) -> None:
        assert self._file is not None
        self._digest.update(piece)
        rest = memoryview(piece)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _in_our_words(error) from error

    def _read(self, start: int) -> bytes:
        assert self._file is not None
        try:
            piece = os.pread(self._file.fileno(), PIECE, start)
        except OSError as error:
            raise _in_our_words(error) from error
        if len(piece) != min(PIECE, self.size - start):
            raise StoreError("the temporary file of a mail is shorter than the mail")
        return piece


def _in_our_words(error: OSError) -> StoreError:
    kind = StoreFull if error.errno in _NO_ROOM else StoreError
    return kind(f"temporary file of a mail: {os.strerror(error.errno or 0)}")
