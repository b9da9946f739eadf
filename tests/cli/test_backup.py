"""`helpgate backup`, `restore` and `migrate`: nothing is lost, nothing is told twice (B23)."""

from __future__ import annotations

import json
import re
import smtplib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Wait
from tests.parts.daemon import Daemon, Daemons
from tests.parts.ports import LOOPBACK, wait_for
from tests.parts.postgres import Postgres
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.people import CAROL, DAVE, DESK, Person, mail


def send(daemon: Daemon, subject: str, who: Person = CAROL) -> None:
    with smtplib.SMTP(LOOPBACK, daemon.smtp_port, local_hostname="client.example") as client:
        client.sendmail(who.address, [DESK], mail(who, DESK, subject, "Please help."))


def test_after_a_restore_nothing_old_is_told_again(either: Daemon, decided: Wait, tmp_path: Path) -> None:
    """B23: letters from before wait for a human, promises from before are not kept, new mail is answered."""
    file = tmp_path / "backup"
    either.start()
    send(either, "Letters wait")
    decided(either, 1)
    wait_for(lambda: len(either.outbox()) == 3, "a receipt and two notices")
    either.stop()
    either.run("desk", "set", "Support", "delay_s=3600")
    either.start()
    send(either, "Promises wait", DAVE)
    decided(either, 2)
    either.run("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert either.try_run("restore", str(file)).returncode == 1, "a daemon is running"
    either.stop()
    assert either.try_run("restore", str(file)).returncode == 1, "the store has mail in it"
    told = either.try_run("restore", str(file), "--force")
    assert told.returncode == 0, told.stderr
    held, skipped = map(int, re.findall(r"(?m)^(\d+) (?:letters|notifications)", told.stderr.decode()))
    assert held >= 3 and skipped >= 2 and held + skipped == 6
    with ScriptedSMTP() as smarthost:
        either.smarthost(smarthost.port)
        either.run("desk", "set", "Support", "delay_s=0")
        either.start()
        send(either, "New", Person("Erin", "erin@customer.example"))
        wait_for(lambda: len(smarthost.mails) == 3, "a receipt and two notices for the new ticket")
        either.stop()
        assert [row["state"] for row in either.outbox()] == ["held"] * held + ["sent"] * 3
        assert len(smarthost.mails) == 3
        either.run("outbox", "retry", "1")
        either.start()
        wait_for(lambda: len(smarthost.mails) == 4, "the letter a human let go")
    assert "not mailed: restored from a backup" in either.run("explain", "2", "--json")


def test_backup_is_consistent_while_mail_comes_in(house: Daemon, new_daemon: Daemons, tmp_path: Path) -> None:
    """What was thanked for before it began is in it; of what came meanwhile, the first ones and no gap."""
    house.start()
    stop = threading.Event()

    def keep_sending() -> None:
        for number in range(400):
            if stop.is_set():
                return
            send(house, f"Mail {number}")

    for number in range(5):
        send(house, f"Before {number}")
    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        house.run("backup", str(tmp_path / "backup"))
    finally:
        stop.set()
        sender.join()
    other = new_daemon()
    other.init(desk="Other", address="other@desk.example")
    other.run("restore", str(tmp_path / "backup"))
    subjects = [row["subject"] for row in other.journal() if row["fate"] != "received"]
    ids = [int(row["id"]) for row in other.journal()]
    assert len(ids) >= 5 and ids == list(range(1, len(ids) + 1))
    assert len(other.export()) == len(subjects)
    assert [one["name"] for one in _desks(other)] == ["Support"]


def test_backup_never_replaces_a_file(house: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("something else")
    done = house.try_run("backup", str(file))
    assert done.returncode == 1 and b"--force" in done.stderr
    assert file.read_text() == "something else"
    house.run("backup", str(file), "--force")
    assert file.read_bytes().startswith(b"SQLite format 3")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("damage", ["cut", "scribbled", "foreign", "text"])
def test_a_damaged_backup_changes_nothing(house: Daemon, tmp_path: Path, damage: str) -> None:
    file = tmp_path / "backup"
    house.run("backup", str(file))
    octets = file.read_bytes()
    if damage == "foreign":
        file.unlink()
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE other (id INTEGER)")
    else:
        middle = len(octets) // 2
        scribbled = octets[:4096] + b"\xff" * (len(octets) - 4096)
        file.write_bytes({"cut": octets[:middle], "scribbled": scribbled, "text": b"hello"}[damage])
    before = (Path(house.settings["data_dir"]) / "helpgate.sqlite").read_bytes()
    done = house.try_run("restore", str(file), "--force")
    assert done.returncode == 75 and b"Traceback" not in done.stderr
    assert (Path(house.settings["data_dir"]) / "helpgate.sqlite").read_bytes() == before
    assert [one["name"] for one in _desks(house)] == ["Support"]


def test_restore_needs_no_store(house: Daemon, tmp_path: Path) -> None:
    """A new machine has the configuration and the backup, and nothing else."""
    house.run("backup", str(tmp_path / "backup"))
    (Path(house.settings["data_dir"]) / "helpgate.sqlite").unlink()
    house.run("restore", str(tmp_path / "backup"))
    assert [one["name"] for one in _desks(house)] == ["Support"]


def test_restore_replaces_a_damaged_store(house: Daemon, tmp_path: Path) -> None:
    house.run("backup", str(tmp_path / "backup"))
    (Path(house.settings["data_dir"]) / "helpgate.sqlite").write_bytes(b"not a database any more" * 1000)
    house.run("restore", str(tmp_path / "backup"), "--force")
    assert [one["name"] for one in _desks(house)] == ["Support"]


def test_a_backup_of_a_newer_program_is_refused(house: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    house.run("backup", str(file))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO schema_step VALUES (9999, 'later')")
        connection.commit()
    done = house.try_run("restore", str(file), "--force")
    assert done.returncode == 75 and b"newer Helpgate" in done.stderr


def test_migrate_says_what_ran(new_daemon: Daemons, postgres: Postgres) -> None:
    url = postgres.database()
    house = new_daemon()
    house.init()
    assert house.run("migrate") == "the schema is 1, the newest\n"
    house.settings["store.url"] = url
    assert house.try_run("journal").returncode == 1, "nothing is there yet"
    assert house.run("migrate") == "ran 0001_start\nthe schema is 1, the newest\n"
    assert house.run("migrate") == "the schema is 1, the newest\n"
    postgres.drop(url)


def _desks(daemon: Daemon) -> list[dict[str, str]]:
    return [json.loads(line) for line in daemon.run("desk", "list", "--json").splitlines()]
