"""Bounces that Amazon SES tells by its notification service: JSON in the words of a mail.

The notification may stand in the JSON of another one, with its quotes escaped.
"""

from __future__ import annotations

import re

from gateway.mail.dsn.fate import (
    MOST_RECIPIENTS,
    PERMANENT,
    TEMPORARY,
    Fate,
    brief,
    enhanced_kind,
    first_address,
)

_RECIPIENTS = re.compile(r'"bouncedRecipients"\s{0,9}:\s{0,9}\[')
_TYPE = re.compile(r'"bounceType"\s{0,9}:\s{0,9}"([A-Za-z]{1,20})"')
_VALUE = re.compile(r'"(emailAddress|status|action|diagnosticCode)"\s{0,9}:\s{0,9}"([^"]{0,500})"')
_LONGEST = 20_000


def read(words: str) -> list[Fate]:
    """The recipients of a notification; none where there is no such thing."""
    plain = words.replace('\\"', '"')
    start = _RECIPIENTS.search(plain)
    if start is None:
        return []
    declared = _TYPE.search(plain)
    default = TEMPORARY if declared and declared[1].lower() == "transient" else PERMANENT
    listed = plain[start.end() : start.end() + _LONGEST].partition("]")[0].split("}")[:MOST_RECIPIENTS]
    fates = (_fate(dict(_VALUE.findall(one)), default) for one in listed)
    return [fate for fate in fates if fate.address]


def _fate(values: dict[str, str], default: str) -> Fate:
    reply = values.get("diagnosticCode", "").partition(";")[2] or values.get("status", "")
    kind = enhanced_kind(values.get("status", "")) or default
    return Fate(
        first_address(values.get("emailAddress", "")), kind, brief(reply), values.get("action") != "delayed"
    )
