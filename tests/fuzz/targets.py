"""The table of targets: what is fuzzed, with which input, and what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy

from tests.fuzz import hostile, mail_promises, text_promises


@dataclass(frozen=True, slots=True)
class Target:
    """holds: raises where the promise is broken.  inputs: a strategy for what it takes, octets or text."""

    holds: Callable[[Any], None]
    inputs: SearchStrategy[bytes] | SearchStrategy[str]
    takes_text: bool = True

    def holds_for_octets(self, octets: bytes) -> None:
        """The same for octets that a machine made up."""
        self.holds(octets.decode("utf-8", "surrogateescape") if self.takes_text else octets)


TARGETS = {
    "mail": Target(mail_promises.mail, hostile.mails(), takes_text=False),
    "mutant": Target(mail_promises.mail, hostile.mutants(), takes_text=False),
    "report": Target(mail_promises.report, hostile.mutants(), takes_text=False),
    "report-body": Target(mail_promises.report_body, hostile.reports()),
    "inside": Target(mail_promises.inside, hostile.mutants(), takes_text=False),
    "fingerprint": Target(mail_promises.trace, hostile.mutants(), takes_text=False),
    "address": Target(text_promises.address, hostile.addresses()),
    "mailboxes": Target(text_promises.mailboxes, hostile.addresses()),
    "field": Target(text_promises.field, hostile.values()),
    "quote": Target(text_promises.folding, hostile.texts()),
    "html": Target(text_promises.html, hostile.htmls()),
    "results": Target(text_promises.results, hostile.values()),
    "encoded": Target(text_promises.encoded, hostile.bodies(), takes_text=False),
    "winmail": Target(text_promises.winmail, hostile.winmails(), takes_text=False),
    "rich-text": Target(text_promises.rich_text, hostile.bodies(), takes_text=False),
    "calendar": Target(text_promises.calendar, hostile.calendars(), takes_text=False),
    "token": Target(text_promises.token, hostile.values()),
    "letter": Target(mail_promises.letter, hostile.texts()),
}
