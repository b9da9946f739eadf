"""The listeners, as somebody outside meets them: greeted, asked, never handed a mail."""

from __future__ import annotations

import http.client
import smtplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway import clock
from gateway.cli.doctor.finding import Finding, failed, ok, warning
from gateway.clock import DAY
from gateway.config import Settings
from gateway.daemon.house import lmtp_address

PATIENCE_S = 5.0
NAME = "check.helpgate.invalid"
START = "is the daemon running? helpgate serve, or systemctl status helpgate"
SOON_MS = 14 * DAY
LOCAL = ("localhost", "127.0.0.1", "::1")


def examine(settings: Settings) -> Iterator[Finding]:
    """Every door of the daemon."""
    yield _greeted("smtp", settings.smtp.listen)
    yield _greeted("lmtp", lmtp_address(settings))
    if settings.smtp.tls_certificate:
        yield _certificate(settings)
    yield from _health(settings)
    yield _base_url(settings)


def _greeted(protocol: str, listen: str) -> Finding:
    if not listen:
        return ok(protocol, f"off: [{protocol}] listen is empty")
    try:
        with _connected(protocol, listen) as channel:
            code, words = channel.ehlo()
    except (OSError, ValueError) as error:
        return failed(protocol, f"{listen}: {_reason(error)}", START)
    if code != 250:
        return failed(protocol, f"{listen} answers {code}", "see the log of the daemon")
    name = words.decode("utf-8", "replace").splitlines()[0]
    return ok(protocol, f"{listen} answers as {name}")


def _connected(protocol: str, listen: str) -> smtplib.SMTP:
    if listen.startswith("unix:"):
        return smtplib.LMTP(listen.removeprefix("unix:"), local_hostname=NAME, timeout=PATIENCE_S)
    host, _, port = listen.rpartition(":")
    kind = smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP
    return kind(reachable(host), int(port), local_hostname=NAME, timeout=PATIENCE_S)


def reachable(host: str) -> str:
    """An address to connect to for one that is listened on."""
    bare = host.strip("[]")
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare)


def _health(settings: Settings) -> Iterator[Finding]:
    listen = settings.web.listen or settings.metrics.listen
    if not listen:
        yield ok("web", "off: [web] listen is empty")
        return
    host, _, port = listen.rpartition(":")
    for path in ("/healthz", "/readyz"):
        try:
            status, words = _get(f"http://{_bracketed(reachable(host))}:{port}{path}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            yield failed("web", f"{listen}: {_reason(error)}", START)
            return
        if status == 200:
            yield ok("web", f"{listen}{path}: {words}")
        else:
            yield failed("web", f"{listen}{path} answers {status}: {words}", "see the log of the daemon")


def _base_url(settings: Settings) -> Finding:
    url = settings.web.base_url
    parts = urlsplit(url)
    local = parts.hostname in LOCAL
    try:
        status, _ = _get(f"{url.rstrip('/')}/")
    except (OSError, ValueError, http.client.HTTPException) as error:
        told = f"{url} does not answer from here: {_reason(error)}"
        return warning(
            "base_url", told, "links in letters begin with it: mend DNS, the proxy, or [web] base_url"
        )
    if status != 200:
        return warning("base_url", f"{url} answers {status}", "does the proxy pass the Host on?")
    if parts.scheme != "https" and not local:
        return warning("base_url", f"{url} is not https", "links open tickets: put TLS in front")
    if local:
        return warning(
            "base_url", f"{url} means every reader's own machine", "set [web] base_url before going live"
        )
    return ok("base_url", f"{url} answers")


def _get(url: str) -> tuple[int, str]:
    """Status and the first line of one GET, certificates verified."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        words = response.read(200).decode("utf-8", "replace").strip().splitlines()
        return response.status, words[0] if words else ""
    finally:
        connection.close()


def _certificate(settings: Settings) -> Finding:
    """Its last day and its names, by a handshake with ourselves in memory."""
    smtp, mend = settings.smtp, "renew it; the daemon reads it again by itself"
    try:
        found = _presented(settings.path(smtp.tls_certificate), settings.path(smtp.tls_key))
    except (OSError, ssl.SSLError) as error:
        return failed("certificate", f"{smtp.tls_certificate}: {_reason(error)}", mend)
    last = int(
        datetime.strptime(str(found["notAfter"]), "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp()
    )
    told = f"good until {clock.rfc3339(last * 1000)[:10]}"
    names = [str(value).lower() for kind, value in found.get("subjectAltName", ()) if kind == "DNS"]
    parent = smtp.hostname.lower().partition(".")[2]
    if last * 1000 - clock.now() < SOON_MS:
        return warning("certificate", told, mend)
    if smtp.hostname.lower() not in names and f"*.{parent}" not in names:
        return warning(
            "certificate", f"it is for {', '.join(names)}, not {smtp.hostname}", "mend [smtp] hostname"
        )
    return ok("certificate", f"{told}, for {smtp.hostname}")


def _presented(certificate: Path, key: Path) -> dict[str, Any]:
    """What a client sees that trusts just this certificate. Raises OSError or ssl.SSLError, expiry included."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname = False
    theirs.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    theirs.load_verify_locations(cafile=certificate)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = theirs.wrap_bio(back, there)
    server = ours.wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return dict(client.getpeercert() or {})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return words or type(error).__name__
