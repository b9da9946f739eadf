"""Real mails from a folder: read one by one by some library, or sent to a gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.errors import CannotMeasure
from bench.mails import Outgoing

LARGEST = 1_000_000
_SUFFIXES = {".eml", ".txt", ".msg", ""}
_HEADER = re.compile(rb"\A(?:\xef\xbb\xbf|\s|>?From [^\n]*\n)*[!-9;-~]{1,200}[ \t]*:")
_LINE_END = re.compile(rb"\r\n|\r|\n")


def paths(folder: Path) -> list[Path]:
    """The files below a folder that begin as mails do, in order. Raises CannotMeasure when there are none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in files if _may_be_mail(path)]
    if not found:
        raise CannotMeasure("the corpus has no mails")
    return found


def outgoing(files: Sequence[Path], run: str, desk: str) -> Iterator[Outgoing]:
    """The mails of these files as a client sends them, each with a field of its own, so that none is sent twice."""
    for number, path in enumerate(files):
        lines = _LINE_END.split(path.read_bytes().lstrip())
        if lines[0].startswith((b"From ", b">From ")):
            del lines[0]
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
        head = f"X-Bench: {run}.{number}\r\n".encode()
        yield Outgoing(f"customer-{run}-{number}@example.net", desk, head + stuffed.rstrip(b"\r\n") + b"\r\n")


def _may_be_mail(path: Path) -> bool:
    if path.suffix.lower() not in _SUFFIXES and not path.suffix[1:].isdigit():
        return False
    with path.open("rb") as file:
        return path.stat().st_size <= LARGEST and _HEADER.match(file.read(2000)) is not None
