"""G7 to G9: mail to ticket with everything on, beside django-helpdesk.

Ours is timed from the first mail sent until the last one is a message of a ticket; CPU is counted
until the last letter has been delivered. django-helpdesk sends its letters as it goes. Both send
them to a letter sink by SMTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import mails
from bench.errors import CannotMeasure
from bench.gateway import DESK, Gateway, settle, wait_applied
from bench.goals.table import Reached
from bench.goals.workbench import Workbench
from bench.loads import LetterSink, run_name, send_mails, send_replies
from bench.mails import Letter
from bench.peers.django_helpdesk.peer import DjangoHelpdesk
from bench.rounds import Sample, cpu_ratio, interleave, middle, rate_ratio

_SIZE = 4096
OURS, THEIRS = 1600, 200  # each side works for seconds, so that starting a load does not count
_CUSTOMERS = "example.net"


def new_tickets(bench: Workbench) -> list[Reached]:
    """G7 and G9, from the same rounds."""
    ours, theirs = bench.amount(OURS), bench.amount(THEIRS)
    with bench.gateway() as gateway, bench.sink("peer") as sink:
        peer = DjangoHelpdesk(sink.notes.parent, sink.port)
        table = interleave(
            bench.rounds,
            lambda: open_tickets(gateway, ours),
            lambda: peer.take(mails.new_mails(run_name(), theirs, _SIZE, DESK)),
        )
    note = _beside(table)
    return [Reached("G7", rate_ratio(table), note), Reached("G9", cpu_ratio(table), note)]


def threaded_replies(bench: Workbench) -> list[Reached]:
    """G8: every customer answers the letter they got."""
    ours, theirs = bench.amount(OURS), bench.amount(THEIRS)
    with bench.gateway() as gateway, bench.sink("peer") as peer_sink:
        peer = DjangoHelpdesk(peer_sink.notes.parent, peer_sink.port)
        open_tickets(gateway, ours)
        peer.take(mails.new_mails(run_name(), theirs, _SIZE, DESK))
        receipts, peer_receipts = _receipts(gateway.settings.sink, ours), _receipts(peer_sink, theirs)
        table = interleave(
            bench.rounds,
            lambda: answer(gateway, receipts),
            lambda: peer.take(mails.replies(run_name(), peer_receipts, _SIZE)),
        )
        _check_threading(gateway, ours, bench.rounds)
    return [Reached("G8", rate_ratio(table), _beside(table))]


def open_tickets(gateway: Gateway, count: int) -> Sample:
    """So many mails from people nobody has seen, until each has a ticket and every letter is out."""
    return _work_off(gateway, count, lambda: send_mails(gateway.settings.smtp_port, count, _SIZE))


def answer(gateway: Gateway, receipts: list[Letter]) -> Sample:
    """One reply to each receipt, until each is a message and every letter is out."""
    port, folder = gateway.settings.smtp_port, gateway.settings.folder
    return _work_off(gateway, len(receipts), lambda: send_replies(port, receipts, _SIZE, folder))


def _work_off(gateway: Gateway, count: int, send: Callable[[], float]) -> Sample:
    before, spent = gateway.counts().applied, gateway.cpu_seconds()
    began = time.time()
    send()
    wait_applied(gateway, before + count)
    rate = count / (time.time() - began)
    settle(gateway)
    delivered = count / (gateway.settings.sink.last_at() - began)
    return Sample(rate, 1000 * (gateway.cpu_seconds() - spent) / count, min(rate, delivered))


def _receipts(sink: LetterSink, count: int) -> list[Letter]:
    """The letters to the customers, one each."""
    receipts = mails.addresses(sink.letters(), _CUSTOMERS)
    if len(receipts) != count:
        raise CannotMeasure(f"{len(receipts)} receipts for {count} tickets")
    return receipts


def _check_threading(gateway: Gateway, tickets: int, rounds: int) -> None:
    """Every reply must have found its ticket, or the rate was that of something else."""
    exported = gateway.exported()
    lengths = {sum(one["kind"] == "client" for one in ticket["messages"]) for ticket in exported}
    if len(exported) != tickets or lengths != {rounds + 1}:
        raise CannotMeasure(f"{len(exported)} tickets for {tickets}, with {sorted(lengths)} messages each")


def _beside(table: list[tuple[Sample, ...]]) -> str:
    ours, theirs = middle(table, 0), middle(table, 1)
    return (
        f"{ours.rate:,.0f}/s, {ours.delivered:,.0f}/s with the letters delivered, {ours.cpu_ms:.2f} ms each; "
        f"django-helpdesk {theirs.rate:,.0f}/s and {theirs.cpu_ms:.2f} ms"
    )
