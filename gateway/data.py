"""Where the files lie that are not Python: templates, pages, styles, scripts."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `name` (templates, web_public, web_agent, widget), in a checkout or an installed wheel.

    A wheel carries them inside the package (see pyproject.toml); a checkout keeps them beside it.
    """
    installed = PACKAGE / "_data" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def file(name: str) -> Path:
    """A single file that a wheel carries inside the package and a checkout keeps beside it."""
    installed = PACKAGE / "_data" / name
    return installed if installed.is_file() else PACKAGE.parent / name
