"""Files that name an agent, and mails that bring nothing but files. Promise 6, T29, B10."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

import pytest

from gateway.mail import structure
from gateway.mail.parse import read
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import CAROL, DESK, Attachment
from tests.world import World, played

TNEF = b"\x78\x9f\x3e\x22\x01\x00"


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    """Carol asked."""
    with played(store, clock) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        yield world


@pytest.mark.parametrize(
    "file",
    [
        Attachment(
            "alice.vcf", "text/x-vcard", b"BEGIN:VCARD\r\nEMAIL:alice@\r\n agents.example\r\nEND:VCARD"
        ),
        Attachment(
            "invite", "application/ics", b"BEGIN:VCALENDAR\r\nORGANIZER:alice@agents.e\r\n xample\r\n"
        ),
        Attachment("alice.cer", "application/pkix-cert", b"\x30\x82\x00\x16\x14alice@agents.example\x00"),
        Attachment(
            "alice.asc", "application/octet-stream", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n"
        ),
    ],
    ids=lambda file: file.filename,
)
def test_a_file_that_names_the_agent_stays_with_agents(world: World, file: Attachment) -> None:
    notice = world.alice.newest("notice")
    world.alice.writes("Re: Printer", "See the card.", notice.reply_to, files=[file], auth="pass")
    world.after()
    answer = world.carol.newest("reply")
    assert "See the card." in answer.text and not list(answer.mail.iter_attachments())


def test_another_scan_under_the_same_message_id_is_another_mail(world: World) -> None:
    """Scanners send the same words, and some of them the same Message-ID, with every page."""
    for page in (b"%PDF one", b"%PDF two"):
        raw = people.mail(
            CAROL,
            DESK,
            "Scan",
            "See attachment.",
            attachments=[Attachment("scan.pdf", "application/pdf", page)],
            headers={"Message-ID": "<1@scanner.example>"},
        )
        world.receives(raw, DESK)
    world.after()
    assert len([one for one in world.tickets() if one.subject == "Scan"]) == 2
    assert len([one for one in world.alice.mailbox("notice") if "Scan" in one.subject]) == 2


def test_files_in_files_are_no_more_than_parts_of_a_mail() -> None:
    """One and a half megabytes of winmail.dat and of uuencode must not become a hundred thousand files."""
    empty = struct.pack("<BHHI", 2, 0x9002, 0, 0) + b"\0\0"
    packed = base64.encodebytes(TNEF + empty * 200)
    winmail = (
        b"--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n"
    )
    coded = b"--b\nContent-Type: text/plain\n\n" + b"begin 644 a\n#0V%T\n`\nend\n" * 100
    head = b"From: carol@customer.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    for parts in ((winmail + packed) * 20, coded * 20):
        reading = read(head + parts + b"--b--\n")
        assert len(reading.enclosures) == structure.PARTS + 1 and reading.enclosures[-1].whole_mail
        assert "too many files" in reading.notes
    assert (
        read(head + winmail + base64.encodebytes(TNEF + empty * 4000)).enclosures[0].filename == "winmail.dat"
    )


def test_signatures_in_signatures_are_enclosed_once() -> None:
    """Each would hold all those inside of it: twenty times the mail."""
    inner = b"Content-Type: text/plain\n\n" + b"Hello. " * 1000
    for _ in range(10):
        inner = b"Content-Type: application/pkcs7-mime; name=smime.p7m\n\n" + _signed(inner)
    reading = read(b"From: carol@customer.example\n" + inner)
    assert reading.text.startswith("Hello.") and len(reading.enclosures) == 1


def _signed(content: bytes) -> bytes:
    """CMS SignedData around a content, without any signer. RFC 5652 §5.1."""
    inside = _der(0x30, _oid("2a864886f70d010701") + _der(0xA0, _der(4, content)))
    signed = _der(0x30, _der(2, b"\1") + _der(0x31, b"") + inside)
    return _der(0x30, _oid("2a864886f70d010702") + _der(0xA0, signed))


def _oid(digits: str) -> bytes:
    return _der(6, bytes.fromhex(digits))


def _der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x84]) + len(content).to_bytes(4, "big") + content
