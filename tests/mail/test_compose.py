"""Drafts to octets, held against the standard library's parser; header injection; limits."""

from __future__ import annotations

import email
import re
import unicodedata
from dataclasses import replace
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.compose import Unsendable, compose, scrub
from gateway.mail.letter import Draft, File, has_longer_line
from gateway.mail.reading import Mailbox

DRAFT = Draft(
    message_id="<m1@desk.example>",
    from_=Mailbox("help@desk.example", "Support"),
    to=(Mailbox("ann@client.example", "Ann"),),
    subject="Printer on fire",
    text="Hello\n",
    html="<p>Hello</p>",
    date=1_795_219_323_456,
    reply_to="help+token@desk.example",
)
PLAN = ["Date", "From", "Reply-To", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"]
BREAKS = ("\r\n", "\r\n ", *"\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\0")
INJECTIONS = [
    template.replace("|", line_break)
    for line_break in BREAKS
    for template in (
        "x|Bcc: eve@evil.example",
        "|Bcc: eve@evil.example",
        "x||<script>body</script>",
        "x|.|MAIL FROM:<eve@evil.example>",
        'x"|To: eve@evil.example',
        "x>,|<eve@evil.example",
    )
] + [
    "=?utf-8?q?x=0ABcc=3A_eve=40evil.example?=",
    "=?utf-8?b?eA0KQmNjOiBldmVAZXZpbC5leGFtcGxl?=",
    'a" <eve@evil.example>, "b',
    "a\\",
    '"',
    "x; filename*=utf-8''evil",
    "\u202egpj.exe",
    "\ud800",
    "é" * 400,
    "w" * 2000,
    "a b " * 200,
]

odd_letters = st.text('a b=?_"\\\t\n\r,;<>é🔥', max_size=120)
any_text = st.text(st.characters(codec="utf-8"), max_size=300) | odd_letters


def parsed(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def mailboxes(octets: bytes, field: str) -> list[tuple[str, str]]:
    """Names and addresses of a field, read the old way: `policy.default` of Python 3.11 puts a space
    between two encoded words of a name, against RFC 2047 §6.2."""
    pairs = getaddresses([email.message_from_bytes(octets)[field]])
    return [(str(make_header(decode_header(name))), address) for name, address in pairs]


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def one_line(name: str) -> str:
    return " ".join(scrub(name).split())


def clean(text: str) -> str:
    """A body as it arrives: lines ended by \\n, one at the end, no controls."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\t\n" or not (c < " " or c == "\x7f")).rstrip("\n") + "\n"


def assert_transportable(octets: bytes) -> None:
    lines = octets.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert octets.isascii()
    assert octets.endswith(b"\r\n")


@given(subject=any_text, sender=any_text, name=any_text, text=any_text, html=any_text, filename=any_text)
def test_what_is_written_is_what_is_read(
    subject: str, sender: str, name: str, text: str, html: str, filename: str
) -> None:
    draft = replace(
        DRAFT,
        subject=subject,
        from_=Mailbox("help@desk.example", sender),
        to=(Mailbox("ann@client.example", name), Mailbox("bob@client.example", sender)),
        text=text,
        html=html,
        files=(File(filename, "application/pdf", text.encode()),),
    )
    octets = compose(draft)
    assert_transportable(octets)
    message = parsed(octets)
    assert (message["Subject"] or "") == scrub(subject)
    assert mailboxes(octets, "From") == [(one_line(sender), "help@desk.example")]
    assert mailboxes(octets, "To") == [
        (one_line(name), "ann@client.example"),
        (one_line(sender), "bob@client.example"),
    ]
    assert [a.addr_spec for a in message["To"].addresses] == ["ann@client.example", "bob@client.example"]
    assert body(message, "plain") == clean(text)
    assert not html or body(message, "html") == clean(html)
    [file] = message.iter_attachments()
    assert file.get_filename() == (re.sub(r'[\\/:*?"<>|]', "_", scrub(filename)) or "file")
    assert file.get_content() == text.encode()


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize(
    "field",
    ["subject", "from_name", "to_name", "cc_name", "filename", "in_reply_to", "references", "content_type"],
)
def test_values_add_no_header(field: str, value: str) -> None:
    """T47, CVE-2024-6923, CVE-2026-1299: whatever a value holds, the names are the planned ones."""
    plan, draft = list(PLAN), DRAFT
    match field:
        case "subject":
            draft = replace(DRAFT, subject=value)
            plan = plan if scrub(value) else [name for name in plan if name != "Subject"]
        case "from_name":
            draft = replace(DRAFT, from_=Mailbox("help@desk.example", value))
        case "to_name":
            draft = replace(DRAFT, to=(Mailbox("ann@client.example", value),))
        case "cc_name":
            draft = replace(DRAFT, cc=(Mailbox("ann@client.example", value),))
            plan.insert(4, "Cc")
        case "filename":
            draft = replace(DRAFT, files=(File(value, "text/plain", b"x"),))
        case "in_reply_to":
            draft = replace(DRAFT, in_reply_to=value)
        case "references":
            draft = replace(DRAFT, references=(value,))
        case "content_type":
            draft = replace(DRAFT, files=(File("x", value, b"x"),))
    octets = compose(draft)
    assert_transportable(octets)
    message = parsed(octets)
    assert message.keys() == plan
    assert all(
        part.keys() in (["Content-Type"], ["Content-Type", "Content-Transfer-Encoding"])
        for part in message.walk()
        if part is not message and not part.get_filename()
    )
    assert [a.addr_spec for a in message["To"].addresses] == ["ann@client.example"]
    assert re.search(rb"(?im)^bcc", octets) is None


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("field", ["from_", "to", "reply_to", "message_id", "unsubscribe", "auto_submitted"])
def test_structure_that_is_not_structure_is_refused(field: str, value: str) -> None:
    mailbox = Mailbox(f"{value}@client.example" if field == "to" else value)
    changes: dict[str, object] = {
        "from_": mailbox,
        "to": (mailbox,),
        "reply_to": value,
        "message_id": value,
        "unsubscribe": f"https://desk.example/{value}\n",
        "auto_submitted": value,
    }
    draft = replace(DRAFT, automatic=True, **{field: changes[field]})  # type: ignore[arg-type]
    with pytest.raises(Unsendable):
        compose(draft)


def test_what_looks_encoded_stays_as_it_was_written() -> None:
    value = "=?utf-8?q?x=0ABcc=3A_eve?= =?utf-8?b?eA==?="
    file = File(value, "text/plain", b"")
    octets = compose(replace(DRAFT, subject=value, from_=Mailbox("help@desk.example", value), files=(file,)))
    assert parsed(octets)["Subject"] == value
    assert mailboxes(octets, "From") == [(value, "help@desk.example")]
    [part] = parsed(octets).iter_attachments()
    assert part.get_filename() == value.replace("?", "_")


def test_headers_in_order() -> None:
    message = parsed(compose(DRAFT))
    assert message.keys() == PLAN
    assert message["Date"] == "Sat, 21 Nov 2026 00:02:03 +0000"
    assert parsedate_to_datetime(message["Date"]).timestamp() == DRAFT.date // 1000
    assert message["Reply-To"] == "help+token@desk.example"
    assert message["Message-ID"] == "<m1@desk.example>"
    assert message.get_content_type() == "multipart/alternative"


def test_only_machine_mail_says_so() -> None:
    machine = parsed(compose(replace(DRAFT, automatic=True, auto_submitted="auto-replied")))
    assert machine["Auto-Submitted"] == "auto-replied"
    assert machine["X-Auto-Response-Suppress"] == "All"
    person = parsed(compose(DRAFT))
    for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "List-Id", "List-Unsubscribe"):
        assert name not in person
        assert name in ("Precedence", "List-Id", "List-Unsubscribe") or name in machine
    for name in ("Precedence", "List-Id", "Bcc", "User-Agent", "X-Mailer"):
        assert name not in machine


def test_leaving_takes_one_click() -> None:
    link = parsed(compose(replace(DRAFT, unsubscribe="https://desk.example/leave/abc")))
    assert link["List-Unsubscribe"] == "<https://desk.example/leave/abc>"
    assert link["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    mail = parsed(compose(replace(DRAFT, unsubscribe="mailto:leave@desk.example")))
    assert "List-Unsubscribe-Post" not in mail


def test_references_keep_the_root_and_the_newest() -> None:
    ids = tuple(f"<{number:03d}.{'x' * 60}@client.example>" for number in range(200))
    octets = compose(replace(DRAFT, in_reply_to=ids[-1], references=ids))
    [field] = re.findall(rb"(?ms)^References: .*?(?=\r\n[A-Z])", octets)
    assert len(field) <= 1500
    kept = field.decode().split()[1:]
    assert kept[0] == ids[0]
    assert kept[1:] == list(ids[-len(kept) + 1 :])
    assert len(kept) > 10
    assert parsed(octets)["In-Reply-To"] == ids[-1]


def test_references_that_are_no_ids_or_come_twice_are_left_out() -> None:
    ids = ("<a@b>", "nonsense", "<c d@e>", "<ä@b>", "<a@b>", f"<{'x' * 900}@b>", "<c@d>")
    assert parsed(compose(replace(DRAFT, references=ids)))["References"].split() == ["<a@b>", "<c@d>"]


def test_only_a_local_part_brings_in_utf8() -> None:
    """RFC 6531: the domain has A-labels, so that only few letters need the extension."""
    domain = compose(replace(DRAFT, to=(Mailbox("ann@bücher.example", "Änn"),)))
    assert b"<ann@xn--bcher-kva.example>" in domain
    assert domain.isascii()
    local = compose(replace(DRAFT, to=(Mailbox("änn@client.example", "Änn"),)))
    assert "<änn@client.example>".encode() in local
    assert not local.isascii()


def test_text_alone_is_one_part() -> None:
    octets = compose(replace(DRAFT, html="", text="Hello"))
    assert octets.endswith(b"Content-Transfer-Encoding: 7bit\r\n\r\nHello\r\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("From here on\n", "quoted-printable"),
        ("a\nFrom here on\n", "quoted-printable"),
        ("boundary\n--=_abc\n", "quoted-printable"),
        ("Grüße an alle im Haus\n.\ntrailing \n" * 50, "quoted-printable"),
        ("é" * 100 + " " + "e" * 1500 + " \t", "quoted-printable"),
        ("Принтер горит\n" * 50, "base64"),
        ("打印机着火了" * 500, "base64"),
    ],
)
def test_bodies_travel_unchanged(text: str, encoding: str) -> None:
    octets = compose(replace(DRAFT, text=text))
    assert_transportable(octets)
    part = parsed(octets).get_body(("plain",))
    assert part is not None
    assert part["Content-Transfer-Encoding"] == encoding
    assert part.get_content().replace("\r\n", "\n") == clean(text)
    assert max(map(len, octets.split(b"\r\n"))) <= (998 if encoding == "7bit" else 78)
    assert re.search(rb"(?m)^From ", octets.partition(b"\r\n\r\n")[2]) is None


def test_files_travel_unchanged() -> None:
    files = (
        File("report.pdf", "application/pdf", bytes(range(256)) * 100),
        File("Übersicht – " + "lang " * 30 + ".txt", "text/plain", "grüße".encode()),
        File("mail.eml", "message/rfc822", b"Subject: x\r\n\r\n"),
        File("../../etc/passwd", "text/plain; name=evil", b""),
    )
    message = parsed(compose(replace(DRAFT, files=files)))
    assert message.get_content_type() == "multipart/mixed"
    found = list(message.iter_attachments())
    assert [part.get_payload(decode=True) for part in found] == [file.data for file in files]
    assert [part.get_filename() for part in found] == [
        "report.pdf",
        scrub(files[1].filename),
        "mail.eml",
        ".._.._etc_passwd",
    ]
    assert [part.get_content_type() for part in found] == [
        "application/pdf",
        "text/plain",
        "application/octet-stream",
        "application/octet-stream",
    ]


def test_nobodys_words_end_a_part() -> None:
    """A mail of ours pasted into a mail of ours, boundaries and all."""
    inner = compose(DRAFT).decode().replace("\r\n", "\n")
    message = parsed(compose(replace(DRAFT, text=inner, html=inner)))
    assert body(message, "plain") == body(message, "html") == inner


def test_the_same_draft_gives_the_same_octets() -> None:
    assert compose(DRAFT) == compose(DRAFT)


@given(st.text(max_size=400))
def test_scrubbed_is_one_short_line(value: str) -> None:
    clean_value = scrub(value)
    assert len(clean_value) <= 255
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in clean_value)
    assert scrub(clean_value) == clean_value


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    "lengths", [(), (0,), (5,), (6,), (0, 5, 5), (5, 6, 0), (1, 1, 1, 6), (3, 2, 5, 5, 1), (6, 1)]
)
def test_longer_lines_are_seen(lengths: tuple[int, ...], ending: bytes) -> None:
    for rest in (b"", b"x" * 5, b"x" * 6):
        octets = b"".join(b"x" * length + ending for length in lengths) + rest
        longest = max(map(len, octets.split(ending)))
        assert has_longer_line(octets, 5, ending) == (longest > 5)
