"""Where a mail ends, and what it is: the DATA reader and the octets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import StoreError, StoreFull
from gateway.mail.octets import MOST_IN_MEMORY, PIECE, Octets
from gateway.transport.data import DataReader


def read(pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    """The mail and what follows its end; None when it has not ended."""
    reader = DataReader()
    mail = b""
    for number, piece in enumerate(pieces):
        mail += reader.feed(piece)
        if reader.ended:
            return mail, reader.rest + b"".join(pieces[number + 1 :])
    return mail, None


def reference(stream: bytes) -> tuple[bytes, bytes] | None:
    """RFC 5321 §4.5.2 to the letter, line by line."""
    mail: list[bytes] = []
    while b"\r\n" in stream:
        line, stream = stream.split(b"\r\n", 1)
        if line == b".":
            return b"".join(mail), stream
        mail.append(line.removeprefix(b".") + b"\r\n")
    return None


STREAMS = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"..", b"\r\n.", b"x" * 70])).map(
    b"".join
)


@settings(max_examples=600, deadline=None)
@given(STREAMS, st.lists(st.integers(1, 7), min_size=1))
def test_reader_agrees_with_the_rfc_however_the_stream_is_cut(stream: bytes, lengths: list[int]) -> None:
    pieces: list[bytes] = []
    at = 0
    while at < len(stream):
        length = lengths[len(pieces) % len(lengths)]
        pieces.append(stream[at : at + length])
        at += length
    mail, rest = read(pieces)
    expected = reference(stream)
    if expected is None:
        assert rest is None
    else:
        assert (mail, rest) == expected


@given(STREAMS)
def test_what_a_client_stuffs_comes_out_as_it_was(content: bytes) -> None:
    lines = content.split(b"\r\n")
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    assert read([stuffed + b"\r\n.\r\n"]) == (content + b"\r\n", b"")


def test_small_mail_stays_in_memory(tmp_path: Path) -> None:
    octets = Octets(tmp_path / "is not there")
    octets.write(b"ab")
    octets.write(b"c")
    assert bytes(octets) == b"abc"
    assert list(octets) == [b"abc"]
    assert (octets.size, octets.sha256) == (3, hashlib.sha256(b"abc").digest())
    octets.close()


def test_empty_mail_has_no_pieces(tmp_path: Path) -> None:
    octets = Octets(tmp_path)
    assert (list(octets), bytes(octets), octets.sha256) == ([], b"", hashlib.sha256().digest())


def test_large_mail_goes_to_a_nameless_file(tmp_path: Path) -> None:
    octets = Octets(tmp_path)
    content = b"".join(bytes([number % 251]) * 65_521 for number in range(40))
    for start in range(0, len(content), 65_536):
        octets.write(content[start : start + 65_536])
    assert len(content) > MOST_IN_MEMORY
    assert list(tmp_path.iterdir()) == []
    assert [len(piece) for piece in octets] == [PIECE, PIECE, len(content) - 2 * PIECE]
    assert b"".join(octets) == bytes(octets) == content
    assert octets.sha256 == hashlib.sha256(content).digest()
    octets.close()
    octets.close()


def test_no_folder_for_a_large_mail_is_trouble_of_the_store(tmp_path: Path) -> None:
    octets = Octets(tmp_path / "is not there")
    with pytest.raises(StoreError) as caught:
        octets.write(b"x" * (MOST_IN_MEMORY + 1))
    assert str(tmp_path) not in str(caught.value)


def test_full_disk_is_told_apart() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    octets = Octets(full.parent)
    octets._file = full.open("wb", buffering=0)
    with pytest.raises(StoreFull, match="No space"):
        octets.write(b"x" * (MOST_IN_MEMORY + 1))
    octets.close()
