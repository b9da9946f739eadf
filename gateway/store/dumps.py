"""Dumps of a PostgreSQL store, by PostgreSQL's own programs: consistent while daemons write."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gateway.errors import StoreError
from gateway.store.unit import Unit

FOLDERS = "/usr/lib/postgresql"
OURS = "schema_step"


def dump(url: str, target: Path) -> None:
    """Write the whole database over the empty file `target`, in PostgreSQL's custom format. Raises StoreError."""
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def check(file: Path) -> None:
    """Nothing, when `file` is a dump of a store of ours; else StoreError."""
    listed = _run("pg_restore", "", "--list", str(file))
    if f" {OURS} " not in listed:
        raise StoreError(f"{file} is a dump, but not one of Helpgate")


def restore(file: Path, url: str) -> None:
    """Put a dump in the place of what is there, whole or not at all. Raises StoreError."""
    options = (
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--single-transaction",
        "--exit-on-error",
    )
    _run("pg_restore", url, *options, str(file))


def daemons(unit: Unit) -> int:
    """How many other connections of Helpgate the database has now: a daemon keeps some open."""
    return unit.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'helpgate' AND pid <> pg_backend_pid()"
    )


def _run(program: str, url: str, *arguments: str) -> str:
    """What a program of PostgreSQL says. A password goes by the environment: anybody can read a command line."""
    parts = conninfo_to_dict(url)
    password = str(parts.pop("password", "") or "")
    database = [f"--dbname={make_conninfo('', **parts)}"] if url else []
    done = subprocess.run(
        [_find(program), *database, *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
    )
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise StoreError(f"{program}: {complaint[0].removeprefix(f'{program}: ')}")
    return done.stdout


def _find(program: str) -> str:
    newest = sorted(Path(FOLDERS).glob("*/bin"), key=_version, reverse=True)
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join(map(str, newest)))
    if found is None:
        raise StoreError(
            f"{program} is not installed; on Debian or Ubuntu: apt-get install postgresql-client"
        )
    return found


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0
