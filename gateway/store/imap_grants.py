"""What people have granted us: tokens to read their mailboxes with. RFC 6749 §1.5."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField

from gateway.clock import DAY
from gateway.store.unit import Unit

WARN_MS = 14 * DAY
"""How long before a grant ends somebody is told."""


class ImapGrant(Model):
    """One mailbox's. access_until: then a new access token is due.  ends_at: then a human has to grant again; 0: never
    by itself, as far as we know."""

    folder_id = BigIntegerField(primary_key=True)
    refresh_token = TextField()
    access_token = TextField()
    access_until = BigIntegerField()
    granted_at = BigIntegerField()
    ends_at = BigIntegerField()
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "imap_grant"


def of_folder(unit: Unit, folder_id: int) -> ImapGrant | None:
    """The grant for this folder's mailbox, or None."""
    return unit.row(ImapGrant, "folder_id = ?", folder_id)


def keep(
    unit: Unit, folder_id: int, refresh_token: str, access_token: str, access_until: int, ends_at: int
) -> None:
    """A new grant, in the place of one before."""
    unit.run("DELETE FROM imap_grant WHERE folder_id = ?", folder_id)
    unit.add(
        ImapGrant,
        folder_id=folder_id,
        refresh_token=refresh_token,
        access_token=access_token,
        access_until=access_until,
        granted_at=unit.now,
        ends_at=ends_at,
    )


def renew(
    unit: Unit, grant: ImapGrant, access_token: str, access_until: int, **columns: str | int | None
) -> None:
    """Another access token; columns: a refresh_token in the place of the used one, and when that ends."""
    unit.change_where(
        ImapGrant,
        "folder_id = ?",
        (grant.folder_id,),
        access_token=access_token,
        access_until=access_until,
        **columns,
    )


def ending(unit: Unit) -> list[ImapGrant]:
    """Grants that end soon, or have ended."""
    return unit.rows(ImapGrant, "ends_at > 0 AND ends_at <= ? ORDER BY ends_at", unit.now + WARN_MS)
