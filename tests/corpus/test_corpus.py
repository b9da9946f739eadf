"""Every trap of the corpus: one mail, and what must be read in it. README.md says how to add one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mail.parse import read
from tests.corpus import sidecar
from tests.corpus.sidecar import CORPUS, FIXTURES


def _name(mail: Path) -> str:
    return mail.relative_to(CORPUS).with_suffix("").as_posix()


@pytest.mark.parametrize("mail", FIXTURES, ids=_name)
def test_trap(mail: Path, tmp_path: Path) -> None:
    fixture = sidecar.load(mail)
    reading = read(fixture.octets, reverse_path=fixture.reverse_path, folder=str(tmp_path))
    wrong = sidecar.differences(fixture.expect, reading)
    assert not wrong, "\n\n".join([f"{_name(mail)}: {fixture.trap}", *wrong])


def test_every_sidecar_has_its_mail() -> None:
    alone = [_name(path) for path in CORPUS.glob("*/*.toml") if not path.with_suffix(".eml").exists()]
    assert alone == []
