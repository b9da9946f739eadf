"""Files fit to be handed on: those that are too large for memory, and those with a token in odd places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.flow.files import neutral
from gateway.mail.reading import Enclosure
from gateway.mail.token import Keyring, Purpose
from gateway.store.blobs import name_of

KEYS = Keyring({0: b"k" * 32}, 0)
TOKEN = KEYS.seal(Purpose.LINK, 7)


def enclosed(name: str, content_type: str, data: bytes) -> Enclosure:
    return Enclosure(name, content_type, len(data), name_of(data), data)


def test_a_large_file_is_read_from_its_disk(tmp_path: Path) -> None:
    data = b"x" * 300_000 + b"\nhttps://desk.example/" + TOKEN.encode()
    (tmp_path / "large").write_bytes(data)
    file = replace(enclosed("log.txt", "text/plain", data), data=None, path=str(tmp_path / "large"))
    clean = neutral(KEYS, file)
    assert clean.data is not None and TOKEN.encode() not in clean.data and clean.path == ""
    assert (clean.size, clean.sha256) == (len(clean.data), name_of(clean.data))
    (tmp_path / "large").write_bytes(b"nothing")
    assert neutral(KEYS, file) is file


@pytest.mark.parametrize(
    "data",
    [
        f"a {TOKEN} b".encode("utf-16"),
        f"a {TOKEN.upper()} b".encode(),
        f"a &#{ord(TOKEN[0])};{TOKEN[1:]} b".encode(),
        f"a {TOKEN[:20]}\n> {TOKEN[20:]} b".encode(),
    ],
)
def test_a_token_in_a_text_is_found(data: bytes) -> None:
    clean = neutral(KEYS, enclosed("page.html", "text/html", data))
    assert clean.data is not None and "…" in clean.data.decode("utf-8-sig")
    assert TOKEN[21:] not in clean.data.decode("utf-8-sig").lower()
    assert (clean.filename, clean.content_type) == ("page.txt", "text/plain")


def test_a_mail_in_a_mail_in_a_mail_is_opened() -> None:
    mail = f"From: a@b.example\r\nSubject: s\r\n\r\n{TOKEN}\r\n".encode()
    for _ in range(3):
        mail = b"From: a@b.example\r\nSubject: s\r\nContent-Type: message/rfc822\r\n\r\n" + mail
    clean = neutral(KEYS, enclosed("a.eml", "application/octet-stream", mail))
    assert (
        clean.data is not None
        and "…" in clean.data.decode("utf-8-sig")
        and TOKEN not in clean.data.decode("utf-8-sig")
    )


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "application/zip"])
def test_other_files_are_left_alone(content_type: str) -> None:
    file = enclosed("file", content_type, TOKEN.encode())
    assert neutral(KEYS, file) is file
