"""One file with many mails, a postmark line `From …` before each. RFC 4155.

A postmark stands at the beginning or after an empty line, has a day and a time in it, and a header
follows: a sentence that begins with "From " is no postmark, even where no program put a `>` before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gateway.flow.imports.places import UNKNOWN, Place, moment, with_crlf

PIECE = 65_536
AT_ONCE = 1 << 20  # octets of a mail that are read by one call: most mails, and a tenth of the time
_POSTMARK = re.compile(rb"From [^\r\n]*?((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [^\r\n]*\d:\d\d[^\r\n]*)")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|>?From ")
_MARKS = {
    "mboxrd": re.compile(rb"^>(?=>*From )", re.MULTILINE),
    "mboxo": re.compile(rb"^>(?=From )", re.MULTILINE),
}


class Mbox:
    """dialect: `mboxrd` has a `>` before every line that begins with any number of them and "From ";
    `mboxo` only before those that begin with "From " itself, so that one of two cannot be told apart.
    """

    def __init__(self, path: Path, dialect: str = "mboxrd") -> None:
        self.name = str(path)
        self._path = path
        self._mark = _MARKS[dialect]

    def places(self) -> Iterator[Place]:
        """Every mail between two postmarks; `at` is where its header begins. The file is read once."""
        with self._path.open("rb") as file:
            yield from _Walk().places(file)

    def pieces(self, place: Place) -> Iterator[bytes]:
        """The mail without the marks, and without the empty line that the archive put behind it."""
        with self._path.open("rb") as file:
            file.seek(place.at)
            if place.size <= AT_ONCE:
                yield self._whole(file.read(place.size))
            else:
                yield from with_crlf(self._lines(file, place.size))

    def _whole(self, octets: bytes) -> bytes:
        text = self._mark.sub(b"", octets.replace(b"\r\n", b"\n"))
        return (text[:-1] if text.endswith(b"\n\n") else text).replace(b"\n", b"\r\n")

    def _lines(self, file: BinaryIO, left: int) -> Iterator[bytes]:
        """The same for a large one, line by line."""
        at_start, empty = True, b""
        while left > 0 and (line := file.readline(min(PIECE, left))):
            left -= len(line)
            if empty:
                yield empty
                empty = b""
            if at_start:
                line = self._mark.sub(b"", line, count=1)
            if at_start and line in (b"\n", b"\r\n"):
                empty = line  # the last one is the archive's
            else:
                yield line
            at_start = line.endswith(b"\n")


class _Walk:
    """From postmark to postmark."""

    def __init__(self) -> None:
        self._begins = -1  # where the header of this mail begins; none before the first postmark
        self._in_head = False
        self._written = self._delivered = UNKNOWN

    def places(self, file: BinaryIO) -> Iterator[Place]:
        at, after_empty, at_start = 0, True, True
        mark: tuple[int, int] | None = None  # where a line that may be a postmark begins, and its time
        while line := file.readline(PIECE):
            if mark is not None and _FIELD.match(line):
                yield from self._ended(mark[0])
                self._begins, self._in_head = at, True
                self._written, self._delivered = UNKNOWN, mark[1]
            found = _POSTMARK.match(line) if at_start and after_empty else None
            mark = (at, moment(found[1].decode("ascii", "replace"))) if found else None
            empty = line in (b"\n", b"\r\n")
            if self._in_head and at_start:
                self._look_for_date(line, empty)
            after_empty = at_start and empty
            at_start = line.endswith(b"\n")
            at += len(line)
        yield from self._ended(at)

    def _look_for_date(self, line: bytes, empty: bool) -> None:
        if line[:5].lower() == b"date:" and self._written == UNKNOWN:
            self._written = moment(line[5:].decode("ascii", "replace").strip())
        self._in_head = not empty

    def _ended(self, at: int) -> Iterator[Place]:
        if self._begins >= 0:
            yield Place(self._begins, at - self._begins, self._written, self._delivered)
