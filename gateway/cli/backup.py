"""`helpgate backup`, `restore` and `migrate`. The configuration is a file of yours and in no backup."""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway import clock
from gateway.cli.options import opened, with_config
from gateway.config import Settings
from gateway.daemon.house import LOCK, data_folder, open_store
from gateway.desk import notifications, outbox
from gateway.store import copies, dumps
from gateway.store.database import FILE_NAME, Store
from gateway.store.engines import SQLITE
from gateway.store.migrations import has_schema, refuse_newer, version
from gateway.store.migrations import migrate as bring_up_to_date

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--force", is_flag=True, help="Replace FILE when it exists.")
@with_config
def backup(settings: Settings, file: Path, force: bool) -> None:
    """Write everything that is kept into FILE, consistent while the daemon runs.

    Keys are in it: whoever has the file can open every ticket. The configuration is not: keep
    helpgate.toml as well.

    Example: helpgate backup /var/backups/helpgate-monday
    """
    if file.exists() and not force:
        raise click.ClickException(f"{file} exists: name another file, or add --force")
    with opened(settings) as store, _new_file(file, force) as unfinished:
        if store.engine == SQLITE:
            copies.copy(store.file, unfinished, _progress)
            copies.check(unfinished)
        else:
            dumps.dump(store.url, unfinished)
            dumps.check(unfinished)
    click.echo(f"{file}: {file.stat().st_size} octets; the configuration is not in it", err=True)


@click.command()
@click.argument("file", metavar="FILE", type=FILE)
@click.option("--force", is_flag=True, help="Replace a store that has mail in it.")
@with_config
def restore(settings: Settings, file: Path, force: bool) -> None:
    """Put a backup in the place of the store. Stop the daemon first.

    Letters that were not sent wait for a human: `helpgate outbox list --state held`, then
    `helpgate outbox retry ID` or `helpgate outbox drop ID`. Mail that was not yet decided goes on.

    Example: helpgate restore /var/backups/helpgate-monday
    """
    if not file.is_file():
        raise click.ClickException(f"there is no file {file}")
    folder = data_folder(settings)
    with _no_daemon(folder):
        if settings.store.url == SQLITE:
            held, skipped = _restore_sqlite(folder, file, force)
        else:
            held, skipped = _restore_postgresql(settings, file, force)
    click.echo(f"{file} is restored", err=True)
    click.echo(f"{held} letters wait for a human: helpgate outbox list --state held", err=True)
    click.echo(f"{skipped} notifications that waited are not sent: they were promised before", err=True)


@click.command()
@with_config
def migrate(settings: Settings) -> None:
    """Bring the schema to the newest version. `helpgate serve` does it by itself at its start.

    Example: helpgate migrate
    """
    store = open_store(settings)
    try:
        ran = bring_up_to_date(store)
        with store.reading() as unit:
            now = version(unit)
    finally:
        store.close()
    for name in ran:
        click.echo(f"ran {name}")
    click.echo(f"the schema is {now}, the newest")


def _restore_sqlite(folder: Path, file: Path, force: bool) -> tuple[int, int]:
    """Made ready beside the old store, so that a store is in its place at every moment."""
    copies.check(file)
    target = folder / FILE_NAME
    if target.exists():
        _refuse_mail(Store(SQLITE, folder, clock.now), force)
    with tempfile.TemporaryDirectory(prefix="restore-", dir=folder) as beside:
        fresh = Path(beside) / FILE_NAME
        _create(fresh)
        copies.copy(file, fresh, _progress)
        settled = _settle(Store(SQLITE, Path(beside), clock.now))
        copies.check(fresh)
        _sync(fresh)
        _give_to_owner(fresh, folder)
        if target.exists():
            copies.fold(target)
        os.replace(fresh, target)
    _sync(folder)
    return settled


def _restore_postgresql(settings: Settings, file: Path, force: bool) -> tuple[int, int]:
    dumps.check(file)
    store = open_store(settings)
    try:
        with store.reading() as unit:
            if dumps.daemons(unit):
                raise click.ClickException("a daemon uses this database: stop every one of them first")
    finally:
        store.close()
    _refuse_mail(store, force)
    dumps.restore(file, store.url)
    return _settle(store)


def _settle(store: Store) -> tuple[int, int]:
    """Make a restored store safe to run: what it would send by itself waits. Returns letters and promises."""
    try:
        with store.reading() as unit:
            refuse_newer(version(unit))
        bring_up_to_date(store)
        with store.unit("restore") as unit:
            return outbox.hold_all(unit), notifications.skip_restored(unit)
    finally:
        store.close()


def _refuse_mail(store: Store, force: bool) -> None:
    """A store that has seen mail is replaced on demand only; one that cannot be read has none to lose."""
    if force:
        return
    try:
        with store.reading() as unit:
            used = has_schema(unit) and unit.number(
                "SELECT (SELECT count(*) FROM inbound) + (SELECT count(*) FROM ticket)"
            )
    finally:
        store.close()
    if used:
        raise click.ClickException("the store has mail in it: add --force to replace it")


@contextmanager
def _no_daemon(folder: Path) -> Iterator[None]:
    """No daemon of this folder runs, and none can start meanwhile."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(f"a daemon works in {folder}: stop it first") from None
        yield


@contextmanager
def _new_file(target: Path, force: bool) -> Iterator[Path]:
    """A file of ours alone that takes its name once it is whole and on the disk."""
    folder = target.absolute().parent
    if not folder.is_dir():
        raise click.ClickException(f"there is no folder {folder}")
    with tempfile.TemporaryDirectory(prefix=".helpgate-", dir=folder) as beside:
        unfinished = Path(beside) / target.name
        _create(unfinished)
        yield unfinished
        _sync(unfinished)
        if force:
            os.replace(unfinished, target)
        else:
            _take_name(unfinished, target)
    _sync(folder)


def _take_name(unfinished: Path, target: Path) -> None:
    """A link never replaces a file that appeared meanwhile."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise click.ClickException(f"{target} exists: name another file, or add --force") from None
    except OSError:  # a file system without links
        os.replace(unfinished, target)


def _create(file: Path) -> None:
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _give_to_owner(file: Path, folder: Path) -> None:
    """What root restores must be the daemon's to open."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _progress(part: float) -> None:
    """On a terminal only: a log needs no percentages."""
    if sys.stderr.isatty():
        click.echo(f"\r{part:4.0%}" + ("\n" if part >= 1 else ""), err=True, nl=False)
