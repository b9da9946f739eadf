"""A sidecar with a slip in it is refused, and what differs is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.mail.parse import read
from tests.corpus import sidecar

MAIL = b"From: Jo <jo@example.org>\nSubject: x\n\nMy words.\n\n> quoted\n> more\n"


def _fixture(folder: Path, told: str) -> Path:
    mail = folder / "trap.eml"
    mail.write_bytes(MAIL)
    mail.with_suffix(".toml").write_text(told)
    return mail


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ("", "does not say what the trap is"),
        ("trap = ''", "does not say what the trap is"),
        ("trap = 'x'\nreverse-path = ''", "unknown key 'reverse-path'"),
        ("trap = 'x'\n[expect]\nsubjekt = 'x'", "unknown key 'subjekt'"),
        ("trap = 'x'\n[expect]\ncontains = 'My'", "'contains' of .* must be of type list"),
        ("trap = 'x'\n[expect]\nattachments = [{ name = 'x' }]", "unknown key 'name'"),
        ("trap = 'x'\n[expect]\nreport = { kind = 5 }", "'kind' of the report must be of type str"),
        ("trap = 'x'\n[expect]\nreport = true", "must be a table or false"),
    ],
)
def test_a_slip_is_refused(tmp_path: Path, told: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        sidecar.load(_fixture(tmp_path, told))


def test_a_mail_alone_is_refused(tmp_path: Path) -> None:
    mail = _fixture(tmp_path, "trap = 'x'")
    mail.with_suffix(".toml").unlink()
    with pytest.raises(ValueError, match=r"has no trap\.toml"):
        sidecar.load(mail)


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"subject": "x", "from_name": "Jo", "verdict": "human", "report": False, "attachments": []}, []),
        ({"text": "\n\nMy words.\n\n> quoted\n> more\n", "shown": "My words."}, []),
        ({"subject": "y"}, ["subject: expected 'y', found 'x'"]),
        (
            {"contains": ["Her words"], "lacks": ["quoted"]},
            ["the text lacks 'Her words'", "the text has 'quoted'"],
        ),
        ({"html_contains": ["<p>"]}, ["the html lacks '<p>'"]),
        ({"reasons": ["a rule"], "notes": ["a limit"]}, ["reasons: 'a rule'", "notes: 'a limit'"]),
        ({"attachments": [{"size": 1}]}, ["attachments: expected 1, found 0"]),
        ({"report": {"kind": "permanent"}}, ["report: expected"]),
    ],
)
def test_what_differs_is_told(expected: dict[str, object], told: list[str]) -> None:
    found = sidecar.differences(expected, read(MAIL))
    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True)), found


def test_texts_are_compared_line_by_line() -> None:
    [told] = sidecar.differences({"text": "My words.\n\n> quote\n> more"}, read(MAIL))
    assert "  '-> quote'" in told and "  '+> quoted'" in told and "  ' > more'" in told
