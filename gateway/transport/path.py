"""Paths and parameters of MAIL and RCPT. RFC 5321 §4.1.2, RFC 6531 §3.3."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-.\u0080-\U0010ffff]"
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"'
_LABEL = r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\-\u0080-\U0010ffff]*[A-Za-z0-9_\u0080-\U0010ffff])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[A-Za-z0-9:.\-]+\])"

_PATH = re.compile(
    rf"\ *<(?:@[^\s:<>\"]+:)?(?P<mailbox>(?:{_ATEXT}+|{_QUOTED})@{_DOMAIN})?>(?P<parameters>(?:\ .*)?)"
)
_POSTMASTER = re.compile(r"\ *<(?P<mailbox>postmaster)>(?P<parameters>(?:\ .*)?)", re.IGNORECASE)
_PARAMETER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=[\x21-\x3c\x3e-\x7e]+)?")


@dataclass(frozen=True, slots=True)
class Path:
    """mailbox: empty for `<>`.  parameters: name in capitals -> value, empty for a bare name."""

    mailbox: str
    parameters: dict[str, str]


def parse_path(text: str) -> Path | None:
    """What follows `FROM:` or `TO:`; None when it is no path.

    A source route is dropped (RFC 5321 §3.3, appendix C). Dots may stand anywhere in a local part: Japanese
    carriers gave such addresses out, and refusing one would bounce its owner's mail. White space before `<`
    is let through, as large servers do. Lone surrogates (octets that are no UTF-8) never match.
    """
    found = _PATH.fullmatch(text) or _POSTMASTER.fullmatch(text)
    if found is None or not _encodable(text):
        return None
    parameters: dict[str, str] = {}
    for word in found["parameters"].split():
        if not _PARAMETER.fullmatch(word):
            return None
        name, _, value = word.partition("=")
        parameters[name.upper()] = value
    return Path(found["mailbox"] or "", parameters)


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
