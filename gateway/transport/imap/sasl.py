"""Logging in: by password, or with a token that somebody granted us. RFC 3501 §6.2, RFC 4616, RFC 7628."""

from __future__ import annotations

import base64
import binascii
import imaplib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from imapclient.exceptions import LoginError

from gateway.transport.imap.trouble import LoginRefused, Trouble

DUMMY = "\x01"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are: with a password, or with an access token (RFC 6750)."""

    username: str
    password: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)


def log_in(client: Any, login: Login) -> None:
    """Log an imapclient.IMAPClient in. Raises LoginRefused, or Trouble when that had another reason."""
    try:
        if login.access_token:
            _with_token(client, login)
        elif client.has_capability("AUTH=PLAIN"):  # LOGIN knows nothing but ASCII
            client.plain_login(login.username, login.password)
        else:
            client.login(login.username, login.password)
    except LoginError as error:
        _tell_apart(error)


def _with_token(client: Any, login: Login) -> None:
    """OAUTHBEARER where the server has it, else XOAUTH2, which was there before it."""
    mechanism = next((one for one in _MECHANISMS if client.has_capability(f"AUTH={one}")), None)
    if mechanism is None:
        raise Trouble("the server takes no tokens: it offers neither OAUTHBEARER nor XOAUTH2")
    answers = _Answers(_MECHANISMS[mechanism](login.username, login.access_token))
    try:
        client.sasl_login(mechanism, answers)
    except LoginError as error:
        if answers.complaint:
            raise LoginRefused(f"the server does not take the token: {answers.complaint}") from error
        raise


def _oauthbearer(username: str, token: str) -> str:
    """RFC 7628 §3.1, with the name as RFC 5801 §4 has it."""
    name = username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01auth=Bearer {token}\x01\x01"


def _xoauth2(username: str, token: str) -> str:
    return f"user={username}\x01auth=Bearer {token}\x01\x01"


_MECHANISMS = {"OAUTHBEARER": _oauthbearer, "XOAUTH2": _xoauth2}


class _Answers:
    """Our first word, and then the empty one that a server awaits which has said what is wrong. RFC 7628 §3.2.3."""

    def __init__(self, first: str) -> None:
        self._first = first
        self.complaint = ""

    def __call__(self, challenge: bytes) -> str:
        if self._first:
            first, self._first = self._first, ""
            return first
        self.complaint = _readable(challenge)
        return DUMMY


def _readable(challenge: bytes) -> str:
    """What the server says, which some wrap into base64 twice."""
    with suppress(binascii.Error):
        challenge = base64.b64decode(challenge, validate=True)
    text = challenge.decode("utf-8", "replace")
    return "".join(one if one.isprintable() else " " for one in text)[:200]


def _tell_apart(error: LoginError) -> None:
    """imapclient calls everything a refusal: the end of the connection, and a server that cannot ask just now."""
    before = error.__context__
    if isinstance(before, imaplib.IMAP4.abort | OSError):
        raise Trouble(str(before)) from error
    if "[UNAVAILABLE]" in str(error).upper() or "[INUSE]" in str(error).upper():  # RFC 5530 §3
        raise Trouble(str(error)) from error
    raise LoginRefused(str(error)) from error
