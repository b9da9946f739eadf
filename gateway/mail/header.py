"""The value of one header field to text: unfolding, encoded words, parameters. RFC 2047, RFC 2231."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from urllib.parse import unquote_to_bytes

from gateway.mail import charset, transfer

_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*(?:\?(?!=)[^?]*){0,8})\?=")
_SPACES = re.compile("[ \t\r\n\u2028\u2029]+")
_SECTION = re.compile(r"^([^*]+)\*(?:([0-9]{1,3})(\*?))?$")
_MOST_PARAMETERS = 100
BECOME_ASCII = frozenset("\u212a\u037e\u1fef\ufffd")
"""The Kelvin sign, the Greek question mark and the oxia, which NFC turns into `K`, `;` and a backtick; and what
stands for them here."""

_NAMES = frozenset({"name", "filename"})  # the only values in which a bracket says something
_BARE_TYPE = re.compile(r"[\w.+-]{1,127}/[\w.+-]{1,127}")
_PARAMETER = re.compile(r"[A-Za-z0-9*-]{1,40}\s{0,4}=")


def raw_text(value: bytes) -> str:
    """An unfolded value as text, encoded words still encoded; 8-bit octets are UTF-8, else windows-1252.

    A character that NFC makes an ASCII one of becomes U+FFFD: it would be another address (threat T11).
    """
    if not value.isascii():
        for char in BECOME_ASCII:
            value = value.replace(char.encode(), b"\xef\xbf\xbd")
    return _on_one_line(charset.decode(value))


def text(value: bytes) -> str:
    """A value as people read it: unfolded, encoded words decoded, one line. Never raises."""
    return decode_words(raw_text(value))


def decode_words(value: str) -> str:
    """`value` with its encoded words decoded (RFC 2047 §6.2), clean and on one line.

    Neighbours of one charset are joined before they are decoded: many a mailer cuts a word
    in the middle of a character.
    """
    if "=?" not in value:
        return _on_one_line(charset.scrub(value))
    pieces: list[str] = []
    label, waiting, end = "", b"", 0
    for word in _WORD.finditer(value):
        between = value[end : word.start()]
        own_label = word[1].partition("*")[0].lower()  # RFC 2231 §5: charset*language
        apart = bool(between.strip()) or not end
        if apart or own_label != label:
            pieces += charset.decode(waiting, label), between if apart else ""
            waiting = b""
        label, end = own_label, word.end()
        waiting += _word_octets(word[2], word[3])
    pieces += charset.decode(waiting, label), value[end:]
    return _on_one_line(charset.scrub("".join(pieces)))


def parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """A structured value and its parameters, names in lower case. RFC 2045 §5.1, RFC 2231 §3-4.

    Continuations are joined, percent and (against the rules, but common) encoded words decoded.
    """
    if not value:
        return "", {}
    first, *rest = _pieces(_with_first_semicolon(raw_text(value)))
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for piece in rest:
        name, equals, content = piece.partition("=")
        name, content = name.strip().lower(), content.strip()
        if not equals or not name:
            continue
        content = _unquoted(content)
        if section := _SECTION.match(name):
            extended = section[2] is None or bool(section[3])
            sections.setdefault(section[1], {}).setdefault(int(section[2] or 0), (content, extended))
        else:
            plain.setdefault(name, decode_words(content if name in _NAMES else _uncommented(content)))
    for name, parts in sections.items():
        plain[name] = _joined(parts)
    return _uncommented(decode_words(first)).lower(), plain


def _on_one_line(text: str) -> str:
    """Clean text with one blank between words."""
    if text.isprintable() and "  " not in text:  # without line breaks and tabs: as nearly every value is
        return text.strip(" ")
    return _SPACES.sub(" ", text).strip(" ")


def _word_octets(encoding: str, content: str) -> bytes:
    octets = content.encode("utf-8", "replace")
    if encoding in "bB":
        return transfer.base64(octets)
    return transfer.quoted_printable(octets.replace(b"_", b"=20").replace(b" ", b"=20"))


def _pieces(value: str) -> list[str]:
    """`value` cut at the semicolons that are not inside quotes."""
    if '"' not in value:
        return value.split(";", _MOST_PARAMETERS)
    pieces: list[str] = [""]
    quoted = False
    for run in re.split(r'(\\.|"|;)', value):
        if run == '"':
            quoted = not quoted
        if run == ";" and not quoted:
            if len(pieces) > _MOST_PARAMETERS:
                break
            pieces.append("")
        else:
            pieces[-1] += run
    return pieces


def _with_first_semicolon(value: str) -> str:
    """`text/html charset=utf-8` as it was meant: something stands behind the type, parted by a blank only."""
    start, blank, rest = value.partition(" ")
    if not blank or not _BARE_TYPE.fullmatch(start) or not _PARAMETER.match(rest):
        return value
    return f"{start}; {rest}"


def _uncommented(content: str) -> str:
    """Without a comment behind it. RFC 2045 §5.1: `us-ascii (Plain text)`."""
    before, mark, _ = content.partition(" (")
    return before if mark and content.endswith(")") else content


def _unquoted(content: str) -> str:
    if not content.startswith('"'):
        return content
    inner = content[1:-1] if content.endswith('"') and len(content) > 1 else content[1:]
    # Windows paths come with lone backslashes, so only quotes and backslashes are unescaped.
    return re.sub(r'\\(["\\])', r"\1", inner)


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    """The sections of one RFC 2231 parameter, in their order up to the first gap."""
    if not any(extended for _, extended in parts.values()):  # encoded words, cut where a line was full
        return decode_words("".join(parts[number][0] for number in _unbroken(parts)))
    label, octets = "", b""
    for number in _unbroken(parts):
        content, extended = parts[number]
        if number == 0 and extended and content.count("'") >= 2:
            label, _, content = content.split("'", 2)
        octets += unquote_to_bytes(content) if extended else content.encode("utf-8", "replace")
    return _on_one_line(charset.decode(octets, label))


def _unbroken(parts: dict[int, tuple[str, bool]]) -> Iterator[int]:
    return takewhile(parts.__contains__, range(len(parts)))
