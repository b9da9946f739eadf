"""One SMTP or LMTP connection.

It stands on aiosmtpd: the connection as a protocol of the event loop, its writer, and the switch
to TLS without letting clear text through. The conversation is ours, because aiosmtpd 1.4.6 answers our own
trouble with 5xx, drops a mail half-way when its sender leaves, has one reply for all recipients of an LMTP
mail, reads a mail line by line, and inspects all its methods for each connection.
"""

from __future__ import annotations

import asyncio
import logging
import re
from functools import lru_cache
from typing import Any, AnyStr, cast

from aiosmtpd.smtp import SMTP, TLSSetupException

from gateway.mail.octets import Octets
from gateway.transport.commands import OUT_OF_ORDER, Dialogue
from gateway.transport.data import take_in
from gateway.transport.limits import plain_address
from gateway.transport.reception import Reception, sorry
from gateway.transport.wire import LONGEST_LINE, Wire

# aiosmtpd logs addresses at INFO and whole mails at DEBUG.
logging.getLogger("mail.log").setLevel(logging.WARNING)

LEAVING = "421 4.3.2 going down, please try again later"
_FULL = b"421 4.7.0 too many connections, please try again later\r\n"
_TOO_SLOW = "421 4.4.2 waited too long"
_TOO_BAD = "421 4.7.0 too many bad commands"
_BAD = frozenset({"500", "501", "502", "503", "504", "553", "555"})
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_IN_ONE_GO = 64


