"""The operator's summary: what needs a human, by mail, at most hourly. Plain text."""

from __future__ import annotations

from gateway import clock
from gateway.clock import HOUR
from gateway.desk import desks, outbox
from gateway.desk.tables import Desk, Letter
from gateway.flow.desktop import Desktop
from gateway.mail.address import parse_address
from gateway.mail.compose import compose
from gateway.mail.envelope import NULL_PATH
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords
from gateway.store import settings
from gateway.store.database import Unit
from gateway.store.journal import HELD, Inbound

LAST, SPENT = "summary.last", "summary.spent"
LINES = 20


def write_when_due(unit: Unit, desktop: Desktop, stopped: str) -> bool:
    """Write the summary when something new needs a human and the last one is an hour old."""
    address = parse_address(desktop.settings.operator.address) if desktop.settings.operator.address else None
    last = int(settings.get(unit, LAST, "0"))
    all_desks = desks.everyone(unit)
    if address is None or not all_desks or unit.now - last < HOUR:
        return False
    words = _words(unit, desktop, last, stopped)
    if not (words.held or words.failed or words.stopped or words.spent):
        return False
    _post(unit, desktop, all_desks[0], address, words)
    settings.put(unit, LAST, str(unit.now))
    settings.put(unit, SPENT, "")
    return True


def note_spent(unit: Unit, what: str) -> None:
    """A budget of [acknowledge] was spent: the next summary says so."""
    settings.put(unit, SPENT, what)


def _words(unit: Unit, desktop: Desktop, since: int, stopped: str) -> LetterWords:
    held = unit.rows(Inbound, f"fate = '{HELD}' AND final_at > ? ORDER BY id DESC LIMIT ?", since, LINES)
    failed = unit.rows(
        Letter,
        f"state IN ('{outbox.FAILED}', '{outbox.UNCERTAIN}', '{outbox.HELD}') AND kind <> 'summary'"
        " AND created_at > ? ORDER BY id DESC LIMIT ?",
        since - 5 * clock.DAY if since else 0,
        LINES,
    )
    spent = settings.get(unit, SPENT)
    return LetterWords(
        desk_name="Helpgate",
        ticket_url=desktop.settings.web.base_url,
        held=tuple(f"mail {row.id}: {row.fate_reason} (helpgate explain {row.id})" for row in held),
        failed=tuple(f"letter {row.id}: {row.state}: {row.last_reply}" for row in failed),
        stopped=(f"smarthost: {stopped}",) if stopped else (),
        spent=(spent,) if spent else (),
    )


def _post(unit: Unit, desktop: Desktop, desk: Desk, address: str, words: LetterWords) -> None:
    written = desktop.stationery.write("summary", words)
    handle = draw_handle()
    message_id = f"<{desktop.keys.seal(Purpose.LETTER, handle)}@{desks.domain(desk)}>"
    draft = Draft(
        message_id=message_id,
        from_=Mailbox(desk.address, "Helpgate"),
        to=(Mailbox(address),),
        subject=written.subject,
        text=written.text,
        html="",
        date=unit.now,
        automatic=True,
    )
    null = desktop.settings.smarthost.machine_sender == "null"
    outbox.queue(
        unit,
        kind="summary",
        handle=handle,
        recipient=address,
        reverse_path=NULL_PATH if null else desks.sealed_path(desk, desktop.keys, handle),
        message_id=message_id,
        octets=compose(draft),
        automatic=1,
    )
