"""The disk that loses its power, by a trace written by hand."""

from __future__ import annotations

from pathlib import Path

from tests.parts.power_cut import Disk
from tests.parts.strace import calls

TRACE = r"""
7 pwrite64(3</data/a>, "AB\n", 3, 1) = 3
7 fdatasync(3</data/a> <unfinished ...>
8 pwrite64(4</data/a>, "\0\377", 2, 0) = 2
8 pwrite64(5</data/new>, "x", 1, 2) = 1
7 <... fdatasync resumed>)       = 0
8 fsync(5</data/new>)             = 0
8 fsync(6</data>)                 = 0
8 ftruncate(4</data/a>, 1)        = 0
8 fdatasync(4</data/a>)           = 0
8 fdatasync(4</data/a>)           = -1 EIO (Input/output error)
"""


def test_only_what_an_ended_fsync_covers_is_certain(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text(TRACE)
    disk = Disk(Path("/data"), {"a": b"ab"}, calls(trace))
    assert [disk.after_cut(cut) for cut in disk.cuts()] == [
        {"a": b"ab"},
        {"a": b"aAB\n"},
        {"a": b"aAB\n"},
        {"a": b"aAB\n", "new": b"\0\0x"},
        {"a": b"\0", "new": b"\0\0x"},
    ]
