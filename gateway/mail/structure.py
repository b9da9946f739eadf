"""The parts of a mail, found in one bounded pass over its octets. RFC 5322 §2, RFC 2045-2046.

The standard library's parser is not used for foreign mail: it raises, recurses and turns
quadratic on crafted input, and it copies every line of a large mail. Here a part is two
offsets; nothing is copied before it is decoded, and every limit is a count in this file.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from urllib.parse import quote

from gateway.mail import header, transfer

Octets = bytes | mmap.mmap

HEADER_OCTETS = 1 << 20
HEADER_LINES = 1000
FIELD_OCTETS = 64 << 10
PARTS = 1000
LEVELS = 30
FALSE_DELIMITERS = 10_000

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_BLANK = re.compile(rb"\n\r{0,2}\n")
_KNOWN_FIELD = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|mime-version|content-(?:type|transfer-encoding|disposition|id)|"
    rb"reply-to|in-reply-to|references|received|return-path|x-[a-z-]{1,40}):",
    re.IGNORECASE | re.MULTILINE,
)
_MAILBOX_LINE = re.compile(rb">?From ")
_LOOKED_AHEAD = 8 << 10
_FOLD = re.compile(rb"\r?\n")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_GUESSED_BOUNDARY = re.compile(rb"(?:\A|\n)--([^\r\n]{1,200})\r?\ncontent-", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """One entity: its header fields, where its body lies, and the parts inside a multipart.

    fields: names in lower case with unfolded values, in their order.
    start, end: offsets of the body in `octets`.
    """

    octets: Octets = field(repr=False)
    fields: tuple[tuple[str, bytes], ...]
    start: int
    end: int
    default_type: str = "text/plain"
    children: tuple[Part, ...] = ()

    def values(self, name: str) -> Sequence[bytes]:
        """Every value of a field, in the order of the header."""
        return self._by_name.get(name, ())

    def value(self, name: str) -> bytes:
        """The first value of a field; empty when there is none."""
        return self._by_name[name][0] if name in self._by_name else b""

    @cached_property
    def _by_name(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for name, value in self.fields:
            found.setdefault(name, []).append(value)
        return found

    @cached_property
    def typed(self) -> tuple[str, dict[str, str]]:
        """Content type and parameters; RFC 2045 §5.2 says what stands for a missing or broken one."""
        declared, parameters = header.parameters(self.value("content-type"))
        return (declared if _TYPE.fullmatch(declared) else self.default_type), parameters

    @cached_property
    def disposed(self) -> tuple[str, dict[str, str]]:
        """Content disposition and parameters. RFC 2183."""
        return header.parameters(self.value("content-disposition"))

    @property
    def content_type(self) -> str:
        return self.typed[0]

    @property
    def is_encoded(self) -> bool:
        """Whether a transfer encoding changes the octets of the body."""
        return (
            bool(self.value("content-transfer-encoding"))
            and self.decoded() != self.octets[self.start : self.end]
        )

    @property
    def beginning(self) -> bytes:
        """The first octets of the body as it was sent, enough to guess what it is."""
        return self.octets[self.start : min(self.end, self.start + 200)]

    def decoded(self) -> bytes:
        """The body with its transfer encoding undone."""
        encoding = header.text(self.value("content-transfer-encoding"))
        with memoryview(self.octets) as whole, whole[self.start : self.end] as body:
            return transfer.decode(body, encoding)

    def walk(self) -> Iterator[Part]:
        """This part and all inside it, in their order."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(octets: Octets) -> tuple[Part, tuple[str, ...]]:
    """The root of a mail, and the limits that were reached (empty: all of it was read)."""
    reader = _Reader(octets)
    root = reader.part(_first_line(octets), len(octets), 1, "text/plain")
    return root, tuple(reader.limits)


def made(data: bytes, content_type: str, name: str = "", content_id: str = "") -> Part:
    """A part that came in some other wrapping than MIME, as if it had been sent as an attachment.

    name: as the sender gave it, unsafe; empty for words, which are no attachment.
    """
    fields = [("content-type", content_type.encode("ascii", "replace"))]
    if name:
        extended = quote(name.encode("utf-8", "replace"), safe="").encode("ascii")
        fields.append(("content-disposition", b"attachment; filename*=utf-8''" + extended))
    if content_id:
        fields.append(("content-id", content_id.encode("utf-8", "replace")))
    return Part(data, tuple(fields), 0, len(data))


def read_fields(octets: Octets, start: int, end: int) -> tuple[tuple[tuple[str, bytes], ...], int]:
    """The header fields from `start`, unfolded, and the offset of the body."""
    return _Reader(octets).header(start, end)


def _first_line(octets: Octets) -> int:
    """Past a byte order mark, empty lines and the `From ` line of a mailbox file (RFC 4155)."""
    start = 3 if octets[:3] == b"\xef\xbb\xbf" else 0
    while octets[start : start + 1] in (b"\r", b"\n"):
        start += 1
    if octets[start : start + 5] == b"From " or octets[start : start + 6] == b">From ":
        start = octets.find(b"\n", start) + 1 or len(octets)
    return start


