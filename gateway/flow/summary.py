"""The operator's summary: what needs a human, by mail, at most hourly. Plain text."""

from __future__ import annotations

from gateway.clock import HOUR
from gateway.desk import brakes, desks, notifications, outbox, suppression, tickets
from gateway.desk.tables import Desk, Letter, Notification, Suppression
from gateway.flow import mailboxes
from gateway.flow.desktop import Desktop
from gateway.log import logger
from gateway.mail.address import parse_address
from gateway.mail.compose import compose
from gateway.mail.envelope import NULL_PATH
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.mail.token import Purpose, draw_handle
from gateway.mail.words import LetterWords
from gateway.store import settings
from gateway.store.engines import SQLITE
from gateway.store.journal import HELD, Inbound
from gateway.store.unit import Row, Unit

LAST, SPENT = "summary.last", brakes.SPENT
LINES = 20
LETTERS = f"{outbox.NEEDS_HUMAN} AND kind <> 'summary'"
HELD_MAILS = (
    f"fate = '{HELD}' AND channel <> 'import'"  # whoever imports is told how many, and there may be thousands
)
SUPPRESSED = "suppressed_at IS NOT NULL"
PROMISES = f"state = '{notifications.FAILED}'"
ONE_AT_A_TIME = 0x48_47_53_55  # names the advisory lock

log = logger("summary")


def write_when_due(unit: Unit, desktop: Desktop, stopped: str, postponed: str = "") -> bool:
    """Write the summary when something new needs a human and the last one is an hour old.

    stopped: why the smarthost cannot be used.  postponed: how many mails could not be stored, and why. Or empty.
    """
    if unit.engine != SQLITE:
        unit.run("SELECT pg_advisory_xact_lock(?)", ONE_AT_A_TIME)  # or each daemon would send one
    address = parse_address(desktop.settings.operator.address) if desktop.settings.operator.address else None
    last = int(settings.get(unit, LAST, "0"))
    all_desks = desks.everyone(unit)
    if address is None or not all_desks or unit.now - last < HOUR:
        return False
    if desks.Directory(all_desks).is_ours(address):  # each summary would be a held mail for the next one
        log.error("no summary is sent: [operator] address is a desk's")
        return False
    words = _words(unit, desktop, stopped, postponed)
    news = (words.held, words.failed, words.suppressed, words.stopped, words.mailboxes, words.postponed)
    if not (any(news) or words.spent):
        return False
    _post(unit, desktop, all_desks[0], address, words)
    settings.put(unit, LAST, str(unit.now))
    settings.put(unit, SPENT, "")
    return True


def note_spent(unit: Unit, what: str) -> None:
    """A budget of [acknowledge] was spent: the next summary says so."""
    settings.put(unit, SPENT, what)


def _words(unit: Unit, desktop: Desktop, stopped: str, postponed: str) -> LetterWords:
    held, held_total = _news(unit, Inbound, HELD_MAILS)
    unsent, unsent_total = _news(unit, Letter, LETTERS)
    unwritten, unwritten_total = _news(unit, Notification, PROMISES)
    suppressed, suppressed_total = _news(unit, Suppression, SUPPRESSED)
    held_lines = [f"mail {one.id}: {one.fate_reason} (helpgate explain {one.id})" for one in held]
    failed_lines = [
        *[f"ticket {_number(unit, one)}: {one.kind}: {one.reason}" for one in unwritten],
        *[f"letter {one.id}: {one.state}: {one.last_reply}" for one in unsent],
    ]
    failed_total = unsent_total + unwritten_total
    spent, unread = settings.get(unit, SPENT), mailboxes.news(unit)
    return LetterWords(
        desk_name="Helpgate",
        ticket_url=desktop.settings.web.base_url,
        held=_counted(held_lines, held_total),
        failed=_counted(failed_lines, failed_total),
        suppressed=_counted([suppression.sentence(one) for one in suppressed], suppressed_total),
        stopped=(f"smarthost: {stopped}",) if stopped else (),
        mailboxes=_counted(list(unread), len(unread)),
        postponed=(postponed,) if postponed else (),
        spent=(spent,) if spent else (),
        held_total=held_total,
        failed_total=failed_total,
    )


def _news(unit: Unit, table: type[Row], where: str) -> tuple[list[Row], int]:
    """What no summary has told of, and from now on one has: the newest rows, and how many there are."""
    total = unit.change_where(table, f"{where} AND operator_told_at IS NULL", (), operator_told_at=unit.now)
    newest = f"{where} AND operator_told_at = ? ORDER BY id DESC LIMIT ?"
    return (unit.rows(table, newest, unit.now, LINES) if total else []), total


def _counted(lines: list[str], total: int) -> tuple[str, ...]:
    """The newest, and how many there are besides."""
    more = total - len(lines[:LINES])
    return (*lines[:LINES], f"and {more} more") if more else tuple(lines)


def _number(unit: Unit, promise: Notification) -> str:
    return tickets.by_id(unit, promise.ticket_id).number


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
