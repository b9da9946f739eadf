"""Where the mails of mbox files, Maildirs and folders lie, and what comes out of them."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from gateway import clock
from gateway.errors import Invalid
from gateway.flow.imports.finding import archive
from gateway.flow.imports.folders import Emls, Maildir
from gateway.flow.imports.mbox import Mbox
from gateway.flow.imports.places import UNKNOWN, Listing, Source
from tests.people import CAROL, DESK, mail

MARK = b"From carol@customer.example Mon Apr 13 09:00:00 2026\n"
DELIVERED = clock.from_rfc3339("2026-04-13T09:00:00Z")


def lf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n")


def mails(source: Source) -> list[bytes]:
    return [b"".join(source.pieces(place)) for place in list(source.places())]


def file(tmp_path: Path, octets: bytes) -> Path:
    path = tmp_path / "archive.mbox"
    path.write_bytes(octets)
    return path


@pytest.mark.parametrize("filling", ["", "x\n" * 600_000], ids=["small", "large"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_mails_of_an_mbox_come_out_as_they_went_in(tmp_path: Path, ends: bytes, filling: str) -> None:
    wanted = [
        mail(CAROL, DESK, f"Number {number}", f"Hello.\n{filling}\nFrom here on\n>From there on\n\n\n")
        for number in range(3)
    ]
    quoted = [
        lf(one).replace(b"\n>From ", b"\n>>From ").replace(b"\nFrom here", b"\n>From here") for one in wanted
    ]
    octets = b"".join(MARK + one + b"\n" for one in quoted).replace(b"\n", ends)
    source = Mbox(file(tmp_path, octets))
    assert mails(source) == wanted
    assert {place.delivered for place in source.places()} == {DELIVERED}


def test_the_older_dialect_takes_one_mark_away_where_there_is_one(tmp_path: Path) -> None:
    path = file(tmp_path, MARK + b"Subject: x\n\n>From a\n>>From b\n")
    assert mails(Mbox(path, "mboxo")) == [b"Subject: x\r\n\r\nFrom a\r\n>>From b\r\n"]
    assert mails(Mbox(path)) == [b"Subject: x\r\n\r\nFrom a\r\n>From b\r\n"]


def test_what_the_standard_library_writes_is_read(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    wanted = [mail(CAROL, DESK, f"Number {number}", "From me\n\nbye") for number in range(3)]
    for one in wanted:
        box.add(lf(one))
    box.close()
    assert mails(archive(tmp_path / "box")) == wanted


@pytest.mark.parametrize(
    "sentence",
    [
        b"From here on it went wrong.\nSo: what now?\n",
        b"From Monday 9:00 it went wrong.\nAnd on.\n",
        b"From Mon Apr 13 09:00:00 2026\nit went wrong.\n",
        MARK + b"\n",
    ],
)
def test_a_sentence_is_no_postmark(tmp_path: Path, sentence: bytes) -> None:
    """A postmark has a time, and a header follows it."""
    path = file(tmp_path, MARK + b"Subject: one\n\nText\n\n" + sentence + b"\n" + MARK + b"Subject: two\n\n")
    assert [one.split(b"\r\n")[0] for one in mails(Mbox(path))] == [b"Subject: one", b"Subject: two"]


@pytest.mark.parametrize(
    ("mark", "delivered"),
    [
        (b"From - Mon Apr 13 09:00:00 2026", DELIVERED),
        (b"From 1234567890@xxx Mon Apr 13 09:00:00 +0000 2026", DELIVERED),
        (b"From carol@customer.example Mon Apr 13 09:00 2026", DELIVERED),
        (b"From carol customer Mon, 13 Apr 2026 09:00:00 +0000", DELIVERED),
    ],
)
def test_postmarks_as_programs_write_them(tmp_path: Path, mark: bytes, delivered: int) -> None:
    [place] = Mbox(file(tmp_path, mark + b"\nSubject: x\n\ny\n")).places()
    assert place.delivered == delivered


def test_a_line_of_many_octets_and_an_end_without_one(tmp_path: Path) -> None:
    long = b"x" * 700_000
    path = file(tmp_path, MARK + b"Subject: x\n\n" + long + b"\n>From " + long)
    assert mails(Mbox(path)) == [b"Subject: x\r\n\r\n" + long + b"\r\nFrom " + long]


def test_a_maildir_with_its_folders(tmp_path: Path) -> None:
    for name in ("", ".Archive", ".Archive.2019", ".Trash", "Other"):
        for part in ("cur", "new", "tmp"):
            (tmp_path / name / part).mkdir(parents=True)
    one = lf(mail(CAROL, DESK, "x", "y"))
    for name in (
        "cur/1776070800.M1P1.host:2,S",
        "new/1776070800.M2P1.host",
        ".Archive/cur/other-name:2,",
        ".Archive.2019/new/1776070800.M3P1.host",
        "Other/cur/1776070800.M4P1.host:2,",
        "tmp/1776070800.M5P1.host",
        "cur/1776070800.M6P1.host:2,ST",
        "cur/1776070800.M7P1.host:2,D",
        ".Trash/cur/1776070800.M8P1.host:2,S",
        "cur/dovecot.index.cache",
    ):
        (tmp_path / name).write_bytes(one)
    source = archive(tmp_path)
    assert isinstance(source, Maildir)
    places = list(source.places())
    assert len(places) == 5
    assert sorted(place.delivered for place in places) == [UNKNOWN, *[1776070800000] * 4]
    assert len(mails(Maildir(tmp_path / ".Trash"))) == 1, "named itself"


def test_files_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    wanted = mail(CAROL, DESK, "x", "y")
    (tmp_path / "a" / "b" / "one.eml").write_bytes(wanted)
    (tmp_path / "a" / "TWO.EML").write_bytes(lf(wanted))
    (tmp_path / "a" / "notes.txt").write_bytes(b"no mail")
    assert isinstance(archive(tmp_path), Emls)
    assert mails(archive(tmp_path)) == [wanted, wanted]
    assert mails(archive(tmp_path / "a" / "TWO.EML")) == [wanted]


def test_a_file_that_only_claims_to_be_an_mbox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        archive(file(tmp_path, b"Subject: x\n\ny\n"))


def test_mails_of_all_archives_are_listed_oldest_first(tmp_path: Path) -> None:
    def dated(year: str) -> bytes:
        return lf(mail(CAROL, DESK, year, "y", headers={"Date": f"Mon, 13 Apr {year} 09:00:00 +0000"}))

    first = file(tmp_path, b"".join(MARK.replace(b"2026", b"2021") + one for one in (dated("2022"), b"")))
    (tmp_path / "one.eml").write_bytes(dated("2019"))
    (tmp_path / "two.eml").write_bytes(dated("2024"))
    listing = Listing()
    for source in (Mbox(first), Emls(tmp_path)):
        listing.add(source, source.places())
    years = [
        b"".join(source.pieces(place)).split(b"Subject: ")[1][:4] for source, place in listing.by_time(0)
    ]
    assert years == [b"2019", b"2022", b"2024"]
    since = clock.from_rfc3339("2022-01-01T00:00:00Z")
    assert len(list(listing.by_time(since))) == 2
