"""Delivery reports read, of every make: a failed or late delivery, or nothing of the kind.

Surest first, and the first that names a recipient is believed:

| what                          | where |
|-------------------------------|-------|
| status fields, RFC 3464       | `fields`: in a part of their own, mislabelled, or between the words |
| X-Failed-Recipients           | Exim's own field |
| a mailer's words, known make  | `formats`, `amazon` |
| the same, many odd makes      | `detectors`: flufl.bounce |
| the same, unknown make        | `guess`: addresses beside words of failure |
| the mail that came back       | `returned`: whom it was for |

A customer's words are never read as a report: words count only where a null reverse-path, a mailer daemon or a
multipart/report says that a machine wrote them, or a postmaster does under the subject of a report.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.mail import charset, structure
from gateway.mail.dsn import amazon, detectors, fields, formats, guess, own_words, phrases, returned
from gateway.mail.dsn.fate import (
    LONGEST_TEXT,
    MOST_RECIPIENTS,
    PERMANENT,
    TEMPORARY,
    Fate,
    blames_address,
    enhanced_kind,
)
from gateway.mail.dsn.suspect import Suspect
from gateway.mail.reading import Report
from gateway.mail.structure import Part

__all__ = ["PERMANENT", "TEMPORARY", "blames_address", "enhanced_kind", "read_report"]

_MOST_NESTED = 3


def read_report(root: Part, text: str, null_path: bool) -> Report | None:
    """What a mail says of a failed or late delivery, or None when it says nothing of the kind.

    text: the words of the mail.  null_path: it came with a null reverse-path (RFC 5321 §4.5.5).
    """
    mail = Suspect(root, text, null_path)
    if not mail.is_by_machine and not mail.failed_recipients:
        return None
    told = _in_fields(mail.leaves)
    failures = [fate for fate in told if fate.kind]
    if told and not failures:
        return None  # delivered, relayed or expanded
    fates = [fate for fate in failures if fate.address] or _named(mail, failures)
    if fates:
        return _report(fates, returned.original_id(mail.leaves, mail.copy or text))
    return _nested(mail.leaves) if mail.is_by_machine else None


def _in_fields(leaves: Sequence[Part]) -> list[Fate]:
    own = [one for one in leaves if one.content_type not in returned.RETURNED_TYPES]
    return [fate for one in own if fields.is_status(one) for fate in fields.fates(one.decoded())]


def _named(mail: Suspect, failures: list[Fate]) -> list[Fate]:
    """The recipients by the words; what fields say of a recipient they do not name is surer than any words."""
    found = _in_words(mail)
    if not failures or not found:
        return found or failures
    known = failures[0]
    return [Fate(fate.address, known.kind, known.reply or fate.reply, known.final) for fate in found]


def _in_words(mail: Suspect) -> list[Fate]:
    written = fields.in_words(mail.own)
    if written:
        return written
    if mail.failed_recipients:
        return [formats.passage(mail.own, one, mail.is_late) for one in mail.failed_recipients]
    known = formats.read(mail.own) or amazon.read(mail.own)
    return _without_parties(mail, known) or _of_unknown_make(mail)


def _of_unknown_make(mail: Suspect) -> list[Fate]:
    if mail.is_other_machine:
        return []
    late, failed = detectors.ask(mail.root, mail.own)
    waits = () if own_words.says((*phrases.OVER, *phrases.FILTERED), mail.own.lower()) else late
    found = [formats.passage(mail.own, one, mail.is_late or one in waits) for one in (*late, *failed)]
    if found or not mail.speaks_as_mailer:
        return _without_parties(mail, found)
    return guess.recipients(mail) or _of_the_copy(mail)


def _without_parties(mail: Suspect, fates: list[Fate]) -> list[Fate]:
    """A report may name its reader too; unless it names nobody else, it means the others."""
    return [fate for fate in fates if fate.address not in mail.parties] or fates


def _of_the_copy(mail: Suspect) -> list[Fate]:
    """Nobody is named: the one whom the returned mail was for."""
    recipient = returned.only_recipient(mail.leaves, mail.copy)
    if not recipient or recipient in mail.parties or not (mail.tells_failure or mail.has_bounce_subject):
        return []
    return [formats.fate(recipient, mail.own, mail.is_late)]


def _nested(leaves: Sequence[Part]) -> Report | None:
    """A report that a gateway or a list has put into a mail of its own."""
    mails = [one for one in leaves if one.content_type in ("message/rfc822", "message/global")]
    for part in mails[:_MOST_NESTED]:
        inner, _ = structure.parse(part.decoded()[:LONGEST_TEXT])
        mail = Suspect(inner, "", null_path=False)
        fates = [fate for fate in _in_fields(mail.leaves) if fate.kind and fate.address]
        if fates and mail.is_by_machine:
            return _report(fates, returned.original_id(mail.leaves, ""))
    return None


def _report(fates: list[Fate], original_id: str) -> Report:
    """One report of all recipients; where some failed for good, those only late are left away."""
    told = [fate for fate in fates if fate.final] or fates
    leading = next((fate for fate in told if fate.kind == PERMANENT), told[0])
    addresses = dict.fromkeys(fate.address for fate in told if fate.address)
    return Report(
        kind=leading.kind,
        recipients=tuple(addresses)[:MOST_RECIPIENTS],
        original_id=original_id,
        reply=charset.scrub(leading.reply),
        final=leading.final,
    )
