"""The folders that are read by IMAP: their server takes us, and the daemon can read them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gateway import clock
from gateway.cli.doctor.finding import Finding, failed, ok, warning
from gateway.cli.options import opened
from gateway.config import Imap, Settings
from gateway.desk import desks
from gateway.errors import ConfigError, DeskError, StoreError
from gateway.store import imap as ledger
from gateway.store import imap_grants
from gateway.store.database import Store
from gateway.store.imap import ImapFolder
from gateway.store.unit import Unit

MEND = "see `helpgate imap list`, and [[imap]] in the configuration"


def examine(settings: Settings) -> Iterator[Finding]:
    """Every folder of the configuration."""
    if not settings.imap:
        return
    try:
        with opened(settings) as store:
            for one in settings.imap:
                yield _logged_in(one, store)
                with store.reading() as unit:
                    yield from _remembered(unit, one)
    except (click.ClickException, StoreError):
        return  # the store has a finding of its own


def _logged_in(one: Imap, store: Store) -> Finding:
    """Connect, TLS, login and open the folder, without a change to anything in it."""
    from gateway.transport.imap.fleet import Way
    from gateway.transport.imap.trouble import LoginRefused, NotDone, Trouble

    subject = _subject(one)
    try:
        connection = Way(one, store)()
        selected = connection.select(one.folder, read_only=True)
        connection.leave()
    except LoginRefused as error:
        return failed(subject, str(error), "mend the password, or run helpgate imap login")
    except (Trouble, NotDone, ConfigError) as error:
        return failed(subject, str(error), MEND)
    return ok(
        subject, f"{one.host}:{one.port} ({one.security}) takes us; {selected.exists} mails in {one.folder}"
    )


def _remembered(unit: Unit, one: Imap) -> Iterator[Finding]:
    """What the daemon has found, and what a human has to do in time."""
    subject, folder = _subject(one), ledger.named(unit, one.name)
    try:
        desks.named(unit, one.desk)
    except DeskError:
        yield failed(subject, f"there is no desk {one.desk}", "helpgate desk add, or mend [[imap]] desk")
    if folder is None:
        return
    if folder.problem:
        since = clock.rfc3339(folder.problem_at)
        yield failed(subject, f"the daemon cannot read it since {since}: {folder.problem}", MEND)
    if count := len([mail for mail in ledger.left(unit, folder) if mail.state != ledger.OLD]):
        yield warning(subject, f"{count} mails stay there", "helpgate imap status says why")
    yield from _grant(unit, subject, folder)


def _grant(unit: Unit, subject: str, folder: ImapFolder) -> Iterator[Finding]:
    grant = imap_grants.of_folder(unit, folder.id)
    if grant is None or not grant.ends_at:
        return
    told = f"the grant ends {clock.rfc3339(grant.ends_at)}"
    if grant.ends_at - unit.now <= imap_grants.WARN_MS:
        yield warning(subject, told, "helpgate imap login")
    else:
        yield ok(subject, told)


def _subject(one: Imap) -> str:
    return f"mailbox {one.name}"
