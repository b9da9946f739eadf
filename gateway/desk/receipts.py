"""Receipts, and the budgets that keep them from being a cannon (T21) or half of a loop (T23)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from gateway.clock import DAY, HOUR
from gateway.config import Acknowledge, Network
from gateway.desk import brakes
from gateway.desk.tables import Grant
from gateway.store.journal import Inbound
from gateway.store.unit import Unit

V6_SUBSCRIBER = 64  # what one customer of a provider is given, RFC 6177 §2


def grant_proven(unit: Unit, address_key: str) -> bool:
    """Whether one more receipt may leave to this proven address, over all tickets, and count it.

    Such a grant names no domain, so that it uses up none of the budgets for the unproven.
    """
    earlier = unit.run(
        "SELECT at FROM receipt_grant WHERE address_key = ? AND domain = '' AND at > ?",
        address_key,
        unit.now - DAY,
    )
    if brakes.is_over_pace(unit.now, [int(row[0]) for row in earlier.fetchall()]):
        return False
    unit.put(Grant, at=unit.now, address_key=address_key, domain="", network="")
    return True


def is_total_left(unit: Unit, budgets: Acknowledge) -> bool:
    """Whether the proven of all addresses together may have one more receipt in this hour."""
    proven = "SELECT count(*) FROM receipt_grant WHERE domain = '' AND at > ?"
    most = budgets.proven_total_hour
    return not most or unit.number(proven, unit.now - HOUR) < most


def grant(unit: Unit, budgets: Acknowledge, address_key: str, peer: str) -> bool:
    """Whether one more receipt to somebody unproven may leave, and count it.

    `peer` is empty where the IP says nothing.
    """
    domain, network = address_key.rpartition("@")[2], _network(peer)
    checks = (
        (budgets.per_address_day, DAY, "address_key = ? AND ", (address_key,)),
        (budgets.per_ip_hour if network else 0, HOUR, "network = ? AND ", (network,)),
        (budgets.per_domain_hour, HOUR, "domain = ? AND ", (domain,)),
        (budgets.total_hour, HOUR, "", ()),
    )
    for budget, span, where, values in checks:
        since = unit.now - span
        if (
            budget
            and unit.number(
                f"SELECT count(*) FROM receipt_grant WHERE {where}domain <> '' AND at > ?", *values, since
            )
            >= budget
        ):
            return False
    if any(budget for budget, *_ in checks):
        unit.put(Grant, at=unit.now, address_key=address_key, domain=domain, network=network)
    return True


def is_relayed(inbound: Inbound, relays: Sequence[Network]) -> bool:
    """Whether the peer is a relay or a local door, so that its IP is not the sender's."""
    if inbound.channel != "smtp" or not inbound.peer:
        return True
    peer = _address(inbound.peer)
    return any(peer in network for network in relays)


def forget_old(unit: Unit) -> None:
    """Grants older than every budget's span."""
    unit.run("DELETE FROM receipt_grant WHERE at <= ?", unit.now - DAY)


_address = lru_cache(maxsize=256)(ipaddress.ip_address)


def _network(peer: str) -> str:
    if not peer:
        return ""
    address = _address(peer)
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network(f"{address}/{V6_SUBSCRIBER}", strict=False))
