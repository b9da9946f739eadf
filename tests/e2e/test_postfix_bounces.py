"""Postfix's own delivery reports on our letters: each settles the letter it belongs to, and no other. T19."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.town import PATIENCE_S, SETTINGS, Town
from tests.parts import programs
from tests.parts.daemon import Daemons
from tests.parts.nowhere_dns import NowhereDns
from tests.parts.ports import LOOPBACK, wait_for
from tests.parts.postfix import Postfix, Postfixes
from tests.parts.scripted_smtp import ScriptedSMTP, permanent, temporary
from tests.people import ALICE, Person

GONE = Person("Gus Gone", "gone@customer.example")
NOWHERE = Person("Nell Nowhere", "nell@nowhere.example")
TIGHT = Person("Tim Tight", "tim@tight.example")
LATE = Person("Lara Late", "lara@late.example")
FINE = Person("Fay Fine", "fay@customer.example")


@pytest.fixture
def town(new_daemon: Daemons, smarthost: ScriptedSMTP) -> Town:
    """Postfix is the same on both engines."""
    town = Town(new_daemon(SETTINGS), smarthost)
    town.furnish()
    return town


@pytest.fixture
def resolver() -> Iterator[NowhereDns]:
    """Whom Postfix asks, so that no name is looked for outside of this machine."""
    if not programs.is_root():
        pytest.skip("Postfix starts as root only")
    with NowhereDns() as server:
        yield server


@pytest.fixture
def relay(town: Town, new_postfix: Postfixes, resolver: NowhereDns) -> Postfix:
    """A Postfix around us: to the desk by LMTP, to four customers over bad ways, to all others over a good one."""
    tight = new_postfix({"tight.example": "discard:"}, settings={"message_size_limit": "1024"})
    world = f"smtp:[{LOOPBACK}]:{town.smarthost.port}"
    relay = new_postfix(
        {
            "desk.example": f"lmtp:inet:{LOOPBACK}:{town.daemon.lmtp_port}",
            "customer.example": world,
            "late.example": world,
            "nowhere.example": "smtp:nowhere.example",
            "tight.example": f"smtp:[{LOOPBACK}]:{tight.port}",
        },
        next_hop=f"{LOOPBACK}:{town.smarthost.port}",
        # Not refused while we are there, but found out later and reported.
        settings={"delay_warning_time": "1s", "smtpd_reject_unlisted_recipient": "no"},
        resolver=resolver.host,
    )
    town.port = relay.port
    town.daemon.smarthost(relay.port)
    return relay


def receipts(town: Town) -> dict[str, tuple[str, str]]:
    """State and last words of every receipt, by whom it is for."""
    rows = [one for one in town.daemon.outbox() if one["kind"] == "receipt"]
    return {one["to"]: (one["state"], one["last_reply"]) for one in rows}


def test_each_report_settles_its_own_letter(town: Town, relay: Postfix) -> None:
    town.smarthost.recipients[GONE.address] = permanent("5.1.1 no such customer")
    town.smarthost.recipients[LATE.address] = temporary("4.2.0 come back later")
    town.daemon.start()
    for person in (GONE, NOWHERE, TIGHT, LATE, FINE):
        town.writes(person, "Printer", "It burns.")

    def is_settled() -> bool:
        states = receipts(town)
        failed = {to for to, (state, _) in states.items() if state == "failed"}
        late = states.get(LATE.address, ("", ""))
        return failed == {GONE.address, NOWHERE.address, TIGHT.address} and "come back later" in late[1]

    wait_for(is_settled, "four reports", PATIENCE_S)
    said = receipts(town)
    assert "no such customer" in said[GONE.address][1]
    assert "Host or domain name not found" in said[NOWHERE.address][1]
    assert "size limit" in said[TIGHT.address][1]
    assert said[LATE.address][0] == "sent" and said[FINE.address][0] == "sent"
    assert dict(reports(town)) == {
        GONE.address: "permanent",
        NOWHERE.address: "permanent",
        TIGHT.address: "permanent",
        LATE.address: "temporary",
    }
    town.smarthost.recipients.pop(LATE.address)
    relay.flush()
    town.awaits(LATE, "ticket")
    assert all(one["kind"] != "confirmation" for one in town.daemon.outbox()), "nobody wrote these letters"
    assert town.awaits(ALICE, "It burns.")


def reports(town: Town) -> list[tuple[str, str]]:
    """Recipient and kind of every report in the journal; each was applied."""
    rows = [one for one in town.daemon.journal() if one["verdict"] == "bounce"]
    assert {one["fate"] for one in rows} == {"applied"}
    return [(recipient, one["bounce"]["kind"]) for one in rows for recipient in one["bounce"]["recipients"]]
