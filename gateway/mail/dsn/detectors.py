"""flufl.bounce asked: some hundred formats of mailers old and odd. It is given only what a mailer says itself.

Its detector for LLNL is left out: it takes any address between two commas for a recipient. Its patterns are not
linear in the length of a line, so that lines and words are cut before, and it raises on some hostile input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.mail import header
from gateway.mail.address import address_key, parse_address
from gateway.mail.structure import Part

if TYPE_CHECKING:
    from email.message import Message

    from flufl.bounce._interfaces import BounceDetector

LONGEST_WORDS = 24_000
LONGEST_LINE = 120
_FIELDS = ("from", "x-mailer")


def ask(root: Part, own_words: str) -> tuple[list[str], list[str]]:
    """The addresses it finds by their keys: those that wait, and those that failed. Never raises."""
    mail = _plain_mail(root, own_words)
    for detector in _detectors():
        try:
            late, failed = detector().process(mail)
        except Exception:  # foreign code on foreign words: one detector less
            continue
        if late or failed:
            return _addresses(late), _addresses(failed)
    return [], []


def _detectors() -> list[type[BounceDetector]]:
    # Imported here, for only a worker that meets a report needs it in memory.
    from flufl.bounce import _scan
    from flufl.bounce._detectors.llnl import LLNL

    return [one for one in _scan._DETECTORS if one is not LLNL]


def _plain_mail(root: Part, own_words: str) -> Message:
    """The words as a mail of the same make, for the detectors that look at the header."""
    from email.message import Message  # here for the same reason

    words = Message()
    words["Content-Type"] = "text/plain"
    words["Content-Description"] = "Notification"
    words.set_payload(_cut(own_words))
    mail = words
    if root.content_type.startswith("multipart/"):
        mail = Message()
        mail["Content-Type"] = root.content_type
        mail.set_payload([words, _empty()])
    for name in _FIELDS:
        mail[name] = header.text(root.value(name))[:LONGEST_LINE]
    return mail


def _empty() -> Message:
    """A part behind the words, as every report has one."""
    from email.message import Message

    part = Message()
    part["Content-Type"] = "text/plain"
    part.set_payload("")
    return part


def _cut(words: str) -> str:
    return "".join(f"{line[:LONGEST_LINE]}\n" for line in words[:LONGEST_WORDS].split("\n"))


def _addresses(found: frozenset[bytes]) -> list[str]:
    parsed = (parse_address(one.decode("ascii", "replace").strip("<> .")) for one in sorted(found))
    return list(dict.fromkeys(address_key(one) for one in parsed if one))
