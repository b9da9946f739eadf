"""An authorisation server that does what a test says: tokens, refresh, codes for devices and browsers. RFC 6749."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


class AuthorizationServer:
    """Listens on 127.0.0.1:`port`.

    answers: what the next requests for tokens get instead of a grant, one after the other: (status, object).
    forms: every form it was sent.  good: the access tokens that are good now.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.forms: list[dict[str, str]] = []
        self.good: list[str] = []
        self.extra: dict[str, Any] = {"expires_in": 3600}
        self.refresh_token = "refresh-1"
        self.challenge = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                form = {key: value[0] for key, value in parse_qs(self.rfile.read(length).decode()).items()}
                status, answer = outer.answer(self.path, form)
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *values: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> AuthorizationServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        """What a request gets."""
        self.forms.append(form)
        if self.answers:
            return self.answers.pop(0)
        if path == "/device":
            return 200, {
                "device_code": "device-1",
                "user_code": "ABCD-EFGH",
                "verification_uri": f"{self.url}/go",
                "expires_in": 60,
                "interval": 1,
            }
        if form.get("grant_type") == "refresh_token" and form["refresh_token"] != self.refresh_token:
            return 400, {"error": "invalid_grant", "error_description": "revoked"}
        if form.get("grant_type") == "authorization_code" and not self._is_verified(form):
            return 400, {"error": "invalid_grant", "error_description": "wrong verifier"}
        token = f"access-{len(self.forms)}"
        self.good.append(token)
        self.refresh_token = f"refresh-{len(self.forms)}"
        return 200, {"access_token": token, "refresh_token": self.refresh_token} | self.extra

    def agrees(self, url: str, *, state: str = "") -> str:
        """Where a browser is sent back to, once its human has agreed."""
        query = {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}
        assert query["code_challenge_method"] == "S256"
        self.challenge = query["code_challenge"]
        return f"{query['redirect_uri']}?{urlencode({'code': 'code-1', 'state': state or query['state']})}"

    def _is_verified(self, form: dict[str, str]) -> bool:
        """RFC 7636 §4.6."""
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
