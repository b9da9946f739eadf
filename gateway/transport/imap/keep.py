"""A mail from a folder into the journal: by the same door as by SMTP, and in one commit with its row in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from gateway.mail.fingerprint import fingerprint
from gateway.mail.octets import Octets
from gateway.store import imap as ledger
from gateway.store.imap import ImapFolder
from gateway.store.unit import Unit
from gateway.transport.imap import trace
from gateway.transport.imap.connection import Listed
from gateway.transport.imap.place import Place
from gateway.transport.imap.trouble import NotDone


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail on its way into the journal; its octets are needed until `done`."""

    octets: Octets
    done: Future[tuple[str, ...]]


def keep(
    place: Place, folder: ImapFolder, one: Listed, pieces: Iterable[bytes], has_past: bool
) -> Kept | None:
    """Hand a mail over; None for one that is left where it is, or that we have already.

    has_past: whether there are mails from an earlier UIDVALIDITY that it may be one of.

    Raises whatever the pieces raise, NotDone when there are none, StoreError or LeaseLost.
    """
    octets = Octets(place.temporary)
    try:
        for piece in pieces:
            octets.write(piece)
            if octets.size > place.max_octets:
                leave(place, folder, one, ledger.TOO_LARGE, f"it has more than {place.max_octets} octets")
                octets.close()
                return None
        if not octets.size:
            raise NotDone("the server sent nothing")
        done = _hand_over(place, folder, one, octets, has_past)
    except BaseException:
        octets.close()
        raise
    if done is None:
        octets.close()
        return None
    return Kept(octets, done)


def await_all(mails: Sequence[Kept]) -> None:
    """Return when all are durable. Raises the first error, StoreError or LeaseLost, when every one has its end."""
    errors = [mail.done.exception() for mail in mails]
    for mail in mails:
        mail.octets.close()
    for error in filter(None, errors):
        raise error


def leave(place: Place, folder: ImapFolder, one: Listed, state: str, reason: str) -> None:
    """Write down that a mail stays where it is, and why."""
    place.write(lambda unit: ledger.seen(unit, folder, place.owner, one.uid, one.size, state, reason=reason))


def _hand_over(
    place: Place, folder: ImapFolder, one: Listed, octets: Octets, has_past: bool
) -> Future[tuple[str, ...]] | None:
    raw = bytes(octets)
    told, head = fingerprint(raw), trace.fields(raw)
    if has_past and _is_known(place, folder, one, told):
        return None
    was_there = one.uid <= folder.present_to
    # A stamp in the mail may be the sender's: it counts only for what lay there before we came.
    moment = min(filter(None, (one.arrived, trace.arrived(head) if was_there else None)), default=0)
    if was_there and 0 < moment < folder.taken_from:
        leave(place, folder, one, ledger.OLD, "it came before we were asked to read the folder")
        return None
    settings, find = place.settings, place.directory().find
    state = ledger.SETTLED if settings.after == "keep" else ledger.TAKEN

    def beside(unit: Unit, ids: tuple[str, ...]) -> None:
        ledger.seen(
            unit,
            folder,
            place.owner,
            one.uid,
            octets.size,
            state,
            fingerprint=told,
            inbound_id=int(ids[0]),
        )

    envelope = trace.envelope(head, place.find_desk().address, find, settings.recipient_headers)
    return place.reception.keep(
        replace(envelope, delivered_at=one.arrived or None),
        octets,
        historic=one.uid <= folder.historic_to or 0 < moment < folder.began_at,
        beside=beside,
    )


def _is_known(place: Place, folder: ImapFolder, one: Listed, told: str) -> bool:
    """Whether it lay in the folder before that was made anew."""
    return place.write(lambda unit: ledger.known_again(unit, folder, place.owner, one.uid, told))
