"""How much one peer may ask of a listener, TLS, and the way out."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.errors import ConfigError
from gateway.transport.certificate import Certificate
from gateway.transport.limits import Doorkeeper, Patience, plain_address
from gateway.transport.listener import Listener
from tests.transport.smtp_house import (
    HOSTNAME,
    Client,
    House,
    connected,
    listening,
    nobody_left,
    play,
    settings,
)

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize("caps", [{"max_connections": 2, "relays": LOOPBACK}, {"max_connections_per_ip": 2}])
def test_one_connection_too_many_is_told_politely(tmp_path: Path, caps: dict[str, object]) -> None:
    async def run() -> None:
        async with (
            listening(House(), settings(tmp_path, **caps)) as listener,
            connected(listener) as one,
            connected(listener),
            connected(listener, greeted=False) as three,
        ):
            assert await three.reply() == "421 4.7.0 too many connections, please try again later"
            assert await three.ended()
            assert await one.ask("QUIT") == "221 2.0.0 bye"
            assert await one.ended()
            await nobody_left(listener, but=1)
            async with connected(listener) as four:
                assert await four.code("NOOP") == "250 2.0.0"

    asyncio.run(run())


def test_relays_have_no_cap_per_address(tmp_path: Path) -> None:
    async def run() -> None:
        wanted = settings(tmp_path, max_connections_per_ip=1, relays=LOOPBACK)
        async with listening(House(), wanted) as listener, connected(listener), connected(listener) as two:
            assert await two.code("NOOP") == "250 2.0.0"

    asyncio.run(run())


def test_ipv6_subscribers_are_counted_by_their_network() -> None:
    door = Doorkeeper((), most=10, most_per_address=1)
    assert door.let_in("2001:db8::1")
    assert not door.let_in("2001:db8::2")
    assert door.let_in("2001:db8:0:1::1")
    door.let_out("2001:db8::1")
    assert door.let_in("2001:db8::2")
    assert plain_address(("::ffff:192.0.2.1", 1, 0, 0)) == "192.0.2.1"
    assert plain_address(("fe80::1%eth0", 1, 0, 2)) == "fe80::1"
    assert plain_address("") == ""


def test_recipients_beyond_the_cap_wait(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<a@b.example>")
        for number in range(100):
            assert await client.code(f"RCPT TO:<help{number}@desk.example>") == "250 2.1.5"
        assert await client.code("RCPT TO:<help@desk.example>") == "452 4.5.3"
        assert await client.code("DATA") == "354 the m"
        assert await client.code(b"x\r\n.\r\n") == "250 2.6.0"

    assert len(play(scene, tmp_path).mails[0][0].recipients) == 100


def test_twenty_bad_commands_are_enough(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        for _ in range(20):
            assert await client.code("XYZZY") == "500 5.5.1"
        assert await client.reply() == "421 4.7.0 too many bad commands"
        assert await client.ended()

    play(scene, tmp_path)


@pytest.mark.parametrize(
    ("patience", "in_data"),
    [
        (Patience(idle=0.05, tick=0.01), False),
        (Patience(session=0.05, tick=0.01), False),
        (Patience(idle=0.05, tick=0.01), True),
        (Patience(data=0.05, tick=0.01), True),
        (Patience(grace=0.05, rate=10**9, tick=0.01), True),
    ],
)
def test_peers_that_take_too_long_are_told(tmp_path: Path, patience: Patience, in_data: bool) -> None:
    async def scene(house: House, client: Client) -> None:
        if in_data:
            await client.to_data()
            client.send(b"half a mail\r\n")
        assert await client.reply() == "421 4.4.2 waited too long"
        assert await client.ended()

    assert play(scene, tmp_path, patience=patience).mails == []


def test_peer_that_never_reads_is_cut_off(tmp_path: Path) -> None:
    async def run() -> None:
        wanted = settings(tmp_path, patience=Patience(idle=0.2, tick=0.05))
        async with listening(House(), wanted) as listener, connected(listener) as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(b"HELP\r\n" * 2_000_000)
            await nobody_left(listener)

    asyncio.run(run())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def write_certificate(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    issued = authority.issue_cert(HOSTNAME)
    key.write_bytes(issued.private_key_pem.bytes())
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return certificate, key


async def start_tls(client: Client, authority: trustme.CA, first: str) -> None:
    client.send(f"{first}\r\n")
    await go_on_in_tls(client, authority)


async def go_on_in_tls(client: Client, authority: trustme.CA) -> None:
    assert await client.reply() == "220 2.0.0 ready to start TLS"
    context = ssl.create_default_context()
    authority.configure_trust(context)
    await asyncio.wait_for(client.writer.start_tls(context, server_hostname=HOSTNAME), 20)


def test_starttls_after_so_many_commands_that_the_peer_was_held_up(
    tmp_path: Path, authority: trustme.CA
) -> None:
    certificate, key = write_certificate(authority, tmp_path)

    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        client.send((b"NOOP " + b"x" * 1000 + b"\r\n") * 400 + b"STARTTLS\r\n")
        for _ in range(400):
            assert (await client.reply()).startswith("250")
        await go_on_in_tls(client, authority)
        assert (await client.ask("EHLO c")).startswith("250")

    play(scene, tmp_path, tls_certificate=certificate, tls_key=key)


def test_starttls_forgets_what_was_said_in_the_clear(tmp_path: Path, authority: trustme.CA) -> None:
    certificate, key = write_certificate(authority, tmp_path)

    async def scene(house: House, client: Client) -> None:
        assert (await client.ask("EHLO c")).endswith("250 STARTTLS")
        await client.ask("MAIL FROM:<evil@b.example>")
        await start_tls(client, authority, "STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b.example>")
        assert await client.code("RCPT TO:<help@desk.example>") == "503 5.5.1"
        assert "STARTTLS" not in await client.ask("EHLO c")
        assert await client.code("STARTTLS") == "503 5.5.1"
        await client.to_data()
        assert await client.ask(b"x" * 400_000 + b"\r\n.\r\n") == "250 2.6.0 queued as 1-0"
        assert await client.ask("QUIT") == "221 2.0.0 bye"

    [(envelope, octets)] = play(scene, tmp_path, tls_certificate=certificate, tls_key=key).mails
    assert (envelope.tls, envelope.reverse_path) == ("TLSv1.3", "a@b.example")
    assert b" with ESMTPS;" in octets


def test_failed_handshakes_give_their_place_back(tmp_path: Path, authority: trustme.CA) -> None:
    certificate, key = write_certificate(authority, tmp_path)

    async def run() -> None:
        wanted = settings(tmp_path, tls_certificate=certificate, tls_key=key, max_connections=1)
        async with listening(House(), wanted) as listener:
            for what in (b"this is no TLS\r\n" * 100, b""):
                async with connected(listener) as client:
                    await client.ask("EHLO c")
                    assert (await client.ask("STARTTLS")).startswith("220")
                    client.send(what)
                await nobody_left(listener)

    asyncio.run(run())


def test_renewed_certificate_serves_the_next_handshake(tmp_path: Path, authority: trustme.CA) -> None:
    paths = write_certificate(authority, tmp_path)
    certificate = Certificate(*paths)
    first = certificate.context()
    assert certificate.context() is first
    paths[0].write_text("half written")
    assert certificate.context() is first
    write_certificate(authority, tmp_path)
    os.utime(paths[0], ns=(1, 1))
    assert certificate.context() is not first


def test_certificate_that_cannot_be_used_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_text("nonsense")
    wanted = settings(
        tmp_path, tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "certificate.pem"
    )
    with pytest.raises(ConfigError, match="tls_certificate"):
        Listener(wanted, House())


def test_stop_lets_a_mail_finish_and_tells_the_others(tmp_path: Path) -> None:
    async def run() -> House:
        house = House()
        listener = Listener(settings(tmp_path), house)
        await listener.start()
        async with connected(listener) as idle, connected(listener) as busy:
            await busy.to_data()
            stopping = asyncio.create_task(listener.stop(grace=20))
            assert await idle.reply() == "421 4.3.2 going down, please try again later"
            assert await idle.ended()
            assert not listener.accepting
            assert await busy.ask(b"x\r\n.\r\n") == "250 2.6.0 queued as 1-0"
            assert await busy.reply() == "421 4.3.2 going down, please try again later"
            await stopping
        return house

    assert asyncio.run(run()).bodies == [b"x\r\n"]


def test_stop_does_not_wait_for_a_mail_that_never_ends(tmp_path: Path) -> None:
    async def run() -> House:
        house = House()
        listener = Listener(settings(tmp_path), house)
        await listener.start()
        async with connected(listener) as client:
            await client.to_data()
            client.send(b"half a mail\r\n")
            await listener.stop(grace=0.05)
            assert await client.reply() == "421 4.3.2 going down, please try again later"
            assert await client.ended()
        return house

    assert asyncio.run(run()).mails == []
