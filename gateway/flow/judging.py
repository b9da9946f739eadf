"""What only an installation can say of a mail: that it is its own, or that its filter warned of it.

The rules that need nothing but the mail itself are in `mail.classify`; the parse worker applies those.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.config import Filter
from gateway.desk.desks import Directory
from gateway.mail.reading import LOOP, FilterMark, Reading
from gateway.mail.token import Keyring

OWN_ADDRESS = "from an address of ours"
OWN_MESSAGE_ID = "a Message-ID that we have sealed"


def judged(directory: Directory, keys: Keyring, terms: Filter, reading: Reading) -> Reading:
    """The reading with the marks of a trusted filter only, and as a loop where it is our own mail."""
    marks = _trusted(terms, reading)
    own = _what_is_ours(directory, keys, reading)
    if not own and marks == reading.filter_marks == ():
        return reading
    reasons = (*own, *reading.reasons, *(f"{one.field} calls it {one.verdict}" for one in marks))
    verdict = LOOP if own else reading.verdict
    return replace(reading, verdict=verdict, reasons=reasons, filter_marks=marks)


def warning(reading: Reading) -> str:
    """What agents should know about a mail, in one sentence; empty where no filter warned of it."""
    if not reading.filter_marks:
        return ""
    mark = reading.filter_marks[0]
    return f"the filter in front calls this mail {mark.verdict} ({mark.field}: {mark.said})"


def _what_is_ours(directory: Directory, keys: Keyring, reading: Reading) -> tuple[str, ...]:
    """Relays rewrite one or the other, mailing lists the address (DMARC), hardly ever both. T23."""
    found = []
    if any(directory.is_ours(one.email) for one in reading.from_ if one.email):
        found.append(OWN_ADDRESS)
    if keys.unseal(reading.message_id.strip("<>").partition("@")[0]) is not None:
        found.append(OWN_MESSAGE_ID)
    return tuple(found)


def _trusted(terms: Filter, reading: Reading) -> tuple[FilterMark, ...]:
    if terms.effect == "ignore":
        return ()
    names = {name.lower() for name in terms.headers}
    return tuple(one for one in reading.filter_marks if one.field.lower() in names)
