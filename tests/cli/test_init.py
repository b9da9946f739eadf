"""`helpgate init`: a folder made ready, once and again, and one that cannot be written."""

from __future__ import annotations

from pathlib import Path

from tests.parts.daemon import Daemon, Daemons


def test_a_second_time_keeps_what_is_there(new_daemon: Daemons) -> None:
    daemon = new_daemon()
    daemon.init()
    file = daemon.folder / "helpgate.toml"
    file.write_text(before := file.read_text() + "# ours\n")
    said = daemon.run("init", str(daemon.folder), "--yes", "--address", "other@desk.example")
    assert said.startswith(f"Kept {file}")
    assert file.read_text() == before
    assert "other@desk.example" not in daemon.run("desk", "list")


def test_a_folder_that_cannot_be_written_is_named(new_daemon: Daemons, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = new_daemon().try_run("init", str(tmp_path / "file" / "below"), "--yes")
    assert done.returncode == 1
    assert done.stderr.decode() == f"Error: cannot write {tmp_path / 'file' / 'below'}: Not a directory\n"


def test_says_where_to_go_on(house: Daemon) -> None:
    assert f"helpgate check --config {house.folder / 'helpgate.toml'}" in house.run(
        "init", str(house.folder), "--yes"
    )
