"""The world: the smarthost takes our login, and DNS says what receivers of our letters look for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from gateway.cli.doctor.finding import Finding, failed, ok, warning
from gateway.config import Settings
from gateway.errors import ConfigError, Retry
from gateway.transport.dns import Dns
from gateway.transport.relay import Relay, open_session

PATIENCE_S = 15.0
EXAMPLES = ("example", "test", "invalid", "localhost")
LATER = "DNS does not answer from here now: try again later"


def examine(settings: Settings, domains: list[str]) -> Iterator[Finding]:
    """The smarthost, then each domain."""
    yield _smarthost(settings)
    dns = Dns()
    for domain in domains:
        if domain.rpartition(".")[2] in EXAMPLES:
            told = "a name for examples: no mail finds it"
            yield warning(f"DNS of {domain}", told, "helpgate desk set NAME address=ADDRESS")
            continue
        yield _mx(dns, domain)
        yield _spf(dns, domain)
        yield _dmarc(dns, domain)
        yield _dkim(dns, domain)


def _smarthost(settings: Settings) -> Finding:
    """Connect, TLS and login, without a mail."""
    smarthost = settings.smarthost
    if not smarthost.host:
        return warning("smarthost", "none: letters wait in the outbox", "set [smarthost] host")
    where = f"{smarthost.host}:{smarthost.port} ({smarthost.security})"
    try:
        relay = Relay(
            smarthost.host,
            smarthost.port,
            smarthost.security,
            smarthost.username,
            smarthost.password,
            helo_name=settings.smtp.hostname,
            connect_s=PATIENCE_S,
            command_s=PATIENCE_S,
        )
        asyncio.run(_log_in(relay))
    except (Retry, ConfigError, OSError) as error:
        return failed("smarthost", f"{where}: {error}", "letters wait and are tried again; mend [smarthost]")
    return ok("smarthost", f"{where} takes us" + (f" as {smarthost.username}" if smarthost.username else ""))


async def _log_in(relay: Relay) -> None:
    session = await open_session(relay, relay.tls_context())
    await session.quit()


def _mx(dns: Dns, domain: str) -> Finding:
    found, subject = dns.mx(domain), f"MX of {domain}"
    if found.refuses:
        return failed(subject, "it says that it takes no mail", "publish an MX for the server in front of us")
    if found.temporary:
        return warning(subject, "unknown", LATER)
    if not found.hosts:
        return warning(
            subject, "none", "without one mail goes to the address of the domain itself: publish an MX"
        )
    return ok(subject, ", ".join(found.hosts))


def _spf(dns: Dns, domain: str) -> Finding:
    """RFC 7208 §4.5: exactly one record."""
    return _record(dns, domain, f"SPF of {domain}", "v=spf1", "publish one that names the smarthost")


def _dmarc(dns: Dns, domain: str) -> Finding:
    """RFC 7489 §6.1."""
    return _record(
        dns, f"_dmarc.{domain}", f"DMARC of {domain}", "v=DMARC1", "publish at least v=DMARC1; p=none"
    )


def _record(dns: Dns, name: str, subject: str, begins: str, mend: str) -> Finding:
    records = dns.txt(name)
    if records.temporary:
        return warning(subject, "unknown", LATER)
    ours = [record for record in records if record.lower().startswith(begins.lower())]
    if not ours:
        return warning(subject, "none", mend)
    if len(ours) > 1:
        return warning(subject, f"{len(ours)} records, which counts as an error", "leave one of them")
    return ok(subject, ours[0][:120])


def _dkim(dns: Dns, domain: str) -> Finding:
    """RFC 6376 §3.6.2: keys lie under selectors, and nobody but the signer knows those."""
    return ok(
        f"DKIM of {domain}", "cannot be seen from here: the smarthost signs, under a selector it chooses"
    )
