"""The outbox: retries, leases, doubts and what an operator may do. Design §4 `deliver`; B11, B12, B23."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.clock import MINUTE
from gateway.desk import outbox
from gateway.desk.outbox import CLAIM_MS, SENDING_MS, Ladder
from gateway.desk.tables import Letter
from gateway.mail.letter import Outcome
from gateway.store.database import Store
from tests.fakes import LOSE, REFUSE, RETRY, SKIP, STOP, FakeClock
from tests.people import CAROL
from tests.world import World, played

LADDER = Ladder((60_000, 300_000, 900_000), 86_400_000, 30 * MINUTE)


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol's receipt is about to leave."""
    with played(store, clock, notify={"retry_s": [60, 300, 900], "give_up_s": 86_400}) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.writes_due()
        yield world


def letter(world: World) -> Letter:
    return world.letters()[0]


def claim(world: World) -> list[Letter]:
    with world.store.unit() as unit:
        return outbox.claim(unit, 16, LADDER)


def begin(world: World, claimed: Letter) -> bool:
    with world.store.unit() as unit:
        return outbox.sending(unit, claimed)


def settle(world: World, claimed: Letter, state: str, reply: str = "") -> Letter | None:
    with world.store.unit() as unit:
        return outbox.settle(unit, claimed, Outcome(claimed.id, state, reply), LADDER)


def test_the_ladder(world: World) -> None:
    world.courier.misbehave(CAROL.address, *[RETRY] * 5)
    pauses = []
    for attempt in range(1, 6):
        world.carries()
        now = letter(world)
        assert (now.state, now.attempts, now.last_reply) == ("deferred", attempt, "451 4.3.0 try again later")
        pauses.append(now.next_attempt_at - world.clock())
        assert world.carries() == 0
        world.clock.forward(pauses[-1] / 1000)
    for pause, step in zip(pauses, (60, 300, 900, 900, 900), strict=True):
        assert 0.9 * step <= pause / 1000 <= 1.2 * step
    world.carries()
    assert (letter(world).state, letter(world).attempts) == ("sent", 6)
    assert len(world.carol.mailbox()) == 1


def test_it_is_given_up_and_said_once(world: World) -> None:
    world.alice.replies(_notice(world), "Pull the plug.")
    world.courier.misbehave(CAROL.address, *[RETRY] * 200)
    for _ in range(110):
        world.after(900 * 1.2)
    assert [one.state for one in world.letters() if one.recipient == CAROL.address] == ["failed", "failed"]
    told = world.alice.mailbox("confirmation")
    assert len(told) == 1 and "451 4.3.0 try again later" in told[0].text


def _notice(world: World):  # type: ignore[no-untyped-def]
    world.courier.misbehave(CAROL.address, RETRY)
    world.after()
    return world.alice.only("notice")


def test_refused_is_the_end_for_this_one_only(world: World) -> None:
    world.courier.misbehave(CAROL.address, REFUSE)
    world.after()
    states = {one.kind: one.state for one in world.letters()}
    assert states == {"receipt": "failed", "notice": "sent"}


def test_a_doubtful_one_goes_once_more_with_the_same_id_and_then_waits(world: World) -> None:
    world.courier.misbehave(CAROL.address, LOSE, LOSE)
    world.carries()
    assert (letter(world).state, letter(world).doubts) == ("uncertain", 1)
    world.after(1799)
    assert len(world.carol.mailbox()) == 1
    world.after(1)
    first, second = world.carol.mailbox()
    assert first.mail["Message-ID"] == second.mail["Message-ID"]
    world.after(86_400 * 5)
    assert len(world.carol.mailbox()) == 2 and letter(world).state == "uncertain", "a human's"


def test_what_was_not_its_turn_is_no_attempt(world: World) -> None:
    world.courier.misbehave(CAROL.address, SKIP)
    world.carries()
    assert (letter(world).state, letter(world).attempts) == ("deferred", 0)
    world.after(1)
    assert letter(world).state == "sent"


def test_a_stopped_relay_is_no_failure(world: World) -> None:
    world.courier.misbehave(CAROL.address, STOP)
    world.carries()
    assert letter(world).state == "deferred"


