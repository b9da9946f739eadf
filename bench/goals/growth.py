"""G10: what a mail and a page cost when the store has a thousand times the tickets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.filling import fill
from bench.gateway import Gateway, Settings
from bench.goals.pages import ticket_page
from bench.goals.table import Reached
from bench.goals.tickets import open_tickets
from bench.goals.workbench import Workbench
from bench.loads import get_page
from bench.rounds import Sample, cpu_ratio, interleave, middle

_FEW, _MANY = 1000, 1_000_000


@dataclass(frozen=True, slots=True)
class _Filled:
    """A running daemon with its tickets, and the page of a young one."""

    gateway: Gateway
    path: str


def many_tickets(bench: Workbench) -> list[Reached]:
    """G10, both halves, from the same rounds."""
    mails, seconds = bench.amount(400), bench.seconds(3)
    with _filled(bench, "many", bench.amount(_MANY)) as many, _filled(bench, "few", _FEW) as few:
        by_mail = interleave(
            bench.rounds,
            lambda: open_tickets(many.gateway, mails),
            lambda: open_tickets(few.gateway, mails),
        )
        by_page = interleave(bench.rounds, lambda: _ask(many, seconds), lambda: _ask(few, seconds))
    return [
        Reached("G10 mail", cpu_ratio(by_mail), _costs(by_mail)),
        Reached("G10 page", cpu_ratio(by_page), _costs(by_page)),
    ]


@contextmanager
def _filled(bench: Workbench, name: str, tickets: int) -> Iterator[_Filled]:
    """The first ticket comes by mail; its copies are made while the daemon is stopped."""
    with bench.sink(name) as sink:
        settings = Settings(bench.folder / name, sink, bench.command)
        settings.initialise()
        with settings.serving() as gateway:
            open_tickets(gateway, 1)
        fill(settings.folder / "data", tickets)
        sink.forget()
        with settings.serving() as gateway:
            yield _Filled(gateway, ticket_page(gateway))


def _ask(filled: _Filled, seconds: float) -> Sample:
    before = filled.gateway.cpu_seconds()
    pages = get_page(filled.gateway.settings.web_port, filled.path, seconds)
    return Sample(pages.rate, 1000 * (filled.gateway.cpu_seconds() - before) / pages.requests)


def _costs(table: list[tuple[Sample, ...]]) -> str:
    return f"{middle(table, 0).cpu_ms:.2f} ms, with few {middle(table, 1).cpu_ms:.2f} ms"
