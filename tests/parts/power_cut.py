"""What a power cut leaves of a folder's files, by a trace of the system calls that wrote them.

Certain is what an ended fsync covers; a new file also needs one of its folder. Of what was written besides, a disk
may have kept any part: none of it, or what the dice say.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.parts.strace import Call

OPTIONS = ("-f", "-y", "-s", "10000000", "-e", "trace=pwrite64,ftruncate,fsync,fdatasync,rename,unlink,write")
_WRITTEN = re.compile(r'pwrite64\(\d+<([^>]*)>, (".*"), \d+, (\d+)\)\s+= \d+')
_CUT_OFF = re.compile(r"ftruncate\(\d+<([^>]*)>, (\d+)\)\s+= 0")
_SYNCED = re.compile(r"(?:fsync|fdatasync)\(\d+<([^>]*)>\)\s+= 0")
_ELSEWHERE = ("-shm", ".lock")
"""Made anew by whoever opens the store."""


@dataclass(frozen=True, slots=True)
class Change:
    """Octets from `offset` on; or, with None, the end of the file there."""

    path: str
    call: Call
    offset: int
    octets: bytes | None

    def apply(self, content: bytearray) -> None:
        if self.octets is None:
            del content[self.offset :]
        else:
            content.extend(bytes(max(0, self.offset - len(content))))
            content[self.offset : self.offset + len(self.octets)] = self.octets


class Disk:
    """The files of one folder, as they were before the trace and as it changed them."""

    def __init__(self, folder: Path, before: Mapping[str, bytes], trace: Sequence[Call]) -> None:
        self._folder = str(folder)
        self._before = {str(folder / name): octets for name, octets in before.items()}
        inside = [call for call in trace if f"<{folder}" in call.text or f'"{folder}/' in call.text]
        self._changes = [change for call in inside if (change := _change(call)) is not None]
        self._syncs = [(match[1], call) for call in inside if (match := _SYNCED.match(call.text))]
        self._end = trace[-1].ended + 1
        names = [call.text for call in inside if call.name in ("rename", "unlink")]
        assert all(f"{folder}/tmp/" in text for text in names), f"this is not played: {names}"

    def cuts(self) -> list[int]:
        """The lines of the trace at which the power may go: each time right before one more sync has ended."""
        return [call.ended for _, call in self._syncs] + [self._end]

    def after_cut(self, cut: int, dice: random.Random | None = None) -> dict[str, bytes]:
        """What is there after it, by name."""
        paths = self._before.keys() | {change.path for change in self._changes}
        left = {path: self._content(path, cut, dice) for path in sorted(paths)}
        return {Path(path).name: octets for path, octets in left.items() if octets is not None}

    def _content(self, path: str, cut: int, dice: random.Random | None) -> bytes | None:
        changes = [change for change in self._changes if change.path == path and change.call.begun < cut]
        if path not in self._before:
            named = self._covered(self._folder, cut)
            if not changes or (changes[0].call.begun > named and (dice is None or dice.random() < 0.5)):
                return None
        content, certain = bytearray(self._before.get(path, b"")), self._covered(path, cut)
        for change in changes:
            if change.call.ended < certain or (dice is not None and dice.random() < 0.5):
                change.apply(content)
        return bytes(content)

    def _covered(self, path: str, cut: int) -> int:
        """The line up to which everything is on the disk."""
        return max((call.begun for one, call in self._syncs if one == path and call.ended < cut), default=-1)


def _change(call: Call) -> Change | None:
    found = None
    if match := _WRITTEN.match(call.text):
        found = Change(match[1], call, int(match[3]), ast.literal_eval(f"b{match[2]}"))
    elif match := _CUT_OFF.match(call.text):
        found = Change(match[1], call, int(match[2]), None)
    return None if found is None or found.path.endswith(_ELSEWHERE) else found
