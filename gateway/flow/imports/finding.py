"""What kind of archive a path is."""

from __future__ import annotations

from pathlib import Path

from gateway.errors import Invalid
from gateway.flow.imports.folders import Emls, Maildir, is_maildir
from gateway.flow.imports.mbox import Mbox
from gateway.flow.imports.places import Source

FORMATS = ("mboxrd", "mboxo", "maildir", "eml")


def archive(path: Path, form: str = "") -> Source:
    """The archive at a path, of the form that is named, else of the one it looks like. Raises Invalid or OSError."""
    found = form or _looks_like(path)
    if found in ("mboxrd", "mboxo"):
        return Mbox(path, found)
    return Maildir(path) if found == "maildir" else Emls(path)


def _looks_like(path: Path) -> str:
    if path.is_dir():
        return "maildir" if is_maildir(path) else "eml"
    with path.open("rb") as file:
        begin = file.read(5)
    if begin == b"From ":
        return "mboxrd"
    if path.suffix.lower() in ("", ".mbox", ".mbx") and begin:
        raise Invalid("path", "import.no_mbox", path=str(path))
    return "eml"
