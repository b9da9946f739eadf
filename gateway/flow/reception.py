"""Where mail arrives, whatever listener it came by: known or refused, then durable, then thanked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from gateway.desk.desks import Destination, Directory
from gateway.flow.accept import Refusal
from gateway.log import logger, step
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.store import blobs, journal
from gateway.store.database import Unit
from gateway.store.grouped import GroupCommit

UNKNOWN = Refusal(550, "5.1.1 no desk here has this address; please check its spelling")
POSTMASTER = "postmaster"

log = logger("accept")


class Reception:
    """Takes mails in: one journal row for each desk a mail is for, sharing the octets, committed together."""

    def __init__(
        self, writer: GroupCommit, directory: Callable[[], Directory], arrived: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._directory = directory
        self._arrived = arrived

    def refuses(self, recipient: str) -> Refusal | None:
        """None when the recipient is a desk of ours, with or without a token. Never blocks."""
        return None if _destination(self._directory(), recipient) else UNKNOWN

    def keep(self, envelope: Envelope, octets: Octets) -> Future[tuple[str, ...]]:
        """Journal ids, one for each recipient in order; done when they are durable."""
        directory = self._directory()
        found = [(recipient, _destination(directory, recipient)) for recipient in envelope.recipients]
        known = [(recipient, one) for recipient, one in found if one is not None]

        def write(unit: Unit) -> tuple[str, ...]:
            return _record(unit, envelope, octets, known)

        step("accept.received")
        future = self._writer.submit(write)
        future.add_done_callback(self._stored)
        return future

    def _stored(self, future: Future[tuple[str, ...]]) -> None:
        if future.exception() is None:
            step("accept.stored")
            for id in dict.fromkeys(future.result()):
                log.info("accepted", inbound=int(id))
            self._arrived()


def _record(
    unit: Unit, envelope: Envelope, octets: Octets, known: Sequence[tuple[str, Destination]]
) -> tuple[str, ...]:
    sha256 = octets.sha256.hex()
    if octets.size > blobs.PIECE:
        blobs.keep_pieces(unit, sha256, octets.size, iter(octets))
    else:
        blobs.keep(unit, sha256, octets.size, bytes(octets))
    rows: dict[int, int] = {}
    for recipient, destination in sorted(known, key=_sealed_first):
        desk = destination.desk
        if desk.id not in rows:
            arrival = journal.Arrival(
                desk.id, recipient, destination.detail, envelope, octets.size, sha256, unit.now
            )
            rows[desk.id] = journal.record(unit, arrival)
    return tuple(str(rows[destination.desk.id]) for _, destination in known)


def _sealed_first(found: tuple[str, Destination]) -> bool:
    """Of two addresses of one desk the one with a detail says more."""
    return not found[1].detail


def _destination(directory: Directory, recipient: str) -> Destination | None:
    """The desk of a recipient. Everybody must take mail for postmaster. RFC 5321 §4.5.1."""
    if found := directory.find(recipient):
        return found
    local, _, domain = recipient.partition("@")
    if local.lower() == POSTMASTER and directory.desks:
        hosts = {desk.address_key.rpartition("@")[2]: desk for desk in reversed(directory.desks.values())}
        desk = hosts.get(domain.lower()) if domain else next(iter(directory.desks.values()))
        return Destination(desk, "") if desk else None
    return None
