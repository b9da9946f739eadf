"""Which lines of a text are quotes or a signature, and how lines are recognised again.

A first form: everything is decided line by line, in linear time, by words at the start and
at the end of a line; no expression has two unbounded repeats (threat T28).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

Ranges = tuple[tuple[int, int], ...]

REPLY_MARK = "-- write your reply above this line --"
"""Letters put this line above the history they quote."""

SHORTEST_HASHED = 12
_LONGEST_ATTRIBUTION = 3
_LONGEST_SIGNATURE = 20
_LONGEST_LINE = 400

# First words and verbs of "On … wrote:" in English, German, French, Spanish and Polish.
_OPENERS = ("on ", "am ", "le ", "el ", "w dniu ", "dnia ")
_VERBS = (" wrote", " schrieb", " a écrit", " escribió", " napisał", " pisze")
_SEPARATORS = frozenset(
    {
        "original message",
        "original appointment",
        "ursprüngliche nachricht",
        "originalnachricht",
        "message d'origine",
        "message original",
        "mensaje original",
        "wiadomość oryginalna",
        "oryginalna wiadomość",
        "original-nachricht",
    }
)
_FROM = ("from:", "von:", "de:", "de :", "od:")
_OTHER_FIELDS = (
    *("sent:", "date:", "gesendet:", "datum:", "envoyé:", "envoyé :", "enviado:", "enviado el:", "fecha:"),
    *("wysłano:", "wysłane:", "data:"),
    *("to:", "an:", "à:", "à :", "para:", "do:"),
    *("subject:", "betreff:", "objet:", "objet :", "asunto:", "temat:"),
)
_RULE = re.compile(r"[_=-]{8,}")
_PREFIX = re.compile(r"[>\s]*")


def fold(text: str, mark: str = REPLY_MARK) -> Ranges:
    """Half-open ranges of line numbers of `text` that are quotes or a signature.

    A quote with an answer below it is not folded: the answer needs it. When nothing else
    would be left, nothing is folded.
    """
    lines = text.split("\n")
    history = _history_start(lines, mark)
    signature = _signature_start(lines, history)
    ranges = [(signature, history)] if signature < history else []
    ranges += [(history, len(lines))] if history < len(lines) else []
    return _unless_all(lines, _merged(ranges))


def hash_line(line: str) -> int:
    """Signed 64-bit number of a line without quote marks and white space, case kept.

    0 for fewer than 12 characters: too common to recognise anything by.
    """
    plain = plain_line(line)
    if len(plain) < SHORTEST_HASHED:
        return 0
    digest = blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def plain_line(line: str) -> str:
    """A line without quote marks and white space, however deep it is quoted."""
    return "".join(line[_prefix_length(line) :].split())


def mark_at(lines: Sequence[str]) -> int:
    """The first line with our mark, quoted or not; len(lines) without it."""
    mark = plain_line(REPLY_MARK).strip("-").lower()
    found = (at for at, line in enumerate(lines) if mark in plain_line(line[:_LONGEST_LINE]).lower())
    return next(found, len(lines))


def fold_known(text: str, folded: Ranges, hashes_we_sent: frozenset[int]) -> Ranges:
    """`folded` and the runs of lines that we sent ourselves.

    Lines quoted with `>` are left to `fold`: with an answer below, they are what it answers.
    Short lines count only between two known ones.
    """
    if not hashes_we_sent:
        return folded
    lines = text.split("\n")
    both = _merged([*folded, *_known_runs(lines, hashes_we_sent)])
    return both if _unless_all(lines, both) else folded


def _known_runs(lines: Sequence[str], known: frozenset[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    running = False
    for number, line in enumerate(lines):
        quoted = line.startswith(">")
        value = 0 if quoted else hash_line(line)
        if value and value in known:
            start = runs.pop()[0] if running else number
            runs.append((start, number + 1))
            running = True
        elif value or quoted:
            running = False
    return runs


def _history_start(lines: Sequence[str], mark: str) -> int:
    """Where the history at the end begins, with the line that announces it; len(lines) without one."""
    outer = _unquoted_history(lines, mark)
    trailing = _trailing_quote(lines, outer)
    return with_attribution(lines, trailing) if trailing < len(lines) else trailing


def _unquoted_history(lines: Sequence[str], mark: str) -> int:
    """The first line from which on all is history although no `>` says so."""
    for number, line in enumerate(lines):
        if line.startswith(">"):
            continue
        plain = line[:_LONGEST_LINE].strip()
        if mark in plain or _is_separator(plain) or _is_header_block(lines, number):
            return number
        if plain.endswith(":") and _is_unquoted_attribution(lines, number):
            return _attribution_start(lines, number)
    return len(lines)


def _is_separator(line: str) -> bool:
    return line.startswith("--") and line.strip("-– ").lower() in _SEPARATORS


def _is_header_block(lines: Sequence[str], number: int) -> bool:
    """`From:` with two more fields of a header right below it, as Outlook quotes."""
    if not _field_line(lines[number]).startswith(_FROM):
        return False
    below = [_field_line(line) for line in lines[number + 1 : number + 6]]
    return sum(line.startswith(_OTHER_FIELDS) for line in below) >= 2


def _field_line(line: str) -> str:
    return line[:80].strip(" *\t").lower()


def _is_unquoted_attribution(lines: Sequence[str], number: int) -> bool:
    """`On … wrote:` above a history without `>`; sure only with a date and no `>` below it."""
    following = next((line for line in lines[number + 1 : number + 4] if line.strip()), ">")
    if following.startswith(">"):
        return False
    start = _attribution_start(lines, number)
    said = " ".join(lines[start : number + 1]) if start <= number else ""
    return any(map(str.isdigit, said))


def _trailing_quote(lines: Sequence[str], end: int) -> int:
    """Where the last block of `>` lines before `end` begins, if only blanks or a signature follow it."""
    start = _signature_start(lines, end)
    found = end
    for number in range(start - 1, -1, -1):
        if lines[number].startswith(">"):
            found = number
        elif lines[number].strip():
            break
    return found


def with_attribution(lines: Sequence[str], start: int) -> int:
    """`start`, or the beginning of the announcement above it: an attribution or a rule."""
    above = start - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above < 0:
        return start
    if _RULE.fullmatch(lines[above].strip()):
        return above
    announced = _attribution_start(lines, above)
    return announced if announced <= above else start


def _attribution_start(lines: Sequence[str], last: int) -> int:
    """First line of an attribution of up to three lines that ends in line `last`; last + 1 if it is none."""
    if not lines[last].rstrip().endswith(":"):
        return last + 1
    said = ""
    for number in range(last, max(-1, last - _LONGEST_ATTRIBUTION), -1):
        line = lines[number][:_LONGEST_LINE].strip()
        if not line:
            break
        said = f"{line.lower()} {said}"
        if line.lower().startswith(_OPENERS) and any(verb in said for verb in _VERBS):
            return number
    only = lines[last][:_LONGEST_LINE].lower()
    return last if "@" in only and any(verb in only for verb in _VERBS) else last + 1


def _signature_start(lines: Sequence[str], end: int) -> int:
    """The last `-- ` before `end`, when little follows it; `end` without one. RFC 3676 §4.3."""
    for number in range(end - 1, max(-1, end - 1 - _LONGEST_SIGNATURE), -1):
        if lines[number].rstrip() == "--":
            return number
    return end


def _merged(ranges: Sequence[tuple[int, int]]) -> Ranges:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _unless_all(lines: Sequence[str], ranges: Ranges) -> Ranges:
    """`ranges`, or none when they would hide every word."""
    position = 0
    for start, end in (*ranges, (len(lines), len(lines))):
        if any(line.strip() for line in lines[position:start]):
            return ranges
        position = end
    return ()


def _prefix_length(line: str) -> int:
    prefix = _PREFIX.match(line)
    return prefix.end() if prefix else 0
