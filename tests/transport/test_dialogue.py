"""Replies that come in odd pieces, too many, too long or to nobody: over a real socket."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from gateway.mail.letter import Outcome
from gateway.transport.dialogue import REPLIES_MAX, REPLY_MAX, Dialogue, Unreadable
from gateway.transport.relay import Relay
from tests.parts.delivery import deliver, parcel

HELLO = [(b"", b"220 hello\r\n"), (b"EHLO", b"250-hello\r\n250 PIPELINING\r\n")]
ENVELOPE = b"DATA\r\n"
TEXT = b"\r\n.\r\n"
_PATIENCE_S = 10.0


class Recital:
    """A server that says fixed octets, each after what it waits for, on one connection after the other.

    leaves: hangs up after the last ones, instead of hearing the other side out.
    """

    def __init__(self, *connections: Sequence[tuple[bytes, bytes]], leaves: bool = False) -> None:
        self.heard = [b""] * len(connections)
        self._connections = connections
        self._leaves = leaves
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(_PATIENCE_S)
        self._listener.close()

    def _run(self) -> None:
        for number, steps in enumerate(self._connections):
            connection, _ = self._listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._recite(connection, number, steps)

    def _recite(self, connection: socket.socket, number: int, steps: Sequence[tuple[bytes, bytes]]) -> None:
        read = 0
        for wanted, reply in steps:
            while wanted not in self.heard[number][read:]:
                octets = connection.recv(65536)
                if not octets:
                    return
                self.heard[number] += octets
            read = len(self.heard[number])
            connection.sendall(reply)
        while not (self._leaves or self.heard[number].endswith(b"QUIT\r\n")):
            octets = connection.recv(65536)
            if not octets:
                return
            self.heard[number] += octets


@pytest.fixture
def recitals() -> Iterator[list[Recital]]:
    """Those of a test; each has to come to its end."""
    begun: list[Recital] = []
    yield begun
    for recital in begun:
        recital.close()


def told(recital: Recital, count: int = 1) -> list[Outcome]:
    relay = Relay("127.0.0.1", recital.port, security="none", command_s=_PATIENCE_S)
    return deliver(relay, [parcel(number) for number in range(1, count + 1)]).told


def test_an_envelope_is_one_packet_and_so_may_be_its_replies(recitals: list[Recital]) -> None:
    recitals.append(
        Recital(
            [
                *HELLO,
                (ENVELOPE, b"250 a\r\n250 b\r\n354 c\r\n"),
                (TEXT, b"250 taken\r\n"),
                (b"QUIT", b"221 x\r\n"),
            ]
        )
    )
    assert told(recitals[0]) == [Outcome(1, "sent", "250 taken")]
    assert b"MAIL FROM:<bounce+1@example.net>\r\nRCPT TO:<c1@example.org>\r\nDATA\r\n" in recitals[0].heard[0]


def test_a_reply_may_come_octet_by_octet(recitals: list[Recital]) -> None:
    pieces = [(b"", bytes([octet])) for octet in b"250-a\r\n250 b\r\n250 c\r\n354 d\r\n"]
    recitals.append(Recital([*HELLO, (ENVELOPE, b""), *pieces, (TEXT, b"250-2.0.0 taken\n250 thanks\n")]))
    assert told(recitals[0]) == [Outcome(1, "sent", "250 2.0.0 taken thanks")]


def test_the_text_stays_here_when_data_is_accepted_without_a_recipient(recitals: list[Recital]) -> None:
    """RFC 2920 §3.1: it cannot be relied upon that DATA is refused then."""
    refusing = [*HELLO, (ENVELOPE, b"250 a\r\n550 unknown\r\n354 go on\r\n")]
    taking = [*HELLO, (ENVELOPE, b"250 a\r\n250 b\r\n354 c\r\n"), (TEXT, b"250 taken\r\n")]
    recitals.append(Recital(refusing, taking))
    assert [outcome.state for outcome in told(recitals[0], 2)] == ["refused", "sent"]
    assert recitals[0].heard[0].endswith(b"DATA\r\n")
    assert recitals[0].heard[0].count(b"DATA") == 1, "this connection is over"


def test_a_refusal_counts_when_the_connection_ends_after_it(recitals: list[Recital]) -> None:
    refusing = [*HELLO, (ENVELOPE, b"250 a\r\n550 unknown\r\n")]
    recitals.append(Recital(refusing, leaves=True))
    assert told(recitals[0]) == [Outcome(1, "refused", "550 unknown")]


@pytest.mark.parametrize("late", [b"250 once more\r\n", b"421 good night\r\n", b"25"])
def test_what_nobody_asked_for_answers_nothing(recitals: list[Recital], late: bytes) -> None:
    taking = [*HELLO, (ENVELOPE, b"250 a\r\n250 b\r\n354 c\r\n")]
    recitals.append(Recital([*taking, (TEXT, b"250 one\r\n" + late)], [*taking, (TEXT, b"250 two\r\n")]))
    assert [outcome.reply for outcome in told(recitals[0], 2)] == ["250 one", "250 two"]


@pytest.mark.parametrize(
    "noise", [b"250 " + b"x" * REPLY_MAX, b"250-x\r\n" * (REPLY_MAX // 7), b"ok\r\n", b"\r\n"]
)
def test_what_is_no_reply_ends_the_connection(recitals: list[Recital], noise: bytes) -> None:
    recitals.append(Recital([*HELLO, (ENVELOPE, b"250 a\r\n" + noise + b"\r\n354 c\r\n")]))
    (outcome,) = told(recitals[0])
    assert (outcome.state, outcome.reply) == ("retry", "unreadable answer at RCPT")


@pytest.mark.parametrize(("said", "state"), [(b"421 soon", "retry"), (b"354 go on", "uncertain")])
def test_no_letter_follows_on_a_connection_that_is_out_of_step(
    recitals: list[Recital], said: bytes, state: str
) -> None:
    """The server leaves it open."""
    accepting = [*HELLO, (ENVELOPE, b"250 a\r\n250 b\r\n354 c\r\n")]
    recitals.append(Recital([*accepting, (TEXT, said + b"\r\n")], [*accepting, (TEXT, b"250 taken\r\n")]))
    assert [outcome.state for outcome in told(recitals[0], 2)] == [state, "sent"]
    assert recitals[0].heard[0].endswith(TEXT)


@asynccontextmanager
async def conversing() -> AsyncIterator[tuple[Dialogue, asyncio.Transport]]:
    """A dialogue with somebody who says nothing."""
    ours, theirs = socket.socketpair()
    with theirs:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        yield Dialogue(transport), transport


def test_replies_that_nobody_asked_for_are_not_kept() -> None:
    async def scene() -> None:
        async with conversing() as (dialogue, transport):
            dialogue.data_received(b"250 x\r\n" * 10_000)
            assert transport.is_closing()
            dialogue.data_received(b"250 x\r\n" * 10_000)
            for _ in range(REPLIES_MAX + 1):
                await dialogue.reply(0)
            with pytest.raises(Unreadable):
                await dialogue.reply(0)

    asyncio.run(scene())


def test_nothing_is_heard_after_nonsense() -> None:
    async def scene() -> None:
        async with conversing() as (dialogue, transport):
            dialogue.data_received(b"ok\r\n")
            assert transport.is_closing()
            dialogue.data_received(b"250 x\r\n")
            assert not dialogue.is_answered

    asyncio.run(scene())
