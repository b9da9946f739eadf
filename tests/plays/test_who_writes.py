"""Who a mail is taken to be from, and what it may do: the tables of design §6, T03, T04, T05 and T07."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.desk import agents
from gateway.desk.tables import Participant
from gateway.mail.token import draw_handle
from gateway.store import settings as store_settings
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import ALICE, BOB, CAROL, DESK, MALLORY, Person
from tests.plays.outcomes import AGENTS, ANSWER, HELD, MESSAGE, NEW, NOTE, outcome
from tests.world import World, played

AUTHS = ("pass", "", "fail")


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        begin(world)
        yield world


@pytest.fixture
def strict(store: Store, clock: FakeClock) -> Iterator[World]:
    """Where agents need all three."""
    with played(store, clock, authentication={"agents": "token+from+authentication"}) as world:
        begin(world)
        yield world


def begin(world: World) -> None:
    """Carol has a ticket, closed; Alice and Bob have a notice each."""
    world.employs(BOB)
    world.carol.writes("Printer", "It is on fire.", auth="pass")
    world.after()
    world.closes()
    world.after()


T03 = {
    (CAROL, "address"): (MESSAGE, MESSAGE, MESSAGE),
    (CAROL, "message-id"): (MESSAGE, MESSAGE, AGENTS),
    (CAROL, "link"): (MESSAGE, MESSAGE, MESSAGE),
    (CAROL, "reference"): (MESSAGE, MESSAGE, NEW),
    (CAROL, "subject"): (MESSAGE, NEW, NEW),
    (MALLORY, "address"): (AGENTS, AGENTS, AGENTS),
    (MALLORY, "message-id"): (AGENTS, AGENTS, AGENTS),
    (MALLORY, "link"): (AGENTS, AGENTS, AGENTS),
    (MALLORY, "reference"): (NEW, NEW, NEW),
    (MALLORY, "subject"): (NEW, NEW, NEW),
}


@pytest.mark.parametrize(("who", "carrier"), T03)
def test_carriers_by_sender_and_authentication(world: World, who: Person, carrier: str) -> None:
    for auth, expected in zip(AUTHS, T03[who, carrier], strict=True):
        ticket = world.tickets()[0]
        before = len(world.messages(ticket))
        decision = world.receives(*by_carrier(world, who, carrier), auth=auth, reverse_path=who.address)
        assert outcome(decision, ticket) == expected, (auth, decision)
        now = world.tickets()[0]
        assert now.status == ("open" if expected == MESSAGE else "closed")
        assert len(world.messages(ticket)) == before + (expected in (MESSAGE, AGENTS))
        assert decision.match.carrier is None or decision.match.carrier.kind == carrier
        if expected == NEW and len(world.tickets()) == 2:
            assert decision.ticket is not None
            assert (decision.ticket.linked_id, decision.ticket.link_kind) == (ticket.id, "may belong to")
        world.closes(now)


def by_carrier(world: World, who: Person, carrier: str) -> tuple[bytes, str]:
    """A mail that has only this to say where it belongs."""
    receipt = world.carol.mailbox("receipt")[0]
    first = world.messages(world.tickets()[0])[0].message_id
    headers = {
        "message-id": {"References": str(receipt.mail["References"]).split()[0]},
        "reference": {"In-Reply-To": first},
    }
    to = receipt.reply_to if carrier == "address" else DESK
    subject = f"Re: [#{world.tickets()[0].number}]" if carrier == "subject" else "Something"
    text = f"See https://desk.example/helpdesk/ticket/{receipt.link}" if carrier == "link" else "Hello."
    return people.mail(who, to, subject, text, headers=headers.get(carrier)), to


T05 = {
    ("alice", ALICE): (ANSWER, ANSWER, HELD),
    ("alice", BOB): (HELD, AGENTS, AGENTS),
    ("alice", CAROL): (MESSAGE, MESSAGE, AGENTS),
    ("bob", ALICE): (HELD, AGENTS, AGENTS),
    ("bob", BOB): (ANSWER, ANSWER, HELD),
    ("bob", CAROL): (MESSAGE, MESSAGE, AGENTS),
    ("nobody", ALICE): (NEW, NEW, NEW),
    ("nobody", BOB): (NEW, NEW, NEW),
    ("nobody", CAROL): (NEW, NEW, NEW),
    ("only the id", ALICE): (HELD, AGENTS, AGENTS),
    ("only the id", CAROL): (MESSAGE, MESSAGE, AGENTS),
    ("only the link", ALICE): (HELD, AGENTS, AGENTS),
    ("alice's note", ALICE): (NOTE, NOTE, HELD),
    ("alice's note", BOB): (HELD, AGENTS, AGENTS),
    ("alice's note", CAROL): (AGENTS, AGENTS, AGENTS),
    ("alice", MALLORY): (AGENTS, AGENTS, AGENTS),
}


@pytest.mark.parametrize(("token", "who"), T05)
def test_agents_by_token_and_from_and_authentication(world: World, token: str, who: Person) -> None:
    for auth, expected in zip(AUTHS, T05[token, who], strict=True):
        assert answers(world, token, who, auth) == expected, auth


@pytest.mark.parametrize(("token", "who"), T05)
def test_agents_who_need_all_three(strict: World, token: str, who: Person) -> None:
    expected = T05[token, who]
    if expected[1] == ANSWER:
        expected = (ANSWER, HELD, HELD)
    for auth, wanted in zip(AUTHS, expected, strict=True):
        assert answers(strict, token, who, auth) == wanted, auth


def answers(world: World, token: str, who: Person, auth: str) -> str:
    """Somebody answers a notice; what it does to the ticket."""
    ticket = world.tickets()[0]
    notice = world.bob.mailbox("notice")[0] if token == "bob" else world.alice.mailbox("notice")[0]
    to = {"alice": notice.reply_to, "bob": notice.reply_to, "alice's note": notice.note_address}.get(
        token, DESK
    )
    headers = {"In-Reply-To": str(notice.mail["Message-ID"])} if token == "only the id" else {}
    text = f"See https://desk.example/helpdesk/ticket/{notice.link}" if token == "only the link" else "Hello."
    sent = len(world.alice.mailbox("confirmation") + world.bob.mailbox("confirmation"))
    decision = world.receives(
        people.mail(who, to, "Re: Printer", text, headers=headers), to, auth=auth, reverse_path=who.address
    )
    world.after(0)
    asked = len(world.alice.mailbox("confirmation") + world.bob.mailbox("confirmation")) - sent
    found = outcome(decision, ticket)
    if found == AGENTS and who in (ALICE, BOB):
        assert decision.message is not None and "says it is from an agent" in decision.message.remark
    assert asked == (found == HELD), "who is held is asked, nobody else"
    if found in (HELD, AGENTS, NEW):
        assert (decision.proof is not None and decision.proof.level == "claimed") or who == CAROL
    return found


def test_a_held_answer_goes_out_when_a_human_releases_it(world: World) -> None:
    notice = world.alice.mailbox("notice")[0]
    assert world.alice.replies(notice, "Pull the plug.", auth="fail").fate == HELD
    world.after()
    assert world.carol.mailbox("reply") == []
    decision = world.releases(world.inbound()[-1].id)
    assert outcome(decision, world.tickets()[0]) == ANSWER
    world.after()
    assert "Pull the plug." in world.carol.only("reply").text


def test_an_answer_that_mentions_a_newer_ticket_stays_on_its_own(world: World) -> None:
    notice = world.alice.mailbox("notice")[0]
    world.mallory.writes("Another", "Newer.", auth="pass")
    world.after()
    newer = world.alice.newest("notice")
    first = next(one for one in world.tickets() if one.subject == "Printer")
    text = f"Like https://desk.example/helpdesk/ticket/{newer.link} and {newer.mail['Message-ID']}"
    headers = {"References": str(newer.mail["Message-ID"])}
    decision = world.alice.replies(notice, text, quoting=False, headers=headers)
    assert outcome(decision, first) == ANSWER
    assert decision.match.conflict and len(decision.match.tried) > 1
    world.after()
    assert "Like https://desk.example" in world.carol.newest("reply").text


def test_nobody_is_let_in_by_mail_that_failed_authentication(world: World) -> None:
    receipt = world.carol.mailbox("receipt")[0]
    for auth, let_in in (("fail", False), ("", True)):
        decision = world.carol.replies(receipt, f"Hello {auth}.", auth=auth, headers={"Cc": str(MALLORY)})
        assert outcome(decision, world.tickets()[0]) == MESSAGE, "a list in between breaks signatures"
        assert decision.message is not None
        assert decision.message.proof == ("participant" if let_in else "unverified")
        assert (MALLORY.address in world.participants()) == let_in


def test_a_forged_agents_token_is_no_token(world: World) -> None:
    notice = world.alice.mailbox("notice")[0]
    ticket = world.tickets()[0]
    local, _, host = notice.reply_to.partition("@")
    plain, _, token = local.partition("+")
    forged = [token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :] for at in range(len(token))]
    forged += [token[:-1], token[1:], token + "a", "", "x", token[::-1]]
    for one in forged:
        to = f"{plain}+{one}@{host}" if one else f"{plain}@{host}"
        decision = world.alice.writes("Hello", f"I am {one}.", to)
        assert outcome(decision, ticket) == NEW, one
        assert decision.proof is not None and decision.proof.level == "claimed"
    assert [one.kind for one in world.messages(ticket)] == ["client"]
    assert (
        outcome(world.alice.writes("Hello", "It is me.", f"{plain}+{token.upper()}@{host}"), ticket) == ANSWER
    )


def test_a_forged_message_id_is_none_of_ours(world: World) -> None:
    ticket = world.tickets()[0]
    root = str(world.carol.mailbox("receipt")[0].mail["References"]).split()[0]
    token, _, host = root.strip("<>").partition("@")
    for at in range(len(token)):
        forged = token[:at] + ("a" if token[at] != "a" else "b") + token[at + 1 :]
        raw = people.mail(CAROL, DESK, "Again", f"Try {at}.", headers={"References": f"<{forged}@{host}>"})
        assert outcome(world.receives(raw, DESK), ticket) == NEW, at
    raw = people.mail(CAROL, DESK, "Again", "Try.", headers={"References": f"<{token}@relay.example>"})
    assert outcome(world.receives(raw, DESK), ticket) == MESSAGE, "a relay may rewrite the domain"


def test_one_purpose_is_not_good_for_another(world: World) -> None:
    """A customer's own tokens, put where an agent's would stand, and a link in an address."""
    ticket, receipt = world.tickets()[0], world.carol.mailbox("receipt")[0]
    notice = world.alice.mailbox("notice")[0]
    path = receipt.reverse_path.partition("+")[2].partition("@")[0]
    for token in (receipt.link, notice.link, str(receipt.mail["Message-ID"]).strip("<>").partition("@")[0]):
        decision = world.alice.writes("Hello", "Let me in.", f"help+{token}@desk.example")
        assert outcome(decision, ticket) == NEW
    assert world.alice.writes("Hello", "Let me in.", f"help+{path}@desk.example").fate == HELD


def test_a_revoked_handle_opens_nothing(world: World) -> None:
    receipt, ticket = world.carol.mailbox("receipt")[0], world.tickets()[0]
    with world.store.unit() as unit:
        unit.change_where(Participant, "ticket_id = ?", (ticket.id,), handle=draw_handle())
    decision = world.carol.writes("Again", "Hello.", receipt.reply_to)
    assert outcome(decision, ticket) == NEW


def test_keys_rotate_and_old_ones_verify_until_they_are_retired(world: World) -> None:
    receipt, ticket = world.carol.mailbox("receipt")[0], world.tickets()[0]
    with world.store.unit() as unit:
        store_settings.add_key(unit)
    world.current.refresh()
    assert outcome(world.carol.writes("Again", "One.", receipt.reply_to), ticket) == MESSAGE
    with world.store.unit() as unit:
        assert store_settings.retire_key(unit, 0)
        assert not store_settings.retire_key(unit, 0)
    world.current.refresh()
    assert outcome(world.carol.writes("Again", "Two.", receipt.reply_to), ticket) == NEW


def test_a_disabled_agent_is_held_at_their_address_and_a_stranger_elsewhere(world: World) -> None:
    notice, ticket = world.alice.mailbox("notice")[0], world.tickets()[0]
    with world.store.unit() as unit:
        agents.disable(unit, ALICE.address.upper())
    for to in (notice.reply_to, notice.note_address):
        assert world.alice.writes("Re: Printer", f"Still here {to}.", to, auth="pass").fate == HELD
    assert outcome(world.alice.writes("Hello", "Help me.", auth="pass"), ticket) == NEW
    by_id = {"In-Reply-To": str(notice.mail["Message-ID"])}
    assert outcome(world.alice.writes("Hello", "Me.", headers=by_id, auth="pass"), ticket) == AGENTS
    carols = world.carol.writes("Re: Printer", "For Alice.", notice.reply_to)
    assert outcome(carols, ticket) == MESSAGE
    with pytest.raises(Exception, match=r"page\.not_found"):
        world.page(notice)


def test_an_agent_of_another_desk_says_nothing_here(world: World) -> None:
    notice = world.alice.mailbox("notice")[0]
    world.opens_desk("Sales", "sales@desk.example")
    with world.store.unit() as unit:
        unit.run("UPDATE agent SET all_desks = 0 WHERE email = ?", ALICE.address)
    assert world.alice.replies(notice, "Pull the plug.").fate == HELD


@pytest.mark.parametrize(
    "from_",
    [
        "carol@customer.example, mallory@elsewhere.example",
        "Team: carol@customer.example, mallory@elsewhere.example;",
        "undisclosed",
        "alice@agents.example)carol@customer.example",
        "<carol@customer.example<mallory@elsewhere.example>",
    ],
)
def test_an_ambiguous_sender_is_nobody(world: World, from_: str) -> None:
    raw = people.mail(CAROL, DESK, "Who am I?", "Guess.").replace(
        b"From: Carol Clark <carol@customer.example>", b"From: " + from_.encode()
    )
    check_nobody(world, raw)


def test_two_from_fields_are_nobody(world: World) -> None:
    raw = people.mail(CAROL, DESK, "Who am I?", "Guess.").replace(
        b"From: ", b"From: Mallory Moss <mallory@elsewhere.example>\r\nFrom: "
    )
    check_nobody(world, raw)


def check_nobody(world: World, raw: bytes) -> None:
    ticket, receipt = world.tickets()[0], world.carol.mailbox("receipt")[0]
    letters = len(world.letters())
    assert outcome(world.receives(raw, DESK, auth="pass"), ticket) == NEW
    assert outcome(world.receives(raw + b"1\r\n", receipt.reply_to, auth="pass"), ticket) == AGENTS
    at_agents = world.receives(raw + b"2\r\n", world.alice.mailbox("notice")[0].reply_to, auth="pass")
    assert outcome(at_agents, ticket) == AGENTS
    world.after()
    assert {one.kind for one in world.letters()[letters:]} == {"notice"}, "no receipt"


def test_reply_to_decides_nothing(world: World) -> None:
    """T08: From eve, Reply-To the victim."""
    decision = world.eve.writes("Hi", "Answer my friend.", headers={"Reply-To": str(CAROL)}, auth="pass")
    assert decision.ticket is not None
    before = len(world.carol.mailbox())
    world.after()
    assert len(world.carol.mailbox()) == before
    assert len(world.eve.mailbox("receipt")) == 1


def test_a_contact_form_names_its_customer(world: World) -> None:
    world.sets(form_senders="form@desk.example web@desk.example")
    form = Person("The form", "Form@desk.example")
    raw = people.mail(form, DESK, "From the form", "I am Mallory.", headers={"Reply-To": str(MALLORY)})
    decision = world.receives(raw, DESK, auth="pass", reverse_path=form.address)
    assert decision.message is not None
    assert (decision.message.author_email, decision.message.proof) == (MALLORY.address, "claimed")
    world.after(0)
    assert "I am Mallory" not in world.mallory.only("receipt").everything(), "a form proves nobody"


def test_letters_that_look_alike_are_different_people(world: World) -> None:
    """T11: the Kelvin sign is no k, a dotless i no i."""
    notice = world.alice.mailbox("notice")[0]
    raw = people.mail("Alice <al\u0131ce@agents.example>", DESK, "Re: Printer", "Hello.")
    decision = world.receives(raw, notice.reply_to)
    assert outcome(decision, world.tickets()[0]) == AGENTS


def test_an_agents_own_ticket_is_like_anyones_and_not_told_to_them(world: World) -> None:
    decision = world.alice.writes("My chair", "It is broken.", auth="pass")
    assert decision.ticket is not None
    world.after()
    assert len(world.alice.mailbox("receipt")) == 1
    assert not [one for one in world.alice.mailbox("notice") if "chair" in one.subject]
    assert [one for one in world.bob.mailbox("notice") if "chair" in one.subject]
