"""The store: it answers, is whole, and nothing in it waits for somebody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import click

from gateway import clock
from gateway.cli.doctor.finding import Finding, failed, ok, warning
from gateway.cli.options import opened
from gateway.clock import DAY, MINUTE
from gateway.config import Settings
from gateway.desk import agents, desks, outbox
from gateway.desk.tables import Desk
from gateway.errors import StoreError
from gateway.mail.address import parse_address, split_address
from gateway.store import settings as kept
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.store.journal import HELD, RECEIVED
from gateway.store.migrations import version
from gateway.store.unit import Unit

STUCK_MS = 2 * MINUTE
LATE_MS = DAY


def examine(settings: Settings) -> Iterator[Finding]:
    """The store and what it holds."""
    try:
        with opened(settings) as store:
            yield _whole(store)
            with store.reading() as unit:
                yield from _people(unit)
                yield from _operator(unit, settings)
                yield from _waiting(unit, settings)
    except click.ClickException as error:
        yield failed("store", error.message, "then look again: helpgate check")
    except StoreError as error:
        yield failed("store", str(error), "is the database up, and [store] url right? docs/operations.md")


def domains(settings: Settings) -> list[str]:
    """The domains of the desks; none where the store cannot say."""
    try:
        with opened(settings) as store, store.reading() as unit:
            return list(dict.fromkeys(_domain(desk) for desk in desks.everyone(unit)))
    except (click.ClickException, StoreError):
        return []


def _whole(store: Store) -> Finding:
    with store.reading() as unit:
        schema = version(unit)
    if store.engine != SQLITE:
        return ok("store", f"PostgreSQL, schema {schema}")
    try:
        with closing(sqlite3.connect(store.file, timeout=10)) as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        return failed(
            "store", f"{store.file} is damaged: {found}", "stop the daemon, restore the last backup"
        )
    return ok("store", f"{store.file}, schema {schema}, whole")


def _people(unit: Unit) -> Iterator[Finding]:
    """Keys, desks, agents, and the trap of one domain for both. Threat: registering elsewhere with a reply address."""
    keys = kept.keyring(unit)
    if keys.current < 0:
        yield failed("keys", "there is no key to seal with", "helpgate keys rotate, or restore a backup")
    else:
        yield ok("keys", f"{len(keys.secrets)} in use, key {keys.current} seals")
    rows, staff = desks.everyone(unit), [one for one in agents.everyone(unit) if one.active]
    if not rows:
        yield failed("desks", "there is none: no mail is taken", "helpgate desk add NAME --address ADDRESS")
    else:
        yield ok("desks", ", ".join(f"{desk.name} <{desk.address}>" for desk in rows))
    idle = [desk.name for desk in rows if not agents.of_desk(unit, desk.id)]
    if idle:
        yield warning("agents", f"nobody works at {', '.join(idle)}", "helpgate agent add ADDRESS")
    else:
        yield ok("agents", f"{len(staff)} active")
    shared = {_domain(desk) for desk in rows if desk.reply} & {
        split_address(one.email)[1].lower() for one in staff
    }
    for domain in sorted(shared):
        yield warning(
            "reply domain",
            f"desks and agents share {domain}: a reply address can register at third services as a colleague",
            "give desks a domain of their own, like help.example.org",
        )


def _operator(unit: Unit, settings: Settings) -> Iterator[Finding]:
    """Who hears of what needs a human: a summary to a desk would be a held mail for the next one to tell of."""
    address = settings.operator.address
    if not address:
        yield warning("operator", "nobody is told of what needs a human", "set [operator] address")
    elif parse_address(address) is None:
        yield failed("operator", f"{address} is no mail address: nobody is told", "mend [operator] address")
    elif desks.directory(unit).is_ours(address):
        words = f"{address} is a desk's address: no summary is sent"
        yield warning("operator", words, "set [operator] address to somebody's own mailbox")
    else:
        yield ok("operator", f"{address} gets a summary of what needs a human, at most hourly")


def _waiting(unit: Unit, settings: Settings) -> Iterator[Finding]:
    """What needs a human, and what should have moved on by itself."""
    yield _intake(unit)
    held = unit.number(f"SELECT count(*) FROM inbound WHERE fate = '{HELD}'")
    if held:
        yield warning(
            "held mail", f"{held} wait for a human", "helpgate journal --fate held, then explain and release"
        )
    else:
        yield ok("held mail", "none")
    yield _letters(unit, settings)
    if settings.authentication.agents == "token+from":
        words = "agents are proven by their reply address and From alone"
        yield warning(
            "agents by mail", words, '[authentication] agents = "token+from+authentication" asks for more'
        )
    else:
        yield ok("agents by mail", "own reply address, From and an aligned authentication result")


def _intake(unit: Unit) -> Finding:
    oldest = unit.number(f"SELECT min(received_at) FROM inbound WHERE fate = '{RECEIVED}'")
    if oldest and unit.now - oldest > STUCK_MS:
        told = f"a mail waits since {clock.rfc3339(oldest)}"
        return failed("intake", told, "is the daemon running? its log says why it does not go on")
    return ok("intake", "no mail waits to be decided" if not oldest else "working")


def _letters(unit: Unit, settings: Settings) -> Finding:
    lost = unit.number("SELECT count(*) FROM outbox WHERE state IN ('failed', 'uncertain', 'held')")
    due = f"state IN {outbox.DUE} AND created_at < ?"
    late = unit.number(f"SELECT count(*) FROM outbox WHERE {due}", unit.now - LATE_MS)
    waiting = unit.number(f"SELECT count(*) FROM outbox WHERE {due}", unit.now)
    if waiting and not settings.smarthost.host:
        return failed(
            "letters", f"{waiting} cannot leave: no smarthost is configured", "set [smarthost] host"
        )
    if lost:
        return warning(
            "letters", f"{lost} failed, are held or perhaps delivered", "helpgate outbox retry or drop"
        )
    if late:
        return warning("letters", f"{late} wait for more than a day", "helpgate outbox list --state deferred")
    return ok("letters", f"{waiting} on their way")


def _domain(desk: Desk) -> str:
    return split_address(desk.address)[1].lower()
