"""Whole mails read: what good ones say, what broken ones still say, and what hostile ones cost."""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import structure
from gateway.mail.parse import read
from gateway.mail.reading import Mailbox, Reading

FULL = (Path(__file__).parent / "fixtures" / "full.eml").read_bytes()
HEAD = b"From: jane@example.org\r\nSubject: x\r\n"
UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    body = b"".join(b"\r\n--b\r\n" + part for part in parts)
    return HEAD + b"Content-Type: multipart/" + kind + b"; boundary=b\r\n" + body + b"\r\n--b--\r\n"


PLAIN = b"Content-Type: text/plain\r\n\r\nplain words"
HTML = b"Content-Type: text/html\r\n\r\n<p>html <b>words</b></p>"


def test_a_mail_with_everything() -> None:
    found = read(FULL)
    assert found.message_id == "<one@example.org>"
    assert found.in_reply_to == ("<letter@desk.example>",)
    assert found.references == ("<root@desk.example>", "<letter@desk.example>")
    assert found.from_ == (Mailbox("Juergen@example.org", "Jürgen Müller"),)
    assert found.sender == found.from_[0]
    assert found.to == (Mailbox("help@desk.example", "Help"), Mailbox("jane@example.org", "Doe, Jane"))
    assert found.cc == (Mailbox("joe@example.org", "Joe"),)
    assert found.reply_to == (Mailbox("office@example.org"),)
    assert found.subject == "Grüße aus Wien"
    assert found.date == 1_738_573_200_000
    assert found.text.split("\n") == [
        "Grüße, siehe Bild.",
        "",
        "On Mon, 3 Feb 2025 Help wrote:",
        "> Please send us a picture of it.",
        "",
        "A last word.",
    ]
    assert found.folded == ((2, 4),)
    assert found.html is not None
    assert found.html.startswith('<p>Grüße, siehe <img src="cid:pic@example.org" alt="Bild">.</p>')
    assert found.authentication_results == (
        "mx.desk.example; dkim=pass header.d=example.org",
        "mx.desk.example; spf=pass",
    )
    assert found.verdict == "human"
    assert found.notes == ()


def test_the_enclosures_of_that_mail() -> None:
    picture, pdf, inner, notes = read(FULL).enclosures
    assert (picture.filename, picture.content_id, picture.inline) == ("file-1.png", "pic@example.org", True)
    assert picture.data == b"\x89PNG\r\n\x1a\n"
    assert (pdf.filename, pdf.content_type, pdf.inline) == ("rechnung ü.pdf", "application/pdf", False)
    assert (pdf.size, pdf.sha256) == (5, hashlib.sha256(b"%PDF-").hexdigest())
    assert (inner.filename, inner.content_type) == ("Inner_ a-b.eml", "message/rfc822")
    assert b"Inner words." in (inner.data or b"")
    assert (notes.filename, notes.data) == ("notes.txt", b"attached words")


@pytest.mark.parametrize(
    ("octets", "text", "html"),
    [
        (mixed(PLAIN, HTML, kind=b"alternative"), "plain words", "<p>html <b>words</b></p>"),
        (mixed(HTML, PLAIN, kind=b"alternative"), "plain words", "<p>html <b>words</b></p>"),
        (mixed(HTML), "html words", "<p>html <b>words</b></p>"),
        (mixed(PLAIN, HTML), "plain words\n\nhtml words", "<p>plain words</p>\n<p>html <b>words</b></p>"),
        (mixed(PLAIN, PLAIN), "plain words\n\nplain words", None),
        (
            mixed(b"Content-Type: text/plain\r\n\r\n  \r\n", HTML, kind=b"alternative"),
            "html words",
            "<p>html <b>words</b></p>",
        ),
        (mixed(b"Content-Type: text/plain; name=body.txt\r\n\r\nnamed body"), "named body", None),
        (mixed(b"\r\nno header"), "no header", None),
        (mixed(PLAIN, kind=b"nonsense"), "plain words", None),
        (mixed(PLAIN, kind=b"signed"), "plain words", None),
    ],
)
def test_the_body_is_chosen(octets: bytes, text: str, html: str | None) -> None:
    found = read(octets)
    assert (found.text, found.html) == (text, html)
    assert found.enclosures == ()


@pytest.mark.parametrize(
    ("sent", "delsp", "read_as"),
    [
        (b"one \ntwo\nthree", b"", "one two\nthree"),
        (b"one \n\ntwo", b"", "one \n\ntwo"),
        (b">> deep \n>> er\n> up\nout", b"", "> > deep er\n> up\nout"),
        (b"> a \nb", b"", "> a \nb"),
        (b" From here\n >no quote", b"", "From here\n>no quote"),
        (b"text \n-- \nJane", b"", "text \n-- \nJane"),
        (b"o \nne", b"; delsp=yes", "one"),
        (b">\n> x", b"", ">\n> x"),
    ],
)
def test_soft_line_breaks_are_undone(sent: bytes, delsp: bytes, read_as: str) -> None:
    octets = HEAD + b"Content-Type: text/plain; format=flowed" + delsp + b"\r\n\r\n" + sent
    assert read(octets).text == read_as


