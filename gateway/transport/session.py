"""Mail transactions on one connection to the next mail server. RFC 5321 §3.3.

What goes wrong is raised as what it means for the letter: `Retry`, `Refused` or `Uncertain`, with two finer
kinds of `Retry`: `Lost` (this connection is over) and `Stopped` (no connection to this relay can work).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib import SMTPResponse

from gateway.errors import CourierError, Refused, Retry, Uncertain
from gateway.mail.letter import Parcel, has_longer_line
from gateway.transport.dialogue import Dialogue, Unreadable

_PIECE = 65536
_REPLY_LENGTH = 500
_GOODBYE_S = 5.0
LINE_MAX = 998  # octets without CRLF, RFC 5322 §2.1.1
_SIZE = re.compile("[0-9]{1,20}")
_UNSAFE_IN_PATH = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")

MaySend = Callable[[int], Awaitable[bool]]


class Lost(Retry):
    """The connection ended, or cannot be trusted any more. `stage`: the command it happened at."""

    def __init__(self, reply: str, stage: str) -> None:
        self.stage = stage
        super().__init__(reply)


class Stopped(Retry):
    """Login, TLS or name of the relay: no letter can be sent until somebody mends it."""


class Withheld(Exception):
    """The letter must not be sent after all; nothing of it was."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for a reply, for each block of text to go out, for the reply to its final dot."""

    command_s: float
    block_s: float
    final_s: float


@dataclass(frozen=True, slots=True)
class _Command:
    """A line of a transaction; `of_letter` as for `_judge`."""

    verb: str
    line: bytes
    of_letter: bool = False
    wanted: int = 2


_RSET = _Command("RSET", b"RSET\r\n")
_DATA = _Command("DATA", b"DATA\r\n", of_letter=True, wanted=3)


class Session:
    """A connection past EHLO, TLS and login: one transaction at a time, as many as wanted.

    offers: what the relay said to EHLO, the names in lower case, with their parameters.
    """

    def __init__(self, dialogue: Dialogue, offers: Mapping[str, str], patience: Patience) -> None:
        self._dialogue = dialogue
        self._offers = offers
        self._patience = patience
        self._reset_first = False

    @property
    def usable(self) -> bool:
        """Whether another transaction may be tried here."""
        return self._dialogue.is_silent

    async def transact(self, parcel: Parcel, may_send: MaySend) -> str:
        """Hand one parcel over: the relay's reply to the final dot.

        `may_send` is asked when the relay has accepted everything that comes before the text. Raises Refused,
        Retry, Uncertain, or Withheld when it says no.
        """
        commands = self._commands(parcel)
        self._reset_first = True
        if "pipelining" in self._offers:
            await self._ask(*commands, _DATA)
            if not await may_send(parcel.id):
                self.abort()  # nothing less takes DATA back
                raise Withheld
        else:
            for command in commands:
                await self._ask(command)
            if not await may_send(parcel.id):
                raise Withheld
            await self._ask(_DATA)
        reply = await self._send_text(parcel.octets)
        self._reset_first = False
        try:
            return _judge(reply, "final dot", of_letter=True)
        except (Lost, Uncertain):
            self.abort()  # it is about to end, or nobody knows any more which reply answers what
            raise

    async def quit(self) -> None:
        """Say goodbye, without insisting on an answer."""
        try:
            self._dialogue.send(b"QUIT\r\n")
            await self._dialogue.reply(_GOODBYE_S)
        except OSError:
            pass  # a server that cannot take a goodbye is gone already
        finally:
            self.abort()

    def abort(self) -> None:
        """End the connection now; octets not yet handed to the system are thrown away."""
        self._dialogue.abort()

    def _commands(self, parcel: Parcel) -> list[_Command]:
        """What comes before DATA."""
        sender = b" ".join((b"MAIL FROM:" + _path(parcel.reverse_path), *self._parameters(parcel)))
        recipient = b"RCPT TO:" + _path(parcel.recipient)
        commands = [_Command("MAIL", sender + b"\r\n"), _Command("RCPT", recipient + b"\r\n", of_letter=True)]
        return [_RSET, *commands] if self._reset_first else commands

    def _parameters(self, parcel: Parcel) -> tuple[bytes, ...]:
        """Of MAIL, for this parcel and this server. Raises Refused for what the server could not carry."""
        problem = _malformed(parcel) or self._too_big(parcel)
        if problem:
            raise Refused(problem)
        parameters = []
        if "size" in self._offers:
            parameters.append(b"SIZE=%d" % len(parcel.octets))
        if not parcel.octets.isascii():
            if "8bitmime" not in self._offers:
                raise Refused("not sent: 8-bit text, and the relay does not offer 8BITMIME (RFC 6152)")
            parameters.append(b"BODY=8BITMIME")
        if _needs_smtputf8(parcel):
            if "smtputf8" not in self._offers:
                raise Refused("not sent: address not ASCII, and the relay does not offer SMTPUTF8 (RFC 6531)")
            parameters.append(b"SMTPUTF8")
        return tuple(parameters)

    def _too_big(self, parcel: Parcel) -> str:
        """Why the letter exceeds the limit the server declared, or empty. RFC 1870 §4."""
        declared = self._offers.get("size", "").strip()
        limit = int(declared) if _SIZE.fullmatch(declared) else 0
        size = len(parcel.octets)
        if 0 < limit < size:
            return f"not sent: the letter has {size} octets, the relay takes at most {limit} (RFC 1870)"
        return ""

    async def _ask(self, *commands: _Command) -> None:
        """Send commands in one packet; raises what the first bad reply means. RFC 2920 §3.1."""
        try:
            self._dialogue.send(b"".join(command.line for command in commands))
        except OSError as error:
            raise Lost(lost_at(commands[0].verb, error), commands[0].verb) from error
        failures = [await self._failure(command) for command in commands]
        for failure in failures:
            if failure is not None:
                if failures[-1] is None:
                    self.abort()  # DATA without a recipient: it waits for a text
                raise failure

    async def _failure(self, command: _Command) -> CourierError | None:
        """What is wrong with the reply to one command."""
        try:
            reply = await self._dialogue.reply(self._patience.command_s)
            _judge(reply, command.verb, of_letter=command.of_letter, wanted=command.wanted)
        except OSError as error:
            self.abort()
            return Lost(lost_at(command.verb, error), command.verb)
        except CourierError as error:
            if isinstance(error, Lost):
                self.abort()
            return error
        return None

    async def _send_text(self, octets: bytes) -> SMTPResponse:
        """The reply to the text and the final dot. Raises Lost while the dot is here, else Uncertain."""
        dot_left = False
        try:
            *body, last = _pieces(octets)
            for piece in body:
                self._dialogue.send(piece)
                await self._dialogue.drained(self._patience.block_s)
                if self._dialogue.is_answered:
                    return await self._early()
            self._dialogue.send(last)
            dot_left = True
            return await self._dialogue.reply(self._patience.final_s)
        except OSError as error:
            self.abort()
            if dot_left:
                raise Uncertain(lost_at("the final dot", error)) from error
            raise Lost(lost_at("the text", error), "text") from error

    async def _early(self) -> SMTPResponse:
        """A reply that did not wait for the final dot: it counts, but the connection is out of step."""
        reply = await self._dialogue.reply(0)
        self.abort()
        if reply.code // 100 not in (4, 5):
            raise Lost(f"reply before the final dot: {words(reply)}", "text")
        return reply


