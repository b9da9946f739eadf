"""The mail that came back in a delivery report, whole or only its header, or quoted in words. RFC 6522 §3."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.mail import header, structure
from gateway.mail.address import address_key, parse_mailboxes
from gateway.mail.dsn.fate import LONGEST_TEXT, first_address
from gateway.mail.structure import Part

RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/rfc822-headers",
        "text/rfc822-headers",
        "text/rfc822",
        "message/global",
        "message/global-headers",
    }
)
_ID = re.compile(r"<[^<>\s]{1,998}>")
_QUOTED_ID = re.compile(r"^[> \t]{0,20}message-id:[ \t]{0,20}(<[^<>\s]{1,998}>)", re.I | re.M)
_QUOTED_TO = re.compile(r"^[> \t]{0,20}(?:to|rcpt to):[ \t]{0,20}(.{3,500})$", re.I | re.M)


def original_id(leaves: Sequence[Part], text: str) -> str:
    """Its Message-ID; empty when it does not say."""
    for value in _values(leaves, "message-id"):
        found = _ID.search(header.raw_text(value))
        if found:
            return found[0]
    quoted = _QUOTED_ID.search(text[:LONGEST_TEXT])
    return quoted[1] if quoted else ""


def only_recipient(leaves: Sequence[Part], copy: str) -> str:
    """Whom it was for, when that was one; empty when nobody or several are named."""
    boxes = [box for value in _values(leaves, "to") for box in parse_mailboxes(header.raw_text(value))]
    named = {address_key(box.email) for box in boxes if box.email}
    if not named:
        quoted = _QUOTED_TO.search(copy[:LONGEST_TEXT])
        named = {first_address(quoted[1])} - {""} if quoted else set()
    return named.pop() if len(named) == 1 else ""


def _values(leaves: Sequence[Part], name: str) -> list[bytes]:
    found = []
    for part in leaves:
        if part.content_type in RETURNED_TYPES:
            octets = part.decoded()
            fields, _ = structure.read_fields(octets, 0, len(octets))
            found += [value for own, value in fields if own == name]
    return found
