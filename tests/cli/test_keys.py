"""`helpgate keys`: rotated without breaking what was sent, never shown."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.store import settings as kept
from gateway.store.database import Store
from gateway.store.engines import SQLITE
from tests.fakes import FakeClock
from tests.parts.daemon import Daemon


def rows(daemon: Daemon) -> list[dict[str, object]]:
    return [json.loads(line) for line in daemon.run("keys", "list", "--json").splitlines()]


def test_rotate_adds_and_retire_ends(house: Daemon) -> None:
    assert [(row["id"], row["state"]) for row in rows(house)] == [(0, "seals")]
    assert house.try_run("keys", "retire", "0").returncode == 1, "nothing could be sealed any more"
    house.run("keys", "rotate")
    assert [(row["id"], row["state"]) for row in rows(house)] == [(0, "verifies"), (1, "seals")]
    house.run("keys", "retire", "0")
    assert [(row["id"], row["state"]) for row in rows(house)] == [(0, "retired"), (1, "seals")]
    assert house.try_run("keys", "retire", "0").returncode == 1
    assert house.try_run("keys", "retire", "7").returncode == 1


def test_secrets_are_never_shown(house: Daemon) -> None:
    store = Store(SQLITE, Path(house.settings["data_dir"]), FakeClock())
    with store.reading() as unit:
        secret = bytes(kept.all_keys(unit)[0].secret)
    store.close()
    shown = house.run("keys", "list") + house.run("keys", "list", "--json") + house.run("keys", "rotate")
    assert secret.hex() not in shown
    assert {key for row in rows(house) for key in row} == {"id", "state", "made_at", "retired_at"}


def test_the_sixty_fourth_is_the_last(house: Daemon) -> None:
    store = Store(SQLITE, Path(house.settings["data_dir"]), FakeClock())
    with store.unit() as unit:
        for _ in range(63):
            kept.add_key(unit)
    store.close()
    done = house.try_run("keys", "rotate")
    assert done.returncode == 1 and b"64 keys" in done.stderr and b"Traceback" not in done.stderr
