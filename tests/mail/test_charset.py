"""Octets to text: labels, lies about labels, encoded words, parameters (threat T42)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import charset, header, transfer

UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@pytest.mark.parametrize(
    ("octets", "label", "text"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "", "Grüße"),
        ("Grüße".encode("latin-1"), "us-ascii", "Grüße"),
        ("Grüße".encode("latin-1"), "utf-8", "Grüße"),
        ("“x” €".encode("cp1252"), "iso-8859-1", "“x” €"),
        ("zażółć".encode("cp1250"), "Windows-1250", "zażółć"),
        ("zażółć".encode("iso8859_2"), '"ISO-8859-2"', "zażółć"),
        ("привет".encode("koi8_r"), "KOI8-R", "привет"),
        ("镕朱".encode("gb18030"), "gb2312", "镕朱"),
        ("①㈱".encode("cp932"), "Shift_JIS", "①㈱"),
        ("똠방".encode("cp949"), "ks_c_5601-1987", "똠방"),
        ("漢字かな".encode("iso2022_jp"), "iso-2022-jp", "漢字かな"),
        ("ş".encode("cp1254"), "iso-8859-9", "ş"),
        ("Grüße".encode("utf-16"), "utf-16", "Grüße"),
        ("Grüße".encode("utf-16-le"), "utf-16le", "Grüße"),
        (b"\xef\xbb\xbfabc", "iso-8859-2", "abc"),
        ("Grüße".encode(), "no-such-charset", "Grüße"),
        (b"abc", "utf-16-nonsense", "abc"),
        (b"+ADw-script+AD4-", "utf-7", "+ADw-script+AD4-"),
        (b"caf\xc3\xa9 \xff", "utf-8", "café \ufffd"),
    ],
)
def test_text_is_read_as_it_was_meant(octets: bytes, label: str, text: str) -> None:
    assert charset.decode(octets, label) == text


@pytest.mark.parametrize(
    "label", ["rot13", "zip", "idna", "undefined", "punycode", "unicode_escape", "base64"]
)
def test_codecs_that_are_no_charsets_are_not_used(label: str) -> None:
    assert charset.decode(b"abc \\x41", label) == "abc \\x41"


def test_scrubbing_leaves_text_that_every_database_takes() -> None:
    dirty = "a\0b\x1b[31m\ud800c\x85d\x7fe\r\nf\rg\th"
    assert charset.scrub(dirty) == "ab[31mcde\nf\ng\th"
    assert charset.scrub("u\u0308") == "ü"


def test_a_run_of_combining_marks_is_cut_before_it_is_sorted() -> None:
    assert len(charset.scrub("a" + "\u0301" * 50_000 + "\u0323" * 50_000)) <= 31


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=200), st.text(max_size=20) | st.sampled_from(["utf-16", "hz", "iso-2022-kr", "big5"])
)
def test_decoding_never_raises(octets: bytes, label: str) -> None:
    assert not UNWANTED.search(charset.decode(octets, label))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
        (b"=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?b?R3LD?=\r\n =?utf-8?b?vMOfZQ==?=", "Grüße"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
        (b"=?utf-8*en?q?a_b?=", "a b"),
        (b"x=?utf-8?q?=C3=A9?=y", "xéy"),
        (b"=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        (b"=?utf-8?q?with blank?=", "with blank"),
        (b"=?x-unknown?q?=E9?=", "é"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"folded\r\n\tvalue", "folded value"),
        (b"=?utf-8?q?not closed", "=?utf-8?q?not closed"),
        ("=?gb2312?B?{}?=".format("6Zc=").encode(), charset.decode(b"\xe9\x97", "gb18030")),
    ],
)
def test_a_header_value_is_read_as_people_read_it(value: bytes, text: str) -> None:
    assert header.text(value) == text


def test_no_encoded_word_smuggles_a_line_end() -> None:
    """CVE-2024-6923, CVE-2026-1299."""
    assert header.text(b"x=?utf-8?q?=0D=0ABcc:_y@evil.example?=") == "x Bcc: y@evil.example"
    assert header.text("x\u2028y\u2029z\x85w".encode()) == "x y zw"


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=120) | st.from_regex(rb"(=\?(utf-8|x)\?[bq]\?[ -~]{0,9}\?= ?){0,5}"))
def test_a_header_value_is_one_clean_line(value: bytes) -> None:
    for text in (header.text(value), header.raw_text(value)):
        assert not UNWANTED.search(text)
        assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "first", "parameters"),
    [
        (b"text/plain", "text/plain", {}),
        (b'Text/PLAIN; Charset="UTF-8"', "text/plain", {"charset": "UTF-8"}),
        (b"a/b; name=x; name=y", "a/b", {"name": "x"}),
        (b'a/b; name="semi;colon \\"q\\""', "a/b", {"name": 'semi;colon "q"'}),
        (b"a/b; name*=utf-8''Gr%C3%BC%C3%9Fe.txt", "a/b", {"name": "Grüße.txt"}),
        (b"a/b; name*0*=utf-8''Gr%C3; name*1*=%BC; name*2=x.txt", "a/b", {"name": "Grüx.txt"}),
        (b'a/b; name*0="long "; name*1="name.txt"', "a/b", {"name": "long name.txt"}),
        (b"a/b; name*1=b; name*0=a", "a/b", {"name": "ab"}),
        (b"a/b; name=x.txt; name*=utf-8''y.txt", "a/b", {"name": "y.txt"}),
        (b'a/b; name="=?utf-8?q?=C3=BC.txt?="', "a/b", {"name": "ü.txt"}),
        (b'a/b; name="C:\\Temp\\x.txt"', "a/b", {"name": "C:\\Temp\\x.txt"}),
        (b"a/b; name*", "a/b", {}),
        (b"a/b;;; =x; name = y ", "a/b", {"name": "y"}),
        (b'a/b; name="never closed', "a/b", {"name": "never closed"}),
        (b"", "", {}),
    ],
)
def test_parameters(value: bytes, first: str, parameters: dict[str, str]) -> None:
    assert header.parameters(value) == (first, parameters)


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet="ab/;=\"'*%012 \\", max_size=50))
def test_parameters_never_raise(value: str) -> None:
    header.parameters(value.encode())


@pytest.mark.parametrize(
    ("octets", "encoding", "plain"),
    [
        (b"R3LDvA==", "base64", "Grü".encode()),
        (b"R3LDvA", "BASE64 ", "Grü".encode()),
        (b"R3\r\nLD!!vA=", "base64", "Grü".encode()),
        (b"A", "base64", b""),
        (b"=C3=BC=\r\nx =3D", "quoted-printable", "üx =".encode()),
        (b"a=ZZb=", "quoted-printable", b"a=ZZb"),
        (b"soft= \r\nbreak", "quoted-printable", b"softbreak"),
        (b"begin 644 x\n#86)C\n`\nend\n", "x-uuencode", b"abc"),
        (b"no uu here", "uuencode", b"no uu here"),
        (b"as is", "8bit", b"as is"),
        (b"as is", "nonsense", b"as is"),
    ],
)
def test_transfer_encodings(octets: bytes, encoding: str, plain: bytes) -> None:
    assert transfer.decode(octets, encoding) == plain


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=100), st.sampled_from(["base64", "quoted-printable", "x-uue"]))
def test_transfer_decoding_never_raises(octets: bytes, encoding: str) -> None:
    transfer.decode(octets, encoding)
    transfer.decode(b"begin 644 x\n" + octets, encoding)
