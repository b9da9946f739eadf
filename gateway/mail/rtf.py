"""The words of a rich text file, and Outlook's packing of it undone. RTF 1.9.1, MS-OXRTFCP.

One pass over the tokens, linear. Libraries for it look for links and fonts with expressions that are cubic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.mail import charset

LONGEST = 1 << 20
"""Octets that are read; what is longer is pictures."""

LONGEST_PACKED = 256 << 10

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,9})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_BREAKS = {
    **dict.fromkeys((b"par", b"line", b"row", b"page", b"sect"), "\n"),
    **dict.fromkeys((b"tab", b"cell", b"nestcell"), "\t"),
    **dict.fromkeys((b"emspace", b"enspace"), " "),
    b"bullet": "•",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
}
_SYMBOLS = {b"~": " ", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}
_NOT_WORDS = frozenset(
    b"colortbl stylesheet info pict object objdata header headerl headerr headerf footer footerl footerr footerf "
    b"footnote fldinst datafield listtable listoverridetable rsidtbl generator xmlnstbl themedata colorschememapping "
    b"latentstyles datastore filetbl revtbl pntext comment annotation".split()
)
_FONT_CHARSETS = {
    0: "cp1252",
    77: "macintosh",
    128: "shift_jis",
    129: "euc-kr",
    134: "gbk",
    136: "big5",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}

_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
"""What every packed text begins with, unsaid. MS-OXRTFCP §2.1.3.1.1."""


def words_of(rtf: bytes) -> str:
    """The text; formats, pictures and hidden data left away. Never raises."""
    return charset.scrub("".join(_Reader().read(rtf[:LONGEST]))).strip()


def unpacked(packed: bytes) -> bytes:
    """Rich text as Outlook packs it; empty where it is too large or no such thing. MS-OXRTFCP §3.1.3. Never raises."""
    if packed[8:12] == b"MELA":
        return packed[16:]
    if packed[8:12] != b"LZFu" or len(packed) > LONGEST_PACKED:
        return b""
    out = bytearray(_DICTIONARY)
    position, size = 16, len(packed)
    while position < size:
        control = packed[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                out += packed[position : position + 1]
                position += 1
                continue
            reference = int.from_bytes(packed[position : position + 2], "big")
            position += 2
            # The window is a ring of 4096 octets, written from the end of the dictionary on.
            back = (len(out) - (reference >> 4)) % 4096
            if not back or position > size or back > len(out):
                return bytes(out[len(_DICTIONARY) :])
            for _ in range((reference & 15) + 2):
                out.append(out[-back])
    return bytes(out[len(_DICTIONARY) :])


class _Reader:
    """State of the group at hand; `skipped` is the depth from which on nothing is words, 0 for none."""

    def __init__(self) -> None:
        self.depth = 0
        self.skipped = 0
        self.label = "cp1252"
        self.fonts: dict[int, str] = {}
        self.font_table = 0  # the depth it is at
        self.font = -1
        self.outer: list[tuple[int, int]] = []  # font and fallback of the groups around
        self.fallback = 1  # characters that stand for a \\u
        self.to_skip = 0

    def read(self, rtf: bytes) -> Iterator[str]:
        waiting = bytearray()  # octets of one charset
        for token in _TOKEN.finditer(rtf):
            word, number, octet, symbol, brace, plain = token.groups()
            if octet and self.to_skip:
                self.to_skip -= 1
            elif octet or plain:
                waiting += self._kept(bytes.fromhex(octet.decode()) if octet else plain)
            else:
                yield self._flushed(waiting)
                yield self._obeyed(word or b"", int(number or 1), symbol or b"", brace or b"")
        yield self._flushed(waiting)

    def _kept(self, octets: bytes) -> bytes:
        stands_for, self.to_skip = octets[: self.to_skip], max(0, self.to_skip - len(octets))
        return b"" if self.skipped else octets[len(stands_for) :]

    def _flushed(self, waiting: bytearray) -> str:
        text = charset.decode(bytes(waiting), self.fonts.get(self.font, self.label)) if waiting else ""
        waiting.clear()
        return text

    def _obeyed(self, word: bytes, number: int, symbol: bytes, brace: bytes) -> str:
        """What a control stands for; mostly nothing."""
        if brace:
            self._group(brace)
        elif word:
            self.to_skip = 0
            return self._word(word, number)
        elif symbol == b"*":
            self._skip()
        return _SYMBOLS.get(symbol, "") if symbol and not self.skipped else ""

    def _group(self, brace: bytes) -> None:
        self.to_skip = 0
        self.depth += 1 if brace == b"{" else -1
        if brace == b"{":
            self.outer.append((self.font, self.fallback))
        elif self.outer:
            self.font, self.fallback = self.outer.pop()
        if self.depth < self.skipped:
            self.skipped = 0
        if self.depth < self.font_table:
            self.font_table = 0

    def _skip(self) -> None:
        self.skipped = self.skipped or max(self.depth, 1)

    def _word(self, word: bytes, number: int) -> str:
        match word:
            case b"ansicpg":
                self.label = f"cp{number}"
            case b"fonttbl":
                self.font_table = self.depth
                self._skip()
            case b"f":
                self.font = number
            case b"fcharset" if self.font_table:
                self.fonts[self.font] = _FONT_CHARSETS.get(number, self.label)
            case b"uc":
                self.fallback = min(max(number, 0), 10)
            case b"u" if not self.skipped:
                self.to_skip = self.fallback
                return chr(number % 0x10000)
            case _ if word in _NOT_WORDS:
                self._skip()
        return "" if self.skipped else _BREAKS.get(word, "")
