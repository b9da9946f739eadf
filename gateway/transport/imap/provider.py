"""Authorisation servers: where they are, what they are asked for, and how one is talked to. RFC 6749, RFC 8414."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from gateway.clock import DAY
from gateway.config import Imap
from gateway.transport.imap.trouble import Trouble

PATIENCE_S = 20.0
MOST_OCTETS = 1 << 20
LOCAL = ("localhost", "127.0.0.1", "::1")

Answer = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Provider:
    """authorize_url: a browser is sent there.  device_url: for a code that is typed on another device; empty: none.
    extra: what it wants to be told besides.  unused_ms: a grant ends that long after its last use; 0: unknown.
    """

    authorize_url: str
    token_url: str
    scope: str
    device_url: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    unused_ms: int = 0


class Declined(Exception):
    """The authorisation server says no, with a word of RFC 6749 §5.2 or RFC 8628 §3.5 as `error`."""

    def __init__(self, error: str, words: str) -> None:
        self.error = error
        super().__init__(f"{error}: {words}" if words else error)


PROVIDERS = {
    "google": Provider(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",
        scope="https://mail.google.com/",
        extra={"access_type": "offline", "prompt": "consent"},
    ),
    "microsoft": Provider(
        authorize_url="https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/common/oauth2/v2.0/token",
        scope="https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        device_url="https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
        unused_ms=90 * DAY,
    ),
    "generic": Provider("", "", ""),
}


def provider(settings: Imap) -> Provider:
    """Where to go for this mailbox: as we know the provider, with what the configuration says laid over it."""
    known = PROVIDERS[settings.oauth]
    return Provider(
        settings.oauth_authorize_url or known.authorize_url,
        settings.oauth_token_url or known.token_url,
        settings.oauth_scope or known.scope,
        settings.oauth_device_url or known.device_url,
        known.extra,
        known.unused_ms,
    )


def credentials(settings: Imap) -> dict[str, str]:
    """Who this program is to the provider; a secret only where it has been given one. RFC 6749 §2.3.1."""
    secret = settings.oauth_client_secret
    return {"client_id": settings.oauth_client_id} | ({"client_secret": secret} if secret else {})


def ask(url: str, fields: Mapping[str, str]) -> Answer:
    """What the server answers to a form. Follows no redirect. Raises Declined or Trouble. RFC 6749 §5."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and host not in LOCAL:
        raise Trouble(f"{url} is not https, and what goes there is secret")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, parts.port, timeout=PATIENCE_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    try:
        connection.request("POST", path, urlencode(fields), headers)
        response = connection.getresponse()
        status, body = response.status, response.read(MOST_OCTETS)
    except (OSError, http.client.HTTPException) as error:
        raise Trouble(f"{host} does not answer: {error}") from error
    finally:
        connection.close()
    return _understood(host, status, body)


def _understood(host: str, status: int, body: bytes) -> Answer:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Trouble(f"{host} answers {status} with something that is not JSON")
    if error := told.get("error"):
        raise Declined(_line(error), _line(told.get("error_description", "")))
    if status != 200:
        raise Trouble(f"{host} answers {status}")
    return told


def text(answer: Answer, key: str) -> str:
    """A text of an answer, empty when it is not there."""
    value = answer.get(key, "")
    return value if isinstance(value, str) else ""


def seconds(answer: Answer, key: str) -> int:
    """A number of an answer, 0 when it is not there; some servers send numbers as text."""
    value = answer.get(key, 0)
    try:
        return max(0, int(value)) if isinstance(value, int | str) else 0
    except ValueError:
        return 0


def _line(value: object) -> str:
    return "".join(one if one.isprintable() else " " for one in str(value))[:200]
