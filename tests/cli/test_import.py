"""`helpgate import`: with a daemon and without one, killed and started again, and nothing leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.cli.conftest import Wait
from tests.parts.daemon import COMMAND, Daemon, Daemons
from tests.parts.dovecot import PASSWORD, Dovecots
from tests.parts.ports import wait_for
from tests.people import CAROL, DESK, mail, reply

MARK = b"From carol@customer.example Mon Mar  4 10:00:00 2019\n"
TALKS = 60


def conversation(number: int) -> list[bytes]:
    """A question, its answer and thanks, of one day of 2019."""
    day = f"Mon, 04 Mar 2019 1{{}}:00:{number % 60:02d} +0000"
    asked = mail(CAROL, DESK, f"Question {number}", f"What is {number}?", headers={"Date": day.format(0)})
    told = reply(f"Help <{DESK}>", asked, f"It is {number}.", {"Date": day.format(1), "Reply-To": ""})
    thanks = reply(CAROL, told, "Thank you.", {"Date": day.format(2)})
    return [asked, told, thanks]


def archive(folder: Path, talks: int = TALKS) -> Path:
    """All questions, then all thanks, then all answers: an import puts them in order."""
    found = [conversation(number) for number in range(talks)]
    octets = b"".join(
        MARK + talk[part].replace(b"\r\n", b"\n") + b"\n" for part in (0, 2, 1) for talk in found
    )
    path = folder / "archive.mbox"
    path.write_bytes(octets)
    return path


def told(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def is_whole(house: Daemon, talks: int = TALKS) -> None:
    tickets = house.export()
    assert len(tickets) == talks
    for ticket in tickets:
        assert [one["kind"] for one in ticket["messages"]] == ["client", "agent", "client"]
        assert ticket["status"] == "closed" and ticket["created_at"].startswith("2019-03-04T10:00")
    assert house.outbox() == []


def test_an_archive_without_a_daemon(either: Daemon) -> None:
    path = archive(either.folder)
    summary = told(either.run("import", str(path), "--json"))
    assert (summary["found"], summary["written"], summary["applied"]) == (3 * TALKS,) * 3
    is_whole(either)
    again = told(either.run("import", str(path), "--json"))
    assert (again["already_here"], again["written"]) == (3 * TALKS, 0)
    assert len(either.journal()) == 3 * TALKS
    assert {row["channel"] for row in either.journal()} == {"import"}


def test_beside_a_daemon(house: Daemon, decided: Wait) -> None:
    house.start()
    summary = told(house.run("import", str(archive(house.folder)), "--json"))
    assert summary["applied"] == 3 * TALKS
    is_whole(house)
    house.run("deliver", stdin=mail(CAROL, DESK, "Of today", "Hello."))
    decided(house, 3 * TALKS + 1)
    assert len(house.export()) == TALKS + 1


def test_killed_at_any_point_it_goes_on_where_it_was(house: Daemon) -> None:
    path = archive(house.folder)
    for kept in (1, TALKS, 2 * TALKS, 3 * TALKS):
        command = [*COMMAND, "import", str(path), "--config", str(house.folder / "helpgate.toml")]
        running = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=house.environment,
            start_new_session=True,
        )

        def is_so_far(kept: int = kept, running: subprocess.Popen[bytes] = running) -> bool:
            return len(house.journal()) >= kept or running.poll() is not None

        wait_for(is_so_far, f"{kept} mails written down", 60)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    house.start()  # whose mails the last one left, it applies
    summary = told(house.run("import", str(path), "--json"))
    assert summary["already_here"] + summary["written"] == 3 * TALKS
    assert len(house.journal()) == 3 * TALKS
    is_whole(house)


def test_what_it_says_and_what_it_leaves(house: Daemon) -> None:
    path = archive(house.folder, 1)
    bounce = mail("MAILER-DAEMON@mx.example", DESK, "Undelivered", "No.").replace(b"\r\n", b"\n")
    path.write_bytes(path.read_bytes() + MARK + bounce)
    said = house.run("import", str(path), "--open", "--since", "2019-03-04T10:30:00Z")
    assert "4 mails found, 3 of them are new here" in said
    assert "1 are held: helpgate journal --fate held --since" in said and "1 are older" in said
    assert house.run("import", str(path)).count("were here from an earlier run") == 1
    [held] = house.journal("--fate", "held")
    assert held["verdict"] == "bounce"


def test_mistakes_have_a_sentence(house: Daemon) -> None:
    path = house.folder / "box.mbox"
    path.write_bytes(b"Subject: x\n\ny\n")
    for arguments, word in (
        ((str(house.folder / "nothing"),), "there is no"),
        ((str(path),), "add --format eml"),
        ((str(path), "--desk", "Nobody"), "there is no desk"),
        ((str(path), "--since", "yesterday"), "is no time"),
        (("imap:Archive",), "[[imap]]"),
    ):
        done = house.try_run("import", *arguments)
        assert done.returncode and word in done.stderr.decode(), arguments
    assert house.journal() == []
    assert told(house.run("import", str(path), "--format", "eml", "--json"))["applied"] == 1


def test_several_archives_at_once_in_the_order_of_time(new_daemon: Daemons, tmp_path: Path) -> None:
    house = new_daemon()
    house.init()
    asked, answered, thanks = conversation(1)
    (tmp_path / "old" / "cur").mkdir(parents=True)
    (tmp_path / "old" / "cur" / "1551693600.M1P1.host:2,S").write_bytes(thanks)
    (tmp_path / "eml").mkdir()
    (tmp_path / "eml" / "one.eml").write_bytes(answered)
    (tmp_path / "box").write_bytes(MARK + asked.replace(b"\r\n", b"\n"))
    paths = [str(tmp_path / name) for name in ("old", "eml", "box")]
    assert told(house.run("import", *paths, "--json"))["applied"] == 3
    is_whole(house, 1)


def test_a_folder_by_imap_is_taken_in_and_left_as_it_is(
    new_daemon: Daemons, new_dovecot: Dovecots, tmp_path: Path
) -> None:
    dovecot = new_dovecot()
    talk = conversation(1)
    dovecot.put([talk[2], talk[0], talk[1]], folder="Archive")
    house = new_daemon()
    house.init()
    file = house.folder / "helpgate.toml"
    login = f'username = "{dovecot.users[0]}"\npassword = "{PASSWORD}"\n'
    server = f'host = "127.0.0.1"\nport = {dovecot.port}\nsecurity = "none"\n'
    file.write_text(f'{file.read_text()}\n[[imap]]\ndesk = "Support"\n{server}{login}')
    file.chmod(0o600)
    for written in (3, 0):
        assert told(house.run("import", "imap:Archive", "--json"))["written"] == written
    is_whole(house, 1)
    with dovecot.client(folder="Archive") as client:
        assert not any(b"\\Seen" in flags for flags in client.get_flags(client.search()).values())
    done = house.try_run("import", "imap:Nowhere", "--json")
    assert done.returncode == 1 and "Nowhere" in told(done.stdout.decode())["unreadable"][0]
