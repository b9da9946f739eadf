"""The machine: the configuration file, the data folder, room on the disk, the templates, the clock."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway import clock
from gateway.cli.doctor.finding import Finding, failed, ok, warning
from gateway.config import Settings
from gateway.errors import ConfigError
from gateway.mail.template import check_templates

ROOM_FAILED, ROOM_WARNING = 256 << 20, 2 << 30
BUILT = clock.from_rfc3339("2026-01-01T00:00:00Z")  # no machine of ours can be older than the program


def examine(settings: Settings, file: Path) -> Iterator[Finding]:
    """Everything that is about this machine alone."""
    yield _configuration(file)
    yield from _folder(settings)
    yield _templates(settings)
    yield _clock()


def _configuration(file: Path) -> Finding:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o002:
        return failed("configuration", f"{file} can be written by everybody", f"chmod 640 {file}")
    return ok("configuration", f"{file} (mode {mode:04o})")


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_folder
    if not folder.is_dir():
        yield failed("data folder", f"there is no {folder}", "run helpgate init, or mend data_dir")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield failed("data folder", f"{folder} cannot be written", "run this as the user of the daemon")
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o007:
        yield warning(
            "data folder", f"others may look into {folder} (mode {mode:04o})", f"chmod 700 {folder}"
        )
    else:
        yield ok("data folder", f"{folder} (mode {mode:04o})")
    yield _room(folder)


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    told = f"{free / (1 << 30):.1f} GiB free for {folder}"
    if free < ROOM_FAILED:
        return failed("disk", told, "make room: mail is put off (452) when nothing more can be stored")
    if free < ROOM_WARNING:
        return warning("disk", told, "make room before it is used up")
    return ok("disk", told)


def _templates(settings: Settings) -> Finding:
    folder = settings.path(settings.templates.folder) if settings.templates.folder else None
    try:
        check_templates(folder)
    except ConfigError as error:
        return failed("templates", str(error), "the daemon does not start like this")
    return ok("templates", f"every letter can be written{f', with those in {folder}' if folder else ''}")


def _clock() -> Finding:
    now = clock.now()
    told = f"it is {clock.rfc3339(now)}"
    if now < BUILT:
        return failed("clock", told, "set the clock: tokens, retries and Date depend on it")
    return ok("clock", told)
