"""One address function for every door (threats T09-T11)."""

from __future__ import annotations

import smtplib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.address import (
    MOST_MAILBOXES,
    address_key,
    parse_address,
    parse_mailboxes,
    split_address,
)
from gateway.mail.reading import Mailbox


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("jane@example.org", "jane@example.org"),
        ("Jane.Doe+x@Example.ORG", "Jane.Doe+x@example.org"),
        ("a..b.@carrier.example", "a..b.@carrier.example"),
        ("o'brien/x=y!#$%&*{|}~@h.example", "o'brien/x=y!#$%&*{|}~@h.example"),
        ("jürgen@example.org", "jürgen@example.org"),
        ("ju\u0308rgen@example.org", "jürgen@example.org"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
        ("info@xn--bcher-KVA.example", "info@xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
        ("x@my_host.example", "x@my_host.example"),
    ],
)
def test_a_plain_address_gets_its_canonical_form(written: str, canonical: str) -> None:
    assert parse_address(written) == canonical
    assert parse_address(canonical) == canonical


@pytest.mark.parametrize(
    "doubtful",
    [
        "",
        "@",
        "jane",
        "jane@",
        "@example.org",
        "a@b@c.example",
        "alice@example.org)bob@evil.example",
        "a@good.example<b@evil.example>",
        "=?utf-8?q?admin?=@example.org",
        '"john doe"@example.org',
        '"john"@example.org',
        "<jane@example.org>",
        "jane(x)@example.org",
        "jane doe@example.org",
        " jane@example.org",
        "jane@example.org\n",
        "jane@example.org\r\nBcc: x@evil.example",
        "jane@exa\0mple.org",
        "jane,joe@example.org",
        "jane;joe@example.org",
        "@a.example,@b.example:c@d.example",
        "jane@[127.0.0.1]",
        "jane@-bad.example",
        "jane@bad-.example",
        "jane@a..example",
        "jane@example.org.",
        "jane@" + "a" * 64 + ".example",
        "j" * 65 + "@example.org",
        "jane@" + "a." * 130 + "org",
        "ja\u200bne@example.org",
        "ja\u202ene@example.org",
        "ja\ud800ne@example.org",
        "jane@\u212aate.example",
        "jane@m\xfcn\u212a.example",
        "jane\\@example.org",
        "jane:x@example.org",
    ],
)
def test_a_doubtful_address_is_refused(doubtful: str) -> None:
    assert parse_address(doubtful) is None


def test_only_ascii_letters_lose_their_case_in_comparisons() -> None:
    assert address_key("Jane.DOE@example.org") == "jane.doe@example.org"
    assert address_key("ADMıN@example.org") != address_key("ADMIN@example.org")
    assert address_key("\u212aate@example.org") != address_key("kate@example.org")
    assert address_key("Ärger@example.org") != address_key("ärger@example.org")


def test_splitting_gives_local_part_and_domain() -> None:
    assert split_address("a.b@example.org") == ("a.b", "example.org")


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet='ab.@ <>()",;:\\=?\r\n\xfc\u212a\u0308[]-_!', max_size=30))
def test_an_accepted_address_reaches_the_server_unchanged(text: str) -> None:
    address = parse_address(text)
    if address is not None:
        assert smtplib.quoteaddr(address) == f"<{address}>"
        assert address.count("@") == 1
        assert parse_address(address) == address


@pytest.mark.parametrize(
    ("field", "boxes"),
    [
        ("a@b.example", [("a@b.example", "")]),
        ("Jane Doe <a@b.example>", [("a@b.example", "Jane Doe")]),
        ('"Doe, Jane" <a@b.example>', [("a@b.example", "Doe, Jane")]),
        (r'"Jane \"J\" Doe" <a@b.example>', [("a@b.example", 'Jane "J" Doe')]),
        ("a@b.example (Jane Doe)", [("a@b.example", "Jane Doe")]),
        ("a@b.example (Jane (J) Doe)", [("a@b.example", "Jane (J) Doe")]),
        ("=?utf-8?q?J=C3=BCrgen?= <a@b.example>", [("a@b.example", "Jürgen")]),
        ('"=?utf-8?q?J=C3=BCrgen?=" <a@b.example>', [("a@b.example", "Jürgen")]),
        ("=?utf-8?q?Doe,_J?= =?utf-8?q?ane?= <a@b.example>", [("a@b.example", "Doe, Jane")]),
        ("a@b.example, c@d.example", [("a@b.example", ""), ("c@d.example", "")]),
        ("a@b.example; c@d.example", [("a@b.example", ""), ("c@d.example", "")]),
        ("Team: a@b.example, X <c@d.example>;", [("a@b.example", ""), ("c@d.example", "X")]),
        ("undisclosed-recipients:;", []),
        ("", []),
        (", ,", []),
        ("<<a@b.example>>", [("a@b.example", "")]),
        ("a@good.example <b@evil.example>", [("b@evil.example", "a@good.example")]),
        ("<a@b.example", [("a@b.example", "")]),
        ("a@b.example\x20\x20<c@d.example>\x20", [("c@d.example", "a@b.example")]),
    ],
)
def test_an_address_field_gives_its_mailboxes(field: str, boxes: list[tuple[str, str]]) -> None:
    assert parse_mailboxes(field) == tuple(Mailbox(*box) for box in boxes)


@pytest.mark.parametrize(
    "field",
    [
        "alice@example.org)bob@evil.example",
        "=?utf-8?q?admin?=@example.org",
        '"john doe"@example.org',
        "<@a.example,@b.example:c@d.example>",
        "alice@example.org bob@evil.example",
        "alice@example.org (x) bob@evil.example",
        "John Doe",
    ],
)
def test_what_cannot_be_read_keeps_its_words_and_has_no_address(field: str) -> None:
    (box,) = parse_mailboxes(field)
    assert box.email == ""
    assert box.name


@pytest.mark.parametrize(
    "field", ["<a@good.example> b@evil.example", "<a@good.example> <b@evil.example>", "a@b.example,x"]
)
def test_a_second_address_is_never_swallowed(field: str) -> None:
    assert len(parse_mailboxes(field)) == 2


def test_no_more_mailboxes_than_the_limit() -> None:
    assert len(parse_mailboxes("a@b.example," * (MOST_MAILBOXES + 50))) == MOST_MAILBOXES


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='ab@ <>()",;:\\=?q\t\n\xfc', max_size=60) | st.text(max_size=60))
def test_reading_an_address_field_never_raises(text: str) -> None:
    for box in parse_mailboxes(text):
        assert box.email == "" or parse_address(box.email) == box.email
        assert "\n" not in box.name


@pytest.mark.parametrize("bomb", ['"', "(", "<", "()", '"\\', "\\", "@", '"a"', "a:", "=?a?q?"])
def test_a_field_of_marks_is_read_to_the_end(bomb: str) -> None:
    parse_mailboxes(bomb * 20_000)
