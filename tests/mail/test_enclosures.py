"""File names that are safe (threat T41), and enclosures that are too large to carry along."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.enclosures import IN_MEMORY, LONGEST_NAME, safe_name
from gateway.mail.parse import read

LARGE = b"Content-Type: application/x; name=l\r\n\r\n" + b"l" * (IN_MEMORY + 1)
SMALL = b"Content-Type: application/x; name=s\r\n\r\n" + b"s" * IN_MEMORY
MAIL = (
    b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    + LARGE
    + b"\r\n--b\r\n"
    + SMALL
    + b"\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\report.pdf", "report.pdf"),
        ("\u200b.htaccess", "htaccess"),
        (".\u200bhtaccess", "htaccess"),
        ("a.html\0.png", "a.html.png"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("x\r\nContent-Type: text/html", "xContent-Type_ text/html".rpartition("/")[2]),
        ("con.txt", "_con.txt"),
        ("NUL", "_NUL"),
        ("...", ""),
        ("/", ""),
        ("\u200b\u200b", ""),
        ("u\u0308.txt", "ü.txt"),
        ('a"b<c>.txt', "a_b_c_.txt"),
    ],
)
def test_file_names_are_safe_to_show(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_long_file_names_keep_their_ending() -> None:
    name = safe_name("x" * 5000 + ".pdf")
    assert len(name) == LONGEST_NAME
    assert name.endswith("x.pdf")
    assert len(safe_name("y" * 5000)) == LONGEST_NAME


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=150))
def test_no_name_leaves_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert len(safe) <= LONGEST_NAME
    assert not set("/\\\0\r\n") & set(safe)
    assert safe == safe.strip(" .")
    assert safe_name(safe) == safe


def test_large_enclosures_become_files(tmp_path: Path) -> None:
    first, second = read(MAIL, folder=str(tmp_path)).enclosures
    assert first.data is None
    assert Path(first.path).read_bytes() == b"l" * (IN_MEMORY + 1)
    assert Path(first.path).parent == tmp_path
    assert Path(first.path).stat().st_mode & 0o777 == 0o600
    assert (second.data, second.path) == (b"s" * IN_MEMORY, "")
    assert all(file.data is not None for file in read(MAIL).enclosures)
