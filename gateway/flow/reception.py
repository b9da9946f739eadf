"""Where mail arrives, whatever listener it came by: known or refused, then durable, then thanked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from gateway.desk.desks import Destination, Directory
from gateway.errors import StoreError
from gateway.flow.accept import Refusal
from gateway.log import step
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.store import blobs, journal
from gateway.store.grouped import GroupCommit
from gateway.store.unit import Unit

Beside = Callable[[Unit, tuple[str, ...]], None]
UNKNOWN = Refusal(550, "5.1.1 no desk here has this address; please check its spelling")
POSTMASTER = "postmaster"


@dataclass(frozen=True, slots=True)
class Handed:
    """A mail as a listener hands it over: `known` are its recipients with the desks they lead to.

    historic: it is from before we were here, and nobody is thanked for it.
    beside: what the listener has to remember in the very unit that keeps the mail; it is given the journal ids.
    """

    envelope: Envelope
    octets: Octets
    known: Sequence[tuple[str, Destination]]
    historic: bool = False
    beside: Beside | None = None


class Reception:
    """Takes mails in: one journal row for each desk a mail is for, sharing the octets, committed together.

    postponed: how many the store could not take, so that their senders keep them.  trouble: the last reason.
    A listener's `beside` may refuse a mail for reasons of its own, which the listener tells.
    """

    def __init__(
        self,
        writer: GroupCommit[Handed, tuple[str, ...]],
        directory: Callable[[], Directory],
        arrived: Callable[[], None],
    ) -> None:
        self._writer = writer
        self._directory = directory
        self._arrived = arrived
        self.postponed = 0
        self.trouble = ""

    def refuses(self, recipient: str) -> Refusal | None:
        """None when the recipient is a desk of ours, with or without a token. Never blocks."""
        return None if _destination(self._directory(), recipient) else UNKNOWN

    def keep(
        self,
        envelope: Envelope,
        octets: Octets,
        *,
        historic: bool = False,
        beside: Beside | None = None,
    ) -> Future[tuple[str, ...]]:
        """Journal ids, one for each recipient in order; done when they are durable. See `Handed`."""
        directory = self._directory()
        found = [(recipient, _destination(directory, recipient)) for recipient in envelope.recipients]
        known = [(recipient, one) for recipient, one in found if one is not None]
        step("accept.received")
        future = self._writer.submit(Handed(envelope, octets, known, historic, beside))
        future.add_done_callback(self._stored)
        return future

    def _stored(self, future: Future[tuple[str, ...]]) -> None:
        error = future.exception()
        if error is None:
            step("accept.stored")
            self._arrived()
        elif isinstance(error, StoreError):
            self.postponed += 1
            self.trouble = str(error)


def write_down(unit: Unit, mails: Sequence[Handed]) -> list[tuple[str, ...]]:
    """Octets and rows of many mails, by a statement each; the journal ids of each mail's recipients."""
    names = [one.octets.sha256.hex() for one in mails]
    _keep_octets(unit, mails, names)
    rows = [_arrivals(unit, one, name) for one, name in zip(mails, names, strict=True)]
    ids = iter(journal.record(unit, [arrival for one in rows for arrival in one]))
    by_desk = [{arrival.desk_id: str(next(ids)) for arrival in one} for one in rows]
    told = [
        tuple(found[destination.desk.id] for _, destination in one.known)
        for one, found in zip(mails, by_desk, strict=True)
    ]
    for one, ids_of_one in zip(mails, told, strict=True):
        if one.beside is not None:
            one.beside(unit, ids_of_one)
    return told


def _keep_octets(unit: Unit, mails: Sequence[Handed], names: Sequence[str]) -> None:
    small = []
    for one, name in zip(mails, names, strict=True):
        size = one.octets.size
        if size > blobs.PIECE:
            blobs.keep_pieces(unit, name, size, iter(one.octets))
        else:
            small.append((name, size, bytes(one.octets)))
    if small:
        blobs.keep_all(unit, small)


def _arrivals(unit: Unit, mail: Handed, name: str) -> list[journal.Arrival]:
    """One for each desk; of two addresses of one desk the one with a detail says more."""
    rows: dict[int, journal.Arrival] = {}
    for recipient, destination in sorted(mail.known, key=_sealed_first):
        rows.setdefault(
            destination.desk.id,
            journal.Arrival(
                destination.desk.id,
                recipient,
                destination.detail,
                mail.envelope,
                mail.octets.size,
                name,
                unit.now,
                mail.historic,
            ),
        )
    return list(rows.values())


def _sealed_first(found: tuple[str, Destination]) -> bool:
    return not found[1].detail


def _destination(directory: Directory, recipient: str) -> Destination | None:
    """The desk of a recipient. Everybody must take mail for postmaster. RFC 5321 §4.5.1."""
    if found := directory.find(recipient):
        return found
    local, _, domain = recipient.partition("@")
    if local.lower() == POSTMASTER and directory.desks:
        desk = directory.hosts.get(domain.lower()) if domain else next(iter(directory.desks.values()))
        return Destination(desk, "") if desk else None
    return None
