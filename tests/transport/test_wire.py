"""What a connection keeps of what its peer sends before anyone asks for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from gateway.transport.loops import new_loop
from gateway.transport.wire import LONGEST_LINE, Wire

MUCH = b"x" * 200_000


class Ear(asyncio.StreamReaderProtocol):
    """A connection that only listens."""

    wire: Wire

    def data_received(self, data: bytes) -> None:
        self.wire.feed(data)

    def eof_received(self) -> bool:
        self.wire.end()
        return True


def play(
    scene: Callable[[Wire, asyncio.Transport, socket.socket], Awaitable[None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            ear = Ear(asyncio.StreamReader())
            transport, _ = await loop.create_connection(lambda: ear, sock=ours)
            ear.wire = Wire(asyncio.StreamWriter(transport, ear, None, loop), loop)
            try:
                await scene(ear.wire, transport, theirs)
            finally:
                transport.abort()
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(run())


def test_a_peer_that_sends_ahead_is_held_up_until_it_is_heard() -> None:
    async def scene(wire: Wire, transport: asyncio.Transport, peer: socket.socket) -> None:
        wire.feed(b"NOOP\r\n")
        assert transport.is_reading()
        wire.feed(MUCH)
        assert not transport.is_reading()
        assert await wire.line() == b"NOOP"
        assert await wire.piece() == MUCH
        peer.send(b"more")
        assert await wire.piece() == b"more"
        assert transport.is_reading()
        assert wire.received == len(b"NOOP\r\n" + MUCH + b"more")

    play(scene)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, new_loop])
def test_a_peer_is_held_up_also_before_who_waits_for_it_goes_on(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """uvloop reads as long as there is something, and only then lets a task run."""

    async def scene(wire: Wire, transport: asyncio.Transport, peer: socket.socket) -> None:
        asking = asyncio.create_task(wire.piece())
        await asyncio.sleep(0)
        wire.feed(b"begin")
        wire.feed(MUCH)
        assert not transport.is_reading()
        wire.feed(b"end")
        assert await asking == b"begin" + MUCH + b"end"
        asking = asyncio.create_task(wire.line())
        await asyncio.sleep(0)
        assert transport.is_reading()
        wire.feed(b"NOOP\r\n" + MUCH)
        assert not transport.is_reading()
        assert await asking == b"NOOP"
        assert await wire.piece() == MUCH
        peer.send(b"more")
        assert await wire.piece() == b"more"

    play(scene, loop_factory)


def test_lines_are_put_together_and_a_long_one_is_cut() -> None:
    async def scene(wire: Wire, transport: asyncio.Transport, peer: socket.socket) -> None:
        asking = asyncio.create_task(wire.line())
        for part in (b"NO", b"OP\r", b"\nQUIT\r\n", MUCH, b"\n"):
            await asyncio.sleep(0)
            wire.feed(part)
        assert await asking == b"NOOP"
        assert await wire.line() == b"QUIT"
        assert len(await wire.line()) > LONGEST_LINE

    play(scene)


def test_what_was_said_before_tls_is_forgotten() -> None:
    async def scene(wire: Wire, transport: asyncio.Transport, peer: socket.socket) -> None:
        wire.feed(b"MAIL FROM:<mallory@example.net>\r\n")
        wire.feed(MUCH)
        assert not transport.is_reading()
        wire.restart()
        assert transport.is_reading()
        wire.feed(b"EHLO here\r\n")
        assert await wire.line() == b"EHLO here"

    play(scene)


def test_the_end_comes_after_what_was_said() -> None:
    async def scene(wire: Wire, transport: asyncio.Transport, peer: socket.socket) -> None:
        peer.send(b"QUIT\r\n")
        peer.shutdown(socket.SHUT_WR)
        assert await wire.line() == b"QUIT"
        with pytest.raises(EOFError):
            await wire.line()
        with pytest.raises(EOFError):
            await wire.piece()

    play(scene)
