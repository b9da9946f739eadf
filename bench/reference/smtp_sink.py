"""Postfix's smtp-sink (Debian package `postfix`), the divisor of G4."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import CannotMeasure
from bench.processes import running

_BACKLOG = "128"
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/lib/postfix/sbin"


@contextmanager
def smtp_sink(port: int, log: Path) -> Iterator[int]:
    """Runs smtp-sink on 127.0.0.1:`port`; gives its pid."""
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path=_PLACES)
    if program is None:
        raise CannotMeasure("Postfix's smtp-sink is not installed")
    # Started by root it wants to be told whom to become, and refuses to stay root.
    with running([program, "-u", "nobody", f"127.0.0.1:{port}", _BACKLOG], port, log) as pid:
        yield pid
