"""What of a mail is writing and what is enclosed: a walk over its parts. RFC 2046 §5.1, RFC 2387.

Parts that hold others without being a multipart are opened on the way: winmail.dat, signed S/MIME, files
that stand in a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.i18n import SOURCE_LANGUAGE, marked, translator
from gateway.mail import calendar_part, charset, enclosures, inline_files, rich, rtf, sealed, structure, tnef
from gateway.mail.flowed import unflow
from gateway.mail.structure import Part, made

LONGEST_TEXT = 1_000_000
MOST_OPENED = 20
"""Containers of one mail that are opened, those inside of others included."""

_MOST_OCTETS = 4 * LONGEST_TEXT + 4
"""Octets of one part that are decoded: always more characters than are kept."""

_PLAIN = frozenset({"text/plain", "text/markdown", "text/x-patch", "text/x-diff"})
_RICH = frozenset({"text/enriched", "text/richtext", "text/rtf"})
_WRITING = _PLAIN | _RICH | {"text/html"}
_META_CHARSET = re.compile(rb"charset\s{0,8}=\s{0,8}[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)

_ENCRYPTED = marked("This mail is encrypted (%(system)s) and cannot be read here.")
_CUT = marked("This is a piece (%(number)s of %(total)s) of a mail that was cut on its way.")


@dataclass(frozen=True, slots=True)
class Block:
    """One stretch of writing, in one form or in both; empty means: not in this form.

    event: the words of an invitation, which mails often hold twice.
    """

    text: str
    html: str = ""
    event: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    blocks: tuple[Block, ...] = ()
    rest: tuple[Part, ...] = ()


@dataclass(slots=True)
class Walk:
    """One walk over one mail.

    limits: what could not be read to the end.  remarks: what was found on the way, for `explain`.
    sealed: the system that the mail is encrypted with, empty when it is not.
    opened: containers so far.  inside: we are in a signature, which is enclosed as a whole.
    """

    locale: str = SOURCE_LANGUAGE
    limits: dict[str, None] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    sealed: str = ""
    opened: int = 0
    inside: bool = False

    def found(self, part: Part, first: bool = True) -> Found:
        """`first`: nothing of the body has been seen before this part."""
        if part.children:
            return self._multipart(part, first)
        content_type = part.content_type
        if content_type.startswith("message/"):
            return self._message(part)
        if special := self._opened(part, first):
            return special
        if content_type in calendar_part.TYPES:
            return self._calendar(part)
        if not _is_writing(part, first):
            is_nothing = content_type.startswith("multipart/") and not part.decoded().strip()
            return Found() if is_nothing else Found(rest=(part,))
        return _writing(part)

    def _multipart(self, part: Part, first: bool) -> Found:
        match part.content_type:
            case "multipart/alternative":
                return self._alternative(part, first)
            case "multipart/related":
                return self._related(part, first)
            case "multipart/encrypted":
                return self._encrypted(sealed.system_of(part), tuple(_leaves(part.children)))
            case "multipart/signed":
                self.remarks[f"signed ({sealed.system_of(part)}), signature not checked"] = None
        return self._in_order(part.children, first)

    def _in_order(self, parts: Iterable[Part], first: bool) -> Found:
        blocks: list[Block] = []
        rest: list[Part] = []
        for part in parts:
            found = self.found(part, first and not blocks)
            blocks += found.blocks
            rest += found.rest
        return Found(tuple(blocks), tuple(rest))

    def _alternative(self, part: Part, first: bool) -> Found:
        """The last offer of each form; RFC 2046 §5.1.4. Further forms of the same words are left away."""
        text = html = fallback = ""
        events: list[Block] = []
        rest: list[Part] = []
        for child in part.children:
            offer = self.found(child, first)
            rest += (kept for kept in offer.rest if kept is not child or not _is_other_form(child))
            events += (block for block in offer.blocks if block.event)
            words = "\n\n".join(block.text for block in offer.blocks if block.text and not block.event)
            html = "\n".join(filter(None, (block.html for block in offer.blocks))) or html
            if child.content_type in _RICH:
                fallback = words or fallback
            else:
                text = words or text
        block = Block(text or fallback, html)
        return Found((*([block] if block.text or block.html else []), *events), tuple(rest))

    def _related(self, part: Part, first: bool) -> Found:
        """The root says something, all else belongs to it. RFC 2387 §3.2."""
        start = part.typed[1].get("start", "").strip("<> ").encode()
        roots = [
            child for child in part.children if start and child.value("content-id").strip(b"<> ") == start
        ]
        root = roots[0] if roots else part.children[0]
        found = self.found(root, first)
        others = tuple(child for child in part.children if child is not root)
        if not found.blocks:  # a picture first and the words behind it
            return self._in_order(part.children, first)
        return Found(found.blocks, found.rest + tuple(_leaves(others)))

    def _message(self, part: Part) -> Found:
        """Attached mails stay whole; a piece of one (RFC 2046 §5.2.2) says what it is."""
        told = part.typed[1]
        if part.content_type == "message/external-body":
            self.remarks[f"content kept elsewhere: {told.get('access-type', 'unknown')}"] = None
        if part.content_type != "message/partial":
            return Found(rest=(part,))
        self.remarks["piece of a mail (message/partial)"] = None
        counted = {"number": told.get("number", "?")[:9], "total": told.get("total", "?")[:9]}
        return Found((Block(translator(self.locale).gettext(_CUT) % counted),), (part,))

    def _opened(self, part: Part, first: bool) -> Found | None:
        """What is in a container; None where the part is none."""
        name = enclosures.declared_name(part).lower()
        is_smime = part.content_type in sealed.SMIME_TYPES or name == "smime.p7m"
        is_tnef = part.content_type in tnef.TYPES or name in tnef.NAMES
        if not (is_smime or is_tnef) or self.opened >= MOST_OPENED:
            return None
        self.opened += 1
        return self._smime(part) if is_smime else self._tnef(part, name, first)

    def _smime(self, part: Part) -> Found:
        """The mail inside an opaque signature; the signature itself stays enclosed. RFC 8551 §3.5."""
        if part.typed[1].get("smime-type") == "certs-only":
            return Found(rest=(part,))
        content = sealed.signed_content(part.decoded())
        if content is None:
            return self._encrypted("S/MIME", (part,))
        self.remarks["signed (S/MIME), signature not checked"] = None
        root, limits = structure.parse(content)
        self.limits |= dict.fromkeys(limits)
        outermost, self.inside = not self.inside, True
        found = self.found(root)
        self.inside = not outermost
        return Found(found.blocks, (*found.rest, part) if outermost else found.rest)

    def _tnef(self, part: Part, name: str, first: bool) -> Found | None:
        data = part.decoded()
        content = tnef.read(data) if tnef.is_tnef(part.content_type, name, data[:4]) else None
        if content is None:
            self.remarks["winmail.dat could not be opened"] = None
            return None
        self.remarks["winmail.dat opened"] = None
        words = Found()
        if first and content.words is not None:
            words = self.found(content.words)
        files = self._in_order(content.files, first=False)
        return Found(words.blocks + files.blocks, words.rest + files.rest)

    def _encrypted(self, system: str, rest: tuple[Part, ...]) -> Found:
        return Found((Block(self.sealing(system)),), rest)

    def sealing(self, system: str) -> str:
        """Notes that the mail is encrypted; the sentence that says so."""
        self.sealed = system
        self.remarks[f"encrypted ({system})"] = None
        return translator(self.locale).gettext(_ENCRYPTED) % {"system": system}

    def _calendar(self, part: Part) -> Found:
        """An invitation in words; the file stays, for those whose calendar reads it."""
        self.opened += 1
        words = calendar_part.readable(part.decoded(), self.locale) if self.opened <= MOST_OPENED else ""
        return Found((Block(words, event=True),) if words else (), (part,))


def _leaves(parts: Iterable[Part]) -> list[Part]:
    return [leaf for part in parts for leaf in part.walk() if not leaf.children]


def _is_writing(part: Part, first: bool) -> bool:
    """Text without a name, or the first text of the mail with one, and not sent as an attachment."""
    if part.disposed[0] == "attachment":
        return False
    if part.content_type.startswith("multipart/"):
        return first  # no delimiter was found: all there is to read
    if part.content_type not in _WRITING:
        return False
    return first or not enclosures.declared_name(part)


def _is_other_form(part: Part) -> bool:
    """Whether an unread alternative only repeats the words: AMP, watch or rich text, but no invitation."""
    return part.content_type.startswith("text/") and part.content_type != "text/calendar"


def _writing(part: Part) -> Found:
    octets = part.decoded()
    files: tuple[Part, ...] = ()
    if part.content_type in _PLAIN and b"begin " in octets:
        octets, taken = inline_files.take_out(octets)
        files = tuple(
            made(one.data, "application/octet-stream", charset.decode(one.name) or "file") for one in taken
        )
    text = _decoded(octets[:_MOST_OCTETS], part)
    if not text.strip():
        return Found(rest=files)
    block = Block("", text) if part.content_type == "text/html" else Block(text.strip("\n"))
    return Found((block,), files)


def _decoded(octets: bytes, part: Part) -> str:
    content_type, parameters = part.typed
    label = parameters.get("charset", charset.UNDECLARED)
    if content_type == "text/rtf":
        return rtf.words_of(octets)
    if content_type == "text/html" and not charset.known(label):
        declared = _META_CHARSET.search(octets, 0, 1024)
        label = declared[1].decode("ascii") if declared else label
    text = charset.decode(octets, label)
    if len(text) > LONGEST_TEXT:
        return text
    if content_type == "text/enriched":
        return rich.enriched_text(text)
    if content_type == "text/richtext":
        return rich.richtext_text(text)
    return _unflowed(text, part)


def _unflowed(text: str, part: Part) -> str:
    content_type, parameters = part.typed
    if content_type != "text/plain" or parameters.get("format", "").lower() != "flowed":
        return text
    return unflow(text, delete_space=parameters.get("delsp", "").lower() == "yes")
