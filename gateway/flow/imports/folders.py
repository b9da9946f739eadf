"""Folders with a file for each mail: Maildir with its subfolders, and trees of .eml files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.clock import SECOND
from gateway.flow.imports.places import UNKNOWN, Place, with_crlf, written

PIECE = 65_536
HEAD_LINES = 2000
LEFT_OUT = frozenset({"trash", "drafts", "junk", "spam", "deleted items", "deleted messages"})
"""Subfolders of a Maildir that are no correspondence; one of them is taken where it is named itself."""
_ARRIVED = re.compile(r"(\d{9,11})\.")
_NO_MAIL = re.compile(r".*:2,[A-Za-z]*[DT]")  # a draft, or thrown away


class Files:
    """Files with one mail each. `at` counts them."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._files: list[str] = []

    def places(self) -> Iterator[Place]:
        """Every file; one that cannot be opened stops the walk."""
        for file in self._walk():
            with open(file, "rb") as opened:
                head = (opened.readline(PIECE) for _ in range(HEAD_LINES))
                moment, size = written(head), os.fstat(opened.fileno()).st_size
            self._files.append(file)
            yield Place(len(self._files) - 1, size, moment, self._delivered(file))

    def pieces(self, place: Place) -> Iterator[bytes]:
        """The mail as it lies there, lines ended by CRLF."""
        with open(self._files[place.at], "rb") as file:
            yield from with_crlf(iter(lambda: file.readline(PIECE), b""))

    def _walk(self) -> Iterator[str]:
        raise NotImplementedError

    def _delivered(self, file: str) -> int:
        return UNKNOWN


class Emls(Files):
    """A file, or every .eml below a folder, in the order of their names."""

    def _walk(self) -> Iterator[str]:
        if self._path.is_file():
            yield str(self._path)
        for folder, below, names in os.walk(self._path):
            below.sort()
            yield from (os.path.join(folder, one) for one in sorted(names) if one.lower().endswith(".eml"))


class Maildir(Files):
    """`new` and `cur` of a Maildir and of the Maildirs in it (Maildir++); never `tmp`, and no drafts."""

    def _walk(self) -> Iterator[str]:
        for folder, below, names in os.walk(self._path):
            below[:] = sorted(one for one in below if one != "tmp" and not _is_left_out(one))
            if Path(folder).name in ("cur", "new"):
                below.clear()
                yield from (os.path.join(folder, one) for one in sorted(names) if _is_mail(one))

    def _delivered(self, file: str) -> int:
        """Its name begins with the second of its delivery, whatever copied it since."""
        found = _ARRIVED.match(Path(file).name)
        return int(found[1]) * SECOND if found else UNKNOWN


def is_maildir(path: Path) -> bool:
    """Whether a folder is one, or has one in it."""
    return any((one / "cur").is_dir() for one in (path, *path.glob("*")) if one.is_dir())


def _is_left_out(name: str) -> bool:
    return name.rpartition(".")[2].lower() in LEFT_OUT


def _is_mail(name: str) -> bool:
    return not name.startswith((".", "dovecot")) and not _NO_MAIL.match(name)
