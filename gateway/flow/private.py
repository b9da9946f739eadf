"""What stands on a ticket for agents only, recognised again in what an agent quotes. Promise 6.

An answer is written above the quoted notice, below it or in between, by programs that mark quotes
in many ways or not at all, and break their lines anew. What was private stays private in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.desk import messages
from gateway.desk.tables import EVERYONE, INTERNAL, Message, Ticket
from gateway.mail.html_text import to_text
from gateway.mail.quote import Ranges, hash_line, is_quoted, mark_at, plain_line, with_attribution
from gateway.store.unit import Unit

KNOWN_MESSAGES = 50  # so many of the newest messages of a ticket are looked through
WORDS_MAX = 100_000  # characters of notes that are recognised when their lines are broken anew
RUN_QUOTED, RUN = 24, 48  # so many characters in a row are no coincidence, in a quote and elsewhere
SHORTEST = 4  # characters of a line in a quote that are looked for


@dataclass(frozen=True, slots=True)
class Private:
    """The private lines of a ticket, and the address of the agent whose mail is looked at.

    lines: hashes of long ones.  words: all of them, without white space.  quoted_runs, runs: the pieces of
    RUN_QUOTED and RUN characters in these, for lines that were broken anew.
    """

    lines: frozenset[int]
    words: str
    quoted_runs: frozenset[str]
    runs: frozenset[str]
    own_address: re.Pattern[str]

    def stands_in(self, text: str) -> bool:
        """Whether a line of these, our mark or the agent's own address is anywhere in a text."""
        lines = text.split("\n")
        return (
            any(self._holds(line, quoted=is_quoted(line)) for line in lines)
            or mark_at(lines) < len(lines)
            or self.own_address.search(text) is not None
        )

    def ranges(self, text: str) -> Ranges:
        """The lines of an agent's text that must not leave: the notice from our mark on, and what is private.

        A block quoted with `>` goes as a whole; what stands between such blocks is the agent's own, unless it
        is the end of a quoted line that a program broke. Short lines go with the private ones around them.
        """
        lines = text.split("\n")
        gone = _from_mark(lines)
        for at, line in enumerate(lines):
            quoted = is_quoted(line) or (at > 0 and is_quoted(lines[at - 1]))
            if at not in gone and self._holds(line, quoted=quoted):
                gone.add(at)
        for block in _quoted_blocks(lines):
            if not gone.isdisjoint(block):
                gone.update(block)
        gone |= self._between(lines, gone)
        return tuple((at, at + 1) for at in sorted(gone))

    def _holds(self, line: str, *, quoted: bool) -> bool:
        if not self.words:
            return False
        plain = plain_line(line)
        if hash_line(line) in self.lines or (quoted and len(plain) >= SHORTEST and plain in self.words):
            return True
        runs, length = (self.quoted_runs, RUN_QUOTED) if quoted else (self.runs, RUN)
        return any(piece in runs for piece in _pieces(plain, length))

    def _between(self, lines: list[str], gone: set[int]) -> set[int]:
        """Short lines between two that go, and short private ones that follow one."""
        found: set[int] = set()
        waiting: list[int] = []
        behind = False
        for at, line in enumerate(lines):
            if at in gone:
                found.update(waiting)
                waiting, behind = [], True
            elif not behind or hash_line(line):
                waiting, behind = [], False
            elif plain_line(line) and plain_line(line) in self.words:
                found.update((*waiting, at))
                waiting = []
            else:
                waiting.append(at)
        return found


def of_ticket(unit: Unit, ticket: Ticket, own_address: re.Pattern[str]) -> Private:
    """The private lines of the newest messages; what customers can read as well is not private."""
    newest = messages.of_ticket(unit, ticket.id, "position > ?", ticket.last_position - KNOWN_MESSAGES)
    secret = [one for one in newest if one.audience != EVERYONE or one.kind == INTERNAL]
    others = [one for one in newest if one not in secret] if secret else []
    public = {plain_line(line) for one in others for line in _lines(one)}
    said = [line for one in reversed(secret) for line in _lines(one) if plain_line(line) not in public]
    words = "".join(map(plain_line, said))[:WORDS_MAX]
    return Private(
        lines=frozenset(map(hash_line, said)) - {0},
        words=words,
        quoted_runs=frozenset(_pieces(words, RUN_QUOTED)),
        runs=frozenset(_pieces(words, RUN)),
        own_address=own_address,
    )


def _lines(message: Message) -> Iterable[str]:
    """In both forms, since a letter has both."""
    html = to_text(message.html).split("\n") if message.html else []
    return [*message.text.split("\n"), *html]


def _pieces(words: str, length: int) -> Iterator[str]:
    return (words[at : at + length] for at in range(len(words) - length + 1))


def _from_mark(lines: list[str]) -> set[int]:
    """The notice that is quoted: with its `>`, or all that follows where the mark has none."""
    mark = mark_at(lines)
    if mark == len(lines):
        return set()
    below = range(mark, len(lines))
    quoted = is_quoted(lines[mark])
    return {
        *range(with_attribution(lines, mark), mark),
        *(at for at in below if not quoted or is_quoted(lines[at])),
    }


def _quoted_blocks(lines: list[str]) -> Iterator[range]:
    start = 0
    for at, line in enumerate([*lines, ""]):
        if not is_quoted(line):
            if at > start:
                yield range(start, at)
            start = at + 1
