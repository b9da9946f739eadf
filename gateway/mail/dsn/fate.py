"""What became of one recipient, and what a mail server's answer says of it. RFC 3463, RFC 5321 §4.2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.mail.address import address_key, parse_address

PERMANENT = "permanent"
TEMPORARY = "temporary"
LONGEST_REPLY = 500
LONGEST_TEXT = 100_000
MOST_RECIPIENTS = 100

_ENHANCED = re.compile(r"(?<![0-9.])([245])\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_GENERIC = re.compile(r"\b[245]\.0\.0\b")
_REPLY_CODE = re.compile(r"(?<![0-9./])(?<![0-9\]]:)([45])[0-5][0-9](?=[- :;,.)\]]|$)(?!\.[0-9])")
_ADDRESS = re.compile(
    r"[^\s<>()\[\]{}\"',;:@|\\*/\x00-\x1f\u2018-\u201f\u3000-\u303f\uff01-\uff20]{1,100}"
    r"@[^\s<>()\[\]{}\"',;:@|\\*/=?!\u2018-\u201f\u3000-\u303f\uff01-\uff20]{1,253}"
)
_BAD_ADDRESS = re.compile(r"5\.(?:0\.0|1\.(?:[0-6]|9|10)|2\.[0-24])$")
_QUOTED_LOCAL = re.compile(r'"([^"\s@\\]{1,64})"@')
_CLASSES = {"5": PERMANENT, "4": TEMPORARY, "2": ""}


@dataclass(frozen=True, slots=True)
class Fate:
    """One recipient of a report.

    kind: permanent or temporary, after its cause; empty for a success.
    final: nobody tries this letter any more; a temporary cause may end so, when the time is up.
    """

    address: str
    kind: str
    reply: str = ""
    final: bool = True


def enhanced_kind(text: str) -> str | None:
    """The kind that the first enhanced status in `text` says (RFC 3463 §2), None without one."""
    found = _ENHANCED.search(text[:LONGEST_REPLY])
    return _CLASSES[found[1]] if found else None


def is_generic(status: str) -> bool:
    """Whether a status says nothing but the class: `X.0.0`, other undefined status. RFC 3463 §3.1."""
    return _GENERIC.search(status) is not None


def kind_of(reply: str) -> str | None:
    """The kind that a mail server's answer says: by enhanced status, else by its reply code."""
    kind = enhanced_kind(reply)
    if kind is not None:
        return kind
    found = _REPLY_CODE.search(reply[:LONGEST_REPLY])
    return _CLASSES[found[1]] if found else None


def blames_address(reply: str) -> bool:
    """Whether a final answer says that the address is the trouble, and not the letter, the way or the sender.

    RFC 3463 §3: 5.1.X but the sender's (5.1.7, 5.1.8), 5.2.X but for what is too long (5.2.3); or no such status.
    """
    status = _ENHANCED.search(reply)
    return status is None or _BAD_ADDRESS.match(status[0]) is not None


def addresses_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Every address in running text by its key, with where it begins and ends."""
    for found in _ADDRESS.finditer(text):
        address = parse_address(found[0].strip(".`-"))
        if address is not None:
            yield address_key(address), found.start(), found.end()


def first_address(text: str) -> str:
    """The first address in running text by its key; empty without one."""
    return next((address for address, _, _ in addresses_in(text)), "")


def unquoted(text: str) -> str:
    """`"local"@domain` without its quotes, which mean nothing there. RFC 5321 §4.1.2."""
    return _QUOTED_LOCAL.sub(r"\1@", text)


def brief(reply: str) -> str:
    """A reply on one line, bounded."""
    return " ".join(reply[: 2 * LONGEST_REPLY].split())[:LONGEST_REPLY]
