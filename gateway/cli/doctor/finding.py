"""What the doctor says: one line for each thing looked at."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARNING, FAILED = "ok", "warning", "failed"
LEVELS = (OK, WARNING, FAILED)


@dataclass(frozen=True, slots=True)
class Finding:
    """level: ok, warning or failed.  subject: what was looked at.  words: what was found.  mend: what to do."""

    level: str
    subject: str
    words: str
    mend: str = ""


def ok(subject: str, words: str) -> Finding:
    """As it should be."""
    return Finding(OK, subject, words)


def warning(subject: str, words: str, mend: str) -> Finding:
    """It works, and somebody should look."""
    return Finding(WARNING, subject, words, mend)


def failed(subject: str, words: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(FAILED, subject, words, mend)
