"""The envelope of a mail that lies in a mailbox."""

from __future__ import annotations

import pytest

from gateway.clock import from_rfc3339
from gateway.desk.desks import PATTERN, Destination, Directory
from gateway.desk.tables import Desk
from gateway.transport.imap import trace

HELP = "help@desk.example"


def desk(id: int, address: str) -> Desk:
    return Desk(id=id, name=address, address=address, address_key=address, reply=PATTERN, bounce=PATTERN)


DIRECTORY = Directory([desk(1, HELP), desk(2, "sales@desk.example")])


def find(address: str) -> Destination | None:
    return DIRECTORY.find(address)


def recipient(head: str, *trusted: str) -> str:
    raw = head.replace("\n", "\r\n").encode() + b"\r\n\r\nbody\r\nDelivered-To: help+body@desk.example\r\n"
    found = trace.envelope(trace.fields(raw), HELP, find, trusted or ("Delivered-To",))
    assert found.channel == "imap" and len(found.recipients) == 1
    return found.recipients[0]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Subject: nothing is said", HELP),
        ("Delivered-To: help+token@desk.example", "help+token@desk.example"),
        ("Delivered-To: box@host.example\nDelivered-To: sales@desk.example", "sales@desk.example"),
        ("Delivered-To: help@desk.example\nDelivered-To: help+old@desk.example", HELP),
        ("delivered-to:\n <help+folded@desk.example>", "help+folded@desk.example"),
        ("X-Original-To: help+token@desk.example", HELP),
        ("To: Help <help+token@desk.example>", "help+token@desk.example"),
        ("Cc: x@y.example, HELP+TOKEN@Desk.Example", "HELP+TOKEN@desk.example"),
        ("To: sales+token@desk.example", HELP),
        ("Delivered-To: help@desk.example\nTo: help+token@desk.example", "help+token@desk.example"),
        ("Delivered-To: sales@desk.example\nTo: help+token@desk.example", "sales@desk.example"),
        ("Delivered-To: help+a@desk.example\n\tb", HELP),
        ("Subject: x\rDelivered-To: help+injected@desk.example", HELP),
        ("Delivered-To: stranger@elsewhere.example", HELP),
    ],
)
def test_for_whom(head: str, expected: str) -> None:
    assert recipient(head) == expected


def test_other_fields_count_where_they_are_trusted() -> None:
    head = "Delivered-To: help@desk.example\nX-Original-To: help+token@desk.example"
    assert recipient(head, "Delivered-To", "X-Original-To") == "help+token@desk.example"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Return-Path: <carol@customer.example>", "carol@customer.example"),
        ("Return-Path: <>", ""),
        ("Return-Path: < >", ""),
        ("Return-Path: nonsense", trace.UNTOLD),
        ("Subject: none", trace.UNTOLD),
    ],
)
def test_who_sent_it(head: str, expected: str) -> None:
    found = trace.envelope(trace.fields(head.encode()), HELP, find, ())
    assert found.reverse_path == expected


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("from a by b; Sat, 21 Nov 2026 04:56:55 +0100", from_rfc3339("2026-11-21T03:56:55Z")),
        ("from a by b", None),
        ("from a by b; yesterday", None),
        ("from a by b; Sat, 99 Nov 99999 99:99:99 +9999", None),
    ],
)
def test_when_it_arrived(stamp: str, expected: int | None) -> None:
    assert trace.arrived(trace.fields(f"Received: {stamp}\r\nReceived: x; bad".encode())) == expected


def test_hostile_headers_cost_little() -> None:
    assert len(trace.fields(b"A: b\r\n" * 1_000_000)) <= trace.LINES_READ
    assert recipient("To: " + "a" * 60_000 + "@" * 60_000) == HELP
    assert trace.fields(b"\x00\xff\n: :\n no\nB\n") == []