def _judge(reply: SMTPResponse, stage: str, *, of_letter: bool, wanted: int = 2) -> str:
    """The words of a wanted reply; raises what any other means. RFC 5321 §4.2.1.

    of_letter: whether a 5yz speaks of this letter (RCPT, DATA, final dot) or of the session.
    """
    said = words(reply)
    kind = reply.code // 100
    if kind == wanted:
        return said
    if reply.code == 530:
        raise Stopped(f"{stage}: {said}")  # login needed, whatever the letter. RFC 4954 §6
    if reply.code == 421:
        raise Lost(f"{stage}: {said}", stage)  # RFC 5321 §3.8
    if kind == 5 and of_letter:
        raise Refused(said)
    if kind in (4, 5):
        raise Retry(f"{stage}: {said}")
    if stage == "final dot":
        raise Uncertain(f"unexpected reply to the final dot: {said}")
    raise Lost(f"unexpected reply to {stage}: {said}", stage)


def _malformed(parcel: Parcel) -> str:
    """Why these octets or paths must not go on the wire, or empty."""
    if not parcel.recipient or _UNSAFE_IN_PATH.search(parcel.recipient + parcel.reverse_path):
        return "not sent: the address cannot be used in SMTP (RFC 5321 §4.1.2)"
    octets = parcel.octets
    ends = octets.count(b"\r\n")
    if not octets.endswith(b"\r\n") or not ends == octets.count(b"\r") == octets.count(b"\n"):
        return "not sent: a line of the letter does not end in CRLF (RFC 5321 §2.3.8)"
    if has_longer_line(octets, LINE_MAX, b"\r\n"):
        return "not sent: a line of the letter is longer than 998 octets (RFC 5322 §2.1.1)"
    return ""


def _needs_smtputf8(parcel: Parcel) -> bool:
    """An address or a header field outside ASCII. RFC 6531 §3.1."""
    head = parcel.octets.partition(b"\r\n\r\n")[0]
    return not (parcel.reverse_path.isascii() and parcel.recipient.isascii() and head.isascii())


def _path(address: str) -> bytes:
    return b"<" + address.encode("utf-8") + b">"


def _pieces(octets: bytes) -> Iterator[bytes]:
    """The text with dots doubled (RFC 5321 §4.5.2); the last piece alone holds the final dot."""
    stuffed = octets.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    whole = max(len(stuffed) - 1, 0) // _PIECE * _PIECE
    for start in range(0, whole, _PIECE):
        yield stuffed[start : start + _PIECE]
    yield stuffed[whole:] + b".\r\n"


def lost_at(stage: str, error: BaseException) -> str:
    """What to say of a connection that ended at `stage`."""
    if isinstance(error, TimeoutError):
        return f"no answer in time at {stage}"
    if isinstance(error, (Unreadable, aiosmtplib.SMTPResponseException)):
        return f"unreadable answer at {stage}"
    return f"connection lost at {stage}: {plain(str(error))}"


def words(reply: SMTPResponse) -> str:
    """A reply on one line, its code first."""
    return plain(f"{reply.code} {reply.message}")


def plain(text: str) -> str:
    """One bounded line that any store can hold."""
    if not text.isprintable():  # as most are
        decoded = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        text = "".join(c if c.isprintable() else " " for c in decoded)
    return " ".join(text.split())[:_REPLY_LENGTH]
