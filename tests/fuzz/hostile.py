"""Strategies that build hostile input: mails with a structure, and everything a mail consists of."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.corpus.sidecar import FIXTURES
from tests.fuzz import pieces

MAILS = (*FIXTURES, *sorted((Path(__file__).parent.parent / "mail" / "fixtures").glob("*.eml")))
LINE_ENDS = (b"\r\n", b"\n", b"\r", b"\n\r\n", b"\r\r\n")
DEEPEST = 4


def soup(*words: str, most: int = 12) -> SearchStrategy[str]:
    """Some of these words, marks and letters behind one another, now and then the same one very often."""
    one = (
        st.sampled_from((*words, *pieces.MARKS, *pieces.LETTERS))
        | st.sampled_from(words)
        | st.text(max_size=5)
    )
    often = st.tuples(st.sampled_from(words), st.integers(2, 120)).map(lambda found: found[0] * found[1])
    return st.lists(one | one | one | often, max_size=most).map("".join)


def texts() -> SearchStrategy[str]:
    """What a person or a program writes in a body, quotes above all."""
    return soup(*pieces.QUOTES, *pieces.REPORTS, *pieces.WORDS, most=25)


def htmls() -> SearchStrategy[str]:
    """HTML, mostly broken."""
    return soup(*pieces.TAGS, *pieces.QUOTES, most=30)


def reports() -> SearchStrategy[str]:
    """The body of a delivery report."""
    return soup(*pieces.REPORTS, *pieces.ADDRESSES, most=20)


def addresses() -> SearchStrategy[str]:
    """The value of an address field."""
    return soup(*pieces.ADDRESSES, *pieces.WORDS)


def values() -> SearchStrategy[str]:
    """The value of any field."""
    return soup(*pieces.VALUES, *pieces.WORDS, *pieces.PARAMETERS, *pieces.ADDRESSES, most=6)


def calendars() -> SearchStrategy[bytes]:
    """The lines of an event."""
    return soup(*pieces.EVENTS).map(lambda text: text.encode("utf-8", "replace"))


def octets() -> SearchStrategy[bytes]:
    """No text at all."""
    return st.lists(st.sampled_from(pieces.OCTETS) | st.binary(max_size=30), max_size=12).map(b"".join)


def bodies() -> SearchStrategy[bytes]:
    """Octets of one leaf, before its transfer encoding."""
    written = st.one_of(texts(), htmls(), reports())
    charset = st.sampled_from(("utf-8", "utf-8", "latin-1", "utf-16", "iso2022_jp", "gb18030"))
    return st.tuples(written, charset).map(lambda found: found[0].encode(found[1], "replace")) | octets()


@st.composite
def winmails(draw: DrawFn) -> bytes:
    """A winmail.dat whose lengths are mostly right."""
    objects = draw(st.lists(st.tuples(st.sampled_from(pieces.OBJECTS), _properties() | bodies()), max_size=6))
    packed = [struct.pack("<BHHI", 1, name, 0, len(content)) + content + b"\0\0" for name, content in objects]
    found = b"\x78\x9f\x3e\x22\x01\x00" + b"".join(packed)
    return found[: draw(st.integers(0, 20))] if draw(st.integers(0, 9)) == 0 else found


@st.composite
def _properties(draw: DrawFn) -> bytes:
    """MAPI properties behind their number."""
    count = draw(st.sampled_from((0, 1, 3, 2**32 - 1)))
    one = st.tuples(st.sampled_from(pieces.KINDS), st.sampled_from(pieces.PROPERTIES), bodies())
    told = [
        struct.pack("<HHII", kind, name, 1, len(value)) + value + bytes(-len(value) % 4)
        for kind, name, value in draw(st.lists(one, max_size=4))
    ]
    return struct.pack("<I", count) + b"".join(told)


@st.composite
def mails(draw: DrawFn) -> bytes:
    """A whole mail."""
    line_end = draw(st.sampled_from(LINE_ENDS))
    lead = draw(st.sampled_from((b"", b"", b"", b"\xef\xbb\xbf", b"\n\n", b"From jo@example.org today\n")))
    head = draw(_fields())
    mail = lead + head + draw(_entity(DEEPEST))
    return mail.replace(b"\n", line_end) if line_end != b"\n" else mail


@st.composite
def mutants(draw: DrawFn) -> bytes:
    """A mail of the corpus or of `mails`, cut, doubled, spliced and with foreign pieces in it."""
    mail = draw(st.sampled_from(MAILS).map(Path.read_bytes) | mails())
    for _ in range(draw(st.integers(1, 6))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(mail))] * 2)))
        mail = draw(st.sampled_from(_CUTS))(mail, start, end, draw(st.sampled_from(pieces.dictionary())))
    return mail[:200_000]


def _cut(mail: bytes, start: int, end: int, piece: bytes) -> bytes:
    return mail[:start] + mail[min(end, start + 200) :]


def _truncated(mail: bytes, start: int, end: int, piece: bytes) -> bytes:
    return mail[:end]


def _doubled(mail: bytes, start: int, end: int, piece: bytes) -> bytes:
    return mail[:end] + mail[start:]


def _put_in(mail: bytes, start: int, end: int, piece: bytes) -> bytes:
    return mail[:start] + piece + mail[start:]


def _put_in_often(mail: bytes, start: int, end: int, piece: bytes) -> bytes:
    return mail[:start] + piece * 60 + mail[start:]


def _put_over(mail: bytes, start: int, end: int, piece: bytes) -> bytes:
    return mail[:start] + piece + mail[start + len(piece) :]


_CUTS: tuple[Callable[[bytes, int, int, bytes], bytes], ...] = (
    *(_cut, _truncated, _doubled, _put_in, _put_in, _put_in_often, _put_over),
)


@st.composite
def _entity(draw: DrawFn, room: int) -> bytes:
    """The fields that say what a body is, and the body, lines ended by \\n."""
    kind = draw(st.integers(0, 5 if room else 2))
    if kind <= 2:
        return draw(_leaf())
    if kind == 3:
        return b"Content-Type: message/rfc822\n\n" + draw(_fields()) + draw(_entity(room - 1))
    return draw(_multipart(room - 1))


@st.composite
def _leaf(draw: DrawFn) -> bytes:
    content_type = draw(st.sampled_from(pieces.TYPES)) + "".join(draw(_some(pieces.PARAMETERS)))
    encoding = draw(st.sampled_from(pieces.ENCODINGS))
    body = draw(bodies())
    if draw(st.integers(0, 3)):  # now and then it is not what it says
        body = _encoded(body, encoding)
    head = f"Content-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n"
    if draw(st.booleans()):
        disposition = draw(st.sampled_from(("attachment", "inline", "")))
        head += (
            f"Content-Disposition: {disposition}{''.join(draw(_some(pieces.PARAMETERS)))}\nContent-ID: <a>\n"
        )
    return head.encode("utf-8", "replace") + b"\n" + body


@st.composite
def _multipart(draw: DrawFn, room: int) -> bytes:
    subtype = draw(st.sampled_from([kind for kind in pieces.TYPES if kind.startswith("multipart/")]))
    boundary = draw(st.sampled_from((b"b", b"b", b"bb", b"=_x", b"c")))
    children = draw(st.lists(_entity(room), max_size=4))
    delimiter = b"\n--" + boundary
    body = b"".join(delimiter + b"\n" + child for child in children)
    closing = draw(st.sampled_from((delimiter + b"--\n", b"\n--", b"", delimiter + b"--\nepilogue")))
    parameters = "".join(draw(_some(pieces.PARAMETERS))).encode()
    kind = b"Content-Type: " + subtype.encode() + b'; boundary="' + boundary + b'"' + parameters
    return kind + b"\n\npreamble" + body + closing


@st.composite
def _fields(draw: DrawFn) -> bytes:
    lines: list[str] = []
    for name in draw(st.lists(st.sampled_from(pieces.FIELDS), max_size=8)):
        colon = draw(st.sampled_from((": ", ": ", ":", " : ", ":\n ", "")))
        lines.append(f"{name}{colon}{draw(values())}\n")
    return "".join(lines).encode("utf-8", "surrogatepass")


def _some(words: tuple[str, ...]) -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=4)


def _encoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return base64.encodebytes(body)
        case "quoted-printable":
            return binascii.b2a_qp(body)
    return body
