"""Octets of any charset to clean text. WHATWG Encoding Standard §4.2 (labels); UAX #15 (NFC)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

from gateway.mail import japanese

UNDECLARED = ""

_LABELS = {
    "utf-8": "utf-8 utf8 utf_8 utf-8-sig unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 cp65001",
    "utf-32": "utf-32 utf-32le utf-32be utf32",
    "utf-16-le": "utf-16 utf-16le unicode ucs-2 csunicode iso-10646-ucs-2 unicodefeff",
    "utf-16-be": "utf-16be unicodefffe",
    "ascii": "us-ascii ascii ansi_x3.4-1968 iso-ir-6 646 iso646-us csascii",
    "cp1252": "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 latin1 "
    "l1 cp819 ibm819 iso-ir-100 csisolatin1 ansi",
    "iso8859_2": "iso-8859-2 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 latin2 l2 iso-ir-101 csisolatin2",
    "iso8859_3": "iso-8859-3 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 latin3 l3 iso-ir-109 csisolatin3",
    "iso8859_4": "iso-8859-4 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 latin4 l4 iso-ir-110 csisolatin4",
    "iso8859_5": "iso-8859-5 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988 cyrillic iso-ir-144 "
    "csisolatincyrillic",
    "iso8859_6": "iso-8859-6 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987 iso-8859-6-e iso-8859-6-i arabic "
    "asmo-708 ecma-114 iso-ir-127 csiso88596e csiso88596i csisolatinarabic",
    "iso8859_7": "iso-8859-7 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 greek greek8 ecma-118 elot_928 "
    "iso-ir-126 sun_eu_greek csisolatingreek",
    "iso8859_8": "iso-8859-8 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 iso-8859-8-e iso-8859-8-i hebrew "
    "logical visual iso-ir-138 csiso88598e csiso88598i csisolatinhebrew",
    "iso8859_10": "iso-8859-10 iso8859-10 iso885910 latin6 l6 iso-ir-157 csisolatin6",
    "iso8859_13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859_14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859_15": "iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 latin9 latin-9 csisolatin9",
    "iso8859_16": "iso-8859-16 iso8859-16 iso885916",
    "cp874": "windows-874 dos-874 cp874 tis-620 iso-8859-11 iso8859-11 iso885911",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251",
    "cp1253": "windows-1253 cp1253 x-cp1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 latin5 "
    "l5 iso-ir-148 csisolatin5",
    "cp1255": "windows-1255 cp1255 x-cp1255",
    "cp1256": "windows-1256 cp1256 x-cp1256",
    "cp1257": "windows-1257 cp1257 x-cp1257",
    "cp1258": "windows-1258 cp1258 x-cp1258",
    "cp437": "ibm437 cp437",
    "cp850": "ibm850 cp850",
    "cp852": "ibm852 cp852",
    "cp866": "ibm866 cp866 866 csibm866",
    "koi8_r": "koi8-r koi koi8 koi8_r cskoi8r",
    "koi8_u": "koi8-u koi8-ru",
    "mac_roman": "macintosh mac x-mac-roman csmacintosh",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "gb18030 gbk gb2312 gb_2312 gb_2312-80 x-gbk chinese cp936 windows-936 ms936 csgb2312 "
    "csiso58gb231280 iso-ir-58",
    "hz": "hz-gb-2312 hz",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5 csbig5 cp950",
    "euc_jp": "euc-jp x-euc-jp cseucpkdfmtjapanese",
    "iso2022_jp_ext": "iso-2022-jp csiso2022jp iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-ms "
    "cp50220 cp50221 cp50222",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji ms932 windows-31j cp932 csshiftjis",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949 cp949 uhc iso-ir-149 "
    "cseuckr csksc56011987",
    "iso2022_kr": "iso-2022-kr csiso2022kr",
    "mac_latin2": "x-mac-ce x-mac-centraleurroman",
}
# utf-7 is left out on purpose: it hides markup from every filter that looks at octets.
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NOT_ASCII_BASED = frozenset({"utf-16-le", "utf-16-be", "utf-32", "hz", "iso2022_jp_ext", "iso2022_kr"})
_WESTERN = frozenset({"cp1252", "iso8859_15", "cp1250", "iso8859_2"})
_SHORTEST_UTF8 = 6
"""Characters of UTF-8 from which on it is not something else by chance, whatever was declared."""
_SHORTEST_CYRILLIC = 8  # letters
_JAPANESE = re.compile(rb"\x1b\$[@B]|\x1b\(J")
_SECOND_CHOICE = {"big5hkscs": "cp950"}

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_CONTROLS = dict.fromkeys(code for code in range(128) if _UNWANTED.match(chr(code)))
_LONGEST_MARKS = 30
"""Combining marks in a row that are kept: UAX #15 §13, Stream-Safe Text Format."""


