"""G16, G17 and G19: memory and start."""

from __future__ import annotations

import time
from statistics import median

from bench.gateway import Gateway, Settings, settle, wait_applied
from bench.goals.table import Reached
from bench.goals.tickets import open_tickets
from bench.goals.workbench import Workbench
from bench.loads import send_large_mail
from bench.processes import PeakMemory, pss_octets, tree

_MEGABYTE = 1_000_000
_LARGE = 25 * _MEGABYTE


def idle_memory(bench: Workbench) -> list[Reached]:
    """G16: at rest after its first mails, so that the worker that parses them is there and counts."""
    with bench.gateway() as gateway:
        open_tickets(gateway, 20)
        time.sleep(bench.seconds(5))
        sizes = [pss_octets(gateway.pid) for _ in range(bench.rounds)]
        processes = len(tree(gateway.pid))
    return [Reached("G16", median(sizes) / _MEGABYTE, f"{processes} processes")]


def large_mail(bench: Workbench) -> list[Reached]:
    """G17: the peak of a fresh daemon's tree while one mail is taken, parsed and applied."""
    growths = [_growth(bench, number) for number in range(bench.rounds)]
    at_rest = median(after for _, after in growths) / _LARGE
    return [Reached("G17", median(peak for peak, _ in growths) / _LARGE, f"{at_rest:.1f} at rest afterwards")]


def start(bench: Workbench) -> list[Reached]:
    """G19: from the command to a 200 from /readyz."""
    with bench.sink("start") as sink:
        settings = Settings(bench.folder / "helpgate", sink, bench.command)
        settings.initialise()
        times = [_start(settings) for _ in range(bench.rounds)]
    return [Reached("G19", median(times), f"{min(times):.2f} to {max(times):.2f} s")]


def _growth(bench: Workbench, number: int) -> tuple[int, int]:
    """Octets above idle: the peak, and at rest afterwards."""
    with bench.gateway(f"helpgate{number}") as gateway:
        open_tickets(gateway, 20)
        before = pss_octets(gateway.pid)
        with PeakMemory(gateway.pid) as memory:
            _take_large(gateway)
        return memory.peak - before, pss_octets(gateway.pid) - before


def _take_large(gateway: Gateway) -> None:
    applied = gateway.counts().applied
    send_large_mail(gateway.settings.smtp_port, _LARGE)
    wait_applied(gateway, applied + 1)
    settle(gateway)


def _start(settings: Settings) -> float:
    with settings.serving() as gateway:
        return gateway.started_in
