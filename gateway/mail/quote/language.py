"""What mail programs of one language write around a quote; in lower case."""

from __future__ import annotations

from dataclasses import dataclass


def phrases_in(text: str) -> tuple[str, ...]:
    """The phrases of a text that `|` parts."""
    return tuple(phrase.strip() for phrase in text.split("|") if phrase.strip())


@dataclass(frozen=True, slots=True)
class Language:
    """Phrases of one language, several of them parted by `|`.

    opens: first words of "On … wrote:".  wrote: its verb.
    personal: words beside such a verb in a sentence of a person's own ("your driver wrote to me").
    sender, date, to, cc, subject: field names above a quoted mail.
    original, forwarded: what stands between dashes above one.
    sent_from, sent_from_end: how the line a phone adds begins, or ends.
    """

    opens: str = ""
    wrote: str = ""
    personal: str = ""
    sender: str = ""
    date: str = ""
    to: str = ""
    cc: str = ""
    subject: str = ""
    original: str = ""
    forwarded: str = ""
    sent_from: str = ""
    sent_from_end: str = ""
