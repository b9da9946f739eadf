"""What several promises ask of texts, addresses and ranges."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from gateway.mail.address import LONGEST_ADDRESS
from gateway.mail.quote import Ranges

UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str, *, lines: bool = False) -> None:
    """In NFC, without NUL, surrogates and controls; one line unless `lines`."""
    found = UNWANTED.search(text)
    assert found is None, f"{found!r} in {text!r}"
    assert unicodedata.is_normalized("NFC", text), text
    assert lines or "\n" not in text, text


def canonical(email: str) -> None:
    """An address that every door would write the same way."""
    assert len(email.encode()) <= LONGEST_ADDRESS and email.count("@") == 1, email
    assert email.isprintable() and not set(' <>(),;:"\\[]') & set(email), email


def folded(lines: Sequence[str], ranges: Ranges) -> None:
    """Ranges in order, within the text, never over all of its words."""
    end = 0
    for start, after in ranges:
        assert end <= start < after <= len(lines), ranges
        end = after
    hidden = {number for start, after in ranges for number in range(start, after)}
    shown = [line for number, line in enumerate(lines) if number not in hidden]
    assert any(map(str.strip, shown)) or not any(map(str.strip, lines)), "all words are folded"
