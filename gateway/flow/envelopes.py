"""What stands outside a letter: sealed addresses, ids and links, and its place in the outbox. Design §6, §7."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.desk import desks, outbox
from gateway.desk.tables import AGENT, Desk, Message, Ticket
from gateway.flow.desktop import Desktop
from gateway.log import step
from gateway.mail.compose import compose
from gateway.mail.envelope import NULL_PATH
from gateway.mail.letter import Draft
from gateway.mail.token import Purpose
from gateway.store.unit import Unit


def post(
    unit: Unit,
    desktop: Desktop,
    desk: Desk,
    draft: Draft,
    *,
    kind: str,
    recipient: str,
    handle: int,
    **columns: int | None,
) -> int:
    """Compose a letter into the outbox; returns its id."""
    null = draft.automatic and desktop.settings.smarthost.machine_sender == "null"
    step("letter.composing")
    letter_id = outbox.queue(
        unit,
        kind=kind,
        handle=handle,
        desk_id=desk.id,
        recipient=recipient,
        reverse_path=NULL_PATH if null else desks.sealed_path(desk, desktop.keys, handle),
        message_id=draft.message_id,
        octets=compose(draft),
        automatic=int(draft.automatic),
        **columns,
    )
    step("letter.queued")
    return letter_id


def link(desktop: Desktop, purpose: Purpose, handle: int) -> str:
    """A ticket page's address for one person."""
    return f"{desktop.settings.web.base_url.rstrip('/')}/helpdesk/ticket/{desktop.keys.seal(purpose, handle)}"


def reply_address(desktop: Desktop, desk: Desk, purpose: Purpose, handle: int, newest: int) -> str:
    """Where an answer to this letter goes."""
    return desks.sealed_reply(desk, desktop.keys, purpose, handle, newest)


def message_id(desktop: Desktop, desk: Desk, purpose: Purpose, handle: int, newest: int = 0) -> str:
    """A sealed Message-ID. RFC 5322 §3.6.4."""
    return f"<{desktop.keys.seal(purpose, handle, newest)}@{desks.domain(desk)}>"


def outward_id(desktop: Desktop, desk: Desk, ticket: Ticket, message: Message) -> str:
    """What customers know a message by: its own id, or ours where an agent wrote it."""
    if message.kind != AGENT and message.message_id:
        return message.message_id
    return message_id(desktop, desk, Purpose.MESSAGE, ticket.handle, message.position)


def references(
    desktop: Desktop, desk: Desk, ticket: Ticket, history: Sequence[Message], *, before: int
) -> tuple[str, ...]:
    """The ticket's root, then what was said before, oldest first: relays rewrite Message-ID but keep these."""
    root = message_id(desktop, desk, Purpose.ROOT, ticket.handle)
    ids = [
        outward_id(desktop, desk, ticket, one)
        for one in history
        if one.position < before and one.kind != "system"
    ]
    return tuple(dict.fromkeys([root, *ids]))
