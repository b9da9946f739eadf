"""Builds the peer's environment below `bench/.peers`, from the pinned requirements beside this file.

`python -m bench.peers.django_helpdesk.build` does it by hand.
"""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent.parent / ".peers" / "django_helpdesk"
PYTHON = ENVIRONMENT / "bin" / "python"
_REQUIREMENTS = HERE / "requirements.txt"
_STAMP = ENVIRONMENT / "built-from.txt"


def build() -> Path:
    """The environment's Python; built when it is missing or the pins have changed."""
    pins = _REQUIREMENTS.read_text()
    if not _STAMP.exists() or _STAMP.read_text() != pins:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        install = ["-m", "pip", "install", "-qq", "--require-hashes", "--requirement", str(_REQUIREMENTS)]
        subprocess.run([str(PYTHON), *install], check=True)
        _STAMP.write_text(pins)
    return PYTHON


if __name__ == "__main__":
    build()
