"""How much memory this process has had at its peak. Linux: proc(5), VmHWM and clear_refs."""

from __future__ import annotations

import re
from pathlib import Path

_SELF = Path("/proc/self")


def begin() -> int:
    """Forget the peak; the octets of now."""
    (_SELF / "clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most octets since `begin`."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", (_SELF / "status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) << 10
