"""What can be read in a file: an attached mail with all that is in it, or a text. RFC 2046 §5.2, RFC 5322.

Mails are attached under many names: as message/rfc822 or message/global (RFC 6532 §3.7), as a file
`.eml` of any type, or as text. Their transfer encodings hide from a plain search what their readers see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.mail import body, charset, enclosures, header, sealed, structure, tnef
from gateway.mail.structure import Part

MAIL, CLOSED_MAIL, TEXT, OTHER = "mail", "closed mail", "text", "other"
LEVELS = 5
"""Mails in mails that are opened; what lies deeper is read as it stands."""

_SNIFFED = 64 << 10
_MAIL_NAMES = (".eml", ".emlx", ".mht", ".mhtml", ".mbox")
# Signed mails hold the whole mail, signatures and keys the address of whoever made them.
_CLOSED_NAMES = (".msg", ".oft", "winmail.dat", ".p7m", ".p7s", ".p7c", "signature.asc")
_CLOSED_TYPES = frozenset(
    {
        "application/vnd.ms-outlook",
        "application/pgp-keys",
        *tnef.TYPES,
        *sealed.SMIME_TYPES,
        *sealed.SIGNATURE_TYPES,
    }
)
_KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
# Certificates are no text, but hold addresses as they are written.
_TEXT_TYPES = (
    "application/json",
    "application/xml",
    "application/xhtml+xml",
    "application/rtf",
    "application/ics",
    "application/pkix-cert",
    "application/x-x509-ca-cert",
    "application/x-x509-user-cert",
)
_TEXT_NAMES = (
    *(".txt", ".html", ".htm", ".md", ".csv", ".log", ".json", ".xml", ".ics", ".vcf", ".rtf"),
    *(".cer", ".crt", ".der", ".p7b"),
)
_UNTYPED = frozenset({"", "application/octet-stream", "application/x-unknown", "binary/octet-stream"})
_MAIL_FIELDS = frozenset(
    {"from", "to", "date", "subject", "message-id", "received", "return-path", "mime-version"}
)
_SHOWN_FIELDS = ("from", "to", "cc", "date", "subject")


@dataclass(frozen=True, slots=True)
class Inside:
    """text: a mail as somebody reads it.  source: every field and every text in it, decoded, tags and all."""

    text: str
    source: str


def kind_of(filename: str, content_type: str, data: bytes) -> str:
    """mail; closed mail (what only a mail program opens: Outlook's containers, signatures); text; or other."""
    name = filename.lower()
    if content_type.startswith("message/") or name.endswith(_MAIL_NAMES):
        return MAIL
    if content_type in _CLOSED_TYPES or name.endswith(_CLOSED_NAMES):
        return CLOSED_MAIL
    is_text = content_type.startswith("text/") or content_type in _TEXT_TYPES or name.endswith(_TEXT_NAMES)
    if not is_text and (content_type not in _UNTYPED or b"\0" in data[:_SNIFFED]):
        return OTHER
    if data[:_SNIFFED].lstrip().startswith(_KEY):
        return CLOSED_MAIL
    return MAIL if _looks_like_mail(data) else TEXT


def inside_mail(octets: bytes, level: int = 1) -> Inside:
    """All that stands in an attached mail. Never raises; linear in its length."""
    root, limits = structure.parse(octets)
    texts = [_heading(root), body.collect(root).text]
    sources = [octets.decode("latin-1")] if limits else []
    for part in root.walk():
        sources += [header.text(value) for _, value in part.fields]
        if part.children:
            continue
        for inside in _leaf(part, level):
            sources.append(inside.source)
            texts.append(inside.text)
    return Inside("\n\n".join(filter(None, texts)), "\n".join(sources))


def text_of(data: bytes) -> str:
    """A text file's words, whatever charset it is in."""
    return charset.decode(data)


def _leaf(part: Part, level: int) -> Iterator[Inside]:
    """A part that has no parts; only a mail in the mail adds to what is read."""
    if part.content_type.startswith(("image/", "audio/", "video/")):
        return
    data = part.decoded()
    kind = kind_of(enclosures.declared_name(part), part.content_type, data)
    if kind == MAIL and part.content_type != "text/plain" and level < LEVELS:
        yield inside_mail(data, level + 1)
    elif kind in (MAIL, TEXT):
        label = part.typed[1].get("charset", charset.UNDECLARED)
        yield Inside("", charset.decode(data, label))


def _heading(root: Part) -> str:
    fields = ((name, header.text(root.value(name))) for name in _SHOWN_FIELDS)
    return "\n".join(f"{name.title()}: {value}" for name, value in fields if value)


def _looks_like_mail(data: bytes) -> bool:
    """Begins with a header that has three fields every mail has."""
    start = data[:_SNIFFED]
    fields, _ = structure.read_fields(start, 0, len(start))
    return len(_MAIL_FIELDS & {name for name, _ in fields}) >= 3
