"""The line our letters put above the history they quote, in every language they are written in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from gateway.i18n import CATALOGUES, DOMAIN, marked, translator
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, plain_line

REPLY_MARK = marked("-- write your reply above this line --")


def mark_at(lines: Sequence[str]) -> int:
    """The first line with our mark, quoted or not; len(lines) without it."""
    found = (at for at, line in enumerate(lines) if has_mark(line))
    return next(found, len(lines))


def has_mark(line: str) -> bool:
    """Whether a line holds our mark in any language, however a program spaced or quoted it."""
    if len(line) < _shortest():
        return False
    plain = plain_line(line[:LONGEST_LOOKED_AT]).lower()
    return any(mark in plain for mark in _marks())


def mark_may_stand_in(lines: Sequence[str]) -> bool:
    """Whether it is worth looking for our mark line by line."""
    plain = "".join("".join(lines).split()).lower()
    return any(mark in plain for mark in _marks())


@cache
def _marks() -> frozenset[str]:
    """The mark in every language of the catalogue, without white space and the dashes around it."""
    languages = (path.parent.parent.name for path in CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    spoken = {REPLY_MARK, *(translator(language).gettext(REPLY_MARK) for language in languages)}
    return frozenset(plain_line(mark).strip("-–—").lower() for mark in spoken)


@cache
def _shortest() -> int:
    return min(map(len, _marks()))
