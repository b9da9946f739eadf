"""Mails that were made to be slow to read, each of any size: what costs is found by growing them (threats T28, T29).

    MAILS["unclosed tags"](1_000_000)

Each is one idea, repeated until the mail has about so many octets.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable

Maker = Callable[[int], bytes]

_HEAD = (
    b"From: Jo Doe <jo@example.org>\r\nTo: help@desk.example\r\nSubject: x\r\nMessage-ID: <h@example.org>\r\n"
)
_PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
_FLOWED = b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n"
_MULTIPART = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
_TNEF = b"\x78\x9f\x3e\x22\x01\x00"
_REPORT = b"From: MAILER-DAEMON@mx.example.org\r\nReturn-Path: <>\r\nSubject: Undelivered mail\r\n"
_STATUS = (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
)


def _filled(unit: bytes, before: bytes = _HEAD + _PLAIN, after: bytes = b"\r\n") -> Maker:
    """The unit again and again between the two."""

    def make(size: int) -> bytes:
        times = max(1, (size - len(before) - len(after)) // len(unit))
        return b"".join((before, unit * times, after))

    return make


def _counted(unit: str, before: bytes = _HEAD + _PLAIN, after: bytes = b"\r\n") -> Maker:
    """The same with a number in each unit, so that no two are alike."""

    def make(size: int) -> bytes:
        times = max(1, (size - len(before)) // (len(unit) + 4))
        numbers = itertools.count(10_000)
        return b"".join((before, *(unit.format(next(numbers)).encode() for _ in range(times)), after))

    return make


def _encoded(maker: Maker, kind: bytes) -> Maker:
    """What another one makes, as a base64 body of its own."""

    def make(size: int) -> bytes:
        body = base64.encodebytes(maker(size * 3 // 4))
        return b"".join(
            (_HEAD, b"Content-Type: ", kind, b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", body)
        )

    return make


def _nested(opening: Callable[[int], bytes], unit: int) -> Maker:
    """One thing inside another, as deep as the size allows."""

    def make(size: int) -> bytes:
        return b"".join((_HEAD, *map(opening, range(max(1, size // unit))), b"words\r\n"))

    return make


def _level(number: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b%07d\r\n\r\n--b%07d\r\n" % (number, number)


def _ragged(size: int) -> bytes:
    """Quotes that grow deeper line by line, then shallower."""
    depths = itertools.cycle((*range(1, 60), *range(60, 1, -1)))
    lines, length = [_HEAD + _PLAIN], 0
    while length < size:
        lines.append(b">" * next(depths) + b" some quoted words\r\n")
        length += len(lines[-1])
    return b"".join(lines)


IN_THE_HEADER: dict[str, Maker] = {
    "many fields": _filled(b"X-A: b\r\n", b"", _HEAD + b"\r\nwords\r\n"),
    "many Received": _filled(b"Received: from a by b; now\r\n", b"", _HEAD + b"\r\nwords\r\n"),
    "folds": _filled(b" x\r\n", b"X-A: b\r\n", _HEAD + b"\r\nwords\r\n"),
    "empty folds": _filled(b"\t\r\n", b"Subject: b\r\n", _HEAD + b"\r\nwords\r\n"),
    "fields in turn": _filled(b"X-A: b\r\n c\r\nnot a field\r\n", b"", _HEAD + b"\r\nwords\r\n"),
    "no blank line": _filled(b"X-A: b\r\n", _HEAD, b""),
    "one long name": _filled(b"x", b"", b": y\r\n\r\nwords\r\n"),
    "carriage returns": _filled(b"\r", b"From: jo@example.org", b"\r\rwords\r"),
    "long subject": _filled(b"subject ", b"Subject: ", b"\r\n" + _HEAD + b"\r\nwords\r\n"),
    "encoded words": _filled(b"=?utf-8?q?=C3=BC?= ", b"Subject: ", b"\r\n" + _HEAD + b"\r\nwords\r\n"),
    "encoded words of charsets in turn": _filled(
        b"=?utf-8?q?=C3?= =?gb18030?b?gQ==?= ", b"Subject: ", b"\r\n" + _HEAD + b"\r\nwords\r\n"
    ),
    "encoded words without end": _filled(b"=?utf-8?q?", b"Subject: ", b"\r\n" + _HEAD + b"\r\nwords\r\n"),
    "question marks": _filled(b"=?", b"From: ", b"\r\n\r\nwords\r\n"),
    "comments": _filled(b"(", b"From: jo@example.org ", b"\r\n\r\nwords\r\n"),
    "comments in comments": _filled(b"(()", b"From: jo@example.org ", b"\r\n\r\nwords\r\n"),
    "angle brackets": _filled(b"<", b"From: ", b"\r\n\r\nwords\r\n"),
    "quotation marks": _filled(b'"a', b"From: ", b"\r\n\r\nwords\r\n"),
    "backslashes": _filled(b'\\"', b'From: "', b"\r\n\r\nwords\r\n"),
    "many addresses": _counted(
        "jo{0}@example.org,\r\n ", b"From: a@b.example\r\nTo: ", b"x\r\n\r\nwords\r\n"
    ),
    "many To fields": _counted("To: jo{0}@example.org\r\n", b"From: a@b.example\r\n", b"\r\nwords\r\n"),
    "groups": _filled(b"a:b,;", b"From: a@b.example\r\nTo: ", b"\r\n\r\nwords\r\n"),
    "at signs": _filled(b"@", b"From: a", b"\r\n\r\nwords\r\n"),
    "references": _counted("<{0}@example.org>\r\n ", _HEAD + b"References: ", b"\r\n\r\nwords\r\n"),
    "open ids": _filled(b"<a", _HEAD + b"References: ", b"\r\n\r\nwords\r\n"),
    "parameters": _counted("; a{0}=b", _HEAD + b"Content-Type: text/plain", b"\r\n\r\nwords\r\n"),
    "quoted parameters": _filled(b';a="\\', _HEAD + b"Content-Type: text/plain", b"\r\n\r\nwords\r\n"),
    "sections": _counted("; a*{0}*=%e2", _HEAD + b"Content-Disposition: inline", b"\r\n\r\nwords\r\n"),
    "results": _filled(b" (a) x=y;", b"Authentication-Results: mx;", b"\r\n" + _HEAD + b"\r\nwords\r\n"),
    "combining marks": _filled("\u0301\u0323".encode(), b"Subject: a", b"\r\n" + _HEAD + b"\r\nwords\r\n"),
}

IN_THE_TEXT: dict[str, Maker] = {
    "one long line": _filled(b"words "),
    "one long word": _filled(b"w"),
    "blanks": _filled(b" "),
    "blank lines": _filled(b"\r\n"),
    "lines of blanks": _filled(b" \t \r\n"),
    "NUL": _filled(b"\x00"),
    "one deep quote": _filled(b">"),
    "one deep quote with blanks": _filled(b"> "),
    "quoted lines": _filled(b"> some quoted words\r\n"),
    "quoted blank lines": _filled(b">\r\n"),
    "quotes and answers in turn": _filled(b"> a quoted line\r\nan answer\r\n"),
    "ragged quotes": _ragged,
    "attributions": _counted("On Mon, 3 Feb 2025 at {0}, Jo <jo@example.org> wrote:\r\n"),
    "attributions without end": _filled(b"On Mon, 3 Feb 2025, Jo Doe\r\n"),
    "attributions and answers in turn": _filled(b"On Mon Jo wrote:\r\n> a\r\nb\r\n"),
    "verbs": _filled(b"wrote:\r\n"),
    "verbs in one line": _filled(b"On a wrote: "),
    "colons": _filled(b":\r\n"),
    "header blocks": _filled(b"From: Jo\r\nSent: now\r\nTo: me\r\nSubject: x\r\n\r\n"),
    "From without more": _filled(b"From: Jo\r\n"),
    "bold From": _filled(b"*From:* "),
    "rules": _filled(b"________________________________\r\n"),
    "one long rule": _filled(b"_"),
    "dashes": _filled(b"-"),
    "signatures": _filled(b"-- \r\nJo\r\n"),
    "our mark": _filled(b"-- write your reply above this line --\r\n"),
    "original messages": _filled(b"-----Original Message-----\r\n"),
    "forwards": _filled(b"---------- Forwarded message ---------\r\n"),
    "digits": _filled(b"10:00 3.2.2025 "),
    "addresses in the text": _filled(b"<jo@example.org> "),
    "links": _filled(b"https://example.org/a?b "),
    "base 32": _filled(b"abcdefghijklmnopqrstuvwxyz234567"),
    "broken tokens": _filled(b"abcdefghijklmnopqrst=\r\n"),
    "soft line ends": _filled(b"a \r\n", _HEAD + _FLOWED),
    "quoted soft line ends": _filled(b"> a \r\n>> b \r\n", _HEAD + _FLOWED),
    "combining marks in the text": _filled("\u0301\u0323".encode()),
    "faulty UTF-8": _filled(b"\xe2\x82"),
    "faulty gb18030": _filled(b"\x81\x30", _HEAD + b"Content-Type: text/plain; charset=gb18030\r\n\r\n"),
    "escapes": _filled(b"\x1b$B\x1b(B", _HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"),
    "half UTF-16": _filled(b"\xd8\x00", _HEAD + b"Content-Type: text/plain; charset=utf-16be\r\n\r\n"),
    "armour": _filled(b"-----BEGIN PGP MESSAGE-----\r\n"),
    "uuencode": _filled(b"begin 644 a\r\n"),
}

IN_THE_HTML: dict[str, Maker] = {
    "open brackets": _filled(b"<", _HEAD + _HTML),
    "closed brackets": _filled(b">", _HEAD + _HTML),
    "unclosed tags": _filled(b"<b>", _HEAD + _HTML),
    "unclosed tags in turn": _filled(b"<b><i><u><font>", _HEAD + _HTML),
    "unopened tags": _filled(b"</div>", _HEAD + _HTML),
    "deep divisions": _filled(b"<div>", _HEAD + _HTML),
    "deep quotes": _filled(b"<blockquote>", _HEAD + _HTML),
    "deep quotes with words": _filled(b"<blockquote type=cite>a<br>", _HEAD + _HTML),
    "deep tables": _filled(b"<table><tr><td>", _HEAD + _HTML),
    "deep lists": _filled(b"<ul><li>", _HEAD + _HTML),
    "cells": _filled(b"<td>", _HEAD + _HTML),
    "bare links": _filled(b"<a>", _HEAD + _HTML),
    "links in HTML": _filled(b"<a href=https://example.org>x</a>", _HEAD + _HTML),
    "pictures": _filled(b'<img src="cid:a">', _HEAD + _HTML),
    "open pictures": _filled(b'<img src="cid:', _HEAD + _HTML),
    "attributes": _filled(b" a=b", _HEAD + _HTML + b"<p", b">words</p>\r\n"),
    "attributes without end": _filled(b' a="', _HEAD + _HTML + b"<p"),
    "comments in HTML": _filled(b"<!--", _HEAD + _HTML),
    "styles": _filled(b"<style>", _HEAD + _HTML),
    "scripts": _filled(b"<script></scrip", _HEAD + _HTML),
    "entities": _filled(b"&amp", _HEAD + _HTML),
    "numbers": _filled(b"&#1114111;", _HEAD + _HTML),
    "line breaks": _filled(b"<br>", _HEAD + _HTML),
    "paragraphs": _filled(b"<p>a", _HEAD + _HTML),
    "preformatted": _filled(b"<pre>\n", _HEAD + _HTML),
    "quotes of Gmail": _filled(b"<div class=gmail_quote>", _HEAD + _HTML),
    "attributions of Gmail": _filled(b'<div class="gmail_attr">On Mon Jo wrote:<br>', _HEAD + _HTML),
    "borders of Outlook": _filled(b'<div style="border:none;border-top:solid #E1E1E1 1.0pt">', _HEAD + _HTML),
    "styles without end": _filled(b"a:b;", _HEAD + _HTML + b'<div style="', b'">words</div>\r\n'),
    "classes": _filled(b"x ", _HEAD + _HTML + b'<div class="', b'">words</div>\r\n'),
    "rules of Outlook": _filled(b"<hr id=stopSpelling>From: a<br>Sent: b<br>", _HEAD + _HTML),
}

IN_THE_PARTS: dict[str, Maker] = {
    "many parts": _filled(b"--b\r\n\r\nx\r\n", _HEAD + _MULTIPART),
    "many empty parts": _filled(b"--b\r\n", _HEAD + _MULTIPART),
    "many attachments": _filled(
        b"--b\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\r\nx\r\n",
        _HEAD + _MULTIPART,
    ),
    "many HTML parts": _filled(b"--b\r\nContent-Type: text/html\r\n\r\n<p>a\r\n", _HEAD + _MULTIPART),
    "false delimiters": _filled(b"--bx\r\n", _HEAD + _MULTIPART),
    "false delimiters in lines": _filled(b"x--b ", _HEAD + _MULTIPART),
    "dashes for a boundary": _filled(
        b"-", _HEAD + b'Content-Type: multipart/mixed; boundary="------------------------"\r\n\r\n'
    ),
    "blanks behind a delimiter": _filled(b" ", _HEAD + _MULTIPART + b"--b"),
    "guessed boundaries": _filled(
        b"--x\r\nContent-X\r\n", _HEAD + b"Content-Type: multipart/mixed\r\n\r\n"
    ),
    "deep parts": _nested(_level, 70),
    "deep parts of one boundary": _filled(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", _HEAD, b"\r\nwords\r\n"
    ),
    "deep mails": _filled(b"Content-Type: message/rfc822\r\n\r\n", _HEAD, b"Subject: y\r\n\r\nwords\r\n"),
    "letters of base64": _filled(b"A\r\n", _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"),
    "lines of base64": _filled(b"QUJD\r\n\r\n", _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"),
    "paddings of base64": _filled(b"QQ==", _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"),
    "rubbish for base64": _filled(b"!=", _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"),
    "equal signs": _filled(b"=", _HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"),
    "blanks for quoted-printable": _filled(
        b" \t", _HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nx", b"x"
    ),
    "lines for quoted-printable": _filled(
        b" \r\n", _HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ),
    "lines of uuencode": _filled(
        b"!\r\n", _HEAD + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n", b"end\r\n"
    ),
    "a large attachment": _filled(
        base64.b64encode(bytes(range(57))) + b"\r\n",
        _HEAD + b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    ),
    "a calendar": _filled(
        b"BEGIN:VEVENT\r\nSUMMARY:x\r\nDTSTART:20250203T100000Z\r\nEND:VEVENT\r\n",
        _HEAD + b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n",
        b"END:VCALENDAR\r\n",
    ),
    "a deep calendar": _filled(b"BEGIN:VEVENT\r\n", _HEAD + b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n"),
    "a long calendar line": _filled(b";X=Y", _HEAD + b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nDTSTART"),
    "winmail of nothing": _encoded(_filled(b"\x02\x00\x80\x01\x00" + bytes(6), _TNEF, b""), b"application/ms-tnef"),
    "winmail of zeros": _encoded(_filled(b"\x00", _TNEF, b""), b"application/ms-tnef"),
    "rich text": _encoded(_filled(b"{\\b ", b"{\\rtf1\\ansi ", b"}"), b"text/rtf"),
}  # fmt: skip

IN_A_REPORT: dict[str, Maker] = {
    "recipients": _counted(
        "Final-Recipient: rfc822; jo{0}@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n", _REPORT + _STATUS
    ),
    "groups of nothing": _filled(b"x\r\n\r\n", _REPORT + _STATUS),
    "folded diagnostics": _filled(
        b"\r\n nobody", _REPORT + _STATUS + b"Final-Recipient: rfc822; jo@example.org\r\nDiagnostic-Code: smtp; 550"
    ),
    "addresses of qmail": _counted("<jo{0}@example.org>:\r\n", _REPORT + b"\r\nHi. This is the qmail-send program\r\n"),
    "addresses of Postfix": _counted(
        "<jo{0}@example.org>: 550 no\r\n", _REPORT + b"\r\nThis is the mail system at host mx.example.org.\r\n\r\n"
    ),
    "bare addresses": _counted(
        "  jo{0}@example.org\r\n", _REPORT + b"\r\nThis message was created automatically by mail delivery software\r\n"
    ),
    "open addresses": _filled(b"<a@b", _REPORT + b"\r\nThis is the mail system at host mx\r\n"),
    "ids": _filled(b"Message-ID: <a\r\n", _REPORT + b"\r\n"),
    "codes": _filled(b"550 5.1.1 ", _REPORT + b"\r\nDelivery has failed to these recipients\r\n"),
    "failed recipients": _counted("jo{0}@example.org,", _REPORT + b"X-Failed-Recipients: ", b"\r\n\r\nwords\r\n"),
    "a complaint": _filled(
        b"X: y\r\n",
        _HEAD + b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n",
    ),
}  # fmt: skip

MAILS: dict[str, Maker] = IN_THE_HEADER | IN_THE_TEXT | IN_THE_HTML | IN_THE_PARTS | IN_A_REPORT
