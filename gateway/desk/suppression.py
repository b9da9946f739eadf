"""Addresses that get no more letters, for those to them keep coming back. Threats T19.

One report never does it: `LETTERS` of them came back for good, over at least `APART`, no two further than `WITHIN`
from each other. It stands in `helpgate outbox suppressed` and with every letter that is not sent for it, and ends
when a human mail comes from the address, or an operator allows it.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.clock import DAY
from gateway.desk.tables import CLIENT, Suppression
from gateway.mail.address import address_key
from gateway.mail.reading import HUMAN
from gateway.store.unit import Unit

LETTERS = 3
APART = DAY
WITHIN = 30 * DAY

_ALIVE = (
    "EXISTS (SELECT 1 FROM message JOIN contact ON contact.id = message.contact_id"
    " JOIN inbound ON inbound.id = message.inbound_id"
    f" WHERE message.kind = '{CLIENT}' AND message.automatic = 0 AND inbound.verdict = '{HUMAN}'"
    " AND contact.email_key = suppression.address_key AND message.created_at > suppression.last_at)"
)


def came_back(unit: Unit, address: str, reply: str) -> bool:
    """Count one more letter that came back for good; whether the address is suppressed from now on."""
    known = unit.row(Suppression, f"address_key = ? AND NOT {_ALIVE}", address_key(address))
    if known is None or (known.suppressed_at is None and unit.now - known.last_at > WITHIN):
        _begin(unit, address, reply)
        return False
    letters = known.letters + 1
    begins = known.suppressed_at is None and letters >= LETTERS and unit.now - known.first_at >= APART
    since = unit.now if begins else known.suppressed_at
    unit.change(Suppression, known.id, letters=letters, last_at=unit.now, reply=reply, suppressed_at=since)
    return begins


def reason(unit: Unit, address: str) -> str:
    """Why this address gets no letter; empty where it does."""
    if unit.nobody_has(Suppression, "address_key", address_key(address)):
        return ""
    where = f"address_key = ? AND suppressed_at IS NOT NULL AND NOT {_ALIVE}"
    known = unit.row(Suppression, where, address_key(address))
    return sentence(known) if known else ""


def foresee(unit: Unit, addresses: Iterable[str]) -> None:
    """Many will be asked for: hardly any is suppressed."""
    unit.foresee_none(Suppression, "address_key", [address_key(one) for one in addresses])


def sentence(known: Suppression) -> str:
    """What letters to a suppressed address say of themselves."""
    return (
        f"not sent: {known.letters} letters to {known.address} came back, the last with:"
        f" {known.reply or 'no reason'} (helpgate outbox allow)"
    )


def everyone(unit: Unit) -> list[Suppression]:
    """Every suppressed address, the newest first."""
    return unit.rows(
        Suppression, f"suppressed_at IS NOT NULL AND NOT {_ALIVE} ORDER BY suppressed_at DESC, id DESC"
    )


def allow(unit: Unit, address: str) -> bool:
    """Forget what came back; False when the address was not suppressed."""
    was = reason(unit, address) != ""
    _forget(unit, address)
    return was


def _begin(unit: Unit, address: str, reply: str) -> None:
    _forget(unit, address)
    unit.put(
        Suppression,
        address=address,
        address_key=address_key(address),
        letters=1,
        first_at=unit.now,
        last_at=unit.now,
        reply=reply,
    )


def _forget(unit: Unit, address: str) -> None:
    unit.run("DELETE FROM suppression WHERE address_key = ?", address_key(address))
