"""Delivery reports: the state of the letter they speak of, and nothing else. RFC 3464, RFC 3461.

A report counts only when it comes to the sealed return path of a letter. Message-IDs are known to
everybody on a ticket: what a report says of one is noted on the letter and held for a human, and so is
a report that names no letter of ours. What a report says of other addresses than the letter's own counts never.

A letter is lost when its report says that nobody tries any more, whatever the cause. Its address is blamed
only where the cause lies there, and suppressed only when that goes on (`desk.suppression`).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.desk import outbox, suppression
from gateway.desk.tables import Letter, Ticket
from gateway.mail.address import address_key
from gateway.mail.dsn import PERMANENT, blames_address, enhanced_kind
from gateway.mail.reading import AUTO_REPLY, AUTOMATIC, BULK, Reading
from gateway.mail.token import Keyring, Purpose, Token
from gateway.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Settled:
    """What a report did. `failed` is the letter that will not arrive, when it just became known."""

    reason: str
    letter: Letter | None = None
    ticket: Ticket | None = None
    failed: Letter | None = None


def settle(unit: Unit, keys: Keyring, path: Token | None, reading: Reading) -> Settled:
    """Bring a report to its letter. `path` is the token of the return path it came to, if it did."""
    letter = outbox.by_handle(unit, path.handle) if path else _named_letter(unit, keys, reading)
    if letter is None:
        return Settled("a delivery report that names no letter of ours")
    ticket = unit.row(Ticket, "id = ?", letter.ticket_id) if letter.ticket_id else None
    report = reading.report
    if not _has_left(letter):
        return Settled(f"letter {letter.id} has not left yet, nobody can report on it")
    if report is None:
        if reading.verdict in (AUTO_REPLY, AUTOMATIC, BULK):
            return Settled(f"automatic reply to letter {letter.id}", letter, ticket)
        return Settled("mail to a return path that is neither a report nor an automatic reply")
    if not report.final:
        outbox.reported(unit, letter, report.reply or "delayed")
        return Settled(f"letter {letter.id} is delayed", letter, ticket)
    if path is None:
        outbox.reported(unit, letter, f"perhaps failed: {report.reply or 'returned by a delivery report'}")
        return Settled(f"says that letter {letter.id} failed, not at its return path: noted there")
    if letter.state == outbox.FAILED:
        return Settled(f"letter {letter.id} failed", letter, ticket)
    failed = outbox.fail(unit, letter, report.reply or "returned by a delivery report")
    if report.kind == PERMANENT:
        blame(unit, failed)
    return Settled(f"letter {letter.id} failed", letter, ticket, failed)


def blame(unit: Unit, failed: Letter) -> None:
    """A letter is lost for good: where that is the address's fault, it counts, and enough of it ends all letters.

    Never those to agents: the operator hears of each one that fails.
    """
    if failed.seat_id is not None:
        return
    if blames_address(failed.last_reply) and suppression.came_back(unit, failed.recipient, failed.last_reply):
        outbox.drop_all_to(unit, failed.recipient, suppression.reason(unit, failed.recipient))


def blame_refused(unit: Unit, failed: Letter) -> None:
    """Our own relay took a letter for this address never: it counts where the relay names the address as the cause."""
    if enhanced_kind(failed.last_reply) == PERMANENT:
        blame(unit, failed)


def _has_left(letter: Letter) -> bool:
    """Whether the next mail server has it, or may have had it; while we hand it over, that decides."""
    return letter.state != outbox.SENDING and (
        bool(letter.doubts) or letter.state in (outbox.SENT, outbox.FAILED)
    )


def _named_letter(unit: Unit, keys: Keyring, reading: Reading) -> Letter | None:
    """The letter whose sealed Message-ID the report gives back, for the recipient it names."""
    if reading.report is None or not reading.report.original_id:
        return None
    token = keys.unseal(reading.report.original_id.strip("<>").partition("@")[0])
    if token is None:
        return None
    if token.purpose == Purpose.LETTER:
        return outbox.by_handle(unit, token.handle)
    if token.purpose != Purpose.MESSAGE:
        return None
    wanted = {address_key(one) for one in reading.report.recipients}
    letters = unit.rows(
        Letter,
        "ticket_id = (SELECT id FROM ticket WHERE handle = ?) AND position = ? ORDER BY id",
        token.handle,
        token.newest,
    )
    return next((one for one in letters if address_key(one.recipient) in wanted), None)
