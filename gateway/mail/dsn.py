"""Delivery reports read: RFC 3464 (and RFC 6533), else the plain words of qmail, Exim and Postfix."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.mail import charset, header, structure
from gateway.mail.address import address_key, parse_address
from gateway.mail.reading import Report
from gateway.mail.structure import Part

PERMANENT = "permanent"
TEMPORARY = "temporary"

_LONGEST_TEXT = 100_000
_LONGEST_REPLY = 500
_MOST_RECIPIENTS = 100

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/rfc822-headers",
        "text/rfc822-headers",
        "message/global",
        "message/global-headers",
    }
)
_STATUS_START = re.compile(rb"(?:reporting-mta|final-recipient|arrival-date)[ \t]*:", re.IGNORECASE)
_CODE = re.compile(r"\b([245])\.[0-9]{1,3}\.[0-9]{1,3}\b")
_REPLY_CODE = re.compile(r"\b([45])[0-9]{2}[ -]")
_QUOTED_ID = re.compile(r"^[> \t]{0,20}message-id:[ \t]{0,20}(<[^<>\s]{1,998}>)", re.I | re.M)
_FAILED_LINE = re.compile(r"^[ \t]{0,20}<([^<>\s]{1,254})>:?[ \t]{0,20}(.{0,500})$", re.MULTILINE)
_BARE_LINE = re.compile(r"^[ \t]{1,20}([^<>\s@]{1,64}@[^<>\s@]{1,189})[ \t]{0,20}$", re.MULTILINE)
_STILL_TRYING = ("will be retried", "still trying", "delayed", "not been delivered yet")
_PLAIN_STARTS = (
    "this is the qmail-send program",
    "this is the mail system at host",
    "this message was created automatically by mail delivery software",
    "this is the postfix program",
)


@dataclass(frozen=True, slots=True)
class _Fate:
    """One recipient of a report. kind: empty for a success."""

    address: str
    kind: str
    reply: str


def read_report(root: Part, text: str, suspicious: bool) -> Report | None:
    """What a mail says of a failed or late delivery, or None when it says nothing of the kind.

    text: the words of the mail.  suspicious: it has a null reverse-path or comes from a mailer
    daemon, so that its words may be read as a report; a customer's words never are.
    """
    leaves = [part for part in root.walk() if not part.children]
    fates = [fate for part in leaves if _is_status(part, root) for fate in _fates(part.decoded())]
    if fates:
        return _report([fate for fate in fates if fate.kind], _returned_id(leaves))
    if not suspicious and not root.value("x-failed-recipients"):
        return None
    text = text[:_LONGEST_TEXT]
    quoted = _QUOTED_ID.search(text)
    return _report(_plain_fates(root, text), _returned_id(leaves) or (quoted[1] if quoted else ""))


def _is_status(part: Part, root: Part) -> bool:
    """By its type; inside a multipart/report also by its words, for servers that mislabel it."""
    if part.content_type in _STATUS_TYPES:
        return True
    mislabelled = root.content_type == "multipart/report" and part.content_type not in _RETURNED_TYPES
    return mislabelled and _STATUS_START.match(part.beginning.lstrip()) is not None


def _fates(octets: bytes) -> list[_Fate]:
    """RFC 3464 §2.1: a group of fields for the message, then one for each recipient."""
    octets = octets[:_LONGEST_TEXT]
    found: list[_Fate] = []
    position = 0
    while position < len(octets) and len(found) < _MOST_RECIPIENTS:
        fields, after = structure.read_fields(octets, position, len(octets))
        if after <= position:  # a line that is no field
            after = octets.find(b"\n", position) + 1 or len(octets)
        position = after
        fate = _fate({name: header.text(value) for name, value in reversed(fields)})
        if fate is not None:
            found.append(fate)
    return found


def _fate(fields: dict[str, str]) -> _Fate | None:
    address = _address(fields.get("final-recipient", "")) or _address(fields.get("original-recipient", ""))
    action = fields.get("action", "").lower()
    status = _CODE.search(fields.get("status", ""))
    if not address and not action and not status:
        return None
    reply = fields.get("diagnostic-code", "") or fields.get("status", "")
    reply = reply.partition(";")[2].strip() or reply
    return _Fate(address, _kind(action, status[1] if status else ""), reply[:_LONGEST_REPLY])


def _kind(action: str, status_class: str) -> str:
    """RFC 3464 §2.3.3: `failed` is final whatever the status; what was delivered has no kind."""
    if action.startswith("fail"):
        return PERMANENT
    if action.startswith("delay"):
        return TEMPORARY
    if action.startswith(("deliver", "relay", "expand")):
        return ""
    return {"5": PERMANENT, "4": TEMPORARY}.get(status_class, "")


def _address(value: str) -> str:
    """The address of `rfc822; local@domain` (RFC 3464 §2.3.2), lower case; empty when there is none."""
    plain = value.rpartition(";")[2].strip(" <>")
    address = parse_address(plain)
    return address_key(address) if address else ""


def _returned_id(leaves: list[Part]) -> str:
    """Message-ID of the mail that came back, whole or only its header."""
    for part in leaves:
        if part.content_type in _RETURNED_TYPES:
            octets = part.decoded()
            fields, _ = structure.read_fields(octets, 0, len(octets))
            for name, value in fields:
                found = (
                    re.search(r"<[^<>\s]{1,998}>", header.raw_text(value)) if name == "message-id" else None
                )
                if found:
                    return found[0]
    return ""


def _report(fates: list[_Fate], original_id: str) -> Report | None:
    """One report of all recipients; where one failed for good, those only late are left away."""
    final = [fate for fate in fates if fate.kind == PERMANENT]
    told = final or fates
    if not told:
        return None
    addresses = dict.fromkeys(fate.address for fate in told if fate.address)
    return Report(told[0].kind, tuple(addresses), original_id, charset.scrub(told[0].reply))


def _plain_fates(root: Part, text: str) -> list[_Fate]:
    """Recipients in the words of a mailer: Exim's header, `<address>: reply`, indented addresses."""
    beginning = text[:2000].lower()
    late = any(phrase in beginning for phrase in _STILL_TRYING)
    named = _exim_recipients(root)
    if named:
        return [
            _Fate(address, TEMPORARY if late else PERMANENT, _reply_of(address, text)) for address in named
        ]
    if not any(start in beginning for start in _PLAIN_STARTS):
        return []
    own_words = _before_the_copy(text)
    fates = [_plain_fate(line, own_words, late) for line in _FAILED_LINE.finditer(own_words)]
    if not any(fate.address for fate in fates):
        bare = [_address(line[1]) for line in _BARE_LINE.finditer(own_words)]
        fates = [_Fate(address, TEMPORARY if late else PERMANENT, "") for address in bare]
    return [fate for fate in fates if fate.address][:_MOST_RECIPIENTS]


