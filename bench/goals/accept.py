"""G1 to G5: taking a mail durably. What has been taken is worked off between the rounds."""

from __future__ import annotations

import statistics

from bench.gateway import Gateway, settle
from bench.goals.table import Reached
from bench.goals.workbench import Workbench
from bench.loads import reference, send_mails
from bench.processes import cpu_seconds, running
from bench.reference.smtp_sink import smtp_sink
from bench.rounds import Sample, interleave, middle, rate_ratio


def four_kilobytes(bench: Workbench) -> list[Reached]:
    """G1."""
    return [_beside_null_sink(bench, "G1", bench.amount(4000), 4096, 100)]


def fifty_kilobytes(bench: Workbench) -> list[Reached]:
    """G2."""
    return [_beside_null_sink(bench, "G2", bench.amount(1500), 50_000, 100)]


def one_a_connection(bench: Workbench) -> list[Reached]:
    """G3."""
    return [_beside_null_sink(bench, "G3", bench.amount(2000), 4096, 1)]


def beside_postfix(bench: Workbench) -> list[Reached]:
    """G4. The sink gets more mails, for it takes them in a fraction of the time."""
    count, port = bench.amount(4000), bench.port()
    with bench.gateway() as gateway, smtp_sink(port, bench.log("smtp-sink")):
        table = interleave(
            bench.rounds,
            lambda: _accept(gateway, count, 4096, 100),
            lambda: Sample(send_mails(port, count * 4, 4096)),
        )
    return [Reached("G4", rate_ratio(table), _rates(table, "smtp-sink"))]


def commits(bench: Workbench) -> list[Reached]:
    """G5."""
    count = bench.amount(2000)
    with bench.gateway() as gateway:
        shares = [_commits_a_mail(gateway, count) for _ in range(bench.rounds)]
    return [Reached("G5", statistics.median(shares), f"{count} mails of 4 KB a round")]


def _beside_null_sink(bench: Workbench, goal: str, count: int, size: int, per_connection: int) -> Reached:
    port = bench.port()
    sink = running(reference("null_sink", port), port, bench.log("null-sink"))
    with bench.gateway() as gateway, sink as pid:
        table = interleave(
            bench.rounds,
            lambda: _accept(gateway, count, size, per_connection),
            lambda: _throw_away(port, pid, count, size, per_connection),
        )
    return Reached(goal, rate_ratio(table), _rates(table, "null sink"))


def _accept(gateway: Gateway, count: int, size: int, per_connection: int) -> Sample:
    """The rate is that of the 250s; the mails are worked off before anything else is timed."""
    before = gateway.cpu_seconds()
    rate = send_mails(gateway.settings.smtp_port, count, size, per_connection=per_connection)
    cpu_ms = 1000 * (gateway.cpu_seconds() - before) / count
    settle(gateway)
    return Sample(rate, cpu_ms)


def _throw_away(port: int, pid: int, count: int, size: int, per_connection: int) -> Sample:
    before = cpu_seconds(pid)
    rate = send_mails(port, count, size, per_connection=per_connection)
    return Sample(rate, 1000 * (cpu_seconds(pid) - before) / count)


def _commits_a_mail(gateway: Gateway, count: int) -> float:
    before = gateway.counts().accept_commits
    send_mails(gateway.settings.smtp_port, count, 4096, sessions=50)
    share = (gateway.counts().accept_commits - before) / count
    settle(gateway)
    return share


def _rates(table: list[tuple[Sample, ...]], other: str) -> str:
    ours, theirs = middle(table, 0), middle(table, 1)
    return f"{ours.rate:,.0f} mails/s ({ours.cpu_ms:.2f} ms), {other} {theirs.rate:,.0f} mails/s"
