"""A PostgreSQL cluster of its own in a temporary folder, reached by a unix socket, durable as shipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import CannotMeasure

_INITIALLY = ("--auth", "trust", "--encoding", "UTF8")
_PLACES = "/usr/lib/postgresql/17/bin:/usr/lib/postgresql/16/bin:/usr/lib/postgresql/15/bin"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One that is running. `folder` is short, for a socket's path has 107 octets at most (unix(7))."""

    folder: Path
    pid: int

    def database(self, name: str) -> str:
        """A new, empty database; gives its URL."""
        _as_postgres("createdb", "--host", str(self.folder), "--username", "postgres", name)
        return f"postgresql://postgres@/{name}?host={self.folder}"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Runs one until the block ends; its folder goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        _as_postgres("initdb", "--pgdata", str(data), "--username", "postgres", *_INITIALLY)
        # Every parameter but the place is as shipped: fsync and synchronous_commit are on.
        place = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        log = str(folder / "log")
        _as_postgres("pg_ctl", "start", "--wait", "--pgdata", str(data), "--log", log, "--options", place)
        try:
            yield Cluster(folder, int((data / "postmaster.pid").read_text().split()[0]))
        finally:
            _as_postgres("pg_ctl", "stop", "--wait", "--mode", "fast", "--pgdata", str(data))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(name: str, *arguments: str) -> None:
    """Runs one of PostgreSQL's programs; as root through runuser, for they refuse to be root."""
    program = shutil.which(name, path=_PLACES) or shutil.which(name)
    if program is None:
        raise CannotMeasure(f"PostgreSQL's {name} is not installed")
    change = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*change, program, *arguments], check=False, cwd="/", stdin=subprocess.DEVNULL, capture_output=True
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip()[-200:]
        raise CannotMeasure(f"{name} ended with {done.returncode}: {last}")
