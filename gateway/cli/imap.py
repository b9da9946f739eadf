"""`helpgate imap`: the folders that are read by IMAP, what stays in them, and having somebody grant access."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Callable

import click

from gateway import clock
from gateway.cli.options import flat, opened, print_lines, print_table, with_config, with_json
from gateway.config import Imap, Settings
from gateway.store import imap as ledger
from gateway.store import imap_grants
from gateway.store.imap import ImapFolder, ImapMail
from gateway.store.imap_grants import ImapGrant
from gateway.store.unit import Unit

UNSEEN, READS, TROUBLE = "never read", "read", "trouble"
COLUMNS = (
    "id",
    "desk",
    "mailbox",
    "folder",
    "state",
    "taken",
    "left",
    "looked_at",
    "grant_ends_at",
    "problem",
)


@click.group()
def imap() -> None:
    """Folders of mailboxes at other servers, whose mail is taken for a desk.

    Example: helpgate imap list
    """


@imap.command("list")
@with_config
@with_json
def list_folders(settings: Settings, as_json: bool) -> None:
    """Every configured folder: whether it can be read, how many mails came from it, how many stay there.

    Example: helpgate imap list --json
    """
    with opened(settings) as store, store.reading() as unit:
        shapes = [_shape(unit, one) for one in settings.imap]
    if as_json:
        print_lines(shapes)
    else:
        print_table("Folders", COLUMNS, [[shape[column] for column in COLUMNS] for shape in shapes])


@imap.command("status")
@with_config
@with_json
def status(settings: Settings, as_json: bool) -> None:
    """Every mail that is in a folder and not here, and why: too large, not to be had, or older than the start.

    Example: helpgate imap status
    """
    with opened(settings) as store, store.reading() as unit:
        folders = [(one, ledger.named(unit, one.name)) for one in settings.imap]
        rows = [_left(one, mail) for one, folder in folders if folder for mail in ledger.left(unit, folder)]
    if as_json:
        print_lines(rows)
    else:
        columns = ("mailbox", "folder", "uid", "state", "size", "attempts", "reason")
        print_table("Left in their folders", columns, [[row[column] for column in columns] for row in rows])


@imap.command("retry")
@click.argument("uids", metavar="UID...", type=click.IntRange(1, 4_294_967_295), nargs=-1, required=True)
@click.option("--desk", metavar="NAME", help="Whose mailbox is meant.  [default: the only one]")
@with_config
def retry(settings: Settings, uids: tuple[int, ...], desk: str | None) -> None:
    """Try mails again that stay in a folder, with the limits of now.

    Example: helpgate imap retry 4711 --desk Support
    """
    chosen = _chosen(settings, desk, lambda one: True)
    with opened(settings) as store, store.unit("admin") as unit:
        folder = ledger.named(unit, chosen.name)
        count = ledger.try_again(unit, folder, uids) if folder else 0
    if count != len(set(uids)):
        raise click.ClickException(f"{count} of {len(set(uids))} are left there: see `helpgate imap status`")
    click.echo(f"{count} will be tried again when the folder is looked into next")


@imap.command("login")
@click.option("--desk", metavar="NAME", help="Whose mailbox is meant.  [default: the only one with oauth]")
@click.option(
    "--device/--browser", default=None, help="A code to type in anywhere, or a browser on this machine."
)
@with_config
def login(settings: Settings, desk: str | None, device: bool | None) -> None:
    """Have the owner of a mailbox grant access to it (OAuth), and keep the grant in the store.

    Without a choice it is the code where the provider has such, else the browser. Run it again before the grant
    ends: `helpgate check` and the operator's summary say when.

    Example: helpgate imap login --desk Support
    """
    chosen = _chosen(settings, desk, lambda one: bool(one.oauth))
    from gateway.transport.imap.granting import begin_on_device, finish_on_device, in_browser
    from gateway.transport.imap.grants import Grants
    from gateway.transport.imap.provider import provider
    from gateway.transport.imap.trouble import Trouble

    has_code = bool(provider(chosen).device_url)
    try:
        if device or (device is None and has_code):
            code = begin_on_device(chosen)
            click.echo(f"Open {flat(code.url)} on any device, log in as {chosen.username} and type:\n")
            click.echo(f"    {flat(code.user_code)}\n")
            answer = finish_on_device(chosen, code, time.sleep)
        else:
            answer = in_browser(chosen, _show)
        with opened(settings) as store:
            Grants(chosen, store).keep(answer)
    except Trouble as error:
        raise click.ClickException(flat(error)) from error
    click.echo(f"access to {chosen.name} is granted; the daemon uses it from now on")


def _show(url: str) -> None:
    click.echo(f"Open this address in a browser on this machine, and agree:\n\n    {url}\n")
    webbrowser.open(url)


def _chosen(settings: Settings, desk: str | None, fits: Callable[[Imap], bool]) -> Imap:
    if not settings.imap:
        raise click.ClickException("no mailbox is configured: add [[imap]] to helpgate.toml")
    found = [one for one in settings.imap if fits(one) and (desk is None or one.desk.lower() == desk.lower())]
    if len(found) != 1:
        names = ", ".join(f"{one.desk} ({one.name})" for one in settings.imap if fits(one)) or "none"
        raise click.ClickException(f"{len(found)} mailboxes fit: name one with --desk; there are: {names}")
    return found[0]


def _shape(unit: Unit, one: Imap) -> dict[str, str | int | None]:
    folder = ledger.named(unit, one.name)
    grant = imap_grants.of_folder(unit, folder.id) if folder and one.oauth else None
    return {
        "id": folder.id if folder else None,
        "desk": one.desk,
        "mailbox": f"{one.username} at {one.host}",
        "folder": one.folder,
        "state": _state(folder),
        "taken": folder.taken if folder else 0,
        "left": _count(unit, folder, f"state IN {ledger.LEFT}"),
        "cursor": folder.cursor if folder else 0,
        "looked_at": clock.rfc3339(folder.looked_at) if folder and folder.looked_at else None,
        "grant_ends_at": _end(grant),
        "problem": folder.problem if folder else "",
    }


def _state(folder: ImapFolder | None) -> str:
    if folder is None or not folder.began_at:
        return TROUBLE if folder and folder.problem else UNSEEN
    return TROUBLE if folder.problem else READS


def _end(grant: ImapGrant | None) -> str | None:
    return clock.rfc3339(grant.ends_at) if grant and grant.ends_at else None


def _count(unit: Unit, folder: ImapFolder | None, where: str) -> int:
    if folder is None:
        return 0
    return unit.number(f"SELECT count(*) FROM imap_mail WHERE folder_id = ? AND {where}", folder.id)


def _left(one: Imap, mail: ImapMail) -> dict[str, str | int | None]:
    return {
        "desk": one.desk,
        "mailbox": f"{one.username} at {one.host}",
        "folder": one.folder,
        "uid": mail.uid,
        "state": mail.state,
        "size": mail.size,
        "attempts": mail.attempts,
        "at": clock.rfc3339(mail.at),
        "reason": mail.reason,
    }
