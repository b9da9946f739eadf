"""ISO-2022-JP as Windows writes it (cp50220 to cp50222), which no codec of Python reads: NEC's characters too.

Every pair of JIS octets is a pair of Shift_JIS ones (JIS X 0208 annex 1), and cp932 has the characters that
Microsoft, NEC and IBM put there.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\x1b(\$[@B]|\([BIJ])")


def decode(octets: bytes) -> str:
    """The text; what is neither JIS nor ASCII becomes U+FFFD. Linear."""
    pieces = _ESCAPE.split(b"\x1b(B" + octets)  # an empty one, then escape and stretch in turns
    stretches = zip(pieces[1::2], pieces[2::2], strict=True)
    return "".join(_stretch(escape, stretch) for escape, stretch in stretches)


def _stretch(escape: bytes, octets: bytes) -> str:
    if escape == b"(I":
        return bytes(octet | 0x80 for octet in octets).decode("cp932", "replace")
    if escape in (b"(B", b"(J"):
        return octets.decode("ascii", "replace")
    return b"".join(map(_shifted, octets[::2], octets[1::2])).decode("cp932", "replace")


def _shifted(row: int, cell: int) -> bytes:
    """One character of JIS X 0208 in Shift_JIS; anything else as it is."""
    if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
        return bytes((row, cell))
    lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    trail = cell + 0x7E if row % 2 == 0 else cell + (0x1F if cell < 0x60 else 0x20)
    return bytes((lead, trail))
