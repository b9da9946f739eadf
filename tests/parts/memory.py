"""How much memory a process has had at its peak. Linux: proc(5), VmHWM and clear_refs."""

from __future__ import annotations

import re
from pathlib import Path


def begin() -> int:
    """Forget the peak of this process; the octets of now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak(process: int | str = "self") -> int:
    """The most octets of a process, by its id, since it began; of this one since `begin`."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) << 10
