"""Files on their way out: names that are only names, types that run nothing."""

from __future__ import annotations

import unicodedata
from email.message import Message
from urllib.parse import unquote

import pytest

from gateway.web.downloads import HEADERS, disposition, picture_type, plain_name
from tests.web.conftest import Site
from tests.web.standin import StandInDoor, said

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 "

NAMES = [
    ("report.pdf", "report.pdf"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\boot.ini", "boot.ini"),
    ("C:\\Users\\x\\a.txt", "a.txt"),
    ("/", "file"),
    ("", "file"),
    ("...", "file"),
    (" . ", "file"),
    ("\u200b.htaccess", "htaccess"),
    (".\u200b./.\u200d./x", "x"),
    ("a.html\x00.png", "a.html.png"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("a\r\nSet-Cookie: x=1", "aSet-Cookie_ x=1"),
    ('a"b;c.txt', "a_b;c.txt"),
    ("CON", "_CON"),
    ("nul.txt", "_nul.txt"),
    ("Com1 .log", "_Com1 .log"),
    ("Ångström.txt", "Ångström.txt"),
    ("żółw 🐢.pdf", "żółw 🐢.pdf"),
    ("a\ud800b", "ab"),
    ("x" * 5000 + ".pdf", "x" * 116 + ".pdf"),
    ("y" * 5000, "y" * 120),
    ("a." + "z" * 500, ("a." + "z" * 500)[:120]),
    ("100%.txt", "100%.txt"),
    ("\u2028\ufeff\u00ad", "file"),
]


@pytest.mark.parametrize(("given", "name"), NAMES)
def test_names_are_only_names(given: str, name: str) -> None:
    assert plain_name(given) == name
    assert plain_name(name) == name


@pytest.mark.parametrize("given", [given for given, _ in NAMES])
def test_dispositions_read_back(given: str) -> None:
    value = disposition("attachment", given)
    assert value.isascii()
    assert value.isprintable()
    header = Message()
    header["Content-Disposition"] = value
    assert header.get_content_disposition() == "attachment"
    extended = header.get_param("filename*", header="content-disposition")
    if isinstance(extended, tuple):
        assert unquote(extended[2]) == plain_name(given)
    plain = value.partition('filename="')[2].partition('"')[0]
    if "filename*" not in value:
        assert plain == plain_name(given)
    assert "/" not in plain
    assert "\\" not in plain


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"GIF87a", "image/gif"),
        (WEBP, "image/webp"),
        (b"RIFF\x10\0\0\0WAVE", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", ""),
        (b"<!doctype html>", ""),
        (b"BM", ""),
        (b"", ""),
    ],
)
def test_pictures_are_told_by_their_octets(start: bytes, found: str) -> None:
    assert picture_type(start) == found


@pytest.mark.parametrize(
    ("name", "octets", "declared", "content_id", "sent", "kind"),
    [
        (
            "page.html",
            b"<script>alert(1)</script>",
            "text/html",
            "",
            "application/octet-stream",
            "attachment",
        ),
        ("a.svg", b"<svg onload=alert(1)>", "image/svg+xml", "a@x", "application/octet-stream", "attachment"),
        ("a.png", b"<script>alert(1)</script>", "image/png", "a@x", "application/octet-stream", "attachment"),
        ("a.pdf", b"%PDF-1.7", "application/pdf", "", "application/octet-stream", "attachment"),
        ("a.mht", b"MIME-Version: 1.0", "message/rfc822", "", "application/octet-stream", "attachment"),
        ("a.png", PNG, "text/html; x=\r\nSet-Cookie: a", "", "image/png", "attachment"),
        ("a.png", PNG, "image/png", "a@x", "image/png", "inline"),
        ("a.webp", WEBP, "application/x-msdownload", "a@x", "image/webp", "inline"),
        ("empty", b"", "", "", "application/octet-stream", "attachment"),
        ("long.bin", b"0123456789" * 100_000, "", "", "application/octet-stream", "attachment"),
    ],
)
def test_files_are_sent_so_that_nothing_runs(
    site: Site,
    door: StandInDoor,
    name: str,
    octets: bytes,
    declared: str,
    content_id: str,
    sent: str,
    kind: str,
) -> None:
    file = door.attach(name, octets, declared, content_id)
    door.add(said("see", files=(file,)))
    url = f"{site.page()}/attachments/{file.handle}/any%2Fthing.html"
    answer = site.client.get(url)
    assert answer.status_code == 200
    assert answer.content == octets
    assert answer.headers["content-type"] == sent
    assert answer.headers["content-disposition"].partition(";")[0] == kind
    assert {header: answer.headers.get(header) for header in HEADERS} == HEADERS
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    head = site.client.head(url)
    assert head.headers["content-length"] == str(len(octets))
    assert head.content == b""


def test_names_in_links_lead_to_the_file(site: Site, door: StandInDoor) -> None:
    names = [given for given, _ in NAMES if "\ud800" not in given]
    files = tuple(door.attach(name, name.encode()) for name in names)
    door.add(said("see", files=files))
    page = site.client.get(site.page()).text
    links = [part.partition('"')[0] for part in page.split('<a href="')[1:] if "/attachments/" in part]
    assert len(links) == len(files)
    for link, file in zip(links, files, strict=True):
        answer = site.client.get(link)
        assert answer.content == door.octets[file.handle]
        assert unicodedata.is_normalized("NFC", unquote(link))