def test_the_root_of_a_related_mail_is_the_one_it_names() -> None:
    octets = mixed(
        b"Content-Type: image/gif\r\nContent-ID: <pic@x>\r\n\r\nGIF",
        b"Content-Type: text/html\r\nContent-ID: <root@x>\r\n\r\n<img src='cid:pic@x'>hi",
        kind=b'related; start="<root@x>"',
    )
    found = read(octets)
    assert found.text == "hi"
    assert [(file.content_id, file.inline) for file in found.enclosures] == [("pic@x", True)]


def test_text_sent_as_an_attachment_is_one() -> None:
    found = read(mixed(PLAIN, b"Content-Disposition: attachment\r\n\r\nattached"))
    assert found.text == "plain words"
    assert [(file.filename, file.data) for file in found.enclosures] == [("file-1.txt", b"attached")]


def test_an_invitation_is_more_than_another_form_of_the_words() -> None:
    invitation = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR"
    found = read(mixed(PLAIN, HTML, invitation, kind=b"alternative"))
    assert (found.text, found.html) == ("plain words", "<p>html <b>words</b></p>")
    assert [file.filename for file in found.enclosures] == ["file-1.ics"]


def test_attached_mail_is_never_mixed_into_the_words() -> None:
    inner = b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?=C3=84?=\r\n\r\ninner words"
    found = read(mixed(PLAIN, inner, kind=b"digest"))
    assert found.text == "plain words"
    assert [file.filename for file in found.enclosures] == ["Ä.eml"]


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"", ""),
        (b"x", "x"),
        (b"\r\n\r\n", ""),
        (b"no header at all\nsecond line", "no header at all\nsecond line"),
        (b"From: a@b.example\nbody without an empty line", "body without an empty line"),
        (HEAD.replace(b"\r\n", b"\r") + b"\rcr only\rmail", "cr only\nmail"),
        (HEAD + b"\r\nmixed\nline\r\nends\rhere", "mixed\nline\nends\nhere"),
        (b"From someone Mon Feb 3 2025\n" + HEAD + b"\r\nmbox", "mbox"),
        (b"\xef\xbb\xbf\r\n" + HEAD + b"\r\nbom", "bom"),
        (HEAD + b"\r\nnul\0 and \x7f del", "nul and  del"),
        (HEAD + b"Content-Type: text/plain; name*\r\n\r\nhi", "hi"),
        (HEAD + b"Content-Type: nonsense\r\n\r\nhi", "hi"),
        (HEAD + b"Content-Type: text/plain; charset=undefined\r\n\r\nhi", "hi"),
        (
            HEAD + b"Content-Type: multipart/mixed\r\n\r\n--z\r\nContent-Type: text/plain\r\n\r\nguess",
            "guess",
        ),
        (HEAD + b"Content-Type: multipart/mixed; boundary=wrong\r\n\r\nno part", "no part"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever closed", "never closed"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\nblank\r\n--b--", "blank"),
        (b"Subject : spaced\r\nFrom: a@b.example\r\n\r\nhi", "hi"),
    ],
)
def test_broken_mails_are_read_as_far_as_they_can_be(octets: bytes, text: str) -> None:
    found = read(octets)
    assert found.text == text
    assert len(found.fingerprint) == 64


@pytest.mark.parametrize(
    ("header", "ambiguous"),
    [
        (b"From: a@b.example", False),
        (b"From: Team: a@b.example;", False),
        (b"From: a@b.example\nFrom: c@d.example", True),
        (b"From: a@b.example\nFrom: a@b.example", True),
        (b"From: a@b.example\nFrom:", True),
        (b"From: a@b.example, c@d.example", True),
        (b"From: alice@example.org)bob@evil.example", True),
        (b"From: =?utf-8?q?admin?=@example.org", True),
        (b"From:", True),
        (b"Subject: x", True),
    ],
)
def test_one_readable_sender_or_nobody(header: bytes, ambiguous: bool) -> None:
    found = read(header + b"\n\nx")
    assert found.ambiguous_sender is ambiguous
    assert (found.sender is None) is ambiguous


@pytest.mark.parametrize(
    ("field", "date"),
    [
        (b"Mon, 3 Feb 2025 10:00:00 +0100", 1_738_573_200_000),
        (b"3 Feb 2025 09:00:00 GMT", 1_738_573_200_000),
        (b"Mon, 3 Feb 2025 10:00:00 +0100 (CET)", 1_738_573_200_000),
        (b"yesterday", None),
        (b"", None),
        (b"Mon, 99 Foo 2025 99:99:99 +9999", None),
        (b"1 Jan 1901 00:00:00 +0000", None),
        (b"1 Jan 99999999999 00:00:00 +0000", None),
        (b"Mon, 3 Feb " + b"9" * 5000, None),
    ],
)
def test_dates(field: bytes, date: int | None) -> None:
    assert read(b"Date: " + field + b"\n\nx").date == date


