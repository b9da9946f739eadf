"""The sentences people read, in their language, and moments and sizes as they write them.

The source language is English, which costs nothing: no catalogue is read, and Babel (a tenth of
a second, several megabytes) is imported only when a date is wanted in another language.

A translation is `gateway/locale/<locale>/LC_MESSAGES/helpgate.mo`, made by Babel from
`gateway/locale/helpgate.pot`. Its sentences name their placeholders: `%(name)s`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from gettext import NullTranslations, translation
from pathlib import Path
from zoneinfo import ZoneInfo

SOURCE_LANGUAGE = "en"
DOMAIN = "helpgate"
CATALOGUES = Path(__file__).parent / "locale"

Translator = Callable[[str], NullTranslations]

_LOCALE = re.compile(r"[A-Za-z]{2,3}(_[A-Za-z0-9]{2,8}){0,2}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def marked(sentence: str) -> str:
    """The sentence itself: marks it for the catalogue where it is written but not yet spoken."""
    return sentence


@lru_cache(maxsize=64)
def translator(locale: str, catalogues: Path = CATALOGUES) -> NullTranslations:
    """The catalogue for `pl`, `pt-BR` or `de_AT`; English wherever it has no answer."""
    return translation(DOMAIN, catalogues, languages=[_normal(locale)], fallback=True)


def format_moment(moment: int, locale: str = SOURCE_LANGUAGE, timezone: str = "UTC") -> str:
    """`21 Nov 2026, 14:02 CET` from milliseconds UTC, in the words and the zone of a reader.

    An unknown zone is shown as UTC, an unknown locale as English: a date is never worth a failure.
    """
    when = datetime.fromtimestamp(moment // 1000, _zone(timezone))
    name = _normal(locale)
    if name.partition("_")[0] == SOURCE_LANGUAGE:
        return _english(when)
    # Imported here and not above for its cost; most installations never need it.
    from babel.core import UnknownLocaleError
    from babel.dates import format_datetime

    try:
        return f"{format_datetime(when, 'd MMM y, HH:mm', locale=name)} {when.tzname()}"
    except (UnknownLocaleError, ValueError):
        return _english(when)


def format_size(octets: int) -> str:
    """`837 B`, `12 KB`, `3.4 MB`; 1 KB is 1,024 octets, as in the limit people are told."""
    if octets < 1024:
        return f"{octets} B"
    if octets < 1024 * 1024:
        return f"{octets / 1024:.0f} KB"
    return f"{octets / (1024 * 1024):.1f} MB"


def _english(when: datetime) -> str:
    month = _MONTHS[when.month - 1]
    return f"{when.day} {month} {when.year}, {when.hour:02d}:{when.minute:02d} {when.tzname()}"


def _normal(locale: str) -> str:
    """`pt-BR` as `pt_BR`; English for what is no locale, so that none can name another folder."""
    name = locale.replace("-", "_")
    return name if _LOCALE.fullmatch(name) else SOURCE_LANGUAGE


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return ZoneInfo("UTC")
