"""What an operator's tools see of the daemon: service manager, monitors, environment, secrets."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.town import Town
from tests.parts import swaks
from tests.parts.daemon import Daemon, Daemons
from tests.parts.ports import LOOPBACK, free_port
from tests.people import ALICE, CAROL, DESK, mail

METRICS = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's notification socket. sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(30)
        yield channel


def furnished(new_daemon: Daemons, **settings: str) -> Daemon:
    daemon = new_daemon({name.replace("__", "."): value for name, value in settings.items()})
    daemon.init(address=DESK, agent=ALICE.address)
    return daemon


def fetched(port: int, path: str) -> tuple[int, str, bytes]:
    """Status, type and body."""
    connection = HTTPConnection(LOOPBACK, port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type", ""), body


def test_the_service_manager_hears_ready_and_stopping(
    new_daemon: Daemons, manager: socket.socket, tmp_path: Path
) -> None:
    path = str(tmp_path / "notify")
    daemon = furnished(new_daemon)
    daemon.launcher = ("env", f"NOTIFY_SOCKET={path}", *daemon.launcher)
    daemon.launch()
    assert manager.recv(4096) == b"READY=1"
    sent = swaks.send(mail(CAROL, DESK, "x", "y"), from_=CAROL.address, to=[DESK], port=daemon.smtp_port)
    assert sent.queued == ["1"], "READY means that mail is taken"
    assert daemon.get("/healthz")[0] == 200
    assert daemon.stop() == 0
    assert manager.recv(4096) == b"STOPPING=1"


def test_sigterm_ends_well_with_a_sender_in_the_middle(town: Town) -> None:
    town.daemon.start()
    with socket.create_connection((LOOPBACK, town.port), timeout=30) as idle:
        assert idle.recv(512).startswith(b"220 ")
        idle.sendall(b"EHLO client.example\r\nMAIL FROM:<carol@customer.example>\r\n")
        assert town.daemon.stop() == 0


def test_mail_taken_just_before_sigterm_is_there_afterwards(town: Town) -> None:
    town.daemon.start()
    town.writes(CAROL, "Printer", "It burns.")
    assert town.daemon.stop() == 0
    town.daemon.start()
    town.awaits(ALICE, "It burns.")
    assert len(town.daemon.journal()) == 1


@pytest.mark.parametrize("key", ["smarthost.password", "store.url"])
def test_a_secrets_file_that_others_may_read_is_refused(
    new_daemon: Daemons, tmp_path: Path, key: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    daemon = furnished(new_daemon)
    daemon.settings[f"{key}_file"] = str(secret)
    done = daemon.try_run("serve")
    said = done.stderr.decode()
    assert done.returncode != 0
    assert f"{key}_file" in said and "chmod 640" in said
    assert "hunter2" not in said and "Traceback" not in said


def test_a_configuration_with_a_password_that_others_may_read_is_refused(new_daemon: Daemons) -> None:
    daemon = furnished(new_daemon)
    file = daemon.folder / "helpgate.toml"
    assert file.stat().st_mode & 0o007 == 0, "init makes it for us and our group alone"
    file.write_text(re.sub(r'(?m)^#? ?password = ".*"$', 'password = "hunter2"', file.read_text(), count=1))
    assert "hunter2" in file.read_text()
    file.chmod(0o644)
    done = daemon.try_run("serve")
    assert done.returncode != 0 and b"chmod 640" in done.stderr and b"hunter2" not in done.stderr
    file.chmod(0o640)
    daemon.start()
    assert daemon.stop() == 0


def test_metrics_have_a_listener_of_their_own(new_daemon: Daemons) -> None:
    port = free_port()
    daemon = furnished(new_daemon, metrics__listen=f"{LOOPBACK}:{port}")
    daemon.start()
    status, kind, body = fetched(port, "/metrics")
    assert (status, kind) == (200, METRICS)
    assert b"helpgate_inbound_waiting 0.0" in body
    assert daemon.get("/metrics")[0] == 404, "no longer among the public pages"
    assert daemon.get("/healthz")[0] == daemon.get("/readyz")[0] == 200


def test_numbers_tell_what_happened(town: Town) -> None:
    town.daemon.start()
    town.writes(CAROL, "Printer", "It burns.")
    town.settle()
    _, kind, body = fetched(town.daemon.web_port, "/metrics")
    assert kind == METRICS
    for line in (
        'helpgate_inbound_total{fate="applied"} 1.0',
        'helpgate_deliveries_total{state="sent"} 3.0',
        "helpgate_inbound_waiting 0.0",
        "helpgate_outbox_failed 0.0",
    ):
        assert line in body.decode(), body.decode()


def test_the_environment_wins_over_the_file(new_daemon: Daemons) -> None:
    daemon = furnished(new_daemon)
    file = daemon.folder / "helpgate.toml"
    assert str(daemon.smtp_port) not in file.read_text()
    daemon.settings["smtp.hostname"] = "other.desk.example"
    daemon.start()
    with socket.create_connection((LOOPBACK, daemon.smtp_port), timeout=30) as client:
        assert client.recv(512).startswith(b"220 other.desk.example ")


def test_an_unknown_key_of_the_environment_is_named(new_daemon: Daemons) -> None:
    daemon = furnished(new_daemon)
    daemon.settings["web.base_uri"] = "http://localhost"
    done = daemon.try_run("serve")
    assert done.returncode != 0
    assert b"HELPGATE_WEB__BASE_URI" in done.stderr and b"Traceback" not in done.stderr


def test_a_second_daemon_on_one_embedded_store_is_refused(new_daemon: Daemons) -> None:
    first = furnished(new_daemon)
    first.start()
    second = new_daemon({"data_dir": first.settings["data_dir"]}, folder=first.folder)
    done = second.try_run("serve")
    assert done.returncode != 0
    assert b"another daemon" in done.stderr and b"Traceback" not in done.stderr
    assert first.get("/readyz")[0] == 200
