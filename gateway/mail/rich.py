"""Rich text to words: text/enriched (RFC 1896) and its forerunner text/richtext (RFC 1341)."""

from __future__ import annotations

import re

_PARAMETER = re.compile(r"<param>[^<]*(?:</param>)?", re.IGNORECASE)
_COMMAND = re.compile(r"<(/?[A-Za-z0-9-]{1,60})>")
_BREAKS = re.compile(r"\n+")
_RICHTEXT = {"nl": "\n", "lt": "<", "np": "\n", "paragraph": "\n", "/paragraph": "\n"}


def enriched_text(enriched: str) -> str:
    """The words of a text/enriched: n line ends are n-1, a single one is a blank, `<<` is `<`."""
    stretches = [
        _BREAKS.sub(lambda ends: "\n" * (len(ends[0]) - 1) or " ", stretch)
        if is_filled
        else stretch.removeprefix("\n").removesuffix("\n")
        for stretch, is_filled in _stretches(_PARAMETER.sub("", enriched))
    ]
    pieces = "".join(stretches).replace("<<", "\0").strip("\n ")
    return _COMMAND.sub("", pieces).replace("\0", "<")


def richtext_text(richtext: str) -> str:
    """The words of a text/richtext, whose line ends are blanks."""
    return _COMMAND.sub(
        lambda command: _RICHTEXT.get(command[1].lower(), ""), richtext.replace("\n", " ")
    ).strip()


def _stretches(enriched: str) -> list[tuple[str, bool]]:
    """The text cut at `<nofill>`, each piece with whether its line ends are the mailer's to change."""
    pieces = re.split(r"<(/?)nofill>", enriched, flags=re.IGNORECASE)
    return [(piece, not at or pieces[at - 1] == "/") for at, piece in enumerate(pieces) if at % 2 == 0]
