"""What each goal asks. The numbers are ratios, shares or units that travel between machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["more", "less"]
Verdict = Literal["aim", "must", "missed"]


@dataclass(frozen=True, slots=True)
class Goal:
    """One row: what is measured, what must be reached, what we aim at."""

    name: str
    what: str
    must: float
    aim: float
    better: Better = "more"
    unit: str = ""

    def verdict(self, value: float) -> Verdict:
        """How far a value gets."""
        if self._reaches(value, self.aim):
            return "aim"
        return "must" if self._reaches(value, self.must) else "missed"

    def _reaches(self, value: float, limit: float) -> bool:
        return value >= limit if self.better == "more" else value <= limit


@dataclass(frozen=True, slots=True)
class Reached:
    """What one measurement found for one goal; `note` says what stood behind it on this machine."""

    goal: str
    value: float
    note: str = ""


GOALS = (
    Goal("G1", "durable accept ÷ null sink: 4 KB, 10 sessions, many mails a connection", 1.3, 2.0),
    Goal("G2", "the same at 50 KB", 2.5, 4.0),
    Goal("G3", "the same at 4 KB, one mail a connection", 0.9, 1.2),
    Goal("G4", "durable accept ÷ Postfix smtp-sink, 4 KB", 0.2, 0.33),
    Goal("G5", "commits per mail at 50 sessions", 0.25, 0.1, "less"),
    Goal("G7", "mail → ticket with everything on, new senders ÷ django-helpdesk", 5, 10),
    Goal("G8", "mail → threaded reply ÷ django-helpdesk", 6, 12),
    Goal("G9", "CPU per ticket, its letters delivered ÷ django-helpdesk", 0.25, 0.125, "less"),
    Goal("G10 mail", "CPU of a mail at 10⁶ tickets ÷ 10³", 1.25, 1.1, "less"),
    Goal("G10 page", "CPU of a page at 10⁶ tickets ÷ 10³", 1.25, 1.1, "less"),
    Goal("G11", "ticket page with 5 messages ÷ trivial page", 0.5, 0.8),
    Goal("G12", "ticket page with 5 messages ÷ django-helpdesk's", 12, 25),
    Goal("G14 rate", "page rate while 50 mails/s come in ÷ idle", 0.7, 0.85),
    Goal("G14 p99", "page p99 while 50 mails/s come in ÷ idle", 2.0, 1.4, "less"),
    Goal("G15 time", "slowest of the hostile mails of 25 MB, in the parse worker", 2.0, 1.0, "less", "s"),
    Goal("G15 growth", "steepest of them: time ÷ that of half the mail", 2.6, 2.2, "less"),
    Goal("G16", "memory of the idle daemon, every process of it (PSS)", 120, 90, "less", "MB"),
    Goal("G17", "growth by one 25 MB mail ÷ its size (peak PSS)", 5, 3, "less"),
    Goal("G19", "start to ready", 2.0, 1.2, "less", "s"),
    Goal("G20", "PostgreSQL ÷ SQLite, mail → ticket", 0.5, 0.8),
    Goal("G21", "CPU per mail, two daemons on one PostgreSQL ÷ one, none lost", 1.15, 1.05, "less"),
    Goal("G22 default", "mails of the corpus read ÷ the standard library's policy.default", 1.5, 2.0),
    Goal("G22 compat32", "the same ÷ its compat32", 0.15, 0.25),
    Goal("G22 mail-parser", "the same ÷ mail-parser", 0.6, 1.0),
    Goal("G23 rate", "mails of the corpus from SMTP to their fate ÷ read alone", 0.1, 0.2),
    Goal("G23 p99", "from 250 to its fate at a third of that rate, p99", 200, 100, "less", "ms"),
)
