"""Desks and agents: what an operator may set, what is refused and by which name."""

from __future__ import annotations

import pytest

from gateway.desk import agents, desks
from gateway.desk.desks import Directory
from gateway.desk.tables import Desk
from gateway.errors import Conflict, Invalid, NotFound
from gateway.mail.token import Keyring, Purpose
from gateway.store.database import Store

KEYS = Keyring({0: b"k" * 32}, 0)
HELP = ("Help", "help@desk.example")


def made(store: Store, *more: tuple[str, str]) -> Directory:
    with store.unit() as unit:
        for name, address in (HELP, *more):
            desks.add(unit, name, address)
        return desks.directory(unit)


@pytest.mark.parametrize(
    ("name", "address", "error"),
    [
        ("", "a@b.example", Invalid),
        ("x" * 81, "a@b.example", Invalid),
        ("a\x00b", "a@b.example", Invalid),
        ("Sales", "no address", Invalid),
        ("Sales", "a@b@c.example", Invalid),
        ("Sales", "x" * 28 + "@desk.example", Invalid),
        ("HELP", "sales@desk.example", Conflict),
        ("Sales", "HELP@desk.example", Conflict),
    ],
)
def test_a_desk_that_cannot_be(store: Store, name: str, address: str, error: type[Exception]) -> None:
    made(store)
    with pytest.raises(error), store.unit() as unit:
        desks.add(unit, name, address)


def test_the_longest_local_part_leaves_room_for_a_token(store: Store) -> None:
    """RFC 5321 §4.5.3.1.1."""
    directory = made(store, ("Long", "x" * 27 + "@desk.example"))
    for purpose in (Purpose.REPLY, Purpose.AGENT_REPLY, Purpose.PATH):
        sealed = desks.sealed_reply(directory.desks[2], KEYS, purpose, -(1 << 63), 1 << 30)
        assert len(sealed.partition("@")[0]) == 64
        found = directory.find(sealed.upper())
        assert found is not None and found.desk.id == 2 and KEYS.unseal(found.detail)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("name", "  The   Desk ", "The Desk"),
        ("address", "other@desk.example", "other@desk.example"),
        ("delay_s", "0", 0),
        ("delay_s", "", None),
        ("instantly", "Yes", 1),
        ("closed_letter", "off", 0),
        ("answered_status", "solved", "solved"),
        ("reply", "", ""),
        ("bounce", "b-{token}@mail.example", "b-{token}@mail.example"),
        ("form_senders", "a@b.example, c@d.example", "a@b.example c@d.example"),
        ("locale", "pl", "pl"),
        ("timezone", "Europe/Warsaw", "Europe/Warsaw"),
    ],
)
def test_settings(store: Store, key: str, value: str, kept: object) -> None:
    made(store)
    with store.unit() as unit:
        desks.change(unit, desks.named(unit, "help"), {key: value})
    with store.reading() as unit:
        assert getattr(desks.by_id(unit, 1), key) == kept


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "red"),
        ("delay_s", "-1"),
        ("delay_s", "90000"),
        ("delay_s", "²"),
        ("instantly", "perhaps"),
        ("answered_status", "done"),
        ("reply", "help@desk.example"),
        ("reply", "{local}@{token}.example"),
        ("reply", "{local}+{token}{token}@{domain}"),
        ("bounce", "a-word-that-is-much-too-long-{local}-{token}@{domain}"),
        ("form_senders", "nobody"),
        ("locale", "../../etc"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Mars/Olympus"),
        ("address", "x" * 40 + "@desk.example"),
    ],
)
def test_settings_that_cannot_be_name_their_key(store: Store, key: str, value: str) -> None:
    made(store)
    with pytest.raises(Invalid) as refused, store.unit() as unit:
        desks.change(unit, desks.named(unit, "Help"), {key: value})
    assert refused.value.field in (key, "address")
    with store.reading() as unit:
        assert desks.named(unit, "Help").address == HELP[1]


def test_two_desks_never_share_a_name_or_an_address(store: Store) -> None:
    made(store, ("Sales", "sales@desk.example"))
    for settings in ({"name": "sales"}, {"address": "Sales@desk.example"}):
        with pytest.raises(Conflict), store.unit() as unit:
            desks.change(unit, desks.named(unit, "Help"), settings)
    with pytest.raises(NotFound), store.reading() as unit:
        desks.named(unit, "Nobody")


def test_where_addresses_lead(store: Store) -> None:
    directory = made(store, ("Hello", "help+sales@desk.example"))
    wanted = {
        "help@desk.example": (1, ""),
        "Help@Desk.Example": (1, ""),
        "help+x@desk.example": (1, "x"),
        "help+sales@desk.example": (2, ""),
        "help+sales+x@desk.example": (2, "x"),
        "help@other.example": None,
        "xhelp@desk.example": None,
        "help+@desk.example": None,
        "h\u212alp@desk.example": None,
        "": None,
    }
    for address, expected in wanted.items():
        found = directory.find(address)
        assert (None if found is None else (found.desk.id, found.detail)) == expected, address


