"""What reading a whole mail promises, and writing one. A promise returns nothing or raises."""

from __future__ import annotations

import pickle
import re
from hashlib import sha256

from gateway.mail import attached, enclosures, reading, sandbox
from gateway.mail.address import address_key
from gateway.mail.authenticate import FAIL, NONE, PASS, TxtRecords, authenticate
from gateway.mail.blocks import LONGEST_TEXT
from gateway.mail.compose import Unsendable, compose
from gateway.mail.fingerprint import fingerprint
from gateway.mail.letter import Draft, File
from gateway.mail.parse import read
from gateway.mail.reading import Enclosure, Mailbox, Reading
from gateway.mail.sanitize import sanitize
from gateway.mail.template import KINDS, LARGEST, Stationery, Unwritable
from gateway.mail.words import Addition, Attached, FileLink, LetterWords, Passage
from tests.fuzz.shape import UNWANTED, canonical, clean, folded

VERDICTS = {
    *(reading.HUMAN, reading.AUTOMATIC, reading.AUTO_REPLY, reading.BULK, reading.BOUNCE, reading.REPORT),
    reading.LOOP,
}
_KEY = "v=DKIM1; k=rsa; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKaggRjyJMKxVjS7Vw+S9bH7LDHsRCc5cNmCrW0CAwEAAQ=="
_RECORDS = (
    _KEY,
    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "v=DMARC1; p=reject",
    "p=",
)
_STATIONERY = Stationery(None)


def mail(octets: bytes, reverse_path: str = "x") -> None:
    """parse.read: a Reading that keeps its word, the same each time."""
    found = read(octets, reverse_path=reverse_path)
    assert found == read(octets, reverse_path=reverse_path)
    _headed(found)
    _worded(found)
    for file in found.enclosures:
        _enclosed(file)
    assert found.verdict in VERDICTS
    assert all(found.reasons) and all(found.notes)
    if found.report is not None:
        _reported(found)
    assert re.fullmatch("[0-9a-f]{64}", found.fingerprint)
    assert len(pickle.dumps(found)) <= 100 * len(octets) + 100_000
    authenticated = authenticate(found, octets, authserv_id="mx.desk.example", lookup=_lookup, verify=True)
    assert authenticated.result in (PASS, FAIL, NONE)


def report(octets: bytes) -> None:
    """A mail with the null reverse-path, as delivery reports have it."""
    mail(octets, reverse_path="")


def report_body(text: str) -> None:
    """The words of a mail system, and a status part, as they come in a report."""
    plain = text.encode("utf-8", "replace")
    head = b"From: MAILER-DAEMON@mx.example.org\nSubject: Undelivered\n"
    report(head + b"\n" + plain)
    report(
        head + b"Content-Type: multipart/report; boundary=b; report-type=delivery-status\n\n--b\n\n" + plain
        + b"\n--b\nContent-Type: message/delivery-status\n\n" + plain + b"\n--b--\n"
    )  # fmt: skip


def inside(octets: bytes) -> None:
    """attached.inside_mail, and what an attached file may be."""
    found = attached.inside_mail(octets)
    assert len(found.text) <= 100 * len(octets) + 1000
    for name in ("a.eml", "a", "winmail.dat"):
        attached.kind_of(name, "application/octet-stream", octets)
    clean(attached.text_of(octets), lines=True)


def trace(octets: bytes) -> None:
    """fingerprint: a trace field more changes nothing."""
    if octets[:1] not in (b" ", b"\t"):
        assert fingerprint(b"Received: by mx.example.org\r\n" + octets) == fingerprint(octets)


def letter(text: str) -> None:
    """template and compose: nobody's words can break a letter out of its form."""
    words = _words(text)
    for kind in KINDS:
        try:
            written = _STATIONERY.write(kind, words)
        except Unwritable:
            continue
        assert "\n" not in written.subject and len(written.text) <= LARGEST and len(written.html) <= LARGEST
        _sent(written.subject, written.text, written.html, text)
    assert sandbox.quote(text).startswith(">")
    assert len(sandbox.preview(text)) <= 120


def _headed(found: Reading) -> None:
    for box in (*found.from_, *found.reply_to, *found.to, *found.cc):
        clean(box.name)
        if box.email:
            canonical(box.email)
    for text in (found.subject, *found.notes, *found.authentication_results, *found.reasons):
        clean(text)
    for id in (found.message_id, *found.in_reply_to, *found.references):
        clean(id)
        assert not id or (id.startswith("<") and id.endswith(">")), id
    assert found.ambiguous_sender or found.sender is not None
    assert found.date is None or 0 <= found.date < 2**53


def _worded(found: Reading) -> None:
    clean(found.text, lines=True)
    assert len(found.text) <= LONGEST_TEXT + 1000
    lines = found.text.split("\n")
    folded(lines, found.folded)
    if found.html is not None:
        assert sanitize(found.html) == found.html
        assert not UNWANTED.search(found.html)


def _enclosed(file: Enclosure) -> None:
    clean(file.filename)
    assert file.filename and enclosures.safe_name(file.filename) == file.filename
    clean(file.content_type)
    clean(file.content_id)
    assert file.data is not None
    assert (file.size, file.sha256) == (len(file.data), sha256(file.data).hexdigest())


def _reported(found: Reading) -> None:
    report = found.report
    assert report is not None and report.kind in ("permanent", "temporary"), report
    clean(report.reply, lines=True)
    clean(report.original_id)
    assert len(report.reply) <= 1000 and len(report.recipients) <= 1000
    for one in report.recipients:
        canonical(one)
        assert address_key(one) == one


def _words(text: str) -> LetterWords:
    name = text[:200]
    passage = Passage(
        name,
        "client",
        "1 Jan 2026, 12:00 UTC",
        text,
        sanitize(text),
        (Attached(name, "1 KB"),),
        (FileLink(name, "https://desk.example/b"),),
    )
    return LetterWords(
        desk_name=name,
        ticket_url="https://desk.example/t",
        ticket_number="2601-1",
        subject=text,
        author_name=name,
        messages=(passage,),
        quoted=passage,
        added_people=(Addition(name, name),),
        reason=text,
        recipient=name,
        held=(text,),
    )


def _sent(subject: str, text: str, html: str, name: str) -> None:
    """Composed, and read again by ourselves: the planned fields and no other."""
    desk = Mailbox("help@desk.example", name[:300])
    draft = Draft(
        "<m@desk.example>",
        desk,
        (Mailbox("jo@example.org", name[:300]),),
        subject,
        text,
        html,
        1_700_000_000_000,
        files=(File(name[:300], name[:60], b"octets"),),
    )
    try:
        octets = compose(draft)
    except Unsendable:
        return
    found = read(octets)
    assert [box.email for box in (*found.from_, *found.to)] == ["help@desk.example", "jo@example.org"]
    assert (found.cc, found.reply_to, found.message_id) == ((), (), "<m@desk.example>")
    assert [file.data for file in found.enclosures] == [b"octets"]
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def _lookup(name: str) -> TxtRecords:
    return TxtRecords(_RECORDS[len(name) % len(_RECORDS) :][:1])
