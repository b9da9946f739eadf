"""What an operator hears of the folders we read: each thing once, as long as nothing changes.

Folders go by their number, which `helpgate imap list` shows: names are addresses, and a server may say anything.
"""

from __future__ import annotations

from collections import Counter

from gateway import clock
from gateway.clock import MINUTE
from gateway.store import imap_grants
from gateway.store.imap import GIVEN_UP, TOO_LARGE, ImapFolder, ImapMail
from gateway.store.imap_grants import ImapGrant
from gateway.store.unit import Unit

PASSES_MS = 15 * MINUTE
"""Trouble that ends by itself sooner is worth nobody's mail."""
UNTOLD = "operator_told_at IS NULL"
LEFT_THERE = f"state IN ('{GIVEN_UP}', '{TOO_LARGE}') AND {UNTOLD}"


def news(unit: Unit) -> tuple[str, ...]:
    """A line for each thing that nobody has been told of, and from now on somebody has."""
    return (*_unreadable(unit), *_left(unit), *_ending(unit))


def _unreadable(unit: Unit) -> list[str]:
    where = f"problem <> '' AND problem_at <= ? AND {UNTOLD}"
    found = unit.rows(ImapFolder, f"{where} ORDER BY id", unit.now - PASSES_MS)
    for one in found:
        unit.change(ImapFolder, one.id, operator_told_at=unit.now)
    return [
        f"folder {one.id}: cannot be read since {clock.rfc3339(one.problem_at)} (helpgate imap list)"
        for one in found
    ]


def _left(unit: Unit) -> list[str]:
    """Mails that stay in a folder, counted for each."""
    counted = Counter(one.folder_id for one in unit.rows(ImapMail, LEFT_THERE))
    unit.change_where(ImapMail, LEFT_THERE, (), operator_told_at=unit.now)
    return [
        f"folder {folder}: {count} left there, too large or not to be had (helpgate imap status)"
        for folder, count in sorted(counted.items())
    ]


def _ending(unit: Unit) -> list[str]:
    found = [one for one in imap_grants.ending(unit) if one.operator_told_at is None]
    for one in found:
        unit.change_where(ImapGrant, "folder_id = ?", (one.folder_id,), operator_told_at=unit.now)
    return [
        f"folder {one.folder_id}: the grant ends {clock.rfc3339(one.ends_at)} (helpgate imap login)"
        for one in found
    ]
