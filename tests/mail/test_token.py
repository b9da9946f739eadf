"""Sealed tokens: what they carry, what they refuse, and that quoting one hands nothing on."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.token import LINKS, LONG, NEWEST_MAX, SHORT, Keyring, Purpose, draw_handle, draw_secret

KEYS = Keyring({3: b"a" * 32, 61: b"b" * 32}, 61)
HANDLES = (0, 1, -1, 2**63 - 1, -(2**63), 0x0123456789ABCDEF)
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("handle", HANDLES)
def test_a_token_says_what_was_sealed_in_whatever_case(purpose: Purpose, handle: int) -> None:
    text = KEYS.seal(purpose, handle, 77)
    assert len(text) == (LONG if purpose in LINKS else SHORT)
    assert set(text) <= set(ALPHABET)
    for spelt in (text, text.upper(), text.title()):
        token = KEYS.unseal(spelt)
        assert token is not None
        assert (token.purpose, token.handle, token.newest) == (purpose, handle, 77)


def test_the_layout_is_fixed() -> None:
    """Addresses that are out there must be readable by every later version."""
    assert KEYS.seal(Purpose.REPLY, 5, 6) == "b5aaaaaaaaaaaakaaaanzo7lc2nnym5l2ehu"


@pytest.mark.parametrize("purpose", [Purpose.REPLY, Purpose.LINK])
def test_every_changed_character_makes_it_no_token(purpose: Purpose) -> None:
    text = KEYS.seal(purpose, draw_handle(), 1)
    for at in range(len(text)):
        for letter in ALPHABET + "0189-_+/= é":
            forged = text[:at] + letter + text[at + 1 :]
            assert forged == text or KEYS.unseal(forged) is None, forged


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "a", lambda t: "", lambda t: t + "\n"])
def test_another_length_is_no_token(change: object) -> None:
    assert KEYS.unseal(change(KEYS.seal(Purpose.REPLY, 9))) is None  # type: ignore[operator]


def test_old_keys_verify_until_they_are_gone() -> None:
    old = Keyring({3: b"a" * 32}, 3).seal(Purpose.REPLY, 9)
    assert KEYS.unseal(old) is not None
    assert Keyring({61: b"b" * 32}, 61).unseal(old) is None
    assert Keyring({3: draw_secret()}, 3).unseal(old) is None


def test_more_messages_than_fit_count_as_the_most_that_do() -> None:
    token = KEYS.unseal(KEYS.seal(Purpose.MESSAGE, 1, NEWEST_MAX + 5))
    assert token is not None
    assert token.newest == NEWEST_MAX


@given(st.text(max_size=60))
def test_nothing_that_is_not_ours_verifies_or_raises(text: str) -> None:
    assert KEYS.unseal(text) is None
    assert KEYS.neutralise(text) == text


def test_tokens_become_neutral_wherever_they_stand() -> None:
    reply, link = KEYS.seal(Purpose.REPLY, 1), KEYS.seal(Purpose.LINK, 2)
    text = (
        f"to support+{reply}@desk.example or https://desk.example/helpdesk/ticket/{link.upper()}/x ({reply})"
    )
    neutral = KEYS.neutralise(text)
    assert reply not in neutral.lower()
    assert link not in neutral.lower()
    assert neutral == "to support+…@desk.example or https://desk.example/helpdesk/ticket/…/x (…)"


@pytest.mark.parametrize("before", ["%2F", "%2B", "%252F", "%25252F", "%2525252F", "=", "/", "u002f", "\n> "])
def test_tokens_in_rewritten_links_become_neutral(before: str) -> None:
    """A link protection of the mail provider writes our link into its own, percent-encoded."""
    link = KEYS.seal(Purpose.LINK, 2)
    assert KEYS.neutralise(f"https://safe.example/?url=ticket{before}{link}&x") == (
        f"https://safe.example/?url=ticket{before}…&x"
    )


@pytest.mark.parametrize("purpose", [Purpose.REPLY, Purpose.LINK])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\n> ", "\n>> ", "\n>> > ", "=\n", "=\r\n"])
@pytest.mark.parametrize("before", ["ticket/", "ticket%2F", "ticket%252F"])
def test_tokens_broken_over_two_lines_become_neutral(purpose: Purpose, line_break: str, before: str) -> None:
    """The lines stay as many as they were: quotes are folded by their numbers."""
    token = KEYS.seal(purpose, 2)
    for at in range(1, len(token)):
        broken = f"one\n{before}{token[:at]}{line_break}{token[at:]}@x or\n{token}"
        assert KEYS.neutralise(broken) == f"one\n{before}…{line_break}@x or\n…", at


def test_words_at_line_ends_stay() -> None:
    words = "\n".join(["abcdefgh" * 3] * 50)
    assert KEYS.neutralise(words) == words
    assert KEYS.neutralise(f"see\n{KEYS.seal(Purpose.LINK, 1)}\nnow") == "see\n…\nnow"


def test_a_reader_keeps_their_own() -> None:
    mine, other = KEYS.seal(Purpose.LINK, 1), KEYS.seal(Purpose.LINK, 2)
    assert KEYS.neutralise(f"{mine} {other}", keep=lambda token: token.handle == 1) == f"{mine} …"


def test_what_only_looks_like_a_token_stays() -> None:
    assert re.fullmatch(r"a{36} b{46}", KEYS.neutralise("a" * 36 + " " + "b" * 46))


def test_no_two_purposes_share_a_token() -> None:
    assert len({KEYS.seal(purpose, 7, 7) for purpose in Purpose}) == len(Purpose)
