"""A real responder, Pigeonhole in Dovecot: what our letters make it answer, and what its answers do here. T23, T24.

Our letters go to Postfix, which hands them to Dovecot; what Dovecot's scripts write comes to us by SMTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.e2e.town import PATIENCE_S, SETTINGS, Delivered, Town
from tests.parts import programs
from tests.parts.daemon import Daemons
from tests.parts.dovecot import Dovecot, Dovecots
from tests.parts.ports import LOOPBACK, wait_for
from tests.parts.postfix import Postfix, Postfixes
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.people import ALICE, BOB, CAROL, Person

AWAY = "I am at the seaside until Monday."
VACATION = f"""\
require "vacation";
vacation :days 1 :subject "Away" "{AWAY}";
"""


class Village:
    """People with mailboxes at Dovecot, some of them away, and our installation."""

    def __init__(self, town: Town, dovecot: Dovecot, postfix: Postfix) -> None:
        self.town, self._dovecot, self._postfix = town, dovecot, postfix

    def leaves(self, *those: Person) -> None:
        """They go on holiday."""
        for who in those:
            self._dovecot.sieve(VACATION, who.address)

    def settle(self) -> None:
        """Until nothing is under way, neither at ours nor on the way to Dovecot."""
        wait_for(lambda: self._postfix.queue() == [], "an empty queue", PATIENCE_S)
        self.town.settle()
        wait_for(lambda: self._postfix.queue() == [], "an empty queue", PATIENCE_S)

    def mailbox(self, who: Person) -> Sequence[bytes]:
        """What lies there, oldest first."""
        files = (self._dovecot.home(who.address) / "Maildir/new").glob("*")
        return [file.read_bytes() for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]

    def awaits(self, who: Person, text: str) -> Delivered:
        """The first mail in somebody's mailbox with these words in it."""

        def found() -> list[Delivered]:
            letters = [Delivered(octets, who.address, "") for octets in self.mailbox(who)]
            return [one for one in letters if text in one.text]

        wait_for(lambda: bool(found()), f"{text!r} for {who}\n{self._dovecot.log_text()}", PATIENCE_S)
        return found()[0]

    def awaits_verdict(self, verdict: str) -> dict[str, Any]:
        """The first mail of the journal with this verdict, decided."""

        def found() -> list[dict[str, Any]]:
            return [row for row in self.town.daemon.journal() if row["verdict"] == verdict]

        wait_for(lambda: bool(found()), f"{verdict}\n{self._dovecot.log_text()}", PATIENCE_S)
        return found()[0]

    def letters(self) -> list[str]:
        """Kinds of all that we have written."""
        return sorted(one["kind"] for one in self.town.daemon.outbox())


@pytest.fixture
def village(
    new_daemon: Daemons, new_dovecot: Dovecots, new_postfix: Postfixes, smarthost: ScriptedSMTP
) -> Village:
    programs.need("sievec", "dovecot-sieve")
    town = Town(new_daemon(SETTINGS), smarthost)
    town.furnish()
    everybody = [who.address for who in (ALICE, BOB, CAROL)]
    dovecot = new_dovecot(everybody, submission=f"{LOOPBACK}:{town.daemon.smtp_port}")
    way = f"lmtp:inet:{LOOPBACK}:{dovecot.lmtp_port}"
    postfix = new_postfix({"customer.example": way, "agents.example": way})
    town.daemon.smarthost(postfix.port)
    town.daemon.start()
    return Village(town, dovecot, postfix)


def test_receipts_and_notices_make_no_responder_speak(village: Village) -> None:
    """RFC 5230 §4.6: it answers nothing that says it was submitted by a program."""
    village.leaves(CAROL, ALICE, BOB)
    village.town.writes(CAROL, "Printer", "It burns.", proven=True)
    village.awaits(CAROL, "Thank you for writing")
    village.awaits(ALICE, "It burns.")
    village.awaits(BOB, "It burns.")
    village.settle()
    assert [row["verdict"] for row in village.town.daemon.journal()] == ["human"]


def test_a_customers_vacation_is_recorded_with_the_answer_it_met(village: Village) -> None:
    village.leaves(CAROL, ALICE)
    village.town.writes(CAROL, "Printer", "It burns.", proven=True)
    village.town.answers(ALICE, village.awaits(ALICE, "It burns."), "Pull the plug.")
    village.awaits(CAROL, "Pull the plug.")
    away = village.awaits_verdict("auto-reply")
    village.settle()
    assert (away["fate"], away["envelope"]["from"]) == ("applied", "")
    assert "Auto-Submitted: auto-replied" in away["reasons"]
    told = village.town.daemon.run("explain", str(away["id"]))
    assert "automatic reply to letter" in told and "a token that verifies: path" in told
    (ticket,) = village.town.daemon.export()
    assert ticket["status"] == "pending"
    assert [one["kind"] for one in ticket["messages"]] == ["client", "agent"]
    assert AWAY not in "".join(octets.decode() for octets in village.mailbox(ALICE))
    assert village.letters() == ["notice", "notice", "receipt", "reply"]


def test_an_agents_vacation_never_reaches_the_customer(village: Village) -> None:
    """freescout#4035: Carol's program answers Alice's letter; nothing of either robot goes on from there."""
    village.leaves(CAROL, ALICE, BOB)
    village.town.writes(CAROL, "Printer", "It burns.", proven=True)
    village.town.answers(ALICE, village.awaits(ALICE, "It burns."), "Pull the plug.")
    village.awaits_verdict("auto-reply")
    village.settle()
    assert len(village.town.daemon.journal()) == 3
    assert AWAY not in "".join(octets.decode() for octets in village.mailbox(CAROL))
