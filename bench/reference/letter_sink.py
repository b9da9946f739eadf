"""The letter sink: takes what a helpdesk sends and notes who could answer what, both sides alike.

    python -m bench.reference.letter_sink PORT FILE

FILE gets one JSON object a letter: to, reply_to, message_id, subject (see `bench.mails.Letter`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from email.header import decode_header, make_header
from pathlib import Path
from typing import TextIO, cast

import uvloop

_END = b"\r\n.\r\n"
_HELLO = b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE\r\n"


async def serve(port: int, notes: Path) -> None:
    """Listens on 127.0.0.1 until it is ended."""
    with notes.open("a", encoding="utf-8") as sink:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(sink), "127.0.0.1", port)
        await server.serve_forever()


class Sink(asyncio.Protocol):
    """One connection. Every command is welcome (RFC 5321 §4.1.1)."""

    def __init__(self, notes: TextIO) -> None:
        self._notes = notes
        self._waiting = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"220 sink.example.com ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while self._take_mail() if self._in_mail else self._take_command():
            pass

    def _take_mail(self) -> bool:
        mail, end, rest = self._waiting.partition(_END)
        if not end:
            return False
        self._waiting = rest
        self._in_mail = False
        self._notes.write(json.dumps(_noted(mail)) + "\n")
        self._notes.flush()
        self._transport.write(b"250 2.6.0 taken\r\n")
        return True

    def _take_command(self) -> bool:
        line, end, rest = self._waiting.partition(b"\r\n")
        if not end:
            return False
        self._waiting = rest
        self._answer(line[:4].upper())
        return True

    def _answer(self, verb: bytes) -> None:
        if verb == b"DATA":
            self._in_mail = True
            self._transport.write(b"354 go ahead\r\n")
        elif verb == b"EHLO":
            self._transport.write(_HELLO)
        elif verb == b"QUIT":
            self._transport.write(b"221 2.0.0 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 2.0.0 ok\r\n")


def _noted(mail: bytes) -> dict[str, str]:
    """The four fields; no Reply-To means From (RFC 5322 §3.6.2)."""
    head = mail.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ")
    fields = {}
    for line in unfolded.split("\r\n"):
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    return {
        "to": fields.get("to", ""),
        "reply_to": fields.get("reply-to") or fields.get("from", ""),
        "message_id": fields.get("message-id", ""),
        "subject": str(make_header(decode_header(fields.get("subject", "")))),
    }


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
