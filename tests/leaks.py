"""Promise 6, over everything that left: no note, no agent's address, no token of somebody else.

Looked for in letters, in pages and in files behind them, also where they are encoded, attached or quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.headerregistry import Address

from gateway.desk import agents, desks
from gateway.desk.tables import AGENT, AGENTS_ONLY, CLIENT, EVERYONE, INTERNAL, Attachment, Contact, Message
from gateway.desk.views import TicketView
from gateway.mail.token import Keyring, Purpose, Token
from gateway.store import blobs
from gateway.store.database import Store
from gateway.store.unit import Unit
from tests.mailbox import Got, readable

NOTE_CANARY = "CANARY-NOTE"
LONG = 30  # characters of a private line that are nobody's coincidence
_TOKEN = re.compile(r"(?=(?<![a-z2-7])([a-z2-7]{0,8})([a-z2-7]{46}|[a-z2-7]{36})(?![a-z2-7]))", re.IGNORECASE)
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
    """Look through every letter, page and file for whoever may not have what is in it."""
    with store.reading() as unit:
        staff = {one.email.lower() for one in agents.everyone(unit)}
        private = _private_lines(unit)
        for got in letters:
            _search_letter(unit, keys, got, staff, private)
        _search_files(unit, keys, staff, private)
        directory = desks.directory(unit)
        assert not [one.email for one in unit.rows(Contact, "1 = 1") if directory.is_ours(one.email)]
    for view in views:
        if view.reader == "participant":
            said = repr(view)
            _search_public(said, staff, private)
            assert not _tokens(keys, said), view


def _search_letter(unit: Unit, keys: Keyring, got: Got, staff: set[str], private: set[str]) -> None:
    said = got.everything()
    for token in _tokens(keys, said):
        owner = _owner(unit, token)
        whose = f"{token.purpose.name} of {owner} went to {got.recipient}:\n{said}"
        assert owner in ("", got.recipient) and token.purpose != Purpose.PATH, whose
    if got.recipient.lower() in staff and got.row.seat_id is not None:
        return
    _search_public(said, staff - {got.recipient.lower()}, private)
    _search_names(unit, got)


def _search_names(unit: Unit, got: Got) -> None:
    """Only what an agent wrote last comes in the name an agent has."""
    from_: Address = got.mail["From"].addresses[0]
    agents_name = from_.display_name.endswith(")")
    wrote = unit.row(Message, "ticket_id = ? AND position = ?", got.row.ticket_id, got.row.position)
    if got.kind == "reply" and wrote is not None and wrote.kind in (CLIENT, AGENT):
        assert agents_name == (wrote.kind == AGENT), from_


def _search_files(unit: Unit, keys: Keyring, staff: set[str], private: set[str]) -> None:
    """What customers can fetch, or got with a letter."""
    public = f"audience = '{EVERYONE}' AND kind <> '{INTERNAL}'"
    theirs = f"audience = '{EVERYONE}' AND message_id IN (SELECT id FROM message WHERE {public})"
    for file in unit.rows(Attachment, theirs):
        said = readable(blobs.load(unit, file.sha256))
        _search_public(said, staff, private)
        assert not _tokens(keys, said), file.filename


def _search_public(said: str, staff: set[str], private: set[str]) -> None:
    assert NOTE_CANARY not in said, said
    assert not [one for one in staff if one in said.lower()], said
    packed = "".join(re.sub(r"[>\s]+", "", said))
    assert not [one for one in private if one in packed], said


def _private_lines(unit: Unit) -> set[str]:
    """Long lines, without white space, that only stand where agents alone can read them."""
    secret = f"(audience = '{AGENTS_ONLY}' OR kind = '{INTERNAL}')"
    public = {line for one in unit.rows(Message, f"NOT {secret}") for line in _packed(one.full_text)}
    return {line for one in unit.rows(Message, secret) for line in _packed(one.text)} - public


def _packed(text: str) -> list[str]:
    lines = (re.sub(r"[>\s]+", "", line) for line in text.split("\n"))
    return [line for line in lines if len(line) >= LONG]


def _tokens(keys: Keyring, text: str) -> list[Token]:
    found = {one.lower() for _, one in _TOKEN.findall(text)}
    return [token for one in found if (token := keys.unseal(one)) is not None]


def _owner(unit: Unit, token: Token) -> str:
    """Whose token this is: an address; nobody's when it is revoked, or an id that all on a ticket share."""
    if token.purpose not in _OWNERS:
        return ""
    row = unit.run(f"{_OWNERS[token.purpose]} WHERE p.handle = ?", token.handle).fetchone()
    return str(row[0]) if row else ""
