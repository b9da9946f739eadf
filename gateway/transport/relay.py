"""The next mail server: where it is, and how a session with it begins. RFC 5321, RFC 6409."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse

from gateway.errors import ConfigError, Retry
from gateway.transport.dialogue import Dialogue
from gateway.transport.session import Lost, Patience, Session, Stopped, lost_at, plain, words

_NAME = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Relay:
    """The next mail server and how to speak with it.

    security: starttls, tls (from the first octet, RFC 8314 §3.3) or none.  username: empty for no login.
    helo_name: our name; empty for the address literal of the connection (RFC 5321 §4.1.4).
    authorities: a PEM file with further certificate authorities; empty for the system's only.
    connect_s: for each address of the host.  command_s: TLS handshake, greeting and each reply.
    block_s: for each 64 KiB of text to go out.  final_s: for the reply to the final dot, long because
    giving up there may mean sending twice (RFC 5321 §4.5.3.2.6).
    """

    host: str
    port: int
    security: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    helo_name: str = ""
    authorities: str = ""
    connect_s: float = 10.0
    command_s: float = 120.0
    block_s: float = 180.0
    final_s: float = 600.0

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise ConfigError("smarthost.security", 'must be "starttls", "tls" or "none"')
        if not _NAME.fullmatch(self.helo_name):
            raise ConfigError("smtp.hostname", "must be a host name in ASCII")

    def tls_context(self) -> ssl.SSLContext:
        """A context that verifies certificate and name; there is no way to have another."""
        context = ssl.create_default_context()
        if self.authorities:
            context.load_verify_locations(cafile=self.authorities)
        return context


async def open_session(relay: Relay, context: ssl.SSLContext) -> Session:
    """A session ready for MAIL, on the first address of the relay that gives one. RFC 5321 §5.1.

    Raises Retry: Stopped when no address can help, else Lost.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(
            loop.getaddrinfo(relay.host, relay.port, type=socket.SOCK_STREAM), relay.connect_s
        )
    except (OSError, UnicodeError) as error:
        reason = plain(str(error)) or "no answer in time"
        raise Stopped(f"the name of the relay cannot be resolved: {reason}") from error
    failure: Retry = Lost("the relay has no address", "connect")
    for family, kind, protocol, _, address in found:
        try:
            connection = await _connect(socket.socket(family, kind, protocol), address, relay.connect_s)
            return await _greet(relay, context, connection)
        except Lost as error:
            failure = error
    raise failure


async def _connect(connection: socket.socket, address: object, seconds: float) -> socket.socket:
    connection.setblocking(False)
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(connection, address), seconds)  # type: ignore[arg-type]
    except OSError as error:
        connection.close()
        raise Lost(lost_at("connect", error), "connect") from error
    except BaseException:
        connection.close()
        raise
    return connection


async def _greet(relay: Relay, context: ssl.SSLContext, connection: socket.socket) -> Session:
    """Greeting, EHLO, TLS and login, in that order, on a fresh connection."""
    client = SMTP(
        hostname=relay.host,
        sock=connection,
        local_hostname=relay.helo_name or _literal(connection),
        timeout=relay.command_s,
        use_tls=relay.security == "tls",
        start_tls=False,
        tls_context=context,
    )
    stage = "greeting"
    try:
        await client.connect()
        stage = "EHLO"
        await client.ehlo()
        if relay.security == "starttls":
            stage = "STARTTLS"
            await _start_tls(client, relay)
        if relay.username:
            stage = "AUTH"
            await _log_in(client, relay)
        return _session(client, relay)
    except (aiosmtplib.SMTPException, OSError) as error:
        _abort(client)
        raise _opening_failure(error, stage) from error
    except BaseException:
        _abort(client)
        raise


def _session(client: SMTP, relay: Relay) -> Session:
    """The library has greeted; letters are handed over without it, which takes one reply at a time."""
    if client.transport is None:
        raise ConnectionResetError("the server ended the connection")
    dialogue = Dialogue(cast(asyncio.Transport, client.transport))
    return Session(dialogue, client.esmtp_extensions, Patience(relay.command_s, relay.block_s, relay.final_s))


def _abort(client: SMTP) -> None:
    if client.transport is not None:
        cast(asyncio.WriteTransport, client.transport).abort()
    client.close()


async def _start_tls(client: SMTP, relay: Relay) -> None:
    """RFC 3207; never without, once configured."""
    if not client.supports_extension("starttls"):
        raise Stopped('the relay does not offer STARTTLS: [smarthost] security = "tls", or "none" on purpose')
    await client.starttls()
    await client.ehlo()


async def _log_in(client: SMTP, relay: Relay) -> None:
    """One try with one mechanism: a second could lock the account. RFC 4954."""
    offered = client.server_auth_methods
    # CRAM-MD5 hides the password from a listener, so it is for connections without TLS.
    order = ("cram-md5", "plain", "login") if relay.security == "none" else ("plain", "login", "cram-md5")
    mechanism = next((name for name in order if name in offered), "")
    if mechanism == "plain":
        await client.auth_plain(relay.username, relay.password)
    elif mechanism == "login":
        await client.auth_login(relay.username, relay.password)
    elif mechanism == "cram-md5":
        await client.auth_crammd5(relay.username, relay.password)
    else:
        raise Stopped("the relay offers no login this program knows (PLAIN, LOGIN, CRAM-MD5)")


def _opening_failure(error: Exception, stage: str) -> Retry:
    """What it means that a session did not come about at `stage`."""
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 400:
        said = words(SMTPResponse(error.code, error.message))
        if stage in ("STARTTLS", "AUTH") and error.code != 421:
            return Stopped(f"{stage}: {said}")
        return Lost(f"{stage}: {said}", stage)
    hung_up = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    for problem in (error, error.__cause__):
        if isinstance(problem, ssl.SSLError) and not isinstance(problem, hung_up):
            return Stopped(f"TLS: {plain(str(problem))}")
    return Lost(lost_at(stage, error), stage)


def _literal(connection: socket.socket) -> str:
    """Our address as a name. RFC 5321 §4.1.3."""
    address = connection.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if connection.family == socket.AF_INET6 else f"[{address}]"
