"""A draft as octets for SMTP. RFC 5322, RFC 2045 to 2047, RFC 2231.

Built by hand, because `email.generator` takes ten times as long; the tests hold every result
against the standard library's parser. Values are scrubbed first, then the finished header block
is read again and must hold the planned names and no other: two nets against header injection.
"""

from __future__ import annotations

import re
import unicodedata
from binascii import b2a_base64, b2a_qp
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2s
from urllib.parse import quote

from gateway.errors import GatewayError
from gateway.mail.letter import Draft, File, has_longer_line
from gateway.mail.reading import Mailbox

LINE = 78
"""Octets a line should have at most. RFC 5322 §2.1.1."""
LONGEST_LINE = 998
"""Octets a line must have at most. RFC 5322 §2.1.1."""
LONGEST_VALUE = 255
LONGEST_REFERENCES = 1500
AUTO_SUBMITTED = ("auto-replied", "auto-generated")

Field = tuple[str, str]
Part = tuple[list[Field], bytes]

# Line breaks and controls end a field; bidirectional overrides show a value as another one.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ADDRESS = re.compile(r'[^\s<>()\[\]\\,;:@"]{1,255}@[^\s<>()\\,;:@"]{1,255}')
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,598}>")
_URL = re.compile(r"[a-z]+:[!-;=?-~]{1,900}")
_MEDIA_TYPE = re.compile(r"(?!message/|multipart/)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
# What Windows cannot store; `/` names a folder everywhere.
_NOT_IN_FILENAMES = re.compile(r'[\\/:*?"<>|]')
_TEXT_CONTROLS = bytes({*range(32), 127} - {*b"\t\n"})


class Unsendable(GatewayError):
    """The draft cannot become a mail as it is; trying again will not help."""


def compose(draft: Draft) -> bytes:
    """The whole mail with CRLF line ends, ASCII only.

    Only an address whose local part is not ASCII brings in UTF-8: octets that are not ASCII
    need SMTPUTF8 on the way (RFC 6531, RFC 6532). Raises Unsendable.
    """
    content, body = _content(draft)
    return _part([*_fields(draft), *content], body)


def _fields(draft: Draft) -> list[Field]:
    fields = [
        ("Date", _date(draft.date // 1000)),
        ("From", _mailboxes((draft.from_,))),
        ("Reply-To", _address(draft.reply_to) if draft.reply_to else ""),
        ("To", _mailboxes(draft.to)),
        ("Cc", _mailboxes(draft.cc)),
        ("Subject", _unstructured(draft.subject, room=LINE - len("Subject: "))),
        ("Message-ID", _message_id(draft.message_id)),
        ("In-Reply-To", draft.in_reply_to if _MESSAGE_ID.fullmatch(draft.in_reply_to) else ""),
        ("References", _references(draft.references)),
        *_machine_fields(draft),
        *_unsubscribe_fields(draft.unsubscribe),
        ("MIME-Version", "1.0"),
    ]
    return [field for field in fields if field[1]]


def _machine_fields(draft: Draft) -> list[Field]:
    """What tells other machines not to answer. RFC 3834 §5; the second one is for Exchange."""
    if not draft.automatic:
        return []
    if draft.auto_submitted not in AUTO_SUBMITTED:
        raise Unsendable(f"Auto-Submitted: {draft.auto_submitted!r} is not one of {AUTO_SUBMITTED}")
    return [("Auto-Submitted", draft.auto_submitted), ("X-Auto-Response-Suppress", "All")]


def _unsubscribe_fields(url: str) -> list[Field]:
    """A link to leave with one click. RFC 2369 §3.2, RFC 8058 §3.1."""
    if not url:
        return []
    if not _URL.fullmatch(url):
        raise Unsendable("List-Unsubscribe: the link is not a URL in ASCII")
    fields = [("List-Unsubscribe", f"<{url}>")]
    if url.startswith("http"):
        fields.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return fields


def _content(draft: Draft) -> Part:
    """Text and HTML as alternatives, and the files after them. RFC 2046 §5.1."""
    # `=_` can stand neither in quoted-printable nor in base64 (RFC 2045 §6.7), and `_encode`
    # keeps it out of 7bit: nobody's words can end a part, and the same draft gives the same octets.
    boundary = "=_" + blake2s(draft.message_id.encode(errors="replace"), digest_size=9).hexdigest()
    content = _text_part("plain", draft.text)
    if draft.html:
        content = _multipart("alternative", boundary + "a", [content, _text_part("html", draft.html)])
    if draft.files:
        content = _multipart("mixed", boundary + "m", [content, *map(_file_part, draft.files)])
    return content


def _multipart(subtype: str, boundary: str, parts: list[Part]) -> Part:
    fields = [("Content-Type", f'multipart/{subtype};\r\n boundary="{boundary}"')]
    delimiter = f"--{boundary}".encode()
    pieces = [b"%b\r\n%b\r\n" % (delimiter, _part(*part)) for part in parts]
    return fields, b"".join([*pieces, delimiter, b"--\r\n"])


def _text_part(subtype: str, text: str) -> Part:
    encoding, body = _encode(text)
    return [
        ("Content-Type", f"text/{subtype}; charset=utf-8"),
        ("Content-Transfer-Encoding", encoding),
    ], body


def _file_part(file: File) -> Part:
    # A file is always base64, which RFC 2046 §5.2 forbids for attached mails: those go as octets.
    media_type = file.content_type.lower()
    if len(media_type) > LINE or not _MEDIA_TYPE.fullmatch(media_type):
        media_type = "application/octet-stream"
    return [
        ("Content-Type", media_type),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", "attachment" + _filename(file.filename)),
    ], _base64(file.data)


def _part(fields: list[Field], body: bytes) -> bytes:
    """Header, empty line, body; Unsendable unless the header reads back as it was planned."""
    header = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if not all(value.isprintable() for _, value in fields):
        _refuse_other_fields(header, [name for name, _ in fields])
    octets = header.encode()
    if len(octets) > LONGEST_LINE and max(map(len, octets.split(b"\r\n"))) > LONGEST_LINE:
        raise Unsendable("a header line is too long")
    return b"%b\r\n%b" % (octets, body)


def _refuse_other_fields(header: str, planned: list[str]) -> None:
    lines = header.splitlines()
    # splitlines also breaks at form feeds, NEL and the like, as some parsers do.
    names = [line.partition(":")[0] for line in lines if not line.startswith((" ", "\t"))]
    if names != planned:
        raise Unsendable(f"a value would change the header: {names}")


# Values of fields


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    """RFC 5322 §3.3; the letters of one unit share it."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC))


def scrub(value: str) -> str:
    """A text fit for a header: NFC, without controls and line breaks, 255 characters at most."""
    if value.isascii() and value.isprintable():
        return value[:LONGEST_VALUE].strip()
    return unicodedata.normalize("NFC", _UNSAFE.sub("", value))[:LONGEST_VALUE].strip()


def _unstructured(value: str, room: int) -> str:
    """Free text, folded where it has spaces. RFC 5322 §2.2.3, §3.2.5."""
    value = scrub(value)
    if not value.isascii() or "=?" in value:
        return _encoded_words(value, room)
    lines = [""]
    for word in re.findall(r" *[^ ]+", value):
        if lines[-1] and len(lines[-1]) + len(word) > room:
            lines.append(word)
            room = LINE
        else:
            lines[-1] += word
    return "\r\n".join(lines)


def _encoded_words(text: str, room: int) -> str:
    """Base64 words of at most 75 octets, split between characters. RFC 2047 §2, §5."""
    overhead = len("=?utf-8?b??=")
    words: list[bytes] = []
    most = (room - overhead) // 4 * 3
    chunk = b""
    for character in text:
        octets = character.encode()
        if len(chunk) + len(octets) > most:
            words.append(chunk)
            chunk = b""
            most = (75 - overhead) // 4 * 3
        chunk += octets
    words.append(chunk)
    return "\r\n ".join([f"=?utf-8?b?{b2a_base64(word, newline=False).decode()}?=" for word in words])


def _mailboxes(mailboxes: tuple[Mailbox, ...]) -> str:
    return ",\r\n ".join(map(_mailbox, mailboxes))


def _mailbox(mailbox: Mailbox) -> str:
    """`Name <address>`. RFC 5322 §3.4."""
    address = _address(mailbox.email)
    name = " ".join(scrub(mailbox.name).split())
    if not name:
        return address
    phrase = _phrase(name)
    last_line = len(phrase) - phrase.rfind("\n")
    space = " " if last_line + len(address) < LINE - len("Reply-To: <>") else "\r\n "
    return f"{phrase}{space}<{address}>"


def _phrase(name: str) -> str:
    if not name.isascii() or "=?" in name or len(name) > 60:
        return _encoded_words(name, room=LINE - len("Reply-To: "))
    return name if _ATOMS.fullmatch(name) else _quoted_string(name)


def _quoted_string(text: str) -> str:
    """RFC 5322 §3.2.4."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _address(address: str) -> str:
    """An addr-spec; the domain in A-labels (RFC 5890). Anything that needs quoting is refused."""
    if not _ADDRESS.fullmatch(address) or _UNSAFE.search(address) or "=?" in address:
        raise Unsendable("an address cannot stand in a header")
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise Unsendable("an address has no valid domain") from error


def _message_id(value: str) -> str:
    if not _MESSAGE_ID.fullmatch(value):
        raise Unsendable("Message-ID: not of the form <left@right>")
    return value


def _references(references: tuple[str, ...]) -> str:
    """The root, then as many of the newest as fit. RFC 5322 §3.6.4; Exchange and others refuse long ones."""
    ids = list(dict.fromkeys(filter(_MESSAGE_ID.fullmatch, references)))
    if not ids:
        return ""
    separator = "\r\n "
    left = LONGEST_REFERENCES - len("References: ") - len(ids[0])
    newest: list[str] = []
    for message_id in reversed(ids[1:]):
        left -= len(separator) + len(message_id)
        if left < 0:
            break
        newest.append(message_id)
    return separator.join([ids[0], *reversed(newest)])


def _filename(filename: str) -> str:
    """The parameter, in numbered pieces where one does not do. RFC 2183 §2.3, RFC 2231 §3, §4."""
    name = _NOT_IN_FILENAMES.sub("_", scrub(filename)) or "file"
    if name.isascii() and "=?" not in name and len(name) <= 60:
        return f";\r\n filename={_quoted_string(name)}"
    octets = re.findall(r"%..|.", "utf-8''" + quote(name, safe=""))
    pieces = ["".join(octets[start : start + 20]) for start in range(0, len(octets), 20)]
    return "".join([f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces)])


# Bodies


def _encode(text: str) -> tuple[str, bytes]:
    """The transfer encoding and the body in it: 7bit where that is safe. RFC 2045 §6."""
    octets = text.encode(errors="ignore")
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    octets = octets.translate(None, _TEXT_CONTROLS).rstrip(b"\n") + b"\n"
    if _is_plain(octets):
        return "7bit", octets.replace(b"\n", b"\r\n")
    if (len(octets) - len(text)) * 6 > len(octets):
        return "base64", _base64(octets.replace(b"\n", b"\r\n"))
    # Given LF alone b2a_qp breaks lines by LF too; given CRLF it mixes the two.
    quoted = b2a_qp(octets, istext=True).replace(b"\nFrom ", b"\n=46rom ")
    if quoted.startswith(b"From "):
        quoted = b"=46rom " + quoted[5:]
    return "quoted-printable", quoted.replace(b"\n", b"\r\n")


def _is_plain(octets: bytes) -> bool:
    """ASCII lines that no relay will touch (`From ` at the start of one becomes `>From `). RFC 2045 §2.7."""
    return (
        octets.isascii()
        and not has_longer_line(octets, LONGEST_LINE, b"\n")
        and b"--=_" not in octets
        and b"\nFrom " not in octets
        and not octets.startswith(b"From ")
    )


def _base64(octets: bytes) -> bytes:
    encoded = b2a_base64(octets, newline=False)
    return b"".join([encoded[start : start + 76] + b"\r\n" for start in range(0, len(encoded), 76)])