def _exim_recipients(root: Part) -> list[str]:
    written = header.text(root.value("x-failed-recipients"))
    return [address for address in map(_address, written.split(",")) if address][:_MOST_RECIPIENTS]


def _before_the_copy(text: str) -> str:
    """The mailer's own words, without the mail that came back below them."""
    for mark in (
        "--- Below this line is a copy",
        "------ This is a copy of",
        "--- The header of the original",
    ):
        text = text.partition(mark)[0]
    return text


def _plain_fate(line: re.Match[str], text: str, late: bool) -> _Fate:
    reply = line[2].strip() or text[line.end() : line.end() + _LONGEST_REPLY].strip().partition("\n\n")[0]
    code = _CODE.search(reply) or _REPLY_CODE.search(reply)
    temporary = late or (code is not None and code[1] == "4" and "giving up" not in reply.lower())
    return _Fate(
        _address(line[1]), TEMPORARY if temporary else PERMANENT, " ".join(reply.split())[:_LONGEST_REPLY]
    )


def _reply_of(address: str, text: str) -> str:
    """The paragraph below the line that names `address`."""
    below = text.lower().find(address)
    if below < 0:
        return ""
    words = text[below + len(address) :][:_LONGEST_REPLY].strip(" :>\n").partition("\n\n")[0]
    return " ".join(words.split())
