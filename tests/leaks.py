"""Promise 6, over everything that left: no note, no agent's address, no token of somebody else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.desk import agents
from gateway.desk.views import TicketView
from gateway.mail.token import Keyring, Purpose, Token
from gateway.store.database import Store, Unit
from tests.mailbox import Got

NOTE_CANARY = "CANARY-NOTE"
_TOKEN = re.compile(r"(?<![a-z2-7])(?:[a-z2-7]{46}|[a-z2-7]{36})(?![a-z2-7])", re.IGNORECASE)
_OF_CUSTOMER = "SELECT c.email FROM contact c JOIN participant p ON p.contact_id = c.id"
_OF_AGENT = "SELECT a.email FROM agent a JOIN seat p ON p.agent_id = a.id"
_OF_LETTER = "SELECT p.recipient FROM outbox p"
_OWNERS = {
    Purpose.REPLY: _OF_CUSTOMER,
    Purpose.LINK: _OF_CUSTOMER,
    Purpose.AGENT_REPLY: _OF_AGENT,
    Purpose.AGENT_NOTE: _OF_AGENT,
    Purpose.AGENT_LINK: _OF_AGENT,
    Purpose.LETTER: _OF_LETTER,
    Purpose.PATH: _OF_LETTER,
}


def search(store: Store, keys: Keyring, letters: Sequence[Got], views: Sequence[TicketView]) -> None:
    """Look through every letter and every page for whoever may not have what is in it."""
    with store.reading() as unit:
        staff = {one.email.lower() for one in agents.everyone(unit)}
        for got in letters:
            _search_letter(unit, keys, got, staff)
    for view in views:
        if view.reader == "participant":
            said = repr(view)
            assert NOTE_CANARY not in said
            assert not [one for one in staff if one in said.lower()], view
            assert not _tokens(keys, said), view


def _search_letter(unit: Unit, keys: Keyring, got: Got, staff: set[str]) -> None:
    said = got.everything()
    for token in _tokens(keys, said):
        owner = _owner(unit, token)
        whose = f"{token.purpose.name} of {owner} went to {got.recipient}:\n{said}"
        assert owner in ("", got.recipient) and token.purpose != Purpose.PATH, whose
    if got.recipient.lower() in staff and got.row.seat_id is not None:
        return
    assert NOTE_CANARY not in said, said
    assert not [one for one in staff - {got.recipient.lower()} if one in said.lower()], said


def _tokens(keys: Keyring, text: str) -> list[Token]:
    found = {one.lower() for one in _TOKEN.findall(text)}
    return [token for one in found if (token := keys.unseal(one)) is not None]


def _owner(unit: Unit, token: Token) -> str:
    """Whose token this is: an address; nobody's when it is revoked, or an id that all on a ticket share."""
    if token.purpose not in _OWNERS:
        return ""
    row = unit.run(f"{_OWNERS[token.purpose]} WHERE p.handle = ?", token.handle).fetchone()
    return str(row[0]) if row else ""
