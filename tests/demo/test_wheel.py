"""The built wheel, installed somewhere else, runs the demo with its pages and templates."""

from __future__ import annotations

import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.demo.conftest import running
from tests.parts import programs
from tests.source import ROOT


@pytest.mark.timeout(300)
def test_the_wheel_runs_the_demo(tmp_path: Path) -> None:
    """Nothing is downloaded: the dependencies are those of this environment, the checkout is hidden."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    programs.run(build, timeout=120, cwd=tmp_path)
    (wheel,) = tmp_path.glob("helpgate-*.whl")
    place = tmp_path / "elsewhere"
    venv.create(place, with_pip=True)
    python = str(place / "bin" / "python")
    programs.run([python, "-m", "pip", "install", "--no-deps", "--no-index", str(wheel)], timeout=120)
    _lend_dependencies(Path(programs.run([python, "-c", _PURELIB]).stdout.strip()))
    where = programs.run([python, "-c", "import gateway; print(gateway.__file__)"], cwd=tmp_path).stdout
    assert Path(where.strip()).is_relative_to(place)

    with (
        running(
            tmp_path, program=[str(place / "bin" / "helpgate")], PYTHONPATH="", TMPDIR=str(tmp_path)
        ) as demo,
        demo.client() as client,
    ):
        assert "a new shade leaves our house" in client.get(demo.ticket_url).text
        assert len(demo.mails("Carol Clark")) == 2
        assert client.get("/demo/assets/catcher.css").status_code == 200


_PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))"


def _lend_dependencies(packages: Path) -> None:
    """Our packages, found after its own; as a plain path, so that our editable install stays unknown there."""
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
