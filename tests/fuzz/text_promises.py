"""What each reader of a piece of foreign text promises. A promise returns nothing or raises."""

from __future__ import annotations

from html.parser import HTMLParser

from gateway.mail import calendar_part, charset, enclosures, flowed, header, quote, rich, rtf, tnef, transfer
from gateway.mail.address import MOST_MAILBOXES, parse_address, parse_mailboxes
from gateway.mail.authentication_results import clauses
from gateway.mail.html_text import to_text
from gateway.mail.sanitize import LONGEST as LONGEST_HTML
from gateway.mail.sanitize import sanitize
from gateway.mail.tidy import ATTRIBUTES_OF, TAGS
from gateway.mail.token import Keyring, Purpose
from tests.fuzz.shape import UNWANTED, canonical, clean, folded

KEYS = Keyring({1: b"k" * 32, 2: b"l" * 32}, 2)


def address(text: str) -> None:
    """parse_address: canonical or refused."""
    found = parse_address(text)
    if found is not None:
        canonical(found)
        assert parse_address(found) == found


def mailboxes(text: str) -> None:
    """parse_mailboxes: each canonical, or empty with what was written."""
    found = parse_mailboxes(text)
    assert len(found) <= MOST_MAILBOXES
    for box in found:
        if box.email:
            canonical(box.email)
        clean(box.name)


def field(text: str) -> None:
    """header: any value is one clean line."""
    octets = text.encode("utf-8", "surrogatepass")
    clean(header.raw_text(octets))
    clean(header.text(octets))
    clean(header.decode_words(text))
    first, parameters = header.parameters(octets)
    for one in (first, *parameters, *parameters.values()):
        clean(one)
    name = enclosures.safe_name(text)
    assert len(name) <= enclosures.LONGEST_NAME and enclosures.safe_name(name) == name
    assert not set('/\\<>:"|?*\n\0') & set(name) and not name.startswith("."), name


def folding(text: str) -> None:
    """quote: ranges in order, within the text, never over all of its words."""
    text = charset.scrub(text)
    lines = text.split("\n")
    ranges = quote.fold(text).ranges
    folded(lines, ranges)
    hashes = [quote.hash_line(line) for line in lines]
    assert all(-(2**63) <= one < 2**63 for one in hashes)
    folded(lines, quote.fold_known(text, ranges, quote.known_lines(["\n".join(lines[::2])])))
    assert 0 <= quote.mark_at(lines) <= len(lines)
    unflowed = flowed.unflow(text, delete_space=True)
    assert len(unflowed) <= 2 * len(text) + 2


def html(text: str) -> None:
    """sanitize and to_text: allowed tags alone, the same again, text of bounded length."""
    found = sanitize(text)
    assert len(found) <= LONGEST_HTML and not UNWANTED.search(found)
    assert sanitize(found) == found
    checker = _Checker()
    checker.feed(str(found))
    checker.close()
    written = to_text(str(found))
    assert len(written) <= 60 * len(found) + 1000


def results(text: str) -> None:
    """authentication_results.clauses: lower-case methods, nothing raised."""
    for clause in clauses([header.raw_text(text.encode("utf-8", "replace"))] * 2, "mx.desk.example"):
        assert clause.method == clause.method.lower() and clause.result == clause.result.lower()


def encoded(octets: bytes) -> None:
    """transfer and charset: any octets under any label."""
    for encoding in ("base64", "quoted-printable", "x-uuencode", "8bit"):
        assert len(transfer.decode(octets, encoding)) <= len(octets) + 64
    for label in ("", "utf-8", "utf-16", "iso-2022-jp", "gb18030", "hz", "big5", "iso-2022-kr", "macintosh"):
        text = charset.decode(octets, label)
        clean(text, lines=True)
        assert charset.scrub(text) == text


def winmail(octets: bytes) -> None:
    """tnef: opened or not, never raised."""
    found = tnef.read(octets)
    if found is not None:
        assert found.words or found.files
        assert sum(part.end - part.start for part in found.files) <= 4 * len(octets)


def rich_text(octets: bytes) -> None:
    """rtf and rich: words of bounded length."""
    for data in (octets, rtf.unpacked(octets), b"{\\rtf1 " + octets):
        assert len(rtf.words_of(data)) <= 4 * len(data) + 100
    assert len(rtf.unpacked(octets)) <= 20 * len(octets) + 100
    text = charset.decode(octets)
    assert len(rich.enriched_text(text)) <= len(text) and len(rich.richtext_text(text)) <= len(text)


def calendar(octets: bytes) -> None:
    """calendar_part: clean words, or none."""
    for data in (
        octets,
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + octets + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ):
        clean(calendar_part.readable(data), lines=True)


def token(text: str) -> None:
    """Keyring: nothing verifies by chance, and a neutralised text hands no token on."""
    assert KEYS.unseal(text) is None
    sealed = [KEYS.seal(purpose, hash(text) % 2**64 - 2**63, len(text)) for purpose in Purpose]
    for one in sealed:
        opened = KEYS.unseal(one.upper())
        assert opened is not None and KEYS.seal(opened.purpose, opened.handle, opened.newest) == one
    said = "\n".join(f"{text}@{one}/{text}" for one in sealed)
    kept = KEYS.neutralise(said).lower()
    assert not [one for one in sealed if one in kept]


class _Checker(HTMLParser):
    """Finds in sanitised HTML what may not be there."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in (*ATTRIBUTES_OF.get(tag, ()), "dir", *(["rel"] if tag == "a" else [])), (tag, name)
            if name == "href":
                assert (value or "").strip().lower().startswith(("http:", "https:", "mailto:")), value
            if name == "src":
                assert (value or "").startswith("cid:"), value

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)