def sealed(desk: Desk) -> list[str]:
    return [desks.sealed_reply(desk, KEYS, Purpose.REPLY, 7), desks.sealed_path(desk, KEYS, 7)]


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "support@desk.example"},
        {"address": "Support@new.example", "reply": "{local}-{token}@{domain}"},
        {"reply": "{local}-{token}@{domain}", "bounce": "b-{token}@bounces.example"},
        {"reply": "", "bounce": ""},
    ],
)
def test_old_letters_can_always_be_answered(store: Store, changes: dict[str, str]) -> None:
    made(store)
    with store.unit() as unit:
        old = desks.named(unit, "Help")
        for settings in (changes, {"address": "third@desk.example"}):
            desks.change(unit, desks.named(unit, "Help"), settings)
        directory = desks.directory(unit)
    for address in (*sealed(old), *sealed(directory.desks[1])):
        found = directory.find(address.upper())
        assert found is not None and found.desk.id == 1, address
        assert KEYS.unseal(found.detail) or address == directory.desks[1].address
    plain = directory.find(HELP[1])
    assert plain is not None and plain.desk.id == 1 and plain.detail == ""
    today = directory.find("third@desk.example")
    assert today is not None and today.desk.id == 1


def test_who_has_an_address_today_comes_before_who_had_it(store: Store) -> None:
    made(store)
    with store.unit() as unit:
        desks.change(unit, desks.named(unit, "Help"), {"address": "support@desk.example"})
        other = desks.add(unit, "Other", HELP[1])
        directory = desks.directory(unit)
    for address in (HELP[1], *sealed(other)):
        found = directory.find(address)
        assert found is not None and found.desk.id == other.id
    with store.unit() as unit:
        desks.change(unit, desks.named(unit, "Other"), {"address": "other@desk.example"})
        desks.change(unit, desks.named(unit, "Help"), {"address": HELP[1]})
        found = desks.directory(unit).find(HELP[1])
    assert found is not None and found.desk.id == 1


def test_a_former_address_can_be_forgotten(store: Store) -> None:
    made(store)
    with store.unit() as unit:
        desks.change(unit, desks.named(unit, "Help"), {"address": "support@new.example"})
        desk = desks.named(unit, "Help")
        assert desks.former(unit, desk) == ["help+{token}@desk.example", "help@desk.example"]
        desks.forget(unit, desk, "help@desk.example")
        directory = desks.directory(unit)
    assert directory.find("help@desk.example") is None and directory.find("help+x@desk.example")
    for never in ("help@desk.example", "support@new.example"):
        with pytest.raises(NotFound), store.unit() as unit:
            desks.forget(unit, desk, never)


def test_an_agent_whose_address_became_a_desks_stays_disabled(store: Store) -> None:
    made(store)
    with store.unit() as unit:
        agents.add(unit, "alice@agents.example")
        agents.disable(unit, "alice@agents.example")
        desks.add(unit, "Alice", "alice@agents.example")
    with pytest.raises(Conflict), store.unit() as unit:
        agents.enable(unit, "alice@agents.example")


def test_agents(store: Store) -> None:
    made(store, ("Sales", "sales@desk.example"))
    with store.unit() as unit:
        alice = agents.add(unit, "Alice@agents.example", "  Alice   Archer ")
        bob = agents.add(unit, "bob@agents.example", at=(desks.named(unit, "Sales"),))
        assert alice.name == "Alice Archer" and agents.display_name(bob) == "Support"
        assert [one.id for one in agents.of_desk(unit, 1)] == [alice.id]
        assert [one.id for one in agents.of_desk(unit, 2)] == [alice.id, bob.id]
        assert not agents.works_at(unit, bob, 1)
        assert agents.with_address(unit, "ALICE@agents.example") is not None
        disabled = agents.disable(unit, "ALICE@AGENTS.example")
        assert not disabled.active and not agents.works_at(unit, disabled, 1)
        assert agents.of_desk(unit, 1) == []
        assert agents.works_at(unit, agents.enable(unit, "ALICE@agents.example"), 1)
    for address, error in (
        ("bob@agents.example", Conflict),
        ("help@desk.example", Conflict),
        ("help+x@desk.example", Conflict),
        ("nobody", Invalid),
    ):
        with pytest.raises(error), store.unit() as unit:
            agents.add(unit, address)
    with pytest.raises(NotFound), store.unit() as unit:
        agents.disable(unit, "nobody@agents.example")
