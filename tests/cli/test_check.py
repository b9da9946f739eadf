"""`helpgate check`: what is wrong is named, with what to do; what is well is quiet about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.cli.conftest import Wait
from tests.parts.daemon import Daemon, Daemons
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.people import CAROL, DESK, mail


def levels(daemon: Daemon, code: int) -> dict[str, str]:
    """The worst level by subject."""
    found: dict[str, str] = {}
    for line in daemon.run("check", "--json", code=code).splitlines():
        finding = json.loads(line)
        assert set(finding) == {"level", "subject", "words", "what_to_do"}
        assert finding["level"] == "ok" or finding["what_to_do"], finding
        found[finding["subject"]] = max(found.get(finding["subject"], ""), finding["level"], key=_badness)
    return found


def _badness(level: str) -> int:
    return ("", "ok", "warning", "failed").index(level)


def test_a_running_house_is_well(house: Daemon) -> None:
    with ScriptedSMTP() as smarthost:
        house.smarthost(smarthost.port)
        house.start()
        found = levels(house, 0)
        assert smarthost.mails == []
    well = (
        "configuration",
        "data folder",
        "templates",
        "clock",
        "store",
        "keys",
        "desks",
        "agents",
        "intake",
    )
    assert {
        found[subject] for subject in (*well, "held mail", "letters", "smtp", "lmtp", "web", "smarthost")
    } == {"ok"}
    assert found["base_url"] == "warning", "it is of this machine only"
    assert found["DNS of desk.example"] == "warning"
    assert "reply domain" not in found


@pytest.mark.parametrize(
    ("address", "level"),
    [
        ("", "warning"),
        ("ops", "failed"),
        ("HELP+ops@desk.example", "warning"),
        ("ops@elsewhere.example", "ok"),
    ],
)
def test_an_operator_has_a_mailbox_of_their_own(house: Daemon, address: str, level: str) -> None:
    house.settings["operator.address"] = address
    assert levels(house, 1)["operator"] == level


def test_a_stopped_daemon_is_named_last(house: Daemon) -> None:
    done = house.try_run("check")
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[-1].startswith("failed   smtp:") and "helpgate serve" in lines[-1]
    assert "failed" in lines[-2] and "ok" in lines[-2]


def test_a_broken_configuration_is_a_finding(house: Daemon) -> None:
    house.settings["web.bogus"] = "1"
    assert levels(house, 1) == {"configuration": "failed"}
    del house.settings["web.bogus"]
    (house.folder / "helpgate.toml").write_text("[smtp\n")
    assert levels(house, 1) == {"configuration": "failed"}


@pytest.mark.parametrize(
    ("settings", "subject", "level"),
    [
        (
            {"smarthost.host": "127.0.0.1", "smarthost.port": "1", "smarthost.security": "none"},
            "smarthost",
            "failed",
        ),
        ({"templates.folder": "nowhere"}, "templates", "failed"),
        ({"store.url": "postgresql://nobody@127.0.0.1:1/none"}, "store", "failed"),
        ({"data_dir": "elsewhere"}, "data folder", "failed"),
        ({"web.base_url": "http://help.desk.example"}, "base_url", "warning"),
        ({"smtp.tls_certificate": "none.pem", "smtp.tls_key": "none.pem"}, "certificate", "failed"),
    ],
)
def test_each_trouble_is_found(house: Daemon, settings: dict[str, str], subject: str, level: str) -> None:
    house.settings |= settings
    assert levels(house, 1)[subject] == level


def test_a_login_that_is_refused(house: Daemon) -> None:
    with ScriptedSMTP(users={"us": "right"}) as smarthost:
        house.smarthost(smarthost.port, username="us", password="wrong")
        assert levels(house, 1)["smarthost"] == "failed"
        house.smarthost(smarthost.port, username="us", password="right")
        assert levels(house, 1)["smarthost"] == "ok"


def test_what_waits_for_a_human(house: Daemon, decided: Wait) -> None:
    house.start()
    answer = mail(CAROL, DESK, "Out of office", "I am away.", headers={"Auto-Submitted": "auto-replied"})
    house.run("deliver", stdin=answer)
    decided(house, 1)
    assert levels(house, 0)["held mail"] == "warning"


def test_one_domain_for_desks_and_agents(house: Daemon) -> None:
    """T01: a reply address must not look like a colleague's."""
    house.run("agent", "add", "chris@desk.example")
    assert levels(house, 1)["reply domain"] == "warning"


def test_a_desk_without_agents(new_daemon: Daemons) -> None:
    daemon = new_daemon()
    daemon.init()
    assert levels(daemon, 1)["agents"] == "warning"


@pytest.mark.parametrize(
    ("name", "days", "level"),
    [("mx.desk.example", 60, "ok"), ("*.desk.example", 60, "ok"), ("other.example", 60, "warning"),
     ("mx.desk.example", 3, "warning"), ("mx.desk.example", -1, "failed")],
)  # fmt: skip
def test_certificates(house: Daemon, tmp_path: Path, name: str, days: int, level: str) -> None:
    authority = trustme.CA()
    made = authority.issue_cert(
        name, not_before=datetime(2026, 1, 1, tzinfo=UTC), not_after=datetime.now(UTC) + timedelta(days=days)
    )
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    for part in made.cert_chain_pems:
        part.write_to_path(str(tmp_path / "chain.pem"), append=True)
    house.settings |= {
        "smtp.tls_certificate": str(tmp_path / "chain.pem"),
        "smtp.tls_key": str(tmp_path / "key.pem"),
    }
    assert levels(house, 1)["certificate"] == level