class Connection(SMTP):
    """Lives from connect to hang-up; `everyone` holds it meanwhile."""

    def __init__(self, reception: Reception, everyone: set[Connection]) -> None:
        loop = asyncio.get_running_loop()
        vars(self).update(_what_aiosmtpd_sets())
        self.loop = loop
        reader = asyncio.StreamReader(loop=loop)  # stays empty: what comes goes to the wire
        asyncio.StreamReaderProtocol.__init__(self, reader, self._cb_client_connected, loop)
        self._reception = reception
        self._everyone = everyone
        self._began = loop.time()
        self._mail_began: float | None = None
        self._mail_from_octet = 0
        self._bad = 0
        self._last = False
        self._dismissed = False
        self._shaking_hands = False

    # ---- what the listener asks ----

    @property
    def task(self) -> asyncio.Task[None]:
        """The conversation."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    def tick(self, now: float) -> None:
        """Hang up when the peer has used up our patience, for good when it does not even take that."""
        if self._dismissed:
            self.abort()
        elif self._overdue(now):
            self.dismiss(_TOO_SLOW)

    def finish(self) -> None:
        """End after the mail that is under way, at once if there is none."""
        self._last = True
        if self._mail_began is None and self._wire.waiting_since is not None:
            self.dismiss(LEAVING)

    def dismiss(self, reply: str) -> None:
        """Say a last word and hang up."""
        self._dismissed = True
        if self.transport is not None and not self.transport.is_closing():
            self._writer.write(f"{reply}\r\n".encode("ascii"))
            self.transport.close()

    def abort(self) -> None:
        """Hang up without a word."""
        if self.transport is not None:
            self._writer.transport.abort()

    def _overdue(self, now: float) -> bool:
        patience = self._reception.settings.patience
        waiting_since = self._wire.waiting_since
        if waiting_since is None:
            return False
        if now - waiting_since > patience.idle:
            return True
        if self._is_relay:
            return False
        if self._mail_began is None:
            return now - self._began > patience.session
        took = now - self._mail_began
        owed = patience.rate * (took - patience.grace)
        return took > patience.data or self._wire.received - self._mail_from_octet < owed

    # ---- what the event loop calls ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection stands, or has become a TLS one."""
        if self._original_transport is not None:
            super().connection_made(transport)
            self._wire.restart()
            return
        transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        peer = plain_address(transport.get_extra_info("peername"))
        if not self._reception.door.let_in(peer):
            transport.write(_FULL)
            transport.close()
            return
        self._is_relay = self._reception.door.is_relay(peer)
        self._dialogue = Dialogue(
            self._reception.settings,
            self._reception.acceptance,
            peer,
            starttls=self._reception.certificate is not None,
        )
        super().connection_made(transport)
        self._wire: Wire = Wire(self._writer, self.loop)
        self._everyone.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody is there any more; a mail that was handed over is kept all the same."""
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        if self._original_transport is not None:
            self._original_transport.close()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        self.transport = None
        self._leave()

    def data_received(self, data: bytes) -> None:
        """The peer has said something."""
        self._wire.feed(data)

    def eof_received(self) -> bool | None:
        """The peer says no more, but may still listen: what it sent before is answered."""
        if self._handler_coroutine is None:
            return False
        self._wire.end()
        return self._tls_protocol is None

    def _leave(self) -> None:
        if self in self._everyone:
            self._everyone.remove(self)
            self._reception.door.let_out(self._dialogue.peer)

    # ---- what aiosmtpd calls ----

    def _reset_timeout(self, duration: float | None = None) -> None:
        """No timer for each connection: the listener goes round and calls `tick`."""

    def _set_rset_state(self) -> None:
        """The state is in the dialogue."""

    async def push(self, status: AnyStr) -> None:
        """Its only words are the 220 of STARTTLS, which go out with an enhanced code (RFC 2034 §4)."""
        self._wire.say("220 2.0.0 ready to start TLS")
        await self._wire.flush()

    async def handle_exception(self, error: Exception) -> str:
        """Never reached by our own conversation; kept so that no path of aiosmtpd can answer 5xx."""
        return sorry(error)

    async def _handle_client(self) -> None:
        try:
            await self._converse()
            await self._wire.flush()
        except (OSError, EOFError, TLSSetupException):
            pass  # the peer left, or never managed TLS: nobody to tell
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        self._dismissed = True
        if self._shaking_hands:
            self._leave()  # nobody calls connection_lost for a connection that was lost there
        for transport in (self.transport, self._original_transport):
            if transport is not None:
                transport.close()

    # ---- the conversation ----

    async def _converse(self) -> None:
        settings = self._reception.settings
        name = "LMTP" if settings.protocol == "lmtp" else "ESMTP"
        self._wire.say(f"220 {settings.hostname} {name}")
        heard = 0
        while not self._last:
            line = await self._wire.line()
            reply = await self._obey(line)
            if reply:
                self._answer(reply)
            heard += 1
            if heard % _IN_ONE_GO == 0:
                await asyncio.sleep(0)  # thousands of commands in one packet must not keep the others waiting

    def _answer(self, reply: str) -> None:
        self._wire.say(reply)
        if reply[:3] in _BAD:
            self._bad += 1
        if self._bad >= self._reception.settings.max_bad_commands:
            self._wire.say(_TOO_BAD)
            self._last = True
        elif self._last and not reply.startswith("221"):
            self._wire.say(LEAVING)

    async def _obey(self, line: bytes) -> str:
        """The reply to one command line; empty when there is none."""
        if len(line) > LONGEST_LINE:
            return "500 5.5.2 line too long"
        text = line.decode("utf-8", "surrogateescape")
        if _CONTROL.search(text):
            return "500 5.5.2 control character in a command"
        verb, _, argument = text.partition(" ")
        verb, argument = verb.upper(), argument.strip(" ")
        try:
            if verb == "DATA":
                return self._dialogue.may_send_data(argument) or await self._data()
            if verb == "STARTTLS":
                return self._dialogue.may_start_tls(argument) or await self._starttls()
            if verb == "QUIT":
                return self._quit(argument)
            return self._dialogue.answer(verb, argument)
        except (ConnectionError, EOFError, TLSSetupException):
            raise
        except Exception as error:  # the boundary: a bug of ours must not bounce anyone's mail
            self._last = self._mail_began is not None  # the rest of a mail is no command
            return sorry(error)

    def _quit(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 this command takes no parameter"
        self._last = True
        return "221 2.0.0 bye"

    async def _starttls(self) -> str:
        certificate = self._reception.certificate
        if certificate is None:
            return OUT_OF_ORDER
        self.tls_context = certificate.context()
        self._shaking_hands = True
        self._wire.restart()  # the peer may be held up, and its side of TLS would not be heard
        await super().smtp_STARTTLS("")
        tls = self.transport and self.transport.get_extra_info("ssl_object")
        if not tls:
            raise EOFError
        self._shaking_hands = False
        self._dialogue.begin(tls.version())
        return ""

    async def _data(self) -> str:
        dialogue = self._dialogue
        envelope = dialogue.envelope()
        trace = self._reception.received(envelope, dialogue.protocol())
        octets = Octets(self._reception.settings.folder)
        try:
            refusal = await self._read_mail(octets, trace)
        except BaseException:  # cancelled, because the peer left in the middle of its mail
            octets.close()
            raise
        dialogue.reset()
        if refusal:
            octets.close()
            replies: tuple[str, ...] = (refusal,) * len(envelope.recipients)
        else:
            replies = await self._reception.keep(envelope, octets)
        return "\r\n".join(replies) if self._reception.settings.protocol == "lmtp" else replies[0]

    async def _read_mail(self, octets: Octets, trace: bytes) -> str | None:
        self._wire.say("354 the mail, then a dot on a line of its own")
        self._mail_began = self.loop.time()
        self._mail_from_octet = self._wire.received
        refusal = await take_in(self._wire, octets, trace, self._reception.settings.max_message_octets)
        self._mail_began = None
        return refusal


@lru_cache(maxsize=1)
def _what_aiosmtpd_sets() -> dict[str, Any]:
    """The attributes that `SMTP.__init__` gives a connection, found once: it inspects every method each time.

    Without those that belong to one connection or one loop, and without its tables of methods.
    """
    loop = asyncio.get_running_loop()
    model = vars(SMTP(None, hostname="localhost", loop=loop))
    own = vars(asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), loop=loop)).keys()
    rest = model.keys() - own - {"loop", "_auth_methods", "_smtp_methods"}
    return {name: model[name] for name in rest} | {"_handle_hooks": {}}
