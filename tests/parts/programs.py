"""Finding the Debian programs that tests start; a test whose program is missing is skipped by its name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


def find(program: str, *folders: str) -> str | None:
    """Absolute path of a program in the given folders, PATH or the sbin folders, or None."""
    path = os.pathsep.join((*folders, os.environ.get("PATH", ""), *_FOLDERS))
    return shutil.which(program, path=path)


def need(program: str, package: str, *folders: str) -> str:
    """Absolute path of a program; skips the test when there is none."""
    found = find(program, *folders)
    if found is None:
        pytest.skip(f"needs {program} (Debian package {package})")
    return found


def is_root() -> bool:
    return os.geteuid() == 0


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program needs of our environment and nothing that could configure it by accident."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(extra or {})


def run(
    command: Sequence[str], *, timeout: float = 60, user: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, as another user if one is named. Raises AssertionError with all it said."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd=cwd,
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
