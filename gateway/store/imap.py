"""What we remember of folders that are read by IMAP: where we are, whose turn it is, and every mail by its UID.

A mail's row is written in the unit that keeps the mail, so that each is taken once whatever breaks. UIDs and
UIDVALIDITY are unsigned 32-bit numbers (RFC 3501 §2.3.1.1), which no INTEGER of PostgreSQL holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from peewee import BigAutoField, BigIntegerField, IntegerField, Model, TextField

from gateway.clock import DAY, HOUR, MINUTE
from gateway.store.unit import Unit

TAKEN, SETTLED, FAILED, GIVEN_UP, TOO_LARGE, OLD = (
    "taken",
    "settled",
    "failed",
    "given up",
    "too large",
    "old",
)
LEFT = (FAILED, GIVEN_UP, TOO_LARGE, OLD)
"""Mails that are in the folder and not here."""
LEASE_MS = MINUTE
LADDER_MS = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
"""How long a mail that could not be fetched waits; after as many attempts and one more it is given up."""
GONE_MS = 30 * DAY
"""How long a mail that has gone from its folder is remembered: a folder that was lost may be put back from a backup."""


class LeaseLost(Exception):
    """Another process reads this folder now: what we were about to write must not be written. Names ids only."""


class ImapFolder(Model):
    """One folder of one mailbox. `cursor`: every UID up to it has been dealt with, or is listed as left.

    began_at: when we first saw it.  taken_from: mail that came earlier is left there.  present_to: what was in it
    when it got its UIDVALIDITY.  historic_to: what was in it when we first saw it, which is
    historic, as is all that came before began_at.  looked_at: when we last could look.  taken: mails, so far.
    """

    id = BigAutoField()
    name = TextField()
    uidvalidity = BigIntegerField()
    cursor = BigIntegerField()
    began_at = BigIntegerField()
    taken_from = BigIntegerField()
    present_to = BigIntegerField()
    historic_to = BigIntegerField()
    lease_owner = TextField()
    lease_until = BigIntegerField()
    looked_at = BigIntegerField()
    taken = BigIntegerField()
    problem = TextField()
    problem_at = BigIntegerField()
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "imap_folder"


class ImapMail(Model):
    """One mail of a folder. state: taken (what happens to it in the folder is due), settled, or one of LEFT.

    gone_at: since when it is no longer in the folder, as far as we know.
    """

    id = BigAutoField()
    folder_id = BigIntegerField()
    uidvalidity = BigIntegerField()
    uid = BigIntegerField()
    size = BigIntegerField()
    fingerprint = TextField()
    state = TextField()
    reason = TextField()
    attempts = IntegerField()
    next_attempt_at = BigIntegerField()
    inbound_id = BigIntegerField(null=True)
    at = BigIntegerField()
    gone_at = BigIntegerField(null=True)
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "imap_mail"


def meet(unit: Unit, name: str) -> ImapFolder:
    """The folder of this name, made when there is none."""
    unit.add(ImapFolder, name=name)
    found = named(unit, name)
    assert found is not None
    return found


def named(unit: Unit, name: str) -> ImapFolder | None:
    """The folder of this name, or None when nobody has been there yet."""
    return unit.row(ImapFolder, "name = ?", name)


def lease(unit: Unit, folder_id: int, owner: str) -> bool:
    """Have the folder for ourselves for `LEASE_MS`, or for longer when we have it; False: somebody else has it."""
    free = "id = ? AND (lease_owner = ? OR lease_until <= ?)"
    until = unit.now + LEASE_MS
    return bool(
        unit.change_where(
            ImapFolder, free, (folder_id, owner, unit.now), lease_owner=owner, lease_until=until
        )
    )


def release(unit: Unit, folder_id: int, owner: str) -> None:
    """Let another process have the folder now."""
    unit.change_where(
        ImapFolder, "id = ? AND lease_owner = ?", (folder_id, owner), lease_owner="", lease_until=0
    )


def recover(unit: Unit) -> None:
    """At the start of the only daemon of a store: whoever had a folder before has gone."""
    unit.change_where(ImapFolder, "lease_until > 0", (), lease_owner="", lease_until=0)


def begin(
    unit: Unit, folder: ImapFolder, owner: str, uidvalidity: int, newest: int, since: int | None
) -> None:
    """We see the folder for the first time: `since` None leaves there all that is in it. Raises LeaseLost."""
    _change(
        unit,
        folder.id,
        owner,
        uidvalidity=uidvalidity,
        cursor=newest if since is None else 0,
        began_at=unit.now,
        taken_from=unit.now if since is None else since,
        present_to=newest,
        historic_to=newest,
    )


def begin_again(unit: Unit, folder: ImapFolder, owner: str, uidvalidity: int, newest: int) -> None:
    """The folder was made anew and its UIDs mean other mails (RFC 3501 §2.3.1.1). Raises LeaseLost.

    Those we know are told by their content (`known_again`).
    """
    _change(
        unit,
        folder.id,
        owner,
        uidvalidity=uidvalidity,
        cursor=0,
        present_to=newest,
        historic_to=0,
    )


def advance(unit: Unit, folder: ImapFolder, owner: str, cursor: int) -> None:
    """Every UID up to `cursor` is written down. Raises LeaseLost."""
    _change(unit, folder.id, owner, cursor=max(cursor, folder.cursor), looked_at=unit.now)


def seen(
    unit: Unit,
    folder: ImapFolder,
    owner: str,
    uid: int,
    size: int,
    state: str,
    *,
    fingerprint: str = "",
    inbound_id: int | None = None,
    reason: str = "",
) -> None:
    """Write a mail of the folder down, in the unit that keeps it where it is kept. Raises LeaseLost."""
    taken = inbound_id is not None
    ours = (folder.id, owner, folder.uidvalidity)
    count = f"UPDATE imap_folder SET looked_at = ?, taken = taken + ? WHERE {_OURS}"
    if not unit.touch(count, unit.now, int(taken), *ours):
        raise LeaseLost(f"folder {folder.id}")
    this = {"folder_id": folder.id, "uidvalidity": folder.uidvalidity, "uid": uid}
    columns: dict[str, str | int | None] = {
        "size": size,
        "state": state,
        "fingerprint": fingerprint,
        "inbound_id": inbound_id,
        "reason": reason,
    }
    if unit.add(ImapMail, **this, **columns, at=unit.now):
        return
    if not unit.change_where(ImapMail, f"{_THIS} AND state IN {LEFT}", tuple(this.values()), **columns):
        raise LeaseLost(f"mail {uid} of folder {folder.id} has been taken by somebody else")


def failed(unit: Unit, folder: ImapFolder, owner: str, uid: int, size: int, reason: str) -> None:
    """A mail could not be had: it is tried again by itself for a while, and the others go on. Raises LeaseLost."""
    before = unit.row(ImapMail, _THIS, folder.id, folder.uidvalidity, uid)
    attempts = before.attempts + 1 if before else 1
    again = attempts <= len(LADDER_MS)
    seen(unit, folder, owner, uid, size, FAILED if again else GIVEN_UP, reason=reason)
    due = unit.now + LADDER_MS[attempts - 1] if again else 0
    unit.change_where(
        ImapMail,
        _THIS,
        (folder.id, folder.uidvalidity, uid),
        attempts=attempts,
        next_attempt_at=due,
    )


def known_again(unit: Unit, folder: ImapFolder, owner: str, uid: int, fingerprint: str) -> bool:
    """Whether this is a mail that we took when the folder had another UIDVALIDITY; its row goes over to the new UID.

    Each row goes over once, so that two like mails stay two. Raises LeaseLost.
    """
    row = unit.row(
        ImapMail,
        "folder_id = ? AND fingerprint = ? AND fingerprint <> '' AND uidvalidity <> ? ORDER BY id LIMIT 1",
        folder.id,
        fingerprint,
        folder.uidvalidity,
    )
    if row is None:
        return False
    _change(unit, folder.id, owner, looked_at=unit.now)
    unit.run(
        f"DELETE FROM imap_mail WHERE {_THIS}", folder.id, folder.uidvalidity, uid
    )  # it could not be had yet
    unit.change(ImapMail, row.id, uidvalidity=folder.uidvalidity, uid=uid)
    return True


def has_past(unit: Unit, folder: ImapFolder) -> bool:
    """Whether there are mails from an earlier UIDVALIDITY."""
    where = "folder_id = ? AND uidvalidity <> ? LIMIT 1"
    return unit.row(ImapMail, where, folder.id, folder.uidvalidity) is not None


def listed(unit: Unit, folder: ImapFolder, uids: Sequence[int]) -> set[int]:
    """Those of `uids`, in ascending order, that are written down already."""
    found = unit.run(
        "SELECT uid FROM imap_mail WHERE folder_id = ? AND uidvalidity = ? AND uid BETWEEN ? AND ?",
        folder.id,
        folder.uidvalidity,
        uids[0],
        uids[-1],
    )
    return {int(row[0]) for row in found.fetchall()}


def due_again(unit: Unit, folder: ImapFolder) -> list[int]:
    """UIDs of mails that could not be had and are to be tried now."""
    found = unit.rows(
        ImapMail,
        f"folder_id = ? AND uidvalidity = ? AND state = '{FAILED}' AND next_attempt_at <= ? ORDER BY uid LIMIT 100",
        folder.id,
        folder.uidvalidity,
        unit.now,
    )
    return [row.uid for row in found]


def unsettled(unit: Unit, folder: ImapFolder, limit: int) -> list[int]:
    """UIDs of mails that are kept here, and for which something is still to be done in the folder."""
    found = unit.rows(
        ImapMail,
        f"folder_id = ? AND uidvalidity = ? AND state = '{TAKEN}' ORDER BY uid LIMIT ?",
        folder.id,
        folder.uidvalidity,
        limit,
    )
    return [row.uid for row in found]


def settle(unit: Unit, folder: ImapFolder, uids: Iterable[int]) -> None:
    """What was to be done in the folder has been done."""
    for uid in uids:
        unit.change_where(
            ImapMail,
            f"{_THIS} AND state = '{TAKEN}'",
            (folder.id, folder.uidvalidity, uid),
            state=SETTLED,
        )


def gone(unit: Unit, folder: ImapFolder, uid: int) -> None:
    """Somebody took a mail out of the folder before we could have it."""
    unit.change_where(
        ImapMail,
        f"{_THIS} AND state IN {LEFT}",
        (folder.id, folder.uidvalidity, uid),
        state=SETTLED,
        reason="somebody took it out of the folder",
    )


def compare(
    unit: Unit, folder: ImapFolder, owner: str, above: int, to: int, present: Collection[int]
) -> None:
    """Above one UID and up to another just these are in the folder. Raises LeaseLost."""
    _change(unit, folder.id, owner, looked_at=unit.now)
    known = unit.run(
        "SELECT id, uid, gone_at FROM imap_mail WHERE folder_id = ? AND uidvalidity = ? AND uid > ? AND uid <= ?",
        folder.id,
        folder.uidvalidity,
        above,
        to,
    )
    for id, uid, gone_at in known.fetchall():
        if (uid in present) != (gone_at is None):
            unit.change(ImapMail, id, gone_at=None if uid in present else unit.now)


def forget(unit: Unit, folder: ImapFolder, owner: str) -> None:
    """Mails that have gone long ago, after all were compared. Raises LeaseLost."""
    _change(unit, folder.id, owner, looked_at=unit.now)
    former = "folder_id = ? AND uidvalidity <> ? AND gone_at IS NULL"
    unit.change_where(ImapMail, former, (folder.id, folder.uidvalidity), gone_at=unit.now)
    unit.run(
        f"DELETE FROM imap_mail WHERE folder_id = ? AND state <> '{TAKEN}' AND gone_at <= ?",
        folder.id,
        unit.now - GONE_MS,
    )


def try_again(unit: Unit, folder: ImapFolder, uids: Collection[int]) -> int:
    """Try mails that were left, as if nobody had tried before; returns how many there are."""
    return sum(
        unit.change_where(
            ImapMail,
            f"{_THIS} AND state IN {LEFT}",
            (folder.id, folder.uidvalidity, uid),
            state=FAILED,
            attempts=0,
            next_attempt_at=0,
        )
        for uid in uids
    )


def left(unit: Unit, folder: ImapFolder) -> list[ImapMail]:
    """The mails that are in the folder and not here, newest first."""
    where = f"folder_id = ? AND state IN {LEFT} ORDER BY id DESC LIMIT 1000"
    return unit.rows(ImapMail, where, folder.id)


def trouble(unit: Unit, folder_id: int, problem: str) -> None:
    """The folder cannot be read, or (with an empty problem) it can be again."""
    if problem:
        unit.change_where(ImapFolder, "id = ? AND problem = ''", (folder_id,), problem_at=unit.now)
        unit.change(ImapFolder, folder_id, problem=problem)
    else:
        unit.change(ImapFolder, folder_id, problem="", problem_at=0, operator_told_at=None)


def _change(unit: Unit, folder_id: int, owner: str, **columns: int) -> None:
    if not unit.change_where(ImapFolder, "id = ? AND lease_owner = ?", (folder_id, owner), **columns):
        raise LeaseLost(f"folder {folder_id}")


_OURS = "id = ? AND lease_owner = ? AND uidvalidity = ?"
_THIS = "folder_id = ? AND uidvalidity = ? AND uid = ?"
