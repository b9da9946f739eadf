"""The SMTP transaction a mail came in, as a value. RFC 5321 §2.3.1."""

from __future__ import annotations

from dataclasses import dataclass

NULL_PATH = ""
"""The null reverse-path `<>`. RFC 5321 §4.5.5."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who handed a mail over, and for whom.

    channel: smtp, lmtp, imap, pipe or import.
    reverse_path: the address of MAIL FROM; empty for the null reverse-path.
    recipients: the addresses of RCPT TO as they were given, in order.
    peer: IP address of the client; empty for a local socket.
    tls: protocol version, empty without TLS.  login: the authenticated user, empty without.
    delivered_at: when it reached a mailbox elsewhere before it came here, milliseconds UTC; None where nobody knows.
    """

    channel: str
    reverse_path: str
    recipients: tuple[str, ...]
    peer: str = ""
    helo: str = ""
    tls: str = ""
    login: str = ""
    delivered_at: int | None = None