def test_a_claim_is_a_lease(world: World) -> None:
    (mine,) = claim(world)
    assert claim(world) == []
    world.clock.forward(CLAIM_MS / 1000)
    (theirs,) = claim(world)
    assert not begin(world, mine), "the lease is somebody else's by now"
    assert begin(world, theirs) and not begin(world, theirs)
    assert claim(world) == []
    settle(world, theirs, "sent")
    assert letter(world).state == "sent"


STATES = ["sent", "retry", "refused", "uncertain", "untried"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_counts_only_from_whoever_has_the_claim(world: World, state: str, begun: bool) -> None:
    """Else a late one would let a letter go that another daemon is just sending: it would leave twice."""
    (mine,) = claim(world)
    world.clock.forward(CLAIM_MS / 1000 + 1)
    (theirs,) = claim(world)
    assert not begun or begin(world, theirs)
    before = letter(world)
    assert settle(world, mine, state) is None
    after = letter(world)
    assert (after.state, after.lease_until, after.attempts) == (before.state, before.lease_until, 2)
    world.clock.forward(2)
    assert claim(world) == []
    assert begun or begin(world, theirs)
    settle(world, theirs, "sent")
    assert letter(world).state == "sent"


def test_a_daemon_that_died_while_sending_leaves_a_doubt(world: World) -> None:
    (mine,) = claim(world)
    assert begin(world, mine)
    world.clock.forward(SENDING_MS / 1000)
    assert claim(world) == []
    assert (letter(world).state, letter(world).doubts) == ("uncertain", 1)
    world.clock.forward(30 * 60)
    (again,) = claim(world)
    assert begin(world, again)
    settle(world, again, "sent")
    assert letter(world).state == "sent"


def test_a_new_daemon_finds_what_the_old_one_left(world: World) -> None:
    world.writes_due()
    world.clock.forward(80)
    world.writes_due()
    first, _second = claim(world)
    assert begin(world, first)
    with world.store.unit() as unit:
        outbox.recover(unit, LADDER)
    assert sorted(one.state for one in world.letters()) == ["queued", "uncertain"]


@pytest.mark.parametrize("state", STATES)
def test_a_late_answer_changes_nothing(world: World, state: str) -> None:
    (mine,) = claim(world)
    assert begin(world, mine)
    settle(world, mine, "sent")
    assert settle(world, mine, state) is None
    assert letter(world).state == "sent"


def test_retry_and_drop(world: World) -> None:
    def does(verb: object) -> bool:
        with world.store.unit() as unit:
            return verb(unit, letter(world).id)  # type: ignore[operator, no-any-return]

    assert does(outbox.drop) and letter(world).state == "dropped"
    assert not does(outbox.drop)
    world.after(0)
    assert world.carol.mailbox() == []
    assert does(outbox.retry) and not does(outbox.retry)
    world.after(0)
    assert len(world.carol.mailbox()) == 1
    assert not does(outbox.retry) and not does(outbox.drop), "what has left has left"


def test_after_a_restore_all_wait_for_a_human(world: World) -> None:
    world.clock.forward(80)
    world.writes_due()
    (first, _) = claim(world)
    assert begin(world, first)
    with world.store.unit() as unit:
        assert outbox.hold_all(unit) == 2
    world.after(86_400)
    assert world.everything() == []
    with world.store.unit() as unit:
        assert outbox.retry(unit, first.id)
    world.after(0)
    assert len(world.everything()) == 1


def test_words_of_a_relay_are_cut(world: World) -> None:
    (mine,) = claim(world)
    assert begin(world, mine)
    settle(world, mine, "retry", "4" * 10_000)
    assert len(letter(world).last_reply) == outbox.REPLY_MAX


def test_a_letter_without_its_text_waits_for_a_human_and_holds_up_no_other(world: World) -> None:
    world.clock.forward(80)
    world.writes_due()
    (first, second) = world.letters()
    with world.store.unit() as unit:
        unit.run("DELETE FROM letter_octets WHERE id = ?", first.id)
    world.carries()
    with world.store.reading() as unit:
        assert outbox.octets(unit, first) == b""
    assert [(one.state, one.id) for one in world.letters()] == [("held", first.id), ("sent", second.id)]


def test_what_is_claimed_at_once_fits_in_memory(world: World) -> None:
    world.clock.forward(80)
    world.writes_due()
    with world.store.unit() as unit:
        unit.run("UPDATE outbox SET size = ?", outbox.OCTETS_AT_ONCE)
    assert [len(claim(world)), len(claim(world)), len(claim(world))] == [1, 1, 0]
