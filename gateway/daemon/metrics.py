"""Numbers for Prometheus, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.desk import notifications, outbox
from gateway.errors import StoreError
from gateway.flow.dispatch import Dispatch
from gateway.flow.drain import Drain
from gateway.flow.reception import Reception
from gateway.store.database import Store
from gateway.store.imap import GIVEN_UP, TOO_LARGE


class _Numbers(Collector):
    def __init__(self, store: Store, reception: Reception, drain: Drain, dispatch: Dispatch) -> None:
        self._store = store
        self._reception = reception
        self._drain = drain
        self._dispatch = dispatch

    def collect(self) -> Iterable[Any]:
        """What this process has counted, and what waits in the store."""
        yield _counter("helpgate_store_commits", "Transactions committed", "kind", self._store.commits)
        postponed = "Mails that could not be stored, so that their senders keep them"
        yield CounterMetricFamily("helpgate_postponed", postponed, value=self._reception.postponed)
        yield _counter("helpgate_inbound", "Mails brought to their fate", "fate", self._drain.decided)
        yield _counter("helpgate_deliveries", "Outcomes at the smarthost", "state", self._dispatch.outcomes)
        stopped = GaugeMetricFamily("helpgate_smarthost_stopped", "1 while the smarthost cannot be used")
        stopped.add_metric([], float(bool(self._dispatch.stopped_because)))
        yield stopped
        try:
            yield from self._waiting()
        except StoreError:
            return

    def _waiting(self) -> Iterable[Any]:
        with self._store.reading() as unit:
            for name, (told, sql) in _QUEUES.items():
                yield GaugeMetricFamily(name, told, value=unit.number(sql.format(now=unit.now)))


_QUEUES = {
    "helpgate_inbound_waiting": (
        "Mails accepted and not yet decided",
        "SELECT count(*) FROM inbound WHERE fate = 'received'",
    ),
    "helpgate_inbound_held": ("Mails that need a human", "SELECT count(*) FROM inbound WHERE fate = 'held'"),
    "helpgate_imap_unreadable": (
        "Folders that cannot be read",
        "SELECT count(*) FROM imap_folder WHERE problem <> ''",
    ),
    "helpgate_imap_left": (
        "Mails that stay in a folder: too large, or not to be had",
        f"SELECT count(*) FROM imap_mail WHERE state IN ('{GIVEN_UP}', '{TOO_LARGE}')",
    ),
    "helpgate_outbox_waiting": (
        "Letters due to be written or sent",
        f"SELECT (SELECT count(*) FROM outbox WHERE state IN {outbox.DUE})"
        " + (SELECT count(*) FROM notification WHERE state = 'waiting' AND due_at <= {now})",
    ),
    "helpgate_outbox_failed": (
        "Letters that need a human, those that could not be written among them",
        "SELECT (SELECT count(*) FROM outbox WHERE state IN ('failed', 'uncertain', 'held'))"
        f" + (SELECT count(*) FROM notification WHERE state = '{notifications.FAILED}')",
    ),
}


def page(store: Store, reception: Reception, drain: Drain, dispatch: Dispatch) -> CollectorRegistry:
    """A registry of our own, so that nothing but our numbers is told."""
    registry = CollectorRegistry()
    registry.register(_Numbers(store, reception, drain, dispatch))
    return registry


def text(registry: CollectorRegistry) -> bytes:
    """Prometheus text format."""
    return generate_latest(registry)


def _counter(name: str, told: str, label: str, values: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, told, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
