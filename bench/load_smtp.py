"""The mail load: raw asyncio, one command in flight a session, in a process of its own.

    python -m bench.load_smtp --port 2525 --desk help@example.com --mails 1000 --run r1

writes one JSON object: mails, accepted, refused, last_refusal, seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

from bench import corpus, mails
from bench.mails import Outgoing

# What a session says next: octets to send, or seconds to wait before it goes on.
Talk = Generator[bytes | float, int, None]


@dataclass(slots=True)
class Tally:
    """What came of a run so far."""

    mails: int = 0
    accepted: int = 0
    refused: int = 0
    last_refusal: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """How the mails are sent: sessions side by side, mails a connection, mails a second (0: as it goes)."""

    port: int
    sessions: int
    per_connection: int
    rate: float = 0.0


def main(arguments: list[str]) -> None:
    """The command."""
    given = _options().parse_args(arguments)
    load = Load(given.port, given.sessions, given.per_connection, given.rate)
    print(json.dumps(asdict(uvloop.run(send(load, iter(_supply(given)), given.seconds)))))


def _supply(given: argparse.Namespace) -> Iterator[Outgoing]:
    if given.replies_to:
        lines = Path(given.replies_to).read_text().splitlines()
        letters = [mails.Letter(**json.loads(line)) for line in lines]
        return mails.replies(given.run, letters, given.size)
    if given.folder:
        return iter(list(corpus.outgoing(corpus.paths(given.folder), given.run, given.desk)))
    if given.mails == 1 and given.size > 1_000_000:
        return iter([mails.large_mail(given.run, given.size, given.desk)])
    if given.mails is None:
        return mails.new_mails(given.run, None, given.size, given.desk)
    # Made beforehand, so that making them is no part of the measured time.
    return iter(list(mails.new_mails(given.run, given.mails, given.size, given.desk)))


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m bench.load_smtp", description="Sends mails.")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--run", required=True, help="a word that no other run has")
    options.add_argument("--desk", default="help@example.com")
    options.add_argument("--mails", type=int, help="how many (default: until --seconds are over)")
    options.add_argument("--seconds", type=float, help="stop after so long")
    options.add_argument("--size", type=int, default=4096, help="octets a mail")
    options.add_argument("--sessions", type=int, default=10)
    options.add_argument("--per-connection", type=int, default=100, help="mails a connection")
    options.add_argument("--rate", type=float, default=0.0, help="mails a second (0: no limit)")
    options.add_argument("--folder", type=Path, help="the mails of this folder")
    options.add_argument("--replies-to", help="a file of letters, one JSON object a line, to answer")
    return options


async def send(load: Load, supply: Iterator[Outgoing], lasting: float | None = None) -> Tally:
    """Sends all mails of the supply, or as many as go in `lasting` seconds."""
    feed = _Feed(supply, load.rate, lasting)
    sessions = (_keep_sending(load, feed) for _ in range(load.sessions))
    await asyncio.gather(*sessions)
    feed.tally.seconds = time.perf_counter() - feed.started
    return feed.tally


async def _keep_sending(load: Load, feed: _Feed) -> None:
    loop = asyncio.get_running_loop()
    while not feed.empty:
        over = loop.create_future()
        talk = _conversation(feed, load.per_connection)
        await loop.create_connection(lambda: _Session(talk, over, feed.tally), "127.0.0.1", load.port)  # noqa: B023
        await over


def _conversation(feed: _Feed, most: int) -> Talk:
    """One connection: greeting, EHLO, up to `most` mails, QUIT (RFC 5321 §4.1.1)."""
    yield b""
    yield b"EHLO load.example.net\r\n"
    for _ in range(most):
        if (wait := feed.wait()) > 0:
            yield wait
        mail = feed.take()
        if mail is None:
            break
        feed.count((yield from _transaction(mail)))
    yield b"QUIT\r\n"


def _transaction(mail: Outgoing) -> Generator[bytes, int, int]:
    """MAIL, RCPT, DATA and the mail; gives the last reply's code."""
    code = yield f"MAIL FROM:<{mail.sender}>\r\n".encode()
    if code == 250:
        code = yield f"RCPT TO:<{mail.recipient}>\r\n".encode()
    if code == 250:
        code = yield b"DATA\r\n"
    if code == 354:
        return (yield mail.octets + b".\r\n")
    yield b"RSET\r\n"
    return code


class _Feed:
    """The supply shared by all sessions, and the pace."""

    def __init__(self, supply: Iterator[Outgoing], rate: float, lasting: float | None) -> None:
        self.tally = Tally()
        self.empty = False
        self.started = time.perf_counter()
        self._supply = supply
        self._rate = rate
        self._until = None if lasting is None else self.started + lasting
        self._slots = itertools.count()

    def wait(self) -> float:
        """Seconds until the next mail may be taken."""
        if not self._rate:
            return 0.0
        return self.started + next(self._slots) / self._rate - time.perf_counter()

    def take(self) -> Outgoing | None:
        late = self._until is not None and time.perf_counter() >= self._until
        mail = None if late else next(self._supply, None)
        self.empty = mail is None
        return mail

    def count(self, code: int) -> None:
        self.tally.mails += 1
        if code == 250:
            self.tally.accepted += 1
        else:
            self.tally.refused += 1


class _Session(asyncio.Protocol):
    """Sends what the talk yields and gives it the code of each reply."""

    def __init__(self, talk: Talk, over: asyncio.Future[None], tally: Tally) -> None:
        self._talk = talk
        self._over = over
        self._tally = tally
        self._reply = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        next(self._talk)

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if not self._reply.endswith(b"\r\n"):
            return
        last = self._reply.splitlines()[-1]
        if last[3:4] == b"-":  # more lines of this reply follow, RFC 5321 §4.2.1
            return
        self._reply = b""
        if last[:1] in b"45":
            self._tally.last_refusal = last.decode("ascii", "replace")
        self._advance(int(last[:3]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _advance(self, code: int) -> None:
        try:
            step = self._talk.send(code)
        except StopIteration:
            self._transport.close()
            return
        if isinstance(step, float):
            asyncio.get_running_loop().call_later(step, self._advance, code)
        else:
            self._transport.write(step)


if __name__ == "__main__":
    main(sys.argv[1:])