class _Reader:
    """Parses one mail; remembers what it had to leave."""

    def __init__(self, octets: Octets) -> None:
        self.octets = octets
        self.limits: dict[str, None] = {}  # ordered, each once
        self.parts = 0
        self.wrong = 0

    def part(self, start: int, end: int, level: int, default_type: str) -> Part:
        self.parts += 1
        fields, body = self.header(start, end)
        part = Part(self.octets, fields, body, end, default_type)
        if not part.content_type.startswith("multipart/"):
            return part
        if level >= LEVELS:
            self._limit("too many levels of parts")
            return Part(self.octets, fields, end, end, default_type)
        inner = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        spans = self._spans(part)
        if not spans and part.is_encoded:
            return self._within(part, level)
        children = tuple(self.part(*span, level + 1, inner) for span in spans if self._room())
        return Part(self.octets, fields, body, end, default_type, children)

    def _within(self, part: Part, level: int) -> Part:
        """A multipart that was encoded as a whole, against RFC 2045 §6.4."""
        octets = b"\n" + part.decoded()
        fields = tuple(field for field in part.fields if field[0] != "content-transfer-encoding")
        inside = _Reader(octets)
        inside.parts = self.parts
        decoded = Part(octets, fields, 1, len(octets))
        spans = inside._spans(decoded)
        children = tuple(inside.part(*span, level + 1, "text/plain") for span in spans if inside._room())
        self.parts = inside.parts
        self.limits |= inside.limits
        return replace(decoded, children=children) if children else part

    def header(self, start: int, end: int) -> tuple[tuple[tuple[str, bytes], ...], int]:
        """A line that is no field is left out, or ends the header as if the empty line were missing."""
        fields: list[tuple[str, bytes]] = []
        name, first, position, lines = b"", start, start, 0
        body = end
        while position < end:
            line_end = self._line_end(position, end)
            lead = self.octets[position : position + 2]
            if lead[:1] == b"\n" or lead == b"\r\n" or self.octets[position:line_end] == b"\r\r\n":
                body = line_end
                break
            if lines >= HEADER_LINES or position - start > HEADER_OCTETS:
                self._limit("header too long")
                body = self._after_blank(position, end)
                break
            lines += 1
            if lead[:1] not in (b" ", b"\t") or not name:
                found = _FIELD.match(self.octets, position, line_end)
                if found is None and not self._goes_on(line_end, end):
                    body = position
                    break
                self._keep(fields, name, first, position)
                name, first = (found[1], found.end()) if found else (b"", line_end)
                if found is None and not _MAILBOX_LINE.match(self.octets, position, line_end):
                    self._limit("a line in the header is no field")
            position = line_end
        self._keep(fields, name, first, min(position, end))
        return tuple(fields), body

    def _goes_on(self, position: int, end: int) -> bool:
        """Whether the header goes on behind a line that is no field: known fields come before the next empty line."""
        end = min(end, position + _LOOKED_AHEAD)
        blank = _BLANK.search(self.octets, position - 1, end)
        return _KNOWN_FIELD.search(self.octets, position, blank.start() + 1 if blank else end) is not None

    def _keep(self, fields: list[tuple[str, bytes]], name: bytes, start: int, end: int) -> None:
        if not name:
            return
        if end - start > FIELD_OCTETS:
            self._limit("header field cut")
            end = start + FIELD_OCTETS
        value = self.octets[start:end]
        if b"\n" in value:
            value = _FOLD.sub(b"", value)
        fields.append((name.decode("ascii").lower(), value.strip()))

    def _line_end(self, position: int, end: int) -> int:
        newline = self.octets.find(b"\n", position, end)
        return end if newline < 0 else newline + 1

    def _after_blank(self, position: int, end: int) -> int:
        blank = _BLANK.search(self.octets, position, end)
        return blank.end() if blank else end

    def _room(self) -> bool:
        if self.parts < PARTS:
            return True
        self._limit("too many parts")
        return False

    def _spans(self, part: Part) -> list[tuple[int, int]]:
        """Where the parts of a multipart begin and end; none without a delimiter."""
        boundary = part.typed[1].get("boundary", "").encode("utf-8", "replace")
        spans = self._between(boundary, part.start, part.end) if boundary else []
        if spans:
            return spans
        guess = _GUESSED_BOUNDARY.search(self.octets, max(part.start - 1, 0), part.end)
        return self._between(guess[1].rstrip(), part.start, part.end) if guess else []

    def _between(self, boundary: bytes, start: int, end: int) -> list[tuple[int, int]]:
        """RFC 2046 §5.1.1; the line end before a delimiter belongs to the delimiter."""
        spans: list[tuple[int, int]] = []
        opened: int | None = None
        for line, after, closing in self._delimiters(b"--" + boundary, start, end):
            if opened is not None:
                spans.append((opened, max(opened, self._before_newline(line))))
            opened = None if closing else after
            if closing or len(spans) >= PARTS:
                break
        if opened is not None:
            spans.append((opened, end))
        return spans

    def _delimiters(self, delimiter: bytes, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Offset of each delimiter line, offset behind it, and whether it is the closing one."""
        position = start
        while self.wrong < FALSE_DELIMITERS:
            line = self.octets.find(delimiter, position, end)
            if line < 0:
                return
            position = line + len(delimiter)
            if line > start and self.octets[line - 1 : line] != b"\n":
                self.wrong += 1
                continue
            after = self._line_end(position, min(end, position + 200))
            tail = self.octets[position:after].strip()
            if tail in (b"", b"--"):
                yield line, after, tail == b"--"
                position = after
            else:
                self.wrong += 1
        self._limit("too many false delimiters")

    def _before_newline(self, line: int) -> int:
        return line - 2 if self.octets[max(line - 2, 0) : line] == b"\r\n" else line - 1

    def _limit(self, reason: str) -> None:
        self.limits[reason] = None
