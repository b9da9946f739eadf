"""The SMTP listener on a real socket: the conversation, the mail, and what goes wrong on our side."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
from pathlib import Path

import pytest

from gateway.errors import StoreError, StoreFull
from gateway.mail.octets import MOST_IN_MEMORY
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

MAIL = b"Subject: hello\r\n\r\nHello.\r\n"


def test_greeting_and_extensions_name_no_software(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        assert await client.ask("EHLO client.example") == (
            f"250-{HOSTNAME}\n250-PIPELINING\n250-SIZE 26214400\n250-8BITMIME\n250-SMTPUTF8\n250 ENHANCEDSTATUSCODES"
        )
        assert await client.ask("HELO client.example") == f"250 {HOSTNAME}"

    play(scene, tmp_path)


def test_mail_is_kept_under_a_trace_field(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data("help@desk.example", "sales@desk.example", sender="")
        assert await client.ask(MAIL + b"..dot\r\n.\r\n") == "250 2.6.0 queued as 1-0"
        assert await client.ask("QUIT") == "221 2.0.0 bye"
        assert await client.ended()

    [(envelope, octets)] = play(scene, tmp_path).mails
    assert octets == (
        b"Received: from client.example ([127.0.0.1])\r\n"
        b"\tby mx.desk.example with ESMTP;\r\n"
        b"\tSat, 21 Nov 2026 01:37:38 +0000\r\n" + MAIL + b".dot\r\n"
    )
    assert (envelope.channel, envelope.reverse_path, envelope.peer) == ("smtp", "", "127.0.0.1")
    assert envelope.recipients == ("help@desk.example", "sales@desk.example")
    assert (envelope.helo, envelope.tls, envelope.login) == ("client.example", "", "")


def test_helo_cannot_forge_the_trace_field(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data(hello="EHLO x(by;evil)")
        await client.ask(b".\r\n")

    [(_, octets)] = play(scene, tmp_path).mails
    assert octets.startswith(b"Received: from x_by_evil_ ([127.0.0.1])\r\n")


def test_everything_in_one_packet(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        one = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<help@desk.example>\r\nDATA\r\n" + MAIL + b".\r\n"
        client.send(b"EHLO c\r\n" + one + b"RSET\r\n" + one + b"NOOP\r\nQUIT\r\n")
        replies = [(await client.reply())[:3] for _ in range(12)]
        began = ["250", "250", "250", "354"]
        assert replies == [*began, "250", "250", *began[1:], "250", "250", "221"]
        assert await client.ended()

    assert play(scene, tmp_path).bodies == [MAIL, MAIL]


def test_one_octet_at_a_time(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        talk = (
            b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<help@desk.example>\r\nDATA\r\n"
            + MAIL
            + b".\r\nQUIT\r\n"
        )
        for octet in talk:
            client.send(bytes([octet]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert [(await client.reply())[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]

    assert play(scene, tmp_path).bodies == [MAIL]


SMUGGLED = b"MAIL FROM:<evil@b.example>\r\nRCPT TO:<help@desk.example>\r\nDATA\r\nsmuggled\r\n"


@pytest.mark.parametrize(
    "false_end",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\r\r\n.\r\r\n",
        b"\n\n.\r\n",
        b"\r\n\x00.\r\n",
        b"\r\n.\x00\r\n",
        b"\r\n .\r\n",
        b"\r\n. \r\n",
    ],
)
def test_smuggling_through_a_false_end_of_data(tmp_path: Path, false_end: bytes) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data()
        assert (await client.ask(b"one" + false_end + SMUGGLED + b".\r\n")).startswith("250 2.6.0")
        assert await client.code("NOOP") == "250 2.0.0"

    house = play(scene, tmp_path)
    [body] = house.bodies
    assert body.endswith(b"smuggled\r\n")
    expected = b"one" + false_end + SMUGGLED
    assert body == expected.replace(b"\r\n.", b"\r\n")


def test_peer_that_leaves_after_the_dot_has_its_mail_kept(tmp_path: Path) -> None:
    async def run() -> House:
        house = House(may_finish=asyncio.Event())
        assert house.may_finish
        async with listening(house, settings(tmp_path)) as listener:
            async with connected(listener) as client:
                await client.to_data()
                client.send(MAIL + b".\r\n")
                await house.begun.wait()
                client.reset()
            await nobody_left(listener)
            house.may_finish.set()
            await house.kept.wait()
        return house

    assert asyncio.run(run()).bodies == [MAIL]


def test_peer_that_leaves_before_the_dot_leaves_nothing(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data()
        client.send(b"x" * (MOST_IN_MEMORY + 1000))
        client.writer.write_eof()
        assert await client.ended()

    assert play(scene, tmp_path).mails == []


def test_half_closed_peer_gets_its_replies(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data()
        client.send(MAIL + b".\r\nNOOP\r\n")
        client.writer.write_eof()
        assert await client.reply() == "250 2.6.0 queued as 1-0"
        assert await client.reply() == "250 2.0.0 ok"

    play(scene, tmp_path)


def test_fifty_recipients_and_those_who_are_unknown(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<a@b.example>")
        for number in range(50):
            assert await client.code(f"RCPT TO:<help+{number}@desk.example>") == "250 2.1.5"
        assert await client.ask("RCPT TO:<nobody@desk.example>") == "550 5.1.1 nobody of that name here"
        assert await client.code("RCPT TO:<POSTMASTER>") == "250 2.1.5"
        await client.ask("DATA")
        assert await client.ask(MAIL + b".\r\n") == "250 2.6.0 queued as 1-0"

    [(envelope, octets)] = play(scene, tmp_path).mails
    assert len(envelope.recipients) == 51
    assert b"help+" not in octets


def test_size_is_refused_early_and_late_and_the_connection_stays_in_step(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        assert await client.code("MAIL FROM:<a@b.example> SIZE=1001") == "552 5.3.4"
        assert await client.code("MAIL FROM:<a@b.example> SIZE=x") == "501 5.5.4"
        assert await client.code("MAIL FROM:<a@b.example> SIZE=1") == "250 2.1.0"
        await client.ask("RCPT TO:<help@desk.example>")
        await client.ask("DATA")
        client.send(b"NOOP\r\n" * 200_000)
        assert await client.code(b"\r\n.\r\n") == "552 5.3.4"
        await client.to_data()
        assert await client.code(b"x" * 998 + b"\r\n.\r\n") == "250 2.6.0"

    assert play(scene, tmp_path, max_message_octets=1000).bodies == [b"x" * 998 + b"\r\n"]


def test_lines_of_a_megabyte_and_more(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data()
        assert await client.code(b"x" * 3_000_000 + b"\r\n.\r\n") == "250 2.6.0"

    assert play(scene, tmp_path).bodies == [b"x" * 3_000_000 + b"\r\n"]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (StoreFull("secret"), "452 4.3.1"),
        (StoreError("secret"), "451 4.3.0"),
        (RuntimeError("secret"), "451 4.3.0"),
    ],
)
def test_our_own_trouble_is_never_the_senders(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trouble: Exception, code: str
) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.to_data()
        house.trouble = trouble
        reply = await client.ask(MAIL + b".\r\n")
        assert reply.startswith(code)
        assert "secret" not in reply
        number = re.search(r"error ([0-9a-f]{10})\)", reply)
        assert number
        assert number[1] in caplog.text
        house.trouble = None
        await client.to_data()
        assert await client.code(MAIL + b".\r\n") == "250 2.6.0"

    with caplog.at_level(logging.DEBUG):
        play(scene, tmp_path)
    assert "b.example" not in caplog.text
    assert "desk.example" not in caplog.text


def test_trouble_with_recipients_and_with_room_for_large_mails(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<a@b.example>")
        house.refusal_trouble = OSError("secret")
        assert await client.code("RCPT TO:<help@desk.example>") == "451 4.3.0"
        house.refusal_trouble = None
        await client.ask("RCPT TO:<help@desk.example>")
        await client.ask("DATA")
        assert await client.code(b"x" * (MOST_IN_MEMORY + 1) + b"\r\n.\r\n") == "451 4.3.0"
        assert await client.code("NOOP") == "250 2.0.0"

    assert play(scene, tmp_path / "is not there").mails == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"RCPT TO:<\xff@desk.example>", "553 5.1.3"),
        (b"RCPT TO:<help@desk.example\x00>", "500 5.5.2"),
        ("RCPT TO:<hülp@desk.example>".encode(), "553 5.6.7"),
        (b"RCPT TO:<help@desk.example> NOTIFY=NEVER", "555 5.5.4"),
        (b"RCPT TO:<>", "553 5.1.3"),
        (b"RCPT TO:<help@desk.example", "553 5.1.3"),
        (b"RCPT TO:<@a:", "553 5.1.3"),
        (b"RCPT help@desk.example", "501 5.5.4"),
        (b'RCPT TO:<"help me"@desk.example>', "250 2.1.5"),
        (b"RCPT TO:<@one.example,@two.example:help@desk.example>", "250 2.1.5"),
        (b"MAIL FROM:<c@d.example>", "503 5.5.1"),
        (b"DATA", "503 5.5.1"),
        (b"STARTTLS", "502 5.5.1"),
        (b"BDAT 10 LAST", "502 5.5.1"),
        (b"AUTH PLAIN AGEAYg==", "502 5.5.1"),
        (b"EXPN list", "502 5.5.1"),
        (b"VRFY help", "252 2.5.0"),
        (b"HELP", "214 2.0.0"),
        (b"RSET now", "501 5.5.4"),
        (b"QUIT now", "501 5.5.4"),
        (b"LHLO c", "500 5.5.1"),
        (b"EHLO \xff", "501 5.5.4"),
        (b"", "500 5.5.1"),
        (b"XYZZY", "500 5.5.1"),
        (b"NOOP " + b"x" * 2000, "500 5.5.2"),
        (b"NOOP a\rQUIT", "500 5.5.2"),
    ],
)
def test_every_command_has_its_reply(tmp_path: Path, command: bytes, code: str) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<a@b.example>")
        assert await client.code(command + b"\r\n") == code
        assert await client.code("NOOP") == "250 2.0.0"

    play(scene, tmp_path)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<jörg@b.example>", "553 5.6.7"),
        ("MAIL FROM:<jörg@b.example> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM:<a@b.example> SMTPUTF8=1", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> body=8bitmime size=10", "250 2.1.0"),
        ("MAIL FROM:<a@b.example> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> AUTH=<>", "555 5.5.4"),
        ("MAIL FROM:a@b.example", "553 5.1.3"),
        ("MAIL FROM:<a..b.@b.example>", "250 2.1.0"),
        ("MAIL TO:<a@b.example>", "501 5.5.4"),
    ],
)
def test_mail_and_its_parameters(tmp_path: Path, command: str, code: str) -> None:
    async def scene(house: House, client: Client) -> None:
        assert await client.code("MAIL FROM:<a@b.example>") == "503 5.5.1"
        await client.ask("EHLO c")
        assert await client.code(command) == code

    play(scene, tmp_path)


@pytest.mark.parametrize("command", ["EHLO c", "HELO c", "RSET"])
def test_transaction_is_forgotten(tmp_path: Path, command: str) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<a@b.example>")
        await client.ask(command)
        assert await client.code("RCPT TO:<help@desk.example>") == "503 5.5.1"

    play(scene, tmp_path)


def test_utf8_recipient_when_it_was_asked_for(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        await client.ask("EHLO c")
        await client.ask("MAIL FROM:<jörg@b.example> SMTPUTF8")
        await client.ask("RCPT TO:<hülfe@desk.example>")
        await client.ask("DATA")
        await client.ask(MAIL + b".\r\n")

    [(envelope, octets)] = play(scene, tmp_path).mails
    assert (envelope.reverse_path, envelope.recipients) == ("jörg@b.example", ("hülfe@desk.example",))
    assert b" with UTF8SMTP;" in octets


def test_thousands_of_commands_in_one_packet(tmp_path: Path) -> None:
    async def scene(house: House, client: Client) -> None:
        client.send(b"NOOP\r\n" * 3000)
        for _ in range(3000):
            assert await client.reply() == "250 2.0.0 ok"

    play(scene, tmp_path)


def test_swaks_is_served(tmp_path: Path) -> None:
    async def run() -> House:
        house = House()
        async with listening(house, settings(tmp_path)) as listener:
            host, port = listener.address
            command = [
                "swaks",
                "-s",
                f"{host}:{port}",
                "-f",
                "a@b.example",
                "-t",
                "help@desk.example",
                "--ehlo",
                "c",
            ]
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return house

    assert len(asyncio.run(run()).mails) == 1
