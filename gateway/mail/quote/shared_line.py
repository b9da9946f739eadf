"""An attribution that shares its line with the answer, given a line of its own."""

from __future__ import annotations

import re

from gateway.mail.quote import phrases
from gateway.mail.quote.attribution import Trust, begins_one, trust_in
from gateway.mail.quote.lines import LONGEST_LOOKED_AT, is_quoted, next_filled

_OPENERS = "|".join(sorted(re.escape(word.capitalize()) for word in phrases.every("opens") if len(word) > 1))
_INSIDE = re.compile(rf"(?<=[\w.!?)])\s{{0,4}}-{{0,12}} ?(?=\b(?:{_OPENERS})\s[^\n:]{{0,20}}?\d)")


def apart(text: str) -> str:
    """`text`, with a line break before every attribution that has an answer on its line and a quote below."""
    if ":\n" not in text:
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.endswith(":") and len(line) <= LONGEST_LOOKED_AT and not is_quoted(line):
            below = next_filled(lines, number + 1)
            if below < len(lines) and is_quoted(lines[below]):
                lines[number] = _parted(line)
    return "\n".join(lines)


def _parted(line: str) -> str:
    for inside in _INSIDE.finditer(line):
        if begins_one(line[: inside.start()].lower()):
            continue  # the date has such a word in it
        if trust_in(line[inside.end() :].lower()) >= Trust.IF_MARKED:
            return f"{line[: inside.start()]}\n{line[inside.start() :].lstrip()}"
    return line
