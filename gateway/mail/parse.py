"""One mail read to the end: octets in, one `Reading` out. RFC 5322, RFC 2045-2049."""

from __future__ import annotations

import calendar
import re
from dataclasses import replace
from email.utils import parsedate_tz
from html import unescape
from urllib.parse import unquote

from gateway.i18n import SOURCE_LANGUAGE
from gateway.mail import body, dsn, enclosures, filters, header, quote, structure
from gateway.mail.address import parse_mailboxes
from gateway.mail.body import Body
from gateway.mail.classify import classify
from gateway.mail.evidence import Evidence
from gateway.mail.fingerprint import fingerprint
from gateway.mail.reading import Enclosure, Mailbox, Reading
from gateway.mail.structure import Octets, Part

UNKNOWN_PATH = "x"
"""A reverse-path nobody told us; it is not the null one."""

_LONGEST_SUBJECT = 998
_LONGEST_DATE = 100
_LATEST_DATE = 253_402_300_799_000  # end of the year 9999
_ID = re.compile(r"<[^<>\s]{1,998}>")
_CID = re.compile(r'<img src="cid:([^"]{1,998})"')


def read(
    octets: Octets,
    *,
    reverse_path: str = UNKNOWN_PATH,
    folder: str = "",
    locale: str = SOURCE_LANGUAGE,
) -> Reading:
    """What a mail says. Never raises for anything `octets` hold; linear in their length.

    reverse_path: as in the envelope, empty for the null one.  folder: where enclosures over 256 KiB go;
    empty: none become files.  locale: of the sentences that we add.
    Past a limit of `structure` or `body` the Reading has what was read, a note, and the whole
    mail as its last enclosure.
    """
    octets = _with_line_feeds(octets)
    root, limits = structure.parse(octets)
    words = body.collect(root, locale)
    limits += words.limits
    files = [enclosures.enclose(part, number, folder) for number, part in enumerate(words.rest, 1)]
    if limits:
        files.append(enclosures.original(octets, folder))
    marked = _marked_inline(files, words.html)
    reading = _headed(root, words, marked, limits + words.remarks, fingerprint(octets))
    return _classified(reading, root, reverse_path)


def _with_line_feeds(octets: Octets) -> Octets:
    """Mails of ancient make with bare CR as their line ends, readable; all others as they are."""
    start = octets[: structure.FIELD_OCTETS]
    if b"\n" in start or b"\r" not in start:
        return octets
    return octets[:].replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _headed(
    root: Part, words: Body, files: tuple[Enclosure, ...], notes: tuple[str, ...], fingerprint: str
) -> Reading:
    from_ = _mailboxes(root, "from")
    one_sender = len(root.values("from")) == 1 and len(from_) == 1 and bool(from_[0].email)
    subject = header.text(root.value("subject"))[:_LONGEST_SUBJECT]
    forwarded = quote.is_forward_subject(subject)
    folding = quote.fold(words.text, words.structure, forwarded=forwarded, armour=words.armour)
    return Reading(
        message_id=next(iter(_ids(root, "message-id")), ""),
        in_reply_to=_ids(root, "in-reply-to"),
        references=_ids(root, "references"),
        from_=from_,
        ambiguous_sender=not one_sender,
        reply_to=_mailboxes(root, "reply-to"),
        to=_mailboxes(root, "to"),
        cc=_mailboxes(root, "cc"),
        subject=subject,
        date=_date(header.raw_text(root.value("date"))),
        text=words.text,
        folded=folding.ranges,
        signature=folding.signature,
        html=words.html,
        enclosures=files,
        authentication_results=_authentication_results(root),
        notes=notes + _repeated(root),
        sealed=words.sealed,
        fingerprint=fingerprint,
    )


def _classified(reading: Reading, root: Part, reverse_path: str) -> Reading:
    evidence = Evidence(root, reverse_path, reading.from_, reading.subject, reading.text, None)
    report = dsn.read_report(root, reading.text, evidence.null_path)
    verdict, reasons = classify(replace(evidence, report=report))
    return replace(
        reading, report=report, verdict=verdict, reasons=reasons, filter_marks=filters.read_marks(root)
    )


def _mailboxes(root: Part, name: str) -> tuple[Mailbox, ...]:
    return tuple(box for value in root.values(name) for box in parse_mailboxes(header.raw_text(value)))


def _ids(root: Part, name: str) -> tuple[str, ...]:
    """Message identifiers in angle brackets, each once; a lone one without brackets gets them."""
    text = " ".join(map(header.raw_text, root.values(name)))
    found = tuple(dict.fromkeys(_ID.findall(text)))
    if found or not text or " " in text or len(text) > _LONGEST_SUBJECT or set("<>") & set(text):
        return found
    return (f"<{text}>",)


def _date(text: str) -> int | None:
    """Milliseconds UTC of a Date field, or None. RFC 5322 §3.3."""
    try:
        parsed = parsedate_tz(text[:_LONGEST_DATE])
        if parsed is None:
            return None
        millis = (calendar.timegm((*parsed[:6], 0, 1, 0)) - (parsed[9] or 0)) * 1000
    except (ValueError, OverflowError, TypeError, IndexError):  # the library's own slips on broken dates
        return None
    return millis if 0 <= millis <= _LATEST_DATE else None


def _authentication_results(root: Part) -> tuple[str, ...]:
    """The topmost unbroken run of these fields; those below come from elsewhere. RFC 8601 §5."""
    run: list[str] = []
    for name, value in root.fields:
        if name == "authentication-results":
            run.append(header.raw_text(value))
        elif run:
            break
    return tuple(run)


def _repeated(root: Part) -> tuple[str, ...]:
    """RFC 5322 §3.6: these may stand only once."""
    names = ("from", "to", "cc", "subject", "date", "message-id", "reply-to")
    return tuple(f"repeated field: {name}" for name in names if len(root.values(name)) > 1)


def _marked_inline(files: list[Enclosure], html: str | None) -> tuple[Enclosure, ...]:
    """The enclosures, those that the HTML shows in place marked; RFC 2392. Some mailers write the name for the id."""
    shown = {unquote(unescape(found)) for found in _CID.findall(html or "")}
    named = ((file.content_id or (file.filename if file.filename in shown else ""), file) for file in files)
    return tuple(replace(file, content_id=own, inline=own in shown) if own else file for own, file in named)
