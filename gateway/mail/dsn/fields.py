"""The fields of a delivery status, in a part of their own or in the words of a mail. RFC 3464 §2, RFC 6533 §3."""

from __future__ import annotations

import re

from gateway.mail import header, structure
from gateway.mail.address import address_key, parse_address
from gateway.mail.dsn.fate import (
    LONGEST_TEXT,
    MOST_RECIPIENTS,
    PERMANENT,
    TEMPORARY,
    Fate,
    brief,
    enhanced_kind,
    first_address,
    is_generic,
    kind_of,
    unquoted,
)
from gateway.mail.structure import Part

STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_STATUS_START = re.compile(
    rb"(?:reporting-mta|final-recipient|original-recipient|original-envelope-id|arrival-date)[ \t]*:",
    re.IGNORECASE,
)
_FIRST_FIELD = re.compile(
    r"^[> \t]{0,10}(?:Reporting-MTA|Final-Recipient|Original-Recipient)[ \t]{0,5}:",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTE = re.compile(r"^(?:> ?){1,5}|^[ \t]{1,8}(?=[A-Za-z-]{1,40}:)", re.MULTILINE)
_RECIPIENTS = ("original-recipient", "x-original-recipient", "final-recipient", "x-actual-recipient")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ACTIONS = {"fail": True, "error": True, "expire": True, "undeliver": True, "reject": True, "delay": False}
"""How an action begins, and whether it is the end. The standard knows `failed` and `delayed` alone."""


def is_status(part: Part) -> bool:
    """By its type, or by how it begins: many servers mislabel it."""
    if part.content_type in STATUS_TYPES:
        return True
    return _STATUS_START.match(part.beginning.lstrip()) is not None


def in_words(text: str) -> list[Fate]:
    """The recipients in fields that stand between the words of a mail; quoted ones too."""
    start = _FIRST_FIELD.search(text)
    if start is None:
        return []
    plain = _QUOTE.sub("", text[start.start() :])
    return [fate for fate in fates(plain.encode("utf-8", "replace")) if fate.address and fate.kind]


def fates(octets: bytes) -> list[Fate]:
    """RFC 3464 §2.1: a group of fields for the message, then one for each recipient."""
    octets = octets[:LONGEST_TEXT]
    found: list[Fate] = []
    position = 0
    while position < len(octets) and len(found) < MOST_RECIPIENTS:
        fields, after = structure.read_fields(octets, position, len(octets))
        if after <= position:  # a line that is no field
            after = octets.find(b"\n", position) + 1 or len(octets)
        position = after
        fate = _fate({name: header.text(value) for name, value in reversed(fields)})
        if fate is not None:
            found.append(fate)
    return found


def _fate(fields: dict[str, str]) -> Fate | None:
    address = next(filter(None, (_address(fields.get(name, "")) for name in _RECIPIENTS)), "")
    action = fields.get("action", "").lower()
    status = fields.get("status", "")
    if not address and not action and enhanced_kind(status) is None:
        return None
    reply = fields.get("diagnostic-code", "") or status
    reply = reply.partition(";")[2].strip() or reply
    final = next((ends for start, ends in _ACTIONS.items() if action.startswith(start)), None)
    if final is None and action.startswith(("deliver", "relay", "expand")):
        return Fate(address, "", brief(reply))
    kind = _kind(status, reply, final)
    return Fate(address, kind, brief(reply), kind == PERMANENT if final is None else final)


def _kind(status: str, reply: str, final: bool | None) -> str:
    """What is only late is temporary; for the rest the status knows the cause (RFC 3463 §2)."""
    if final is False:
        return TEMPORARY
    kind = enhanced_kind(status)
    if kind is None or is_generic(status):
        kind = kind_of(reply) or kind
    if not kind and final:
        return PERMANENT
    return kind or ""


def _address(value: str) -> str:
    """The address of `rfc822; local@domain` (RFC 3464 §2.3.2) by its key; empty when there is none."""
    written = unquoted(_UNICODE.sub(_character, value.partition(";")[2] or value)).strip()
    address = parse_address(written.strip("<>\"' ."))
    return address_key(address) if address else first_address(written)


def _character(escape: re.Match[str]) -> str:
    """RFC 6533 §3: `\\x{17C}` for a character in an address that had to be ASCII."""
    code = int(escape[1], 16)
    return chr(code) if 0xA0 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF else ""
