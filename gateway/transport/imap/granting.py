"""Having a human grant us access to a mailbox: with a code on any device, or in a browser on this machine.

RFC 8628 (device), RFC 8252 and RFC 7636 (browser). Not every provider allows both: Google gives no mail to devices.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from gateway.config import Imap
from gateway.transport.imap.provider import (
    Answer,
    Declined,
    ask,
    credentials,
    provider,
    seconds,
    text,
)
from gateway.transport.imap.trouble import LoginRefused

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
ASK_EVERY_S = 5  # RFC 8628 §3.2
SLOWER_S = 5  # RFC 8628 §3.5
BROWSER_S = 300.0
PAGE = b"<!doctype html><meta charset=utf-8><title>Helpgate</title><p>Done. You can close this window."


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a human is told: type `user_code` at `url`. expires_s, every_s: seconds."""

    url: str
    user_code: str
    device_code: str
    expires_s: int
    every_s: int


def begin_on_device(settings: Imap) -> DeviceCode:
    """A code to type in. Raises LoginRefused or Trouble. RFC 8628 §3.1."""
    there = provider(settings)
    try:
        answer = ask(there.device_url, credentials(settings) | {"scope": there.scope})
    except Declined as error:
        raise LoginRefused(str(error)) from error
    return DeviceCode(
        text(answer, "verification_uri") or text(answer, "verification_url"),
        text(answer, "user_code"),
        text(answer, "device_code"),
        seconds(answer, "expires_in") or 900,
        seconds(answer, "interval") or ASK_EVERY_S,
    )


def finish_on_device(settings: Imap, code: DeviceCode, wait: Callable[[float], object]) -> Answer:
    """The grant, once the human has agreed. `wait` sleeps. Raises LoginRefused or Trouble. RFC 8628 §3.4."""
    form = credentials(settings) | {"grant_type": DEVICE, "device_code": code.device_code}
    every, waited = code.every_s, 0
    while waited < code.expires_s:
        wait(every)
        waited += every
        try:
            return ask(provider(settings).token_url, form)
        except Declined as error:
            if error.error == "slow_down":
                every += SLOWER_S
            elif error.error != "authorization_pending":
                raise LoginRefused(str(error)) from error
    raise LoginRefused("the code has ended before anybody agreed")


def in_browser(settings: Imap, show: Callable[[str], object]) -> Answer:
    """The grant, by a browser on this machine that `show` sends to an address. Raises LoginRefused or Trouble.

    The browser comes back to a port of ours on loopback; `state` and the verifier make sure that it is the same one.
    RFC 8252 §7.3, RFC 7636 §4.
    """
    there, state, verifier = provider(settings), secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with _Return(("127.0.0.1", 0), _Page) as server:
        back = f"http://127.0.0.1:{server.server_port}/"
        query = {
            "response_type": "code",
            "client_id": settings.oauth_client_id,
            "redirect_uri": back,
            "scope": there.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login_hint": settings.username,
            **there.extra,
        }
        joint = "&" if urlsplit(there.authorize_url).query else "?"
        show(f"{there.authorize_url}{joint}{urlencode(query)}")
        brought = server.wait(state)
    form = credentials(settings) | {
        "grant_type": "authorization_code",
        "code": brought,
        "redirect_uri": back,
        "code_verifier": verifier,
    }
    try:
        return ask(there.token_url, form)
    except Declined as error:
        raise LoginRefused(str(error)) from error


class _Return(HTTPServer):
    """Waits for one browser."""

    timeout = BROWSER_S
    brought: dict[str, list[str]] | None = None
    wanted = ""

    def wait(self, state: str) -> str:
        """The code. Raises LoginRefused."""
        self.wanted = state
        while self.brought is None:
            self.handle_request()
        if error := self.brought.get("error"):
            raise LoginRefused(error[0][:200])
        return self.brought["code"][0]

    def handle_timeout(self) -> None:
        """Nobody came."""
        self.brought = {"error": ["nobody agreed within five minutes"]}


class _Page(BaseHTTPRequestHandler):
    """Takes what the browser brings when it is ours, and says that all is done."""

    server: _Return
    timeout = 10

    def do_GET(self) -> None:
        """RFC 6749 §4.1.2."""
        brought = parse_qs(urlsplit(self.path).query)
        ours = hmac.compare_digest(brought.get("state", [""])[0], self.server.wanted)
        if not ours or not brought.keys() & {"code", "error"}:
            self.send_error(404)
            return
        self.server.brought = brought
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing: what it would log holds the code."""
