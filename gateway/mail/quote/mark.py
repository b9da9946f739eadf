"""The line our letters put above the history they quote, in every language they are written in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import whitespace

from gateway.i18n import CATALOGUES, DOMAIN, marked, translator
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, plain_line

_NO_BLANKS = dict.fromkeys(map(ord, whitespace))
REPLY_MARK = marked("-- write your reply above this line --")


def mark_in(locale: str, catalogues: Path = CATALOGUES) -> str:
    """The mark as letters have it in this language."""
    return translator(locale, catalogues).gettext(REPLY_MARK)


def mark_at(lines: Sequence[str]) -> int:
    """The first line with our mark, quoted or not; len(lines) without it."""
    found = (at for at, line in enumerate(lines) if has_mark(line))
    return next(found, len(lines))


def has_mark(line: str, catalogues: Path = CATALOGUES) -> bool:
    """Whether a line holds our mark in any language, however a program spaced or quoted it."""
    if len(line) < _shortest(catalogues):
        return False
    plain = plain_line(line[:LONGEST_LOOKED_AT]).lower()
    return any(mark in plain for mark in _marks(catalogues))


def mark_may_stand_in(lines: Sequence[str]) -> bool:
    """Whether it is worth looking for our mark line by line."""
    said = "".join(lines).lower()
    plain = said.translate(_NO_BLANKS) if said.isascii() else "".join(said.split())
    return any(mark in plain for mark in _marks(CATALOGUES))


@cache
def _marks(catalogues: Path) -> frozenset[str]:
    """The mark in every language of the catalogue, without white space and the dashes around it."""
    languages = (path.parent.parent.name for path in catalogues.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    spoken = {REPLY_MARK, *(mark_in(language, catalogues) for language in languages)}
    return frozenset(plain_line(mark).strip("-–—").lower() for mark in spoken)


@cache
def _shortest(catalogues: Path) -> int:
    return min(map(len, _marks(catalogues)))
