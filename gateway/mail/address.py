"""The one place that decides what an address is, for every door. RFC 5322 §3.4, RFC 5321 §4.1.2, RFC 6531."""

from __future__ import annotations

import re
import unicodedata

import idna

from gateway.mail import header
from gateway.mail.reading import Mailbox

MOST_MAILBOXES = 1000
LONGEST_LOCAL = 64  # octets, RFC 5321 §4.5.3.1.1
LONGEST_ADDRESS = 254  # octets, RFC 5321 §4.5.3.1.3 without the angle brackets
_LONGEST_RAW = 500

_ASCII_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")
_ASCII_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ASCII_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

_LOOSE = re.compile(r"[( ]")
_COMMENT = re.compile(r"\([^()\\<>\"]*\)")
_BLANKS = re.compile(r" ?([.@]) ?")
_QUOTED_LOCAL = re.compile(r'"([A-Za-z0-9.!#$%&\'*+/=?^_`{|}~-]+)"@')

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<word>=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*\?=)
    | (?P<atom>[^\s"(),;:<>=\\]+ | [=\\)>])
    | (?P<mark>["(),;:<])""",
    re.VERBOSE,
)


def parse_address(text: str) -> str | None:
    """`local@domain` with the domain as lower-case A-labels, or None for anything doubtful.

    The local part stays as written (in NFC); it may be UTF-8 (RFC 6531). Refused: two `@`,
    encoded words, comments, quotes, routes, domain literals, white space, controls and commas.
    Dots are let through wherever they stand: Japanese carriers gave out `a..b.@` addresses.
    """
    local, at, domain = text.partition("@")
    if not at or "=?" in text or len(text) > LONGEST_ADDRESS or not header.BECOME_ASCII.isdisjoint(text):
        return None
    local = unicodedata.normalize("NFC", local)
    canonical = _domain(domain)
    if canonical is None or not _local_is_safe(local):
        return None
    address = f"{local}@{canonical}"
    too_long = len(local.encode()) > LONGEST_LOCAL or len(address.encode()) > LONGEST_ADDRESS
    return None if too_long else address


def address_key(address: str) -> str:
    """What two addresses are compared by: ASCII letters lower-cased and nothing else.

    Full case folding would make one person of `ı` and `i`, or of the Kelvin sign and `k`.
    """
    return address.translate(_ASCII_UPPER)


def split_address(address: str) -> tuple[str, str]:
    """Local part and domain of a canonical address."""
    local, _, domain = address.rpartition("@")
    return local, domain


def parse_mailboxes(text: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an address field, as `header.raw_text` gives it. RFC 5322 §3.4.

    Groups are opened up, comments become names where there is no other. What cannot be read
    is a Mailbox with an empty address and the raw text as its name. Never raises; linear.
    """
    return _Scanner(text).run()


def _local_is_safe(local: str) -> bool:
    if local.isascii():
        return _ASCII_LOCAL.fullmatch(local) is not None
    ascii_part = "".join(filter(str.isascii, local))
    if ascii_part and not _ASCII_LOCAL.fullmatch(ascii_part):
        return False
    return all(unicodedata.category(char)[0] not in "ZC" for char in local if not char.isascii())


def _domain(domain: str) -> str | None:
    canonical = address_key(domain) if domain.isascii() else _a_labels(domain)
    if canonical is None or len(canonical) > 253:
        return None
    labels_fit = all(_ASCII_LABEL.fullmatch(label) for label in canonical.split("."))
    return canonical if labels_fit else None


def _a_labels(domain: str) -> str | None:
    """RFC 5891 without mappings but lower case: what looks alike stays different, or is refused."""
    lowered = unicodedata.normalize("NFC", domain).lower()
    if sum(map(str.isascii, lowered)) != sum(map(str.isascii, domain)):
        return None  # a letter like the Kelvin sign became an ASCII one
    try:
        return idna.encode(lowered).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _solid(written: str) -> str:
    """What stands between angle brackets without comments, and without blanks at dots and at the `@`.

    RFC 5322 §4.4 still allows both; so it does quotes around a local part that needs none.
    """
    bare = _BLANKS.sub(r"\1", _COMMENT.sub("", written)) if _LOOSE.search(written) else written
    bare = bare.strip(" <")
    quoted = _QUOTED_LOCAL.match(bare)
    return f"{quoted[1]}{bare[quoted.end() - 1 :]}" if quoted else bare


class _Scanner:
    """One pass over an address field, a mailbox at a time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.found: list[Mailbox] = []
        self.unclosed: set[str] = set()
        self._clear()

    def run(self) -> tuple[Mailbox, ...]:
        while self.position < len(self.text) and len(self.found) < MOST_MAILBOXES:
            self._step()
        self._finish(len(self.text))
        return tuple(self.found[:MOST_MAILBOXES])

    def _clear(self) -> None:
        self.start = self.position
        self.words: list[str] = []  # as written, for an address without angle brackets
        self.shown: list[str] = []  # as a name shows them
        self.comments: list[str] = []
        self.angle: str | None = None
        self.glued = False

    def _step(self) -> None:
        token = _TOKEN.match(self.text, self.position)
        assert token is not None, "every character belongs to a token"
        content = token[0]
        start, self.position = self.position, token.end()
        match content if token["mark"] else "":
            case '"':
                self._quoted(start)
            case "(":
                self._comment(start)
            case "<":
                self._angle(start)
            case "," | ";":
                self._finish(start)
            case ":":
                self._group()
            case _ if token["space"]:
                self.glued = False
            case _:
                self._word(content, content)

    def _word(self, written: str, shown: str) -> None:
        if self.angle is not None:
            if "@" not in written:
                return  # a stray word behind the address says nothing
            self._finish(self.position - len(written))
            self.start = self.position - len(written)
        if self.glued:
            self.words[-1] += written
            self.shown[-1] += shown
        else:
            self.words.append(written)
            self.shown.append(shown)
        self.glued = True

    def _quoted(self, start: int) -> None:
        end = self._closing_quote()
        if end is None:
            return
        inner = self.text[self.position : end]
        self.position = end + 1
        self._word(self.text[start : end + 1], re.sub(r"\\(.)", r"\1", inner))

    def _closing_quote(self) -> int | None:
        if '"' in self.unclosed:
            return None
        for mark in re.compile(r'\\.|"').finditer(self.text, self.position):
            if mark[0] == '"':
                return mark.start()
        self.unclosed.add('"')
        return None

    def _comment(self, start: int) -> None:
        if "(" in self.unclosed:
            self._word("(", "(")
            return
        depth = 1
        for mark in re.compile(r"\\.|[()]").finditer(self.text, self.position):
            depth += {"(": 1, ")": -1}.get(mark[0], 0)
            if depth == 0:
                self.comments.append(self.text[self.position : mark.start()])
                self.position = mark.end()
                self.glued = self.glued and start > 0
                return
        self.unclosed.add("(")
        self._word("(", "(")

    def _angle(self, start: int) -> None:
        if self.angle is not None:
            self._finish(start)
            self.start = start
        end = -1 if "<" in self.unclosed else self.text.find(">", self.position)
        if end < 0:
            self.unclosed.add("<")
            end = self.text.find(",", self.position)
            end = len(self.text) if end < 0 else end
        self.angle = _solid(self.text[self.position : end])
        self.position = min(end + 1, len(self.text)) if self.text[end : end + 1] == ">" else end
        self.glued = False

    def _group(self) -> None:
        """`Name:` opens a group; a colon elsewhere is part of what cannot be read."""
        if self.angle is None and self.words and not any("@" in word for word in self.words):
            self._clear()
        else:
            self._word(":", ":")

    def _finish(self, end: int) -> None:
        if self.angle is not None or self.words:
            self.found.append(self._mailbox(end))
        self._clear()

    def _mailbox(self, end: int) -> Mailbox:
        comment = self.comments[-1] if self.comments else ""
        if self.angle is not None:
            written, name = self.angle, " ".join(self.shown) or comment
        else:
            written, name = _solid(" ".join(self.words)), comment
        email = parse_address(written)
        if email is None:
            raw = self.text[self.start : end].strip()[:_LONGEST_RAW]
            return Mailbox("", header.decode_words(raw))
        return Mailbox(email, header.decode_words(name))
