"""Which lines of a mail were said before, and which are only a signature. docs/decisions/0012-folding.md.

Nothing is ever deleted: ranges of line numbers say what a reader may fold. Everything is decided line
by line from tables of words, in linear time; no expression here has two unbounded repeats (threat T28).
"""

from __future__ import annotations

from gateway.mail.quote.attribution import with_attribution
from gateway.mail.quote.field_block import is_forward_subject
from gateway.mail.quote.fold import Folding, fold
from gateway.mail.quote.known import fold_known, known_lines
from gateway.mail.quote.lines import Ranges, hash_line, is_quoted, merged, plain_line
from gateway.mail.quote.mark import REPLY_MARK, has_mark, mark_at, mark_in
from gateway.mail.quote.shared_line import apart

__all__ = [
    "REPLY_MARK",
    "Folding",
    "Ranges",
    "apart",
    "fold",
    "fold_known",
    "has_mark",
    "hash_line",
    "is_forward_subject",
    "is_quoted",
    "known_lines",
    "mark_at",
    "mark_in",
    "merged",
    "plain_line",
    "with_attribution",
]
