"""Mail transactions on one connection to the next mail server. RFC 5321 §3.3.

What goes wrong is raised as what it means for the letter: `Retry`, `Refused` or `Uncertain`, with two finer
kinds of `Retry`: `Lost` (this connection is over) and `Stopped` (no connection to this relay can work).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse

from gateway.errors import Refused, Retry, Uncertain
from gateway.mail.letter import Parcel

_PIECE = 65536
_REPLY_LENGTH = 500
_GOODBYE_S = 5.0
LINE_MAX = 998  # octets without CRLF, RFC 5322 §2.1.1
"""More than 998 octets and the CR. RFC 5322 §2.1.1."""
_SIZE = re.compile("[0-9]{1,20}")
_UNSAFE_IN_PATH = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")

MayData = Callable[[int], Awaitable[bool]]


class Lost(Retry):
    """The connection ended, or cannot be trusted any more. `stage`: the command it happened at."""

    def __init__(self, reply: str, stage: str) -> None:
        self.stage = stage
        super().__init__(reply)


class Stopped(Retry):
    """Login, TLS or name of the relay: no letter can be sent until somebody mends it."""


class Withheld(Exception):
    """The letter must not be sent after all; nothing of it was."""


class Session:
    """A connection past EHLO, TLS and login: one transaction at a time, as many as wanted."""

    def __init__(self, client: SMTP, block_s: float, final_s: float) -> None:
        self._client = client
        self._block_s = block_s
        self._final_s = final_s
        self._reset_first = False
        self.transactions = 0

    @property
    def usable(self) -> bool:
        """Whether another transaction may be tried here."""
        return self._client.is_connected

    async def transact(self, parcel: Parcel, may_data: MayData) -> str:
        """Hand one parcel over: the relay's reply to the final dot.

        Raises Refused, Retry, Uncertain, or Withheld when `may_data` says no after RCPT was accepted.
        """
        parameters = self._parameters(parcel)
        self.transactions += 1
        if self._reset_first:
            await self._command("RSET", b"RSET")
        self._reset_first = True
        await self._command("MAIL", b"MAIL", b"FROM:" + _path(parcel.reverse_path), *parameters)
        await self._command("RCPT", b"RCPT", b"TO:" + _path(parcel.recipient), of_letter=True)
        if not await may_data(parcel.id):
            raise Withheld
        await self._command("DATA", b"DATA", of_letter=True, wanted=3)
        reply = await self._send_text(parcel.octets)
        self._reset_first = False
        return _judge(reply, "final dot", of_letter=True)

    async def quit(self) -> None:
        """Say goodbye, without insisting on an answer."""
        try:
            await self._client.quit(timeout=_GOODBYE_S)
        except (aiosmtplib.SMTPException, OSError):
            pass  # a server that cannot take a goodbye is gone already
        finally:
            self.abort()

    def abort(self) -> None:
        """End the connection now; octets not yet handed to the system are thrown away."""
        transport = self._client.transport
        if transport is not None:
            cast(asyncio.WriteTransport, transport).abort()
        self._client.close()

    def _parameters(self, parcel: Parcel) -> tuple[bytes, ...]:
        """Of MAIL, for this parcel and this server. Raises Refused for what the server could not carry."""
        problem = _malformed(parcel) or self._too_big(parcel)
        if problem:
            raise Refused(problem)
        offers = self._client.supports_extension
        parameters = []
        if offers("size"):
            parameters.append(b"SIZE=%d" % len(parcel.octets))
        if not parcel.octets.isascii():
            if not offers("8bitmime"):
                raise Refused("not sent: 8-bit text, and the relay does not offer 8BITMIME (RFC 6152)")
            parameters.append(b"BODY=8BITMIME")
        if _needs_smtputf8(parcel):
            if not offers("smtputf8"):
                raise Refused("not sent: address not ASCII, and the relay does not offer SMTPUTF8 (RFC 6531)")
            parameters.append(b"SMTPUTF8")
        return tuple(parameters)

    def _too_big(self, parcel: Parcel) -> str:
        """Why the letter exceeds the limit the server declared, or empty. RFC 1870 §4."""
        declared = self._client.esmtp_extensions.get("size", "").strip()
        limit = int(declared) if _SIZE.fullmatch(declared) else 0
        size = len(parcel.octets)
        if 0 < limit < size:
            return f"not sent: the letter has {size} octets, the relay takes at most {limit} (RFC 1870)"
        return ""

    async def _command(self, stage: str, *words: bytes, of_letter: bool = False, wanted: int = 2) -> str:
        """The reply to one command, when it is the wanted one."""
        try:
            reply = await self._client.execute_command(*words)
        except (aiosmtplib.SMTPException, OSError) as error:
            self.abort()
            raise Lost(lost_at(stage, error), stage) from error
        return self._judge_or_abort(reply, stage, of_letter, wanted)

    def _judge_or_abort(self, reply: SMTPResponse, stage: str, of_letter: bool, wanted: int) -> str:
        try:
            return _judge(reply, stage, of_letter=of_letter, wanted=wanted)
        except Lost:
            self.abort()
            raise

    async def _send_text(self, octets: bytes) -> SMTPResponse:
        """The reply to the text and the final dot. Raises Lost while the dot is here, else Uncertain."""
        protocol = self._client.protocol
        if protocol is None:
            raise Lost("connection lost before the text", "text")
        # Listened for from the start: some servers refuse in the middle of the text and hang up.
        answer = asyncio.ensure_future(protocol.read_response())
        dot_left = False
        try:
            *body, last = _pieces(octets)
            for piece in body:
                protocol.write(piece)
                # What asyncio's own StreamWriter.drain awaits; the library has no public name for it.
                await asyncio.wait_for(protocol._drain_helper(), self._block_s)
                if answer.done():
                    return self._early(answer.result())
            protocol.write(last)
            dot_left = True
            return await asyncio.wait_for(answer, self._final_s)
        except (aiosmtplib.SMTPException, OSError) as error:
            self.abort()
            if dot_left:
                raise Uncertain(lost_at("the final dot", error)) from error
            raise Lost(lost_at("the text", error), "text") from error
        finally:
            _forget(answer)

    def _early(self, reply: SMTPResponse) -> SMTPResponse:
        """A reply that did not wait for the final dot: it counts, but the connection is out of step."""
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
    if not octets.endswith(b"\r\n") or not octets.count(b"\r\n") == octets.count(b"\n") == octets.count(
        b"\r"
    ):
        return "not sent: a line of the letter does not end in CRLF (RFC 5321 §2.3.8)"
    if max(map(len, octets.split(b"\r\n"))) > LINE_MAX:
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
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"unreadable answer at {stage}"
    return f"connection lost at {stage}: {plain(str(error))}"


def words(reply: SMTPResponse) -> str:
    """A reply on one line, its code first."""
    return plain(f"{reply.code} {reply.message}")


def plain(text: str) -> str:
    """One bounded line that any store can hold."""
    decoded = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in decoded).split())[:_REPLY_LENGTH]


def _forget(answer: asyncio.Future[SMTPResponse]) -> None:
    """Let go of an answer nobody will read, so that nobody is warned of it."""
    if not answer.done():
        answer.cancel()
    elif not answer.cancelled():
        answer.exception()
