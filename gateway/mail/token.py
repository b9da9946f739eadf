"""Sealed tokens: who holds one may do one thing with one row, until the row's handle is redrawn.

Layout, most significant bit first: purpose (4), key id (6), handle (64), newest message shown (25),
HMAC-SHA256 over those 99 bits, cut to 80 bits in addresses and Message-IDs and to 128 in links.
Written as lower-case base32 without padding and read case-blind: 36 or 46 characters, because mail
programs lower-case local parts. RFC 4648 §6; RFC 2104; RFC 5321 §4.5.3.1.1 (64 octets of local part).
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

HANDLE_BITS, NEWEST_BITS, KEY_BITS = 64, 25, 6
BODY_BITS = 4 + KEY_BITS + HANDLE_BITS + NEWEST_BITS
BODY_OCTETS = (BODY_BITS + 7) // 8
NEWEST_MAX = (1 << NEWEST_BITS) - 1
SHORT, LONG = 36, 46
MAC_BITS = {SHORT: 80, LONG: 128}


class Purpose(IntEnum):
    """What a token is good for; the handle names a row of the kind given here."""

    REPLY = 0  # participant: a reply to this address
    LINK = 1  # participant: the public ticket page
    AGENT_REPLY = 2  # seat: an agent's public answer
    AGENT_NOTE = 3  # seat: an agent's internal note
    AGENT_LINK = 4  # seat: an agent's read-only view
    PATH = 5  # letter: reverse-path, delivery reports come here
    MESSAGE = 6  # ticket: Message-ID of letters that show the same newest message
    ROOT = 7  # ticket: the synthetic first id in References
    LETTER = 8  # letter: Message-ID of a machine mail
    ACTION = 9  # seat: one action by mail


LINKS = frozenset({Purpose.LINK, Purpose.AGENT_LINK})


@dataclass(frozen=True, slots=True)
class Token:
    """A token that verified."""

    purpose: Purpose
    handle: int
    newest: int
    text: str


@dataclass(frozen=True)
class Keyring:
    """The MAC keys: secrets by id, and the id that seals new tokens. Old ones verify."""

    secrets: Mapping[int, bytes]
    current: int

    def seal(self, purpose: Purpose, handle: int, newest: int = 0) -> str:
        """A token for the row with this handle (a signed 64-bit number)."""
        length = LONG if purpose in LINKS else SHORT
        body = (int(purpose) << KEY_BITS) | self.current
        body = (body << HANDLE_BITS) | (handle & ((1 << HANDLE_BITS) - 1))
        body = (body << NEWEST_BITS) | min(newest, NEWEST_MAX)
        return _write((body << MAC_BITS[length]) | self._mac(self.current, body, length), length)

    def unseal(self, text: str) -> Token | None:
        """The token a text is, or None for anything that was not sealed by one of these keys."""
        length = len(text)
        if length not in MAC_BITS or (number := _read(text)) is None:
            return None
        body, mac = divmod(number, 1 << MAC_BITS[length])
        purpose, key = divmod(body >> (HANDLE_BITS + NEWEST_BITS), 1 << KEY_BITS)
        if key not in self.secrets or purpose not in Purpose._value2member_map_:
            return None
        if (purpose in LINKS) != (length == LONG):
            return None
        octets = MAC_BITS[length] // 8
        expected = self._mac(key, body, length).to_bytes(octets, "big")
        if not hmac.compare_digest(expected, mac.to_bytes(octets, "big")):
            return None
        handle = (body >> NEWEST_BITS) & ((1 << HANDLE_BITS) - 1)
        signed = handle - (1 << HANDLE_BITS) if handle >> (HANDLE_BITS - 1) else handle
        return Token(Purpose(purpose), signed, body & NEWEST_MAX, text.lower())

    def neutralise(self, text: str, keep: Callable[[Token], bool] = lambda token: False) -> str:
        """The text with every token of ours replaced by `…`, so that quoting one hands nothing on.

        keep: which tokens may stay, for the reader they were made for.
        """
        if _HALF_A_TOKEN not in text.encode("utf-8", "surrogatepass").translate(_ALIKE):
            return text

        def blank(found: re.Match[str]) -> str:
            run = found[0]
            before = self._before_token(run, keep)
            return run if before is None else before + "…"

        return self._blank_broken(_CANDIDATE.sub(blank, text), keep)

    def _blank_broken(self, text: str, keep: Callable[[Token], bool]) -> str:
        """The same for tokens that a mail program broke over two lines; the line break stays."""
        pieces: list[str] = []
        done = 0
        for found in _BROKEN.finditer(text):
            first, line_break, second = found.groups()
            long_enough = len(first) + len(second) >= SHORT and found.start() >= done
            if not long_enough or (before := self._before_token(first + second, keep)) is None:
                continue
            pieces += (text[done : found.start()], before[: len(first)], "…", line_break)
            done = found.end(3)
        return "".join((*pieces, text[done:]))

    def _before_token(self, run: str, keep: Callable[[Token], bool]) -> str | None:
        """What stands before the token that this run ends with; None when it ends with none to blank."""
        for length in MAC_BITS:
            before, candidate = run[:-length], run[-length:]
            if len(before) <= LONGEST_PREFIX and (token := self.unseal(candidate)) is not None:
                return None if keep(token) else before
        return None

    def _mac(self, key: int, body: int, length: int) -> int:
        digest = hmac.digest(self.secrets[key], body.to_bytes(BODY_OCTETS, "big"), "sha256")
        return int.from_bytes(digest[: MAC_BITS[length] // 8], "big")


_DIGIT = "[A-Za-z2-7]"  # written out: re.IGNORECASE takes three times as long
# Whatever line break may part a token, half of the shortest stays whole: most mails have no such word. It is looked
# for where all digits are made alike, in a tenth of the time that an expression takes.
_ALIKE = bytes(ord("x") if re.match(_DIGIT, chr(octet)) else ord(" ") for octet in range(256))
_HALF_A_TOKEN = b"x" * (SHORT // 2)
# A run of base32 characters that may end in a token: rewritten links put `%2F` or `%2B` before one, or
# `%25252F`, which reads like more of it. What verifies is ours, whatever stands around it.
LONGEST_PREFIX = 8
_CANDIDATE = re.compile(rf"(?<!{_DIGIT}){_DIGIT}{{{SHORT},{LONG + LONGEST_PREFIX}}}(?!{_DIGIT})")
# Two such runs at the end of one line and the beginning of the next. Every repeat is bounded, none gives back.
_BROKEN = re.compile(
    rf"(?<!{_DIGIT})({_DIGIT}{{1,{LONG + LONGEST_PREFIX}}}+)(=?\r?\n[> \t]{{0,8}}+)"
    rf"(?=({_DIGIT}{{1,{LONG}}}+)(?!{_DIGIT}))"
)


def draw_handle() -> int:
    """A random signed 64-bit number: what a row is called towards the outside."""
    return int.from_bytes(os.urandom(8), "big", signed=True)


def draw_secret() -> bytes:
    """A MAC key. RFC 2104 §3: as long as the hash."""
    return secrets.token_bytes(32)


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
# Python reads base 32 with the digits 0-9a-v; what is in neither alphabet becomes a letter it refuses.
_DIGITS = str.maketrans(
    {letter: digit for digit, letter in zip("0123456789abcdefghijklmnopqrstuv", _ALPHABET, strict=True)}
    | {
        letter.upper(): digit
        for digit, letter in zip("0123456789abcdefghijklmnopqrstuv", _ALPHABET, strict=True)
    }
    | dict.fromkeys("0189", "z")
)
_SPARE = {length: length * 5 - BODY_BITS - MAC_BITS[length] for length in MAC_BITS}


def _write(number: int, length: int) -> str:
    number <<= _SPARE[length]
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(length * 5 - 10, -1, -10)])


def _read(text: str) -> int | None:
    if not text.isascii() or not text.isalnum():
        return None
    try:
        number = int(text.translate(_DIGITS), 32)
    except ValueError:
        return None
    spare = _SPARE[len(text)]
    return None if number & ((1 << spare) - 1) else number >> spare
