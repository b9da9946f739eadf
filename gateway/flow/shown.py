"""What a mail said, made fit to show and to send on: quotes folded, our own tokens made neutral.

The raw mail keeps everything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gateway.desk import messages
from gateway.desk.messages import Words
from gateway.desk.tables import Agent, Desk, Ticket
from gateway.mail.quote import fold_known, hash_line
from gateway.mail.reading import AUTO_REPLY, Enclosure, Reading
from gateway.mail.token import Keyring
from gateway.store.blobs import name_of
from gateway.store.database import Unit
from gateway.store.journal import Inbound

KNOWN_MESSAGES = 50  # so many of the newest messages of a ticket are looked through for quoted lines


def subject(keys: Keyring, reading: Reading) -> str:
    """The subject as it is shown."""
    return keys.neutralise(reading.subject)


def of_opening(keys: Keyring, reading: Reading, inbound: Inbound) -> Words:
    """The first mail of a ticket."""
    return _words(keys, reading, inbound, reading.folded)


def of_client(
    unit: Unit, keys: Keyring, reading: Reading, inbound: Inbound, ticket: Ticket, *, automatic: bool = False
) -> Words:
    """A customer's mail on a ticket: lines that stand on the ticket already are quotes."""
    folded = fold_known(reading.text, reading.folded, _known_lines(unit, ticket))
    said = _words(keys, reading, inbound, folded)
    return replace(said, automatic=automatic or reading.verdict == AUTO_REPLY)


def of_agent(keys: Keyring, reading: Reading, inbound: Inbound, agent: Agent, desk: Desk) -> Words:
    """An agent's answer, made anew: without quotes, headers or the agent's own address."""
    said = _words(keys, reading, inbound, reading.folded)
    own = re.compile(re.escape(agent.email).replace("@", "(?:@|%40|&#64;)"), re.IGNORECASE)
    return replace(
        said,
        text=own.sub(desk.address, said.text),
        html=None if said.folded_lines or said.html is None else own.sub(desk.address, said.html),
    )


def _words(keys: Keyring, reading: Reading, inbound: Inbound, folded: Sequence[tuple[int, int]]) -> Words:
    full_text = keys.neutralise(reading.text)
    shown, hidden = _unfolded(full_text, folded)
    return Words(
        text=shown,
        full_text=full_text,
        folded_lines=hidden,
        html=None if reading.html is None else keys.neutralise(str(reading.html)),
        files=[_neutral(keys, file) for file in reading.enclosures],
        message_id=reading.message_id,
        references=(*reading.references, *reading.in_reply_to),
        inbound_id=inbound.id,
        automatic=reading.verdict == AUTO_REPLY,
    )


def _unfolded(text: str, folded: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """The text without its folded lines, and how many they were."""
    if not folded:
        return text.strip("\n"), 0
    lines = text.split("\n")
    hidden = {at for start, end in folded for at in range(start, min(end, len(lines)))}
    shown = "\n".join(line for at, line in enumerate(lines) if at not in hidden).strip("\n")
    return shown, len(hidden)


def _known_lines(unit: Unit, ticket: Ticket) -> frozenset[int]:
    newest = ticket.last_position - KNOWN_MESSAGES
    rows = messages.of_ticket(unit, ticket.id, "position > ?", newest)
    return frozenset(hash_line(line) for row in rows for line in row.text.split("\n")) - {0}


def _neutral(keys: Keyring, file: Enclosure) -> Enclosure:
    """An attached mail without tokens of ours; every other file as it is."""
    if file.content_type != "message/rfc822" or file.data is None:
        return file
    text = file.data.decode("latin-1")
    clean = keys.neutralise(text).replace("…", "...")
    if clean == text:
        return file
    data = clean.encode("latin-1")
    return replace(file, data=data, size=len(data), sha256=name_of(data))
