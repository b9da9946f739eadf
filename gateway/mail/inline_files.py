"""Files that stand in the text of a mail, between its words: uuencode (POSIX) and yEnc 1.3.

Both are recognised by their first line and by what follows it, so that a sentence that begins with
`begin` stays a sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.mail import transfer

MOST_FILES = 100

_BEGIN = re.compile(
    rb"^(?:begin [0-7]{3,4} (?P<uu>[^\r\n]{1,200})|=ybegin [^\r\n]{0,200}?name=(?P<yenc>[^\r\n]{1,200}))\r?\n",
    re.MULTILINE,
)
_UU_END = re.compile(rb"^end[ \t]{0,8}\r?$\n?", re.MULTILINE)
_YENC_END = re.compile(rb"^=yend [^\r\n]{0,200}\r?$\n?", re.MULTILINE)
_YENC_PART = re.compile(rb"=ypart [^\r\n]{0,200}\r?\n")
_YENC_ESCAPE = re.compile(rb"=(.)", re.DOTALL)
_YENC_SHIFT = bytes((code - 42) % 256 for code in range(256))


@dataclass(frozen=True, slots=True)
class InlineFile:
    """name: as it was sent, of unknown charset.  data: decoded."""

    name: bytes
    data: bytes


def take_out(text: bytes) -> tuple[bytes, tuple[InlineFile, ...]]:
    """The text without the files in it, and the files. Linear; a file without its end stays text."""
    words: list[bytes] = []
    files: list[InlineFile] = []
    position = searched = 0
    endless: set[bool] = set()  # kinds whose end does not come any more
    while len(files) < MOST_FILES and (begin := _BEGIN.search(text, searched)):
        searched = begin.end()
        is_uu = begin["uu"] is not None
        if is_uu in endless or (is_uu and not _is_uu_line(text, begin.end())):
            continue
        end = (_UU_END if is_uu else _YENC_END).search(text, begin.end())
        if end is None:
            endless.add(is_uu)
            continue
        block = text[begin.start() : end.end()] if is_uu else text[begin.end() : end.start()]
        data = transfer.uuencoded(block) if is_uu else _yenc(block)
        files.append(InlineFile((begin["uu"] if is_uu else begin["yenc"]).strip(), data))
        words.append(text[position : begin.start()])
        position = searched = end.end()
    words.append(text[position:])
    return b"".join(words), tuple(files)


def _is_uu_line(text: bytes, start: int) -> bool:
    """Whether the line is as long as its first character says; encoders differ by a few blanks."""
    end = text.find(b"\n", start)
    line = text[start : len(text) if end < 0 else end].rstrip(b"\r")
    if line[:3] == b"end":
        return True
    if not line or not 32 <= line[0] <= 96:
        return False
    return abs(len(line) - 1 - ((line[0] - 32) % 64 + 2) // 3 * 4) <= 2


def _yenc(block: bytes) -> bytes:
    part = _YENC_PART.match(block)
    packed = block[part.end() if part else 0 :].translate(None, b"\r\n")
    return _YENC_ESCAPE.sub(lambda found: bytes([(found[1][0] - 64) % 256]), packed).translate(_YENC_SHIFT)
