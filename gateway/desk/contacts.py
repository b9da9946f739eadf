"""Contacts: people outside, one for each address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.desk.tables import Contact
from gateway.mail.address import address_key
from gateway.mail.reading import Mailbox
from gateway.store.unit import Unit

NAME_SHOWN = 60


def meet(unit: Unit, mailbox: Mailbox, *, named_by_another: bool = False) -> Contact:
    """The contact with this address, made when there is none. Mail never changes an address or a name.

    named_by_another: it stands in somebody else's To or Cc, which gives no name to a contact that is there already.
    """
    key = address_key(mailbox.email)
    if known := _with_key(unit, key):
        if mailbox.name and not known.name and not named_by_another:
            unit.change(Contact, known.id, name=mailbox.name)
            known.name = mailbox.name
        return known
    return unit.obtain(
        Contact,
        ("email_key",),
        email=mailbox.email,
        email_key=key,
        name=mailbox.name,
        created_at=unit.now,
    )


def with_address(unit: Unit, email: str) -> Contact | None:
    """The contact with this address, or None."""
    return _with_key(unit, address_key(email)) if email else None


def foresee(unit: Unit, emails: Iterable[str]) -> None:
    """Many will be asked for by address."""
    unit.foresee(Contact, "email_key", [address_key(email) for email in emails if email])


def by_id(unit: Unit, id: int) -> Contact:
    """The contact with this id."""
    contact = unit.row(Contact, "id = ?", id)
    assert contact is not None
    return contact


def display_name(contact: Contact) -> str:
    """What to call them: their name, else the local part of their address."""
    return shown_name(contact) or contact.email.partition("@")[0][:NAME_SHOWN]


def shown_name(contact: Contact) -> str:
    """Their name, cut, for others to read; empty for one with an address in it: whoever named them chose it. T21."""
    return "" if _ADDRESS.search(contact.name) else contact.name[:NAME_SHOWN].strip()


def _with_key(unit: Unit, key: str) -> Contact | None:
    return next(iter(unit.having(Contact, "email_key", key)), None)


_ADDRESS = re.compile(r"[/@]|\w\.\w{2}")
