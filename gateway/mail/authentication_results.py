"""Authentication-Results fields, read strictly: one clause for each method they report. RFC 8601 §2.2.

Comments and quoted strings are where a sender's words get into such a field; here they are tokens and never
structure. A field that does not follow the grammar says nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_LONGEST_FIELD = 65536
_TOKEN = re.compile(
    r"""  (?P<space>[ \t\r\n]+)
         | (?P<mark>[;=])
         | "(?P<string>(?:[^"\\]|\\.)*)"
         | (?P<word>[^ \t\r\n;="()\\]+)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One `resinfo`. method, result and the names of properties in lower case; values as they are.

    properties: name (`header.d`) -> value.
    """

    method: str
    result: str
    properties: dict[str, str] = field(default_factory=dict)

    def domain(self, name: str) -> str:
        """The domain in a property that holds one or an address, lower case; empty without."""
        return self.properties.get(name, "").rpartition("@")[2].lower().rstrip(".")


class _Unreadable(ValueError):
    """Not the grammar of RFC 8601."""


def clauses(values: Sequence[str], authserv_id: str) -> tuple[Clause, ...]:
    """What the fields of this authserv-id say, of all `values` together; nothing where one is unreadable."""
    ours = authserv_id.lower()
    found: list[Clause] = []
    for value in values:
        try:
            name, said = _field(value)
        except _Unreadable:
            if value.lstrip().lower().startswith(ours):
                return ()
            continue
        if name == ours:
            found.extend(said)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Token:
    """kind: mark (`;` or `=`), word or string.  glued: no white space and no comment before it."""

    kind: str
    text: str
    glued: bool


def _field(value: str) -> tuple[str, list[Clause]]:
    """authserv-id in lower case, and the clauses."""
    groups = _groups(value)
    head = groups[0]
    if not head or head[0].kind == "mark":
        raise _Unreadable
    if len(head) > 1 and (len(head) > 2 or head[1].glued or head[1].text != "1"):
        raise _Unreadable
    return head[0].text.lower(), [_clause(group) for group in groups[1:] if group and not _says_none(group)]


def _groups(value: str) -> list[list[_Token]]:
    """The tokens between the semicolons."""
    groups: list[list[_Token]] = [[]]
    for token in _tokens(value):
        if token.kind == "mark" and token.text == ";":
            groups.append([])
        else:
            groups[-1].append(token)
    return groups


def _says_none(group: list[_Token]) -> bool:
    return len(group) == 1 and group[0].kind == "word" and group[0].text.lower() == "none"


def _clause(group: list[_Token]) -> Clause:
    pairs = list(_pairs(group))
    (method, result), *rest = pairs
    properties: dict[str, str] = {}
    for name, value in rest:
        if name in properties:
            raise _Unreadable  # which of the two was meant?
        properties[name] = value
    return Clause(method.partition("/")[0], result.lower(), properties)


def _pairs(group: list[_Token]) -> Iterator[tuple[str, str]]:
    """`name = value`, again and again; `.` and `/` belong to the name."""
    place = 0
    while place < len(group):
        name = group[place]
        if name.kind != "word" or place + 2 >= len(group) or group[place + 1].text != "=":
            raise _Unreadable
        if group[place + 1].kind != "mark":
            raise _Unreadable
        end = place + 3
        while end < len(group) and group[end].glued:
            end += 1
        yield name.text.lower(), _value(group[place + 2 : end])
        place = end


def _value(tokens: list[_Token]) -> str:
    """A pvalue: a word (base64 may hold `=`), a quoted string, or a quoted local part with its domain."""
    first, *rest = tokens
    if first.kind == "string":
        if rest and not (len(rest) == 1 and rest[0].kind == "word" and rest[0].text.startswith("@")):
            raise _Unreadable
        return first.text + "".join(token.text for token in rest)
    if first.kind == "mark" or any(token.kind == "string" for token in rest):
        raise _Unreadable
    return "".join(token.text for token in tokens)


def _tokens(value: str) -> Iterator[_Token]:
    """The tokens of a field, comments gone."""
    if len(value) > _LONGEST_FIELD:
        raise _Unreadable
    place, glued = 0, False
    while place < len(value):
        if value[place] == "(":
            place, glued = _after_comment(value, place), False
            continue
        match = _TOKEN.match(value, place)
        if match is None or match.lastgroup is None:
            raise _Unreadable
        place = match.end()
        if match.lastgroup == "space":
            glued = False
            continue
        yield _Token(match.lastgroup, re.sub(r"\\(.)", r"\1", match[match.lastgroup]), glued)
        glued = True


def _after_comment(value: str, place: int) -> int:
    """Where the comment that begins at `place` is over. RFC 5322 §3.2.2."""
    depth = 0
    for match in re.compile(r"\\.|[()]", re.DOTALL).finditer(value, place):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    raise _Unreadable
