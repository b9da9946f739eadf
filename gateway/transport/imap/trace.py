"""The envelope of a mail that lies in a mailbox, from what the servers on its way have left on top of it.

Return-Path and Delivered-To stand for MAIL and RCPT (RFC 5321 §4.4); where a host writes no Delivered-To, the
address in To or Cc that leads to the mailbox's own desk says with which token the mail was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime

from gateway.desk.desks import Destination
from gateway.mail.address import parse_address
from gateway.mail.envelope import NULL_PATH, Envelope

HEAD_OCTETS = 65_536
LINES_READ = 1000
FIELD_READ = 10_000
UNTOLD = "unknown@imap.helpgate.invalid"
"""Not the null path, which would make every mail a robot's."""

_FIELD = re.compile(rb"([!-9;-~]{1,60})[ \t]*:(.*)", re.DOTALL)
_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]@]{1,64}@[^\s<>,;:\"()\[\]@]{1,255}")
_WRITTEN = ("to", "cc")

Find = Callable[[str], Destination | None]
Field = tuple[str, str]


def fields(octets: bytes) -> list[Field]:
    """The header's fields from the top, unfolded, names in small letters; as many as stand in a sane one."""
    head = octets[:HEAD_OCTETS].removeprefix(b"\xef\xbb\xbf")
    found: list[Field] = []
    lines: list[bytes] = []
    for ended in (*head.split(b"\n", LINES_READ)[:LINES_READ], b""):
        line = ended.removesuffix(b"\r")
        if line[:1] in (b" ", b"\t") and lines:
            lines.append(line)
            continue
        if field := _FIELD.fullmatch(b"".join(lines)):
            value = field[2][:FIELD_READ].decode("utf-8", "replace").strip()
            found.append((field[1].decode("ascii").lower(), value))
        lines = [line]
        if not line:
            break
    return found


def envelope(head: Sequence[Field], desk_address: str, find: Find, trusted: Sequence[str]) -> Envelope:
    """Who sent a mail and for whom it is: a desk that a trusted field names, else the mailbox's own.

    find: the desk an address leads to.  trusted: names of fields the mailbox's own server writes.
    """
    return Envelope("imap", _reverse_path(head), (_recipient(head, desk_address, find, trusted),))


def arrived(head: Sequence[Field]) -> int | None:
    """When the last server took the mail, by its own stamp: milliseconds UTC. RFC 5321 §4.4."""
    stamp = next((value for name, value in head if name == "received"), "")
    try:
        return int(parsedate_to_datetime(stamp.rpartition(";")[2].strip()).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _reverse_path(head: Sequence[Field]) -> str:
    given = next((value for name, value in head if name == "return-path"), UNTOLD)
    if given.replace(" ", "") == "<>":
        return NULL_PATH
    return parse_address(given.strip("<> ")) or UNTOLD


def _recipient(head: Sequence[Field], desk_address: str, find: Find, trusted: Sequence[str]) -> str:
    """Of the addresses that lead to a desk one with a detail says more."""
    delivered = [one for name in trusted for one in _first_of_ours(head, name.lower(), find)]
    chosen = next(
        (one for one in delivered if _detail(one, find)), delivered[0] if delivered else desk_address
    )
    return chosen if _detail(chosen, find) else _with_detail(head, chosen, find)


def _first_of_ours(head: Sequence[Field], name: str, find: Find) -> Iterator[str]:
    """The topmost field of this name that leads to a desk: the nearest server wrote it last."""
    for field, value in head:
        address = parse_address(value.strip("<> ")) if field == name else None
        if address and find(address):
            yield address
            return


def _with_detail(head: Sequence[Field], plain: str, find: Find) -> str:
    """The address somebody wrote to, where it is this desk's with a detail; else the plain one."""
    desk = find(plain)
    for name, value in head:
        for written in _ADDRESS.findall(value) if name in _WRITTEN else ():
            address = parse_address(written)
            found = find(address) if address else None
            if address and desk and found and found.detail and found.desk.id == desk.desk.id:
                return address
    return plain


def _detail(address: str, find: Find) -> str:
    found = find(address)
    return found.detail if found else ""
