"""G20 and G21: the same work on PostgreSQL, by one daemon and by two."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from bench.cluster import Cluster, cluster
from bench.errors import CannotMeasure
from bench.gateway import Gateway, settle
from bench.goals.table import Reached
from bench.goals.tickets import open_tickets
from bench.goals.workbench import Workbench
from bench.loads import send_mails
from bench.processes import cpu_seconds, free_port
from bench.rounds import Sample, cpu_ratio, interleave, middle, rate_ratio


def beside_sqlite(bench: Workbench) -> list[Reached]:
    """G20."""
    count = bench.amount(400)
    with cluster() as postgres:
        url = postgres.database("one")
        with bench.gateway("postgres", url) as one, bench.gateway("sqlite") as other:
            table = interleave(
                bench.rounds, lambda: open_tickets(one, count), lambda: open_tickets(other, count)
            )
    note = f"{middle(table, 0).rate:,.0f}/s, SQLite {middle(table, 1).rate:,.0f}/s"
    return [Reached("G20", rate_ratio(table), note)]


def two_daemons(bench: Workbench) -> list[Reached]:
    """G21. The CPU of the database server counts too; one mail in, one ticket out is checked."""
    count = bench.amount(400)
    with (
        cluster() as postgres,
        bench.gateway("alone", postgres.database("alone")) as alone,
        bench.gateway("first", postgres.database("shared")) as first,
        _second(first) as second,
    ):
        table = interleave(
            bench.rounds,
            lambda: _share(postgres, count, first, second),
            lambda: _share(postgres, count, alone),
        )
        _check_none_lost(first, count * bench.rounds)
        _check_none_lost(alone, count * bench.rounds)
    two, one = middle(table, 0).cpu_ms, middle(table, 1).cpu_ms
    note = f"{two:.2f} ms a mail, the database's included; one daemon {one:.2f} ms"
    return [Reached("G21", cpu_ratio(table), note)]


@contextmanager
def _second(first: Gateway) -> Iterator[Gateway]:
    """Another daemon of the same installation, with ports of its own."""
    settings = replace(first.settings, smtp_port=free_port(), web_port=free_port())
    with settings.serving() as gateway:
        yield gateway


def _share(postgres: Cluster, count: int, *gateways: Gateway) -> Sample:
    """The mails come in at all daemons alike, at the same time."""
    pids = [postgres.pid, *(gateway.pid for gateway in gateways)]
    spent = cpu_seconds(*pids)
    each = count // len(gateways)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda gateway: send_mails(gateway.settings.smtp_port, each, 4096), gateways))
    for gateway in gateways:
        settle(gateway)
    return Sample(0.0, 1000 * (cpu_seconds(*pids) - spent) / count)


def _check_none_lost(gateway: Gateway, sent: int) -> None:
    tickets = gateway.exported()
    messages = sum(one["kind"] == "client" for ticket in tickets for one in ticket["messages"])
    if len(tickets) != sent or messages != sent:
        raise CannotMeasure(f"{sent} mails became {len(tickets)} tickets with {messages} messages")
