"""What the rules that judge a mail look at, and the questions that they ask of it. RFC 3834, RFC 5321 §4.4."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from gateway.mail import header
from gateway.mail.address import address_key, parse_mailboxes
from gateway.mail.envelope import NULL_PATH
from gateway.mail.reading import Mailbox, Report
from gateway.mail.structure import Part

_BEGINNING = 2000
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "æ": "ae", "đ": "d", "ı": "i", "’": "'"})
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Evidence:
    """One mail under judgement.

    reverse_path: as in the envelope.  text: the words of the mail.  report: the delivery report it is, if any.
    """

    root: Part
    reverse_path: str
    from_: tuple[Mailbox, ...]
    subject: str
    text: str
    report: Report | None

    def has(self, *names: str) -> bool:
        """Whether one of these fields, in lower case, is there and says something."""
        return not self._names.isdisjoint(names)

    def first_words(self, *names: str) -> set[str]:
        """The first word of each of these fields, in lower case. RFC 3834 §5."""
        if not self.has(*names):
            return set()
        values = [header.text(value).lower() for name in names for value in self.root.values(name)]
        return {re.split(r"[\s;(,]", value, maxsplit=1)[0] for value in values} - {""}

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name for name, value in self.root.fields if value.strip())

    @property
    def null_path(self) -> bool:
        """Also as a Return-Path field says it, where there was no SMTP session (RFC 5321 §4.4)."""
        return self.reverse_path in (NULL_PATH, "<>") or self.root.value("return-path") == b"<>"

    @property
    def answers(self) -> bool:
        """Whether it says which mail it answers. RFC 5322 §3.6.4."""
        return self.has("in-reply-to", "references")

    @cached_property
    def sender_names(self) -> tuple[str, ...]:
        """Local parts of the From addresses, in lower case."""
        return tuple(address_key(box.email).partition("@")[0] for box in self.from_ if box.email)

    @cached_property
    def carrier_names(self) -> frozenset[str]:
        """Local parts of who sent it on, as far as that is not who wrote it, in lower case. RFC 5322 §3.6.2."""
        values = [
            value for name in ("sender", "errors-to", "return-path") for value in self.root.values(name)
        ]
        boxes = [box for value in values for box in parse_mailboxes(header.raw_text(value))]
        addresses = {self.reverse_path, *(box.email for box in boxes)}
        return frozenset(one.partition("@")[0].lower() for one in addresses) - {"", *self.sender_names}

    @cached_property
    def plain_subject(self) -> str:
        """The subject as `plain` makes it."""
        return plain(self.subject)

    @cached_property
    def plain_beginning(self) -> str:
        """The first words of the mail as `plain` makes them."""
        return plain(self.text[:_BEGINNING])


def plain(text: str) -> str:
    """Small letters without accents and one space between words, so that `Réponse` and `REPONSE` are equal."""
    bare = text.casefold()
    if not bare.isascii():
        apart = unicodedata.normalize("NFKD", bare.translate(_LETTERS))
        bare = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return _SPACES.sub(" ", bare).strip()