@pytest.mark.parametrize(
    ("field", "message_id"),
    [
        (b"<a@b>", "<a@b>"),
        (b"<[0123456789abcdef@b.example]>", "<[0123456789abcdef@b.example]>"),
        (b"a@b", "<a@b>"),
        (b"two words", ""),
        (b"", ""),
        (b"<a b@c>", ""),
    ],
)
def test_message_ids(field: bytes, message_id: str) -> None:
    assert read(b"Message-ID: " + field + b"\n\nx").message_id == message_id


def test_reading_twice_says_the_same() -> None:
    octets = mixed(PLAIN, b"Content-Type: application/x\r\n\r\n1", b"Content-Type: image/png\r\n\r\n2")
    assert [file.filename for file in read(octets).enclosures] == ["file-1.bin", "file-2.png"]
    assert read(octets) == read(octets)


def nested(levels: int) -> bytes:
    heads = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels)
    )
    return b"From: a@b.example\n" + heads + b"\nhello"


BOMBS = {
    "header lines": b"".join(b"X-%d: y\n" % number for number in range(100_000)) + HEAD + b"\nbody",
    "header octets": b"X: y\n" * 10 + b"Y: " + b"z" * (2 << 20) + b"\n\nbody",
    "recipients": HEAD + b"To: " + b",\n ".join(b"u%d@b.example" % n for n in range(10_000)) + b"\n\nbody",
    "encoded words": b"Subject: " + b" =?utf-8?q?=C3=A9?=" * 14_000 + b"\n\nbody",
    "parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "levels": nested(900),
    "attached mails": HEAD + b"Content-Type: message/rfc822\n\n" * 5000,
    "false delimiters": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 200_000,
    "parameters": HEAD + b"Content-Type: text/plain" + b";a=b" * 15_000 + b"\n\nbody",
    "sections": HEAD + b"Content-Type: a/b" + b"".join(b";a*%d=b" % n for n in range(9000)) + b"\n\nbody",
    "parentheses": b"From: " + b"(" * 60_000 + b"\n\nbody",
    "quotes": b'From: "' + b'\\"' * 30_000 + b"\n\nbody",
    "marks": HEAD + b"\n" + ("a" + "\u0301" * 100_000 + "\u0323" * 100_000).encode(),
    "line ends": HEAD + b"\n" + b"\r\n" * 1_000_000,
    "blanks": HEAD + b"\n" + b" " * 2_000_000,
    "base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"!A" * 1_000_000,
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"= \t" * 500_000,
    "attributions": HEAD + b"\n" + b"On 1 a wrote:\n" * 50_000,
    "divs": HEAD + b"Content-Type: text/html\n\n" + b"<div>" * 30_000,
    "html": HEAD + b"Content-Type: text/html\n\n" + b"<p>x</p>" * 200_000,
    "octets": bytes(range(256)) * 4000,
}


@pytest.mark.parametrize("octets", BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_is_read_within_bounds(octets: bytes) -> None:
    found = read(octets)
    assert len(found.text) <= 1_000_000
    assert len(found.html or "") <= 1_000_000
    assert len(found.enclosures) <= structure.PARTS + 1
    assert len(found.to) <= 1000


@pytest.mark.parametrize(
    ("bomb", "note"),
    [
        ("header lines", "header too long"),
        ("header octets", "header field cut"),
        ("recipients", "header too long"),
        ("encoded words", "header field cut"),
        ("parts", "too many parts"),
        ("levels", "too many levels of parts"),
        ("false delimiters", "too many false delimiters"),
        ("html", "html cut"),
    ],
)
def test_past_a_limit_the_original_is_attached(bomb: str, note: str) -> None:
    found = read(BOMBS[bomb])
    assert note in found.notes
    assert found.enclosures[-1].filename == "original.eml"
    assert found.enclosures[-1].data == BOMBS[bomb]
    assert found.text or bomb == "levels"


@pytest.mark.parametrize("octets", [nested(structure.LEVELS - 1), mixed(*[PLAIN] * 998)])
def test_up_to_the_limits_all_is_read(octets: bytes) -> None:
    found = read(octets)
    assert found.notes == ()
    assert "hello" in found.text or found.text.count("plain words") == 998


def well_formed(found: Reading) -> None:
    assert pickle.loads(pickle.dumps(found)) == found
    for text in (found.text, found.subject, found.html or "", *(file.filename for file in found.enclosures)):
        assert not UNWANTED.search(text)
    assert all(file.filename for file in found.enclosures)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300))
def test_reading_octets_never_raises(octets: bytes) -> None:
    well_formed(read(octets))
    well_formed(read(HEAD + octets, reverse_path=""))


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, len(FULL) - 1),
    st.binary(max_size=3) | st.sampled_from([b"\r\n\r\n", b"--outer", b"--alt--", b'"', b";", b"=?", b"\0"]),
    st.integers(0, 40),
)
def test_reading_a_damaged_mail_never_raises(place: int, damage: bytes, lost: int) -> None:
    well_formed(read(FULL[:place] + damage + FULL[place + lost :]))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(FULL)))
def test_reading_a_mail_that_was_cut_off_never_raises(end: int) -> None:
    well_formed(read(FULL[:end]))
