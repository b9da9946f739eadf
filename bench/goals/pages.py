"""G11, G12 and G14: the public page of a ticket with five messages."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

from bench import mails
from bench.errors import CannotMeasure
from bench.gateway import DESK, Gateway, settle
from bench.goals.table import Reached
from bench.goals.tickets import answer, open_tickets
from bench.goals.workbench import Workbench
from bench.load_http import Pages
from bench.loads import LetterSink, get_page, reference, run_name, steady_mails
from bench.peers.django_helpdesk.peer import DjangoHelpdesk
from bench.processes import running
from bench.rounds import Sample, interleave, middle, rate_ratio, ratio

_MESSAGES = 5
_MAILS_A_SECOND = 50


def beside_trivial(bench: Workbench) -> list[Reached]:
    """G11."""
    port, seconds = bench.port(), bench.seconds(3)
    trivial = running(reference("trivial_page", port, bench.folder), port, bench.log("trivial"))
    with bench.gateway() as gateway, trivial:
        path = ticket_page(gateway)
        table = interleave(
            bench.rounds,
            lambda: Sample(_ask(gateway, path, seconds).rate),
            lambda: Sample(get_page(port, "/page/first", seconds).rate),
        )
    return [Reached("G11", rate_ratio(table), _rates(table, "trivial page"))]


def beside_peer(bench: Workbench) -> list[Reached]:
    """G12."""
    seconds = bench.seconds(3)
    with bench.gateway() as gateway, bench.sink("peer") as peer_sink:
        path = ticket_page(gateway)
        peer = _peer_with_page(peer_sink)
        peer_path = peer.public_page()
        with peer.serving() as peer_port:
            table = interleave(
                bench.rounds,
                lambda: Sample(_ask(gateway, path, seconds).rate),
                lambda: Sample(get_page(peer_port, peer_path, seconds).rate),
            )
    return [Reached("G12", rate_ratio(table), _rates(table, "django-helpdesk"))]


def under_mail(bench: Workbench) -> list[Reached]:
    """G14: both numbers from the same rounds. The mails start half a second before the pages."""
    seconds = bench.seconds(4)
    with bench.gateway() as gateway:
        path = ticket_page(gateway)
        busy, idle = [], []
        for _ in range(bench.rounds):
            idle.append(_ask(gateway, path, seconds))
            busy.append(_ask_under_mail(gateway, path, seconds))
            settle(gateway)
    note = f"idle {median(one.rate for one in idle):,.0f}/s, p99 {median(one.p99_ms for one in idle):.1f} ms"
    return [
        Reached("G14 rate", ratio([one.rate for one in busy], [one.rate for one in idle]), note),
        Reached("G14 p99", ratio([one.p99_ms for one in busy], [one.p99_ms for one in idle]), note),
    ]


def ticket_page(gateway: Gateway) -> str:
    """Opens a ticket, answers its receipt four times; gives the path of its public page."""
    began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    open_tickets(gateway, 1)
    receipts = mails.addresses(gateway.settings.sink.letters(), "example.net")
    for _ in range(_MESSAGES - 1):
        answer(gateway, receipts[:1])
    page = gateway.page_since(began)
    if page.messages != _MESSAGES:
        raise CannotMeasure(f"the ticket has {page.messages} messages, not {_MESSAGES}")
    return page.path


def _ask(gateway: Gateway, path: str, seconds: float) -> Pages:
    return get_page(gateway.settings.web_port, path, seconds)


def _ask_under_mail(gateway: Gateway, path: str, seconds: float) -> Pages:
    with steady_mails(gateway.settings.smtp_port, _MAILS_A_SECOND, seconds + 1):
        time.sleep(0.5)
        return _ask(gateway, path, seconds)


def _peer_with_page(sink: LetterSink) -> DjangoHelpdesk:
    peer = DjangoHelpdesk(sink.notes.parent, sink.port)
    peer.take(mails.new_mails(run_name(), 1, 4096, DESK))
    receipts = mails.addresses(sink.letters(), "example.net")
    for _ in range(_MESSAGES - 1):
        peer.take(mails.replies(run_name(), receipts[:1], 4096))
    return peer


def _rates(table: list[tuple[Sample, ...]], other: str) -> str:
    return f"{middle(table, 0).rate:,.0f} pages/s, {other} {middle(table, 1).rate:,.0f}"
