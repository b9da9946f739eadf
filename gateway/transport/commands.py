"""The conversation of one SMTP or LMTP session without its socket: a command goes in, a reply comes out.

RFC 5321 §3 and §4, RFC 2033 (LMTP), RFC 2034 and RFC 3463 (enhanced codes), RFC 1870 (SIZE),
RFC 2920 (PIPELINING), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8).
DATA, STARTTLS and QUIT need the socket and are the connection's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from gateway.flow.accept import Acceptance
from gateway.mail.envelope import Envelope
from gateway.transport.limits import ListenerSettings
from gateway.transport.path import Path, parse_path

PIPE_NAME = "pipe.helpgate.invalid"
"""The LHLO name of `helpgate deliver`."""

UNKNOWN = "500 5.5.1 command not recognized"
NOT_OFFERED = "502 5.5.1 command not implemented"
OUT_OF_ORDER = "503 5.5.1 bad sequence of commands"
NO_PARAMETER = "501 5.5.4 this command takes no parameter"
TOO_BIG = "552 5.3.4 message too big for this server"

_NO_PATH = "553 5.1.3 this is no mail address"
_SIZE = re.compile(r"[0-9]{1,20}")
_NAME = re.compile(r"[!-~]{1,255}")


class Dialogue:
    """What was said so far on one connection. `tls` is the protocol version, empty without TLS."""

    def __init__(
        self, settings: ListenerSettings, acceptance: Acceptance, peer: str, *, starttls: bool
    ) -> None:
        self._settings = settings
        self._acceptance = acceptance
        self._starttls = starttls
        self.peer = peer
        self.begin("")

    def begin(self, tls: str) -> None:
        """Forget everything: a new connection, or the same one under TLS (RFC 3207 §4.2)."""
        self.tls = tls
        self.helo = ""
        self.extended = False
        self.reset()

    def reset(self) -> None:
        """Forget the mail transaction."""
        self._reverse_path: str | None = None
        self._utf8 = False
        self._asked = 0
        self.recipients: list[str] = []

    def answer(self, verb: str, argument: str) -> str:
        """The reply to a command (`verb` in capitals); lines of a longer one are joined by CRLF."""
        command = self._COMMANDS.get(verb)
        return command(self, argument) if command else UNKNOWN

    def may_send_data(self, argument: str) -> str | None:
        """The reply that refuses DATA, if it is refused."""
        if argument:
            return NO_PARAMETER
        return None if self.recipients else OUT_OF_ORDER

    def may_start_tls(self, argument: str) -> str | None:
        """The reply that refuses STARTTLS, if it is refused. RFC 3207 §4."""
        if not self._starttls:
            return NOT_OFFERED
        if argument:
            return NO_PARAMETER
        return OUT_OF_ORDER if self.tls else None

    def envelope(self) -> Envelope:
        """The transaction that DATA closes."""
        return Envelope(
            channel=self._channel(),
            reverse_path=self._reverse_path or "",
            recipients=tuple(self.recipients),
            peer=self.peer,
            helo=self.helo,
            tls=self.tls,
        )

    def protocol(self) -> str:
        """The keyword for `Received: … with`. RFC 3848, RFC 6531 §4.3."""
        secure = "S" if self.tls else ""
        if self._utf8:
            return f"UTF8{self._settings.protocol.upper()}{secure}"
        if self._settings.protocol == "lmtp":
            return f"LMTP{secure}"
        return f"ESMTP{secure}" if self.extended else "SMTP"

    def _channel(self) -> str:
        local = not self.peer or self.peer == "::1" or self.peer.startswith("127.")
        if self._settings.protocol == "lmtp" and local and self.helo.lower() == PIPE_NAME:
            return "pipe"
        return self._settings.protocol

    # ---- commands ----

    def _helo(self, argument: str) -> str:
        if self._settings.protocol == "lmtp":
            return "500 5.5.1 this is LMTP, say LHLO"
        return self._greet(argument, extended=False) or f"250 {self._settings.hostname}"

    def _ehlo(self, argument: str) -> str:
        if self._settings.protocol == "lmtp":
            return "500 5.5.1 this is LMTP, say LHLO"
        return self._greet(argument, extended=True) or self._extensions()

    def _lhlo(self, argument: str) -> str:
        if self._settings.protocol == "smtp":
            return UNKNOWN
        return self._greet(argument, extended=True) or self._extensions()

    def _greet(self, argument: str, *, extended: bool) -> str | None:
        name = argument.partition(" ")[0]
        if not _NAME.fullmatch(name):
            return "501 5.5.4 your name, please"
        self.begin(self.tls)
        self.helo = name
        self.extended = extended
        return None

    def _extensions(self) -> str:
        lines = [
            self._settings.hostname,
            "PIPELINING",
            f"SIZE {self._settings.max_message_octets}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
        ]
        if self._starttls and not self.tls:
            lines.append("STARTTLS")
        last = lines.pop()
        return "".join(f"250-{line}\r\n" for line in lines) + f"250 {last}"

    def _mail(self, argument: str) -> str:
        if not self.helo or self._reverse_path is not None:
            return OUT_OF_ORDER
        if argument[:5].upper() != "FROM:":
            return "501 5.5.4 MAIL FROM:<address>"
        path = parse_path(argument[5:])
        if path is None or path.mailbox.lower() == "postmaster":
            return _NO_PATH
        refusal = self._refuses_parameters(path)
        if refusal:
            return refusal
        self._reverse_path = path.mailbox
        self._utf8 = "SMTPUTF8" in path.parameters
        return "250 2.1.0 sender ok"

    def _refuses_parameters(self, path: Path) -> str | None:
        parameters = path.parameters
        if parameters and (not self.extended or parameters.keys() - {"BODY", "SIZE", "SMTPUTF8"}):
            return "555 5.5.4 parameter not recognized"
        if parameters.get("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):
            return "501 5.5.4 BODY is 7BIT or 8BITMIME"
        if parameters.get("SMTPUTF8"):
            return "501 5.5.4 SMTPUTF8 takes no value"
        if "SMTPUTF8" not in parameters and not path.mailbox.isascii():
            return "553 5.6.7 this address needs SMTPUTF8"
        size = parameters.get("SIZE", "0")
        if not _SIZE.fullmatch(size):
            return "501 5.5.4 SIZE is a number of octets"
        return TOO_BIG if int(size) > self._settings.max_message_octets else None

    def _rcpt(self, argument: str) -> str:
        if self._reverse_path is None:
            return OUT_OF_ORDER
        if argument[:3].upper() != "TO:":
            return "501 5.5.4 RCPT TO:<address>"
        path = parse_path(argument[3:])
        if path is None or not path.mailbox:
            return _NO_PATH
        if path.parameters:
            return "555 5.5.4 parameter not recognized"
        if not self._utf8 and not path.mailbox.isascii():
            return "553 5.6.7 this address needs SMTPUTF8"
        self._asked += 1
        if self._asked > self._settings.max_recipients:
            return "452 4.5.3 too many recipients"
        refusal = self._acceptance.refuses(path.mailbox)
        if refusal:
            return f"{refusal.code} {' '.join(refusal.text.split())}"
        self.recipients.append(path.mailbox)
        return "250 2.1.5 recipient ok"

    def _rset(self, argument: str) -> str:
        if argument:
            return NO_PARAMETER
        self.reset()
        return "250 2.0.0 forgotten"

    def _noop(self, argument: str) -> str:
        return "250 2.0.0 ok"

    def _vrfy(self, argument: str) -> str:
        if not argument:
            return "501 5.5.4 VRFY needs an address"
        return "252 2.5.0 cannot tell, but will take mail and try"

    def _help(self, argument: str) -> str:
        return "214 2.0.0 RFC 5321 tells it all"

    def _not_offered(self, argument: str) -> str:
        return NOT_OFFERED

    _COMMANDS: ClassVar[dict[str, Callable[[Dialogue, str], str]]] = {
        "HELO": _helo,
        "EHLO": _ehlo,
        "LHLO": _lhlo,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "RSET": _rset,
        "NOOP": _noop,
        "VRFY": _vrfy,
        "HELP": _help,
        "EXPN": _not_offered,
        "AUTH": _not_offered,
        "BDAT": _not_offered,
        "ETRN": _not_offered,
        "TURN": _not_offered,
    }
