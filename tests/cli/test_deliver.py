"""`helpgate deliver`: what it hands over, and what its exit status tells an MTA."""

from __future__ import annotations

import io
import os
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.cli.deliver import dotted
from gateway.store import blobs, journal
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from gateway.transport.data import DataReader
from tests.cli.conftest import Wait
from tests.fakes import FakeClock
from tests.parts.daemon import Daemon, Daemons
from tests.people import CAROL, DESK, mail

MAIL = mail(CAROL, DESK, "Printer", "It burns.\n.\n..\nbye")


def stored(daemon: Daemon, id: int) -> bytes:
    store = Store(SQLITE, Path(daemon.settings["data_dir"]), FakeClock())
    try:
        with store.reading() as unit:
            row = journal.by_id(unit, id)
            assert row is not None
            return blobs.load(unit, row.octets)
    finally:
        store.close()


def test_delivers_every_kind_of_line_and_says_nothing(house: Daemon, decided: Wait) -> None:
    house.start()
    unix = MAIL.replace(b"\r\n", b"\n").replace(b"Printer", b"Unix lines")
    mbox = b"From carol Sat Nov 21 00:00:00 2026\n" + unix.replace(b"Unix", b"Mbox")
    endless = MAIL.replace(b"Printer", b"No last line end") + b"x" * 200_000
    for octets in (MAIL, unix, mbox, endless):
        done = house.try_run("deliver", stdin=octets)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    decided(house, 4)
    rows = house.journal()
    assert [row["channel"] for row in rows] == ["pipe"] * 4
    assert [row["subject"] for row in rows] == ["Printer", "Unix lines", "Mbox lines", "No last line end"]
    assert {row["verdict"] for row in rows} == {"human"}
    assert stored(house, 1).endswith(MAIL)
    assert stored(house, 2).endswith(MAIL.replace(b"Printer", b"Unix lines"))
    assert b"From carol" not in stored(house, 3)
    assert stored(house, 4).endswith(endless + b"\r\n")


def test_reverse_path_comes_from_whoever_knows_it(house: Daemon) -> None:
    house.start()
    house.run("deliver", "-f", "bounces@list.example", stdin=MAIL)
    house.run("deliver", stdin=b"Return-Path: <carol@home.example>\n" + MAIL)
    house.run("deliver", stdin=b"Return-Path: <>\r\n" + MAIL)
    house.run("deliver", "-f", "MAILER-DAEMON", stdin=MAIL)
    house.run("deliver", stdin=MAIL)
    given = [row["envelope"]["from"] for row in house.journal()]
    assert given == ["bounces@list.example", "carol@home.example", "", "", "unknown@pipe.helpgate.invalid"]


def test_refusals_have_the_status_of_their_reason(new_daemon: Daemons) -> None:
    house = new_daemon({"smtp.max_message_octets": "65536"})
    house.init()
    house.start()
    for arguments, octets, status in (
        (("--rcpt", "nobody@desk.example"), MAIL, 67),
        (("--rcpt", "no address"), MAIL, 64),
        (("--no-such-option",), MAIL, 64),
        ((), b"", 65),
        ((), MAIL + b"x\n" * 60_000, 65),
    ):
        done = house.try_run("deliver", *arguments, stdin=octets)
        assert (done.returncode, done.stdout) == (status, b""), arguments
        assert done.stderr.startswith(b"helpgate: ") and done.stderr.count(b"\n") == 1
    assert house.journal() == []


def test_several_desks_need_a_recipient(house: Daemon) -> None:
    house.run("desk", "add", "Sales", "--address", "sales@desk.example")
    assert house.try_run("deliver", stdin=MAIL).returncode == 64
    house.start()
    house.run("deliver", "--rcpt", "sales@desk.example", stdin=MAIL)
    assert [row["desk"] for row in house.journal()] == ["Sales"]


def test_our_trouble_bounces_nothing(house: Daemon) -> None:
    away = house.try_run("deliver", stdin=MAIL)
    assert away.returncode == 75, "the daemon is away"
    assert house.settings["lmtp.listen"].encode() in away.stderr, "where it should be is named"
    file = house.folder / "helpgate.toml"
    text = file.read_text()
    file.write_text("bogus = 1\n" + text)
    assert house.try_run("deliver", stdin=MAIL).returncode == 75, "an unknown key"
    file.unlink()
    assert house.try_run("deliver", stdin=MAIL).returncode == 75, "no configuration"
    file.write_text(text)
    os.rename(house.settings["data_dir"], f"{house.settings['data_dir']}-away")
    assert house.try_run("deliver", stdin=MAIL).returncode == 75, "no store"


def test_a_socket_works_as_well(new_daemon: Daemons, tmp_path: Path) -> None:
    house = new_daemon({"lmtp.listen": f"unix:{tmp_path / 'lmtp.sock'}"})
    house.init()
    house.start()
    house.run("deliver", stdin=MAIL)
    assert [row["channel"] for row in house.journal()] == ["pipe"]


FRAGMENTS = st.sampled_from([b".", b"a", b"\r", b"\n", b"\r\n", b"..", b"\r\n.\r\n"])


@given(st.lists(FRAGMENTS, max_size=12).map(b"".join), st.integers(1, 4))
@example(b".\r\n.", 1)
def test_what_is_dotted_is_read_back(octets: bytes, size: int) -> None:
    """By our own reader: a bare LF becomes CRLF, a bare CR stays, and nothing ends the mail early."""
    source = io.BytesIO(octets)
    pieces = iter(lambda: source.readline(size), b"")
    reader = DataReader()
    read = reader.feed(b"".join(dotted(pieces)) + b".\r\n")
    wanted = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if wanted and not wanted.endswith(b"\r\n"):
        wanted += b"\r\n"
    assert reader.ended
    assert (read, reader.rest) == (wanted, b"")
