"""winmail.dat and rich text from hostile hands: bounded, and never an exception."""

from __future__ import annotations

import random
import struct

import pytest

from gateway.mail import rtf, tnef
from tests.mail import outlook

LETTER = outlook.winmail(
    outlook.message({outlook.MAPI_HTML: b"<p>Words</p>", outlook.MAPI_CODEPAGE: 65001}),
    outlook.attachment("A~1.TXT", b"abc", {outlook.MAPI_LONG_NAME: "a long name.txt"}),
)


def test_words_and_files_come_out() -> None:
    content = tnef.read(LETTER)
    assert content is not None and content.words is not None
    assert content.words.typed == ("text/html", {"charset": "utf-8"})
    assert content.words.decoded() == b"<p>Words</p>"
    assert [(file.disposed[1], file.decoded()) for file in content.files] == [
        ({"filename": "a long name.txt"}, b"abc")
    ]


def test_trailing_zeros_of_a_file_stay() -> None:
    content = tnef.read(outlook.winmail(outlook.attachment("x.bin", b"a\0\0\0", {})))
    assert content is not None
    assert content.files[0].decoded() == b"a\0\0\0"


@pytest.mark.parametrize("cut", range(0, len(LETTER) - 1, 7))
def test_a_stream_cut_anywhere_is_opened_or_left_closed(cut: int) -> None:
    content = tnef.read(LETTER[:cut])
    assert content is None or content.words or content.files


def test_no_octet_makes_it_raise() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        octets = bytearray(LETTER)
        for _ in range(chance.randint(1, 8)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        tnef.read(bytes(octets))


@pytest.mark.parametrize(
    "hostile",
    [
        outlook.winmail(*[outlook.thing(1, 0x1234, 1, b"")] * 50_000),
        outlook.winmail(outlook.thing(1, outlook.PROPERTIES, 6, struct.pack("<I", 0xFFFFFFFF))),
        outlook.winmail(
            outlook.thing(1, outlook.PROPERTIES, 6, struct.pack("<IHHI", 1, 0x1003, 1, 0xFFFFFFFF))
        ),
        outlook.winmail(
            outlook.thing(1, outlook.PROPERTIES, 6, struct.pack("<IHHI", 1, 0x1E, 1, 0xFFFFFFFF))
        ),
    ],
    ids=["many objects", "many properties", "many numbers", "many strings"],
)
def test_counts_are_not_believed(hostile: bytes) -> None:
    assert tnef.read(hostile) is None


def test_mails_in_mails_are_opened_to_a_depth() -> None:
    stream = LETTER
    for _ in range(tnef.LEVELS + 2):
        stream = outlook.winmail(
            outlook.attachment("mail", b"", {outlook.MAPI_OBJECT: outlook.EMBEDDED + stream})
        )
    content = tnef.read(stream)
    assert content is not None
    assert [file.content_type for file in content.files] == ["application/octet-stream"]


def test_the_words_of_rich_text() -> None:
    told = rb"{\rtf1\ansi\ansicpg1250{\fonttbl{\f1\fcharset204 X;}}za\'bf\u243?\'b3\'e6{\f1 \'e0}{\*\x no}\par C:\\a}"
    assert rtf.words_of(told) == "zażółćа\nC:\\a"


@pytest.mark.parametrize(
    "hostile",
    [b"{" * 100_000, b"}" * 100_000, rb"\u-99999999" * 9, rb"{\fonttbl\f1" * 9_000, b"\\", rb"\uc9\u1"],
)
def test_broken_rich_text_does_no_harm(hostile: bytes) -> None:
    assert len(rtf.words_of(hostile)) < 100


def test_what_is_not_packed_is_not_unpacked() -> None:
    assert rtf.unpacked(b"") == b""
    assert rtf.unpacked(bytes(16) + b"x" * 100) == b""
