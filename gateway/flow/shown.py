"""What a mail said, made fit to show and to send on: quotes folded, our own tokens made neutral.

The raw mail keeps everything.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol

from gateway.desk import messages
from gateway.desk.messages import Words
from gateway.desk.tables import AGENT, Agent, Desk, Ticket
from gateway.flow import files
from gateway.flow.private import KNOWN_MESSAGES, Private, of_ticket
from gateway.mail.address import address_key
from gateway.mail.html_text import to_text
from gateway.mail.quote import Ranges, fold_known, known_lines
from gateway.mail.reading import AUTO_REPLY, Reading
from gateway.mail.token import Keyring
from gateway.store.journal import Inbound
from gateway.store.unit import Unit


class Arrival(Protocol):
    """A mail of the journal, read."""

    @property
    def inbound(self) -> Inbound:
        """Its row."""

    @property
    def reading(self) -> Reading:
        """What it says."""


def subject(keys: Keyring, reading: Reading) -> str:
    """The subject as it is shown."""
    return keys.neutralise(reading.subject)


def of_opening(keys: Keyring, mail: Arrival) -> Words:
    """The first mail of a ticket: what it quotes is news here, only its signature is folded."""
    return _words(keys, mail, mail.reading.signature)


def of_client(unit: Unit, keys: Keyring, mail: Arrival, ticket: Ticket, *, automatic: bool = False) -> Words:
    """A customer's mail on a ticket: lines that we wrote there are quotes, wherever they stand."""
    reading = mail.reading
    said = _words(keys, mail, fold_known(reading.text, reading.folded, _lines_of_ours(unit, ticket, reading)))
    return replace(said, automatic=automatic or said.automatic)


def of_agent(
    unit: Unit, keys: Keyring, mail: Arrival, ticket: Ticket, agent: Agent, desk: Desk
) -> Words | None:
    """An agent's answer, made anew: without quotes, headers, the agent's own address or anything internal.

    None where nothing is left to say: all of it stands below our mark, is quoted, or is encrypted.
    """
    private = of_ticket(unit, ticket, _own_address(agent))
    inside = private.ranges(mail.reading.text)
    said = _words(keys, mail, (*mail.reading.folded, *inside))
    parted = files.of_agent(keys, mail.reading.enclosures, private)
    if mail.reading.sealed or (not said.text.strip() and not parted.everyone):
        return None
    return replace(
        said,
        text=private.own_address.sub(desk.address, said.text),
        html=None if inside or said.folded_lines else _html_of_agent(said.html, private, desk),
        files=parted.everyone,
        files_for_agents=parted.agents,
        remark=parted.remark,
    )


def of_note(keys: Keyring, mail: Arrival, agent: Agent, desk: Desk) -> Words:
    """An agent's note: what it quotes may be internal, it stays with agents."""
    said = _words(keys, mail, mail.reading.folded)
    own = _own_address(agent)
    html = None if said.folded_lines or said.html is None else own.sub(desk.address, said.html)
    return replace(said, text=own.sub(desk.address, said.text), html=html)


def _own_address(agent: Agent) -> re.Pattern[str]:
    return re.compile(re.escape(agent.email).replace("@", "(?:@|%40|&#64;)"), re.IGNORECASE)


def _html_of_agent(html: str | None, private: Private, desk: Desk) -> str | None:
    """An agent's HTML, unless it quotes what the text does not: then the text speaks alone."""
    if html is None:
        return None
    clean = private.own_address.sub(desk.address, html)
    return None if private.stands_in(to_text(clean)) else clean


def _words(keys: Keyring, mail: Arrival, folded: Ranges) -> Words:
    reading = mail.reading
    parted = files.of_client(keys, reading.enclosures)
    full_text = keys.neutralise(reading.text)
    shown, hidden = _unfolded(full_text, folded)
    return Words(
        text=shown,
        full_text=full_text,
        folded_lines=hidden,
        html=None if reading.html is None else keys.neutralise(str(reading.html)),
        files=parted.everyone,
        files_for_agents=parted.agents,
        message_id=reading.message_id,
        references=(*reading.references, *reading.in_reply_to),
        inbound_id=mail.inbound.id,
        automatic=reading.verdict == AUTO_REPLY,
    )


def _unfolded(text: str, folded: Ranges) -> tuple[str, int]:
    """The text without its folded lines, and how many they were."""
    if not folded:
        return text.strip("\n"), 0
    lines = text.split("\n")
    hidden = {at for start, end in folded for at in range(start, min(end, len(lines)))}
    shown = "\n".join(line for at, line in enumerate(lines) if at not in hidden).strip("\n")
    return shown, len(hidden)


def _lines_of_ours(unit: Unit, ticket: Ticket, reading: Reading) -> frozenset[str]:
    """What agents said on the ticket. Customers may say again what they said: it is never taken from them."""
    newest = ticket.last_position - KNOWN_MESSAGES
    rows = messages.of_ticket(unit, ticket.id, "position > ? AND kind = ?", newest, AGENT)
    writer = address_key(reading.sender.email) if reading.sender else ""
    return known_lines(row.text for row in rows if address_key(row.author_email) != writer)
