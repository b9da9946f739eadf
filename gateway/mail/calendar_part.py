"""Invitations as people read them: what, when, where and who. RFC 5545, RFC 5546."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from gateway.i18n import SOURCE_LANGUAGE, format_moment, marked, translator
from gateway.mail.charset import scrub

TYPES = frozenset({"text/calendar", "application/ics"})

_MOST_OCTETS = 64 << 10
_MOST_EVENTS = 5
_MOST_PEOPLE = 20
_LONGEST_VALUE = 300
_LONGEST_DESCRIPTION = 2000

_KINDS = {
    "REQUEST": marked("Invitation"),
    "CANCEL": marked("Cancelled"),
    "REPLY": marked("Answer to an invitation"),
    "COUNTER": marked("Another time proposed"),
    "DECLINECOUNTER": marked("Proposed time declined"),
    "REFRESH": marked("Asks for the newest version"),
}
_EVENT = marked("Event")
_ANSWERS = {
    "ACCEPTED": marked("accepted"),
    "DECLINED": marked("declined"),
    "TENTATIVE": marked("accepted tentatively"),
    "DELEGATED": marked("delegated"),
}


def readable(octets: bytes, locale: str = SOURCE_LANGUAGE) -> str:
    """The events of a calendar file in words; empty where there is none or it cannot be read. Never raises."""
    # Imported here and not above: eight megabytes that only calendars are worth.
    from icalendar import Calendar

    if len(octets) > _MOST_OCTETS:
        return ""
    try:
        calendars = Calendar.from_ical(octets.decode("utf-8", "replace"), multiple=True)
        found = [_event(event, str(one.get("METHOD", "")), locale) for one, event in _events(calendars)]
    except Exception:  # a library that raises nearly anything on hostile input
        return ""
    return scrub("\n\n".join(found[:_MOST_EVENTS]))


def _events(calendars: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    count = 0
    for calendar in calendars:
        for event in calendar.walk("VEVENT"):
            if count == _MOST_EVENTS:
                return
            count += 1
            yield calendar, event


def _event(event: Any, method: str, locale: str) -> str:
    say = translator(locale).gettext
    lines = [
        f"{say(_KINDS.get(method.strip().upper(), _EVENT))}: {_value(event, 'SUMMARY') or '–'}",
        _line(say("When"), _when(event, locale)),
        _line(say("Repeats"), say("yes") if event.get("RRULE") or event.get("RDATE") else ""),
        _line(say("Where"), _value(event, "LOCATION")),
        _line(say("Organizer"), _person(event.get("ORGANIZER"), locale)),
        _line(say("Attendees"), _people(event, locale)),
        _line(say("Comment"), _value(event, "COMMENT")),
    ]
    description = str(event.get("DESCRIPTION", "")).strip()[:_LONGEST_DESCRIPTION]
    return "\n".join(filter(None, lines)) + (f"\n\n{description}" if description else "")


def _line(label: str, value: str) -> str:
    return f"{label}: {value}" if value else ""


def _value(event: Any, name: str) -> str:
    """A property on one line; of several of that name the first."""
    found = event.get(name, "")
    first = found[0] if isinstance(found, list) and found else found
    return " ".join(str(first).split())[:_LONGEST_VALUE]


def _when(event: Any, locale: str) -> str:
    """In the zone of the event, and in UTC where that is another."""
    start = getattr(event.get("DTSTART"), "dt", None)
    if start is None:
        return ""
    end = getattr(event.get("DTEND"), "dt", None)
    span = getattr(event.get("DURATION"), "dt", None)
    end = start + span if end is None and span is not None else end
    told = _moment(start, locale) + (f" – {_until(start, end, locale)}" if end not in (None, start) else "")
    if not isinstance(start, datetime) or not start.utcoffset():
        return told
    return f"{told} ({format_moment(_millis(start), locale)})"


def _moment(moment: date | datetime, locale: str) -> str:
    """`23 Nov 2026, 14:00 +01:00`; without an offset for a floating time, only the day for a whole one."""
    at = (
        moment
        if isinstance(moment, datetime)
        else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    )
    local = format_moment(_millis(at.replace(tzinfo=UTC)), locale)  # as the clock on the wall says
    if not isinstance(moment, datetime):
        return local.rpartition(",")[0]
    wall = local.removesuffix(" UTC")
    return f"{wall} {_offset(moment)}".rstrip()


def _until(start: date | datetime, end: Any, locale: str) -> str:
    """The end: on the same day only its time."""
    if isinstance(start, datetime) and isinstance(end, datetime) and start.date() == end.date():
        return f"{end:%H:%M} {_offset(end)}".rstrip()
    return _moment(end, locale)


def _offset(moment: datetime) -> str:
    """`UTC`, `+01:00`, or nothing for a time that is meant wherever one is."""
    if moment.tzinfo is None:
        return ""
    offset = f"{moment:%z}"
    return f"{offset[:3]}:{offset[3:5]}" if moment.utcoffset() else "UTC"


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _people(event: Any, locale: str) -> str:
    found = event.get("ATTENDEE", [])
    people = found if isinstance(found, list) else [found]
    named = [_person(one, locale) for one in people[:_MOST_PEOPLE]]
    return ", ".join([*filter(None, named), *(["…"] if len(people) > _MOST_PEOPLE else [])])


def _person(address: Any, locale: str) -> str:
    """`Ann <ann@example.org> (accepted)`."""
    if address is None:
        return ""
    email = str(address).strip()
    email = email[7:] if email[:7].lower() == "mailto:" else email
    name = str(address.params.get("CN", "")).strip()
    answer = _ANSWERS.get(str(address.params.get("PARTSTAT", "")).upper(), "")
    shown = f"{name} <{email}>" if name and name != email else email
    told = f"{shown} ({translator(locale).gettext(answer)})" if answer else shown
    return " ".join(told.split())[:_LONGEST_VALUE]
