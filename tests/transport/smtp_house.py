"""A house that keeps mails in a list, and a client that speaks SMTP line by line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.flow.accept import Refusal
from gateway.mail.envelope import Envelope
from gateway.mail.octets import Octets
from gateway.transport.limits import ListenerSettings
from gateway.transport.listener import Listener

HOSTNAME = "mx.desk.example"
MOMENT = 1_795_225_058_000
UNKNOWN = Refusal(550, "5.1.1 nobody of that name here")


@dataclass
class House:
    """Keeps what it is given; recipients whose local part begins with `no` are unknown."""

    mails: list[tuple[Envelope, bytes]] = field(default_factory=list)
    trouble: Exception | None = None
    refusal_trouble: Exception | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_finish: asyncio.Event | None = None
    kept: asyncio.Event = field(default_factory=asyncio.Event)

    def refuses(self, recipient: str) -> Refusal | None:
        if self.refusal_trouble:
            raise self.refusal_trouble
        return UNKNOWN if recipient.startswith("no") else None

    def accept(self, envelope: Envelope, octets: Octets) -> Awaitable[tuple[str, ...]]:
        return asyncio.shield(asyncio.create_task(self._take(envelope, octets)))

    async def _take(self, envelope: Envelope, octets: Octets) -> tuple[str, ...]:
        with contextlib.closing(octets):
            self.begun.set()
            if self.may_finish:
                await self.may_finish.wait()
            if self.trouble:
                raise self.trouble
            self.mails.append((envelope, bytes(octets)))
        self.kept.set()
        mail = len(self.mails)
        return tuple(f"{mail}-{recipient}" for recipient in range(len(envelope.recipients)))

    @property
    def bodies(self) -> list[bytes]:
        """The mails as they were sent: without our trace field of three lines."""
        return [octets.split(b"\r\n", 3)[3] for _, octets in self.mails]


class Client:
    """A peer that says what it is told to, octet for octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, octets: bytes | str) -> None:
        self.writer.write(octets if isinstance(octets, bytes) else octets.encode())

    async def reply(self) -> str:
        """One reply, its lines joined by a line feed; empty at the end of the connection."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = await asyncio.wait_for(self.reader.readline(), 20)
            if not line:
                return ""
            lines.append(line.decode("ascii").removesuffix("\r\n"))
        return "\n".join(lines)

    async def ask(self, command: bytes | str) -> str:
        self.send(command if isinstance(command, bytes) else f"{command}\r\n")
        return await self.reply()

    async def code(self, command: bytes | str) -> str:
        return (await self.ask(command))[:9].rstrip()

    async def to_data(
        self, *recipients: str, hello: str = "EHLO client.example", sender: str = "a@b.example"
    ) -> None:
        """Up to the 354."""
        await self.ask(hello)
        assert (await self.ask(f"MAIL FROM:<{sender}>")).startswith("250 2.1.0")
        for recipient in recipients or ("help@desk.example",):
            await self.ask(f"RCPT TO:<{recipient}>")
        assert (await self.ask("DATA")).startswith("354")

    async def ended(self) -> bool:
        """Whether the server has hung up and says no more."""
        return await asyncio.wait_for(self.reader.read(), 20) == b""

    def reset(self) -> None:
        """Vanish: a reset instead of a goodbye."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


def settings(folder: Path, **changes: Any) -> ListenerSettings:
    plain = ListenerSettings(protocol="smtp", listen="127.0.0.1:0", hostname=HOSTNAME, folder=folder)
    return replace(plain, **changes)


@contextlib.asynccontextmanager
async def listening(house: House, wanted: ListenerSettings) -> AsyncIterator[Listener]:
    listener = Listener(wanted, house, clock=lambda: MOMENT)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(grace=1)


@contextlib.asynccontextmanager
async def connected(listener: Listener, *, greeted: bool = True) -> AsyncIterator[Client]:
    if listener.settings.listen.startswith("unix:"):
        streams = await asyncio.open_unix_connection(listener.settings.listen.removeprefix("unix:"))
    else:
        streams = await asyncio.open_connection(*listener.address)
    client = Client(*streams)
    try:
        if greeted:
            assert (await client.reply()).startswith("220 ")
        yield client
    finally:
        await client.close()


async def nobody_left(listener: Listener, but: int = 0) -> None:
    """Returns when the listener has noticed that its connections have ended."""
    while len(listener._connections) > but:  # noqa: ASYNC110 - it has no event for that
        await asyncio.sleep(0.001)


Scene = Callable[[House, Client], Coroutine[Any, Any, None]]


def play(scene: Scene, folder: Path, house: House | None = None, **changes: Any) -> House:
    """Run a scene between one client and a listener."""

    async def run() -> House:
        here = house or House()
        async with listening(here, settings(folder, **changes)) as listener, connected(listener) as client:
            await scene(here, client)
        return here

    return asyncio.run(run())