def decode(octets: bytes, label: str = UNDECLARED) -> str:
    """The text of `octets`, cleaned; `label` is a charset as somebody declared it. Never raises.

    A byte order mark beats the label, and so does UTF-8 that cannot be chance; 8-bit octets
    labelled ASCII, and unknown labels, are taken for UTF-8 where they are that, else for windows-1252.
    """
    return scrub(_decoded(octets, label))


def scrub(text: str) -> str:
    """`text` in NFC, lines ended by \\n, without NUL, surrogates and controls but tab and newline."""
    if text.isprintable() and text.isascii():
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        return text.translate(_NO_CONTROLS)
    text = _UNWANTED.sub("", text)
    if unicodedata.is_normalized("NFC", text):
        return text
    # Sorting marks is quadratic in the length of one run of them, so runs are cut first.
    return unicodedata.normalize("NFC", _mark_runs().sub(r"\1", text))


def known(label: str) -> bool:
    """Whether `label` is a charset this program reads."""
    return _plain(label) in _CODECS


def _decoded(octets: bytes, label: str) -> str:
    for mark, codec in _BOMS:
        if octets.startswith(mark):
            return octets[len(mark) :].decode(codec, "replace")
    codec = _CODECS.get(_plain(label), "ascii")
    if codec == "ascii" and _JAPANESE.search(octets):
        codec = "iso2022_jp_ext"  # escapes that mean nothing else
    if octets.isascii() and codec not in _NOT_ASCII_BASED:
        return octets.decode("ascii")
    if codec == "ascii":
        return _guessed(octets)
    if codec == "utf-8":
        return _utf8(octets)
    if codec not in _NOT_ASCII_BASED and _is_utf8(octets, 1 if codec in _WESTERN else _SHORTEST_UTF8):
        return octets.decode("utf-8")
    for choice in (codec, _SECOND_CHOICE.get(codec, codec)):
        try:
            return octets.decode(choice)
        except UnicodeError:
            continue
    return japanese.decode(octets) if codec == "iso2022_jp_ext" else octets.decode(codec, "replace")


def _is_utf8(octets: bytes, shortest: int) -> bool:
    """Whether octets that are called something else are UTF-8: its patterns hardly come about by chance."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return sum(code > "\x9f" for code in text) >= shortest


def _guessed(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode(_cyrillic(octets) or "cp1252", "replace")


def _cyrillic(octets: bytes) -> str:
    """windows-1251 or KOI8-R where nearly all letters are 8-bit ones, as in no Western language; else empty.

    Small letters are by far the most: they are the upper half of the letters in the one, the lower in the other.
    """
    counted = Counter(octets)
    lower = sum(counted[code] for code in range(0xC0, 0xE0))
    upper = sum(counted[code] for code in range(0xE0, 0x100))
    others = sum(counted[code] for code in range(0x80, 0xC0))
    latin = sum(counted[code] for code in (*range(0x41, 0x5B), *range(0x61, 0x7B)))
    letters = lower + upper
    if letters < _SHORTEST_CYRILLIC or others * 10 > letters or latin > letters:
        return ""
    return "cp1251" if upper > lower else "koi8_r"


def _utf8(octets: bytes) -> str:
    """UTF-8 with its faults replaced; windows-1252 when not one character of it was UTF-8."""
    text = octets.decode("utf-8", "replace")
    if "\ufffd" in text and text.replace("\ufffd", "").isascii():
        return _guessed(octets)
    return text


def _plain(label: str) -> str:
    return label.removeprefix("3D").strip(" \t\r\n\"';").lower()  # quoted-printable that was not undone


@cache
def _mark_runs() -> re.Pattern[str]:
    """Runs of combining marks too long to be writing; the group is the part to keep."""
    marks = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code)))
    return re.compile(f"([{marks}]{{{_LONGEST_MARKS}}})[{marks}]+")
