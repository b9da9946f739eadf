"""The LMTP listener: a reply for each recipient, and the local socket. RFC 2033."""

from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError, StoreFull
from gateway.transport.listener import Listener
from tests.transport.smtp_house import Client, House, connected, listening, play, settings

PIPE = "LHLO pipe.helpgate.invalid"


def lmtp(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"folder": folder, "protocol": "lmtp", **changes}


def test_each_recipient_has_a_reply(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        assert await client.code("EHLO c") == "500 5.5.1"
        assert await client.code("HELO c") == "500 5.5.1"
        assert "\n250-PIPELINING\n250-SIZE 65536\n" in await client.ask("LHLO c")
        await client.to_data("help@desk.example", "nobody@desk.example", "sales@desk.example", hello="LHLO c")
        assert await client.ask(b"x\r\n.\r\n") == "250 2.6.0 queued as 1-0"
        assert await client.reply() == "250 2.6.0 queued as 1-1"
        await client.to_data("help@desk.example", "sales@desk.example", hello="LHLO c")
        house.trouble = StoreFull("")
        assert await client.code(b"x\r\n.\r\n") == "452 4.3.1"
        assert (await client.reply()).startswith("452 4.3.1")
        await client.to_data("help@desk.example", "sales@desk.example", hello="LHLO c")
        assert await client.code(b"x" * 70_000 + b"\r\n.\r\n") == "552 5.3.4"
        assert (await client.reply()).startswith("552 5.3.4")
        assert await client.code("NOOP") == "250 2.0.0"

    house = play(scene, **lmtp(tmp_path), max_message_octets=65_536)
    [(envelope, octets)] = house.mails
    assert (envelope.channel, envelope.helo) == ("lmtp", "c")
    assert b" with LMTP;" in octets


def test_local_socket_has_its_mode_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"

    async def run() -> House:
        house = House()
        async with listening(
            house, settings(**lmtp(tmp_path, listen=f"unix:{path}", socket_mode=0o600))
        ) as listener:
            assert listener.accepting
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            async with connected(listener) as client:
                await client.to_data(hello=PIPE)
                assert await client.ask(b"x\r\n.\r\n") == "250 2.6.0 queued as 1-0"
        return house

    [(envelope, octets)] = asyncio.run(run()).mails
    assert (envelope.channel, envelope.peer) == ("pipe", "")
    assert octets.startswith(b"Received: from pipe.helpgate.invalid (local socket)\r\n")
    assert not path.exists()


def test_pipe_over_loopback_too(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data(hello=PIPE)
        await client.ask(b"x\r\n.\r\n")

    assert play(scene, **lmtp(tmp_path)).mails[0][0].channel == "pipe"


def test_stale_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    wanted = settings(**lmtp(tmp_path, listen=f"unix:{path}"))

    async def run() -> None:
        async with listening(House(), wanted) as listener:
            with pytest.raises(ConfigError, match="running"):
                await Listener(wanted, House()).start()
            async with connected(listener) as client:
                assert await client.code("NOOP") == "250 2.0.0"

    asyncio.run(run())


def test_places_that_cannot_be_listened_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep me")
    places = [
        f"unix:{tmp_path}/file",
        f"unix:{tmp_path}/no/where",
        f"unix:{tmp_path}/{'x' * 120}",
        "somewhere",
    ]

    async def run() -> None:
        for place in places:
            with pytest.raises(ConfigError, match=r"\[lmtp\] listen"):
                await Listener(settings(**lmtp(tmp_path, listen=place)), House()).start()

    asyncio.run(run())
    assert (tmp_path / "file").read_text() == "keep me"


def test_swaks_speaks_lmtp_through_the_socket(tmp_path: Path) -> None:
    async def run() -> tuple[House, str]:
        house, path = House(), tmp_path / "lmtp.sock"
        async with listening(house, settings(**lmtp(tmp_path, listen=f"unix:{path}"))):
            recipients = "help@desk.example,sales@desk.example"
            command = [
                "swaks",
                "--protocol",
                "LMTP",
                "--socket",
                str(path),
                "-f",
                "a@b.example",
                "-t",
                recipients,
            ]
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, check=False
            )
        return house, f"{done.returncode} {done.stdout}{done.stderr}"

    _, said = asyncio.run(run())
    assert said.startswith("0 "), said
    assert "queued as 1-0" in said
    assert "queued as 1-1" in said
