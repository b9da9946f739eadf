"""What the HTML of a mail says about its parts, as ranges of lines of the text made from it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.mail.quote.lines import Ranges


@dataclass(frozen=True, slots=True)
class Structure:
    """Where mail programs have marked what they added; empty for plain text.

    attributions: "On … wrote:".  quotes: boxes with what was said before.
    history: lines from which on all was said before.  forwarded: lines a forwarded mail begins in.
    headers: boxes that may be the header of a quoted mail.  signatures: as it says.
    asides: what the author set off from the rest by quoting or indenting it.
    bare: blockquotes nobody says anything about.
    """

    attributions: Ranges = ()
    quotes: Ranges = ()
    history: tuple[int, ...] = ()
    forwarded: tuple[int, ...] = ()
    headers: Ranges = ()
    signatures: Ranges = ()
    asides: Ranges = ()
    bare: Ranges = ()


NO_STRUCTURE = Structure()
