"""The same mail twice is one mail, whatever the way added to it (design §5.3)."""

from __future__ import annotations

from pathlib import Path

from gateway.mail.fingerprint import fingerprint

FULL = (Path(__file__).parent / "fixtures" / "full.eml").read_bytes()
HEAD = b"From: jane@example.org\nSubject: x\n\n"


def test_the_fingerprint_sees_the_mail_and_not_its_way() -> None:
    again = FULL.replace(b"\n", b"\r\n")
    way = b"Return-Path: <x@y>\r\nReceived: by z;\r\n\tMonday\r\nX-Spam-Status: No\r\nARC-Seal: i=1\r\n"
    assert fingerprint(way + again + b"\r\n") == fingerprint(FULL)
    assert fingerprint(FULL.replace(b"<one@", b"<two@")) != fingerprint(FULL)
    assert fingerprint(FULL.replace(b"A last word.", b"Another word.")) != fingerprint(FULL)
    assert fingerprint(FULL.replace(b"Subject:", b"Subject: x")) != fingerprint(FULL)


def test_the_fingerprint_of_a_long_mail_does_not_depend_on_its_line_ends() -> None:
    octets = HEAD + b"a\n" * 900_000  # a piece ends between CR and LF
    assert fingerprint(octets.replace(b"\n", b"\r\n")) == fingerprint(octets)


def test_line_ends_at_the_very_end_do_not_count() -> None:
    assert fingerprint(HEAD + b"x" + b"\r\n" * 1_500_000) == fingerprint(HEAD + b"x")
    assert fingerprint(HEAD + b"\n" * 1_500_000) == fingerprint(HEAD)
