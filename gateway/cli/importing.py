"""`helpgate import`: the mail of the years before Helpgate."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from gateway import clock, log
from gateway.cli.options import flat, opened, with_config
from gateway.config import Settings
from gateway.daemon.applying import Applying
from gateway.desk import desks
from gateway.desk.tables import Desk
from gateway.errors import Invalid
from gateway.flow.imports.feeding import CHANNEL, GROUP, Feeder
from gateway.flow.imports.finding import FORMATS, archive
from gateway.flow.imports.places import UNKNOWN, Listing, Source
from gateway.store import journal
from gateway.store.database import Store

WINDOW = 256  # so many wait in the journal at most, where mail of today goes before them
LINE_EVERY = 1000
IMAP = "imap:"

Show = Callable[[int, int], None]
"""Told how many mails are taken in, and how many of them wait for their fate."""


@dataclass(slots=True)
class Summary:
    """What an import did, as `--json` says it.

    since: from when on its mails are in the journal.  found: mails in the archives.  older: left out by `--since`.
    empty: without any octet.  unreadable: what could not be read, files and mails.  already_here: by an
    earlier run.  written: new in the journal; applied, held and dropped are their fates.
    """

    since: str
    found: int = 0
    older: int = 0
    empty: int = 0
    unreadable: list[str] = field(default_factory=list)
    already_here: int = 0
    written: int = 0
    applied: int = 0
    held: int = 0
    dropped: int = 0


@click.command(name="import")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@click.option(
    "--desk", "name", metavar="NAME", help="Whose mail it was.  [default: the desk, when there is one]"
)
@click.option(
    "--open", "leave_open", is_flag=True, help="Leave tickets open, and not closed, for somebody to answer."
)
@click.option("--since", metavar="T", help="Only mails written at or after this time (RFC 3339, UTC).")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="What the archives are.  [default: as they look]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end, and no progress.")
@with_config
def import_(
    settings: Settings,
    paths: Sequence[str],
    name: str | None,
    leave_open: bool,
    since: str | None,
    form: str | None,
    as_json: bool,
) -> None:
    """Take in mail from before Helpgate: mbox files, Maildirs, .eml files and folders of them.

    It becomes tickets with its own times, and nobody is sent anything. imap:FOLDER is a folder of the mailbox
    that the desk reads by [[imap]]. Run it again after an interruption: it goes on where it was.

    Example: helpgate import --desk Support archive.mbox /srv/old/Maildir
    """
    log.set_up(level=logging.WARNING)
    oldest = _moment(since)
    summary = Summary(since=clock.rfc3339(clock.now()))
    with opened(settings) as store:
        desk = _desk(store, name)
        listing = Listing()
        for path in paths:
            if not as_json:
                click.echo(f"looking through {flat(path)}", err=True)
            _list(listing, _source(settings, store, desk, path, form or ""), summary)
        summary.found = len(listing)
        with (
            Applying(store, settings) as applying,
            Feeder(store, desk, leave_open=leave_open) as feeder,
            _progress(len(listing), silent=as_json) as show,
        ):
            _take_in(listing, oldest, feeder, applying, show, summary)
        _count(store, feeder, summary)
    _tell(summary, as_json)


def _take_in(
    listing: Listing, oldest: int, feeder: Feeder, applying: Applying, show: Show, summary: Summary
) -> None:
    """Every mail that is young enough, until each has its fate."""
    chosen = 0
    for source, place in listing.by_time(oldest):
        chosen += 1
        try:
            feeder.feed(source.pieces(place), place.delivered)
        except OSError as error:
            summary.unreadable.append(f"{source.name}: {error.strerror or error}")
        if chosen % GROUP == 0:
            _wait(WINDOW, chosen, applying, show)
    feeder.flush()
    _wait(0, chosen, applying, show)
    summary.older = len(listing) - chosen


def _wait(most: int, taken: int, applying: Applying, show: Show) -> None:
    """Until no more than `most` wait."""
    waiting = applying.waiting()
    show(taken, waiting)
    while waiting > most:
        waiting = applying.wait()
        show(taken, waiting)


def _moment(since: str | None) -> int:
    if since is None:
        return UNKNOWN
    try:
        return clock.from_rfc3339(since)
    except ValueError:
        raise click.UsageError(f"--since: {since} is no time: write 2020-01-01T00:00:00Z") from None


def _desk(store: Store, name: str | None) -> Desk:
    with store.reading() as unit:
        if name is not None:
            return desks.named(unit, name)
        found = desks.everyone(unit)
    if len(found) != 1:
        raise click.UsageError(f"there are {len(found)} desks: name one with --desk")
    return found[0]


def _source(settings: Settings, store: Store, desk: Desk, path: str, form: str) -> Source:
    if not path.startswith(IMAP):
        if not Path(path).exists():
            raise click.UsageError(f"there is no {path}")
        return archive(Path(path), form)
    # imapclient takes a while to load, and few imports need it
    from gateway.transport.imap.archive import ImapArchive

    mailbox = next((one for one in settings.imap if one.desk.lower() == desk.name.lower()), None)
    if mailbox is None:
        raise Invalid("path", "import.unknown_folder", name=path)
    return ImapArchive(mailbox.model_copy(update={"folder": path.removeprefix(IMAP)}), mailbox, store)


def _list(listing: Listing, source: Source, summary: Summary) -> None:
    """What cannot be read any further counts with what was read of it."""
    try:
        listing.add(source, source.places())
    except OSError as error:
        summary.unreadable.append(f"{source.name}: {error.strerror or error}")


@contextmanager
def _progress(total: int, *, silent: bool) -> Iterator[Show]:
    """A bar on a terminal; a line for every thousand mails elsewhere."""
    if silent:
        yield lambda taken, waiting: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("mails"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task("mails", total=total)
            yield lambda taken, waiting: progress.update(bar, completed=max(0, taken - waiting))
    else:
        yield _Lines(total)


class _Lines:
    """Progress for a log."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next = LINE_EVERY

    def __call__(self, taken: int, waiting: int) -> None:
        """Says so when another thousand is done."""
        done = max(0, taken - waiting)
        if done >= self._next:
            click.echo(f"{done} of {self._total} mails", err=True)
            self._next = done - done % LINE_EVERY + LINE_EVERY


