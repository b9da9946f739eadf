"""A mail that may be a delivery report: what it says, and who seems to say it. RFC 5321 §4.5.5, RFC 6522."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from gateway.mail import header
from gateway.mail.address import address_key, parse_mailboxes
from gateway.mail.dsn import own_words, phrases
from gateway.mail.dsn.fate import LONGEST_TEXT, MOST_RECIPIENTS, addresses_in, kind_of, unquoted
from gateway.mail.dsn.fields import STATUS_TYPES
from gateway.mail.structure import Part

_DAEMON = re.compile(
    r"(?<![@.])mail(?:er)?[-_. ]?daemon|(?:^|[\s<\"])mdaemon@|mail delivery (?:sub)?system"
    r"|microsoftexchange[0-9a-f]{8}|@sns\.amazonaws\.com",
    re.IGNORECASE,
)
_OFFICE = re.compile(
    r"(?:^|[\s<\"])(?:post[-_.]?master|mailer|mail[-_.]?(?:admin|system|server)|administrator)[-+_\d]{0,9}@"
    r"|^\W{0,3}(?:(?:system|mail)[-_. ]?administrator|postmaster\b|microsoft exchange)"
    r"|^\W{0,3}mail (?:server|system)\W{0,3}(?:<|$)",
    re.IGNORECASE,
)
"""By the whole local part, by how the name begins, or by all of it: Jane Postmaster is a person, and so is the
Mail Server Team."""
_OTHER_REPORTS = frozenset({"feedback-report", "disposition-notification"})
_PARTIES = ("from", "to", "cc", "sender", "reply-to", "delivered-to", "return-path")


@dataclass(frozen=True)
class Suspect:
    """words: what the mail says; `own` and `copy` are what its writer says, and the mail quoted below that."""

    root: Part
    words: str
    null_path: bool

    @property
    def is_by_machine(self) -> bool:
        """Whether its words may be read as a report at all: a customer's never are."""
        return self.null_path or self._is_by_mailer

    @property
    def is_other_machine(self) -> bool:
        """Vacation programs, receipts and complaints: machines too, that report on no delivery."""
        if self._report_type in _OTHER_REPORTS:
            return True
        submitted = header.text(self.root.value("auto-submitted")).lower()
        return submitted.startswith("auto-replied") and not self._is_daemon and not self.has_bounce_subject

    @property
    def speaks_as_mailer(self) -> bool:
        """A null path alone says too little: without another mark it must speak as mail servers do."""
        if self._is_by_mailer or self.has_bounce_subject:
            return True
        return own_words.says(phrases.SUBJECTS, self.own.lower()) or any(map(kind_of, self.own.split("\n")))

    @cached_property
    def tells_failure(self) -> bool:
        """Whether its words say that something did not arrive, or did not yet."""
        lowered = self.own.lower()
        return own_words.says(phrases.REFUSALS, lowered) or own_words.says(phrases.LATE, lowered)

    @cached_property
    def is_late(self) -> bool:
        """Whether somebody still tries to deliver the letter."""
        return own_words.says_late(self.own.lower()) or own_words.says_late(self._subject.lower())

    @cached_property
    def has_bounce_subject(self) -> bool:
        """Never a sign alone."""
        return own_words.is_bounce_subject(self._subject)

    @cached_property
    def leaves(self) -> tuple[Part, ...]:
        """The parts that have no parts."""
        return tuple(part for part in self.root.walk() if not part.children)

    @cached_property
    def own(self) -> str:
        """The mailer's own words."""
        return self._split[0]

    @property
    def copy(self) -> str:
        """The returned mail, where it is quoted in the words."""
        return self._split[1]

    @cached_property
    def failed_recipients(self) -> tuple[str, ...]:
        """As Exim and Google name them in a field of their own."""
        written = ",".join(map(header.text, self.root.values("x-failed-recipients")))[:LONGEST_TEXT]
        return tuple(dict.fromkeys(address for address, _, _ in addresses_in(written)))[:MOST_RECIPIENTS]

    @cached_property
    def parties(self) -> frozenset[str]:
        """Who wrote the mail and who got it: a report may name them, and does not mean them."""
        values = (header.raw_text(value) for name in _PARTIES for value in self.root.values(name))
        boxes = (box for value in values for box in parse_mailboxes(value))
        return frozenset(address_key(box.email) for box in boxes if box.email)

    @cached_property
    def _split(self) -> tuple[str, str]:
        return own_words.split(unquoted(self.words[:LONGEST_TEXT]))

    @cached_property
    def _subject(self) -> str:
        return header.text(self.root.value("subject"))

    @cached_property
    def _sender(self) -> str:
        return header.text(self.root.value("from"))

    @property
    def _report_type(self) -> str:
        content_type, parameters = self.root.typed
        return parameters.get("report-type", "").lower() if content_type == "multipart/report" else ""

    @property
    def _is_daemon(self) -> bool:
        return _DAEMON.search(self._sender) is not None

    @property
    def _is_by_mailer(self) -> bool:
        """A report by its type, a daemon, or a postmaster's office under the subject of a report."""
        if self.root.content_type in STATUS_TYPES or self._is_daemon:
            return True
        if self.root.content_type == "multipart/report" and self._report_type not in _OTHER_REPORTS:
            return True
        return self.has_bounce_subject and _OFFICE.search(self._sender) is not None
