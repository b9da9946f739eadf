"""Verdicts of a filter in front: they tag or hold, as configured, and never speak for a mail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.config import FILTER_FIELDS, build
from gateway.errors import ConfigError
from gateway.mail.filters import FIELDS
from gateway.mail.parse import read
from gateway.store.database import Store
from tests.fakes import FakeClock
from tests.people import CAROL
from tests.world import World, played

SPAM = {"X-Spam-Flag": "YES"}
WARNING = "the filter in front calls this mail spam (X-Spam-Flag: YES)"
REASON = "X-Spam-Flag calls it spam"


def reasons(world: World) -> list[str]:
    found: list[str] = json.loads(world.inbound()[-1].reasons)
    return found


@pytest.mark.parametrize(
    ("field", "against", "for_"),
    [
        ("X-Spam-Flag", "YES", "NO"),
        ("X-Spam-Status", "Yes, score=7.1 required=5.0 tests=A,B", "No, score=1"),
        ("X-Spam", "Yes", "no"),
        ("X-Spam-Action", "rewrite subject", "no action"),
        ("X-Rspamd-Action", "add header", "greylist"),
        ("X-Spamd-Result", "default: True [16.20 / 15.00]", "default: False [1.00 / 15.00]"),
        ("X-MS-Exchange-Organization-SCL", "9", "1"),
        ("X-MS-Exchange-Organization-SCL", "5", "-1"),
        ("X-Forefront-Antispam-Report", "CIP:192.0.2.1;CTRY:;LANG:de;SCL:5;SRV:;SFV:SPM;", "SCL:1;SFV:NSPM;"),
        ("X-Barracuda-Spam-Flag", "YES", "NO"),
        ("X-Barracuda-Spam-Status", "Yes, SCORE=4", "No, SCORE=1"),
        ("X-Bogosity", "Spam, tests=bogofilter", "Ham, tests=bogofilter"),
        ("X-DSPAM-Result", "Spam", "Innocent"),
        ("X-Virus-Status", "Infected (Eicar)", "Clean"),
        ("X-Virus", "Yes", "No"),
        ("X-Amavis-Alert", "INFECTED, message contains virus", "BAD HEADER SECTION"),
    ],
)
def test_fields_of_known_filters(field: str, against: str, for_: str) -> None:
    marks = read(f"From: a@b.example\n{field.lower()}: {against}\n\nx".encode()).filter_marks
    assert [(one.field, one.said) for one in marks] == [(field, against)]
    assert read(f"From: a@b.example\n{field}: {for_}\n\nx".encode()).filter_marks == ()


def test_the_configuration_names_what_can_be_read(tmp_path: Any) -> None:
    assert sorted(FILTER_FIELDS.split("|")) == sorted(FIELDS)
    with pytest.raises(ConfigError, match="X-Spam-Flag"):
        build({"filter": {"headers": ["X-Unheard-Of"]}}, tmp_path)
    assert build({"filter": {"headers": ["x-spam-flag"]}}, tmp_path).filter.headers == ("x-spam-flag",)


def test_by_default_agents_are_warned_and_the_sender_hears_nothing(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        decision = world.carol.writes("Printer", "It is on fire.", headers=SPAM, auth="pass")
        assert decision.message is not None and decision.message.remark == WARNING
        assert (decision.fate, reasons(world)) == ("applied", [REASON])
        world.after()
        assert (len(world.carol.mailbox()), len(world.alice.mailbox("notice"))) == (0, 1)


def test_on_a_ticket_only_agents_see_the_warning(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        receipt = world.carol.only("receipt")
        decision = world.carol.replies(receipt, "Still.", headers=SPAM)
        assert decision.message is not None and decision.message.remark == WARNING
        assert WARNING not in repr(world.page(receipt))
        world.after()
        assert WARNING in repr(world.page(world.alice.newest("notice")))


def test_hold_keeps_it_until_a_human_says_so(store: Store, clock: FakeClock) -> None:
    with played(store, clock, filter={"effect": "hold"}) as world:
        decision = world.carol.writes("Printer", "It is on fire.", headers=SPAM, auth="pass")
        assert (decision.fate, decision.reason, reasons(world)) == ("held", WARNING, [REASON])
        assert world.releases(world.inbound()[-1].id).fate == "applied"
        world.after()
        assert not world.carol.mailbox()


@pytest.mark.parametrize("terms", [{"effect": "ignore"}, {"headers": ["X-Spam-Status"]}])
def test_what_is_not_trusted_does_nothing(store: Store, clock: FakeClock, terms: dict[str, Any]) -> None:
    with played(store, clock, filter=terms) as world:
        decision = world.carol.writes("Printer", "It is on fire.", headers=SPAM, auth="pass")
        assert decision.message is not None and decision.message.remark == "" and reasons(world) == []
        world.after()
        assert len(world.carol.mailbox("receipt")) == 1


def test_two_copies_of_one_mail_may_be_judged_differently(store: Store, clock: FakeClock) -> None:
    with played(store, clock) as world:
        raw = f"From: {CAROL}\r\nMessage-ID: <one@b.example>\r\n\r\nHi.\r\n".encode()
        assert world.receives(raw).fate == "applied"
        assert world.receives(b"X-Bogosity: Spam\r\n" + raw).fate == "dropped"