def _count(store: Store, feeder: Feeder, summary: Summary) -> None:
    summary.written, summary.already_here, summary.empty = feeder.written, feeder.known, feeder.empty
    if feeder.first:
        with store.reading() as unit:
            fates = journal.historic_fates(unit, feeder.first, CHANNEL)
        summary.applied = fates.get(journal.APPLIED, 0)
        summary.held = fates.get(journal.HELD, 0)
        summary.dropped = fates.get(journal.DROPPED, 0)


def _tell(summary: Summary, as_json: bool) -> None:
    """The numbers, and where to look; with status 1 where something could not be read."""
    if as_json:
        click.echo(json.dumps(asdict(summary)))
    else:
        _tell_in_words(summary)
    if summary.unreadable:
        sys.exit(1)


def _tell_in_words(summary: Summary) -> None:
    click.echo(f"{summary.found} mails found, {summary.written} of them are new here")
    for count, what in (
        (summary.applied, "are on tickets"),
        (summary.dropped, "had come another way as well: dropped as duplicates"),
        (summary.held, f"are held: helpgate journal --fate held --since {summary.since}"),
        (summary.already_here, "were here from an earlier run"),
        (summary.older, "are older than --since"),
        (summary.empty, "are empty"),
    ):
        if count:
            click.echo(f"{count:9} {what}")
    for problem in summary.unreadable:
        click.echo(f"cannot be read: {flat(problem)}", err=True)
