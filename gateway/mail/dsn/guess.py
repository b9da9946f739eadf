"""The last resort for mails that are surely a machine's: addresses beside words of failure."""

from __future__ import annotations

import re

from gateway.mail.dsn import formats, own_words, phrases
from gateway.mail.dsn.fate import MOST_RECIPIENTS, Fate, addresses_in, kind_of
from gateway.mail.dsn.suspect import Suspect

_LONGEST_LINE = 1000
_MOST_LINES = 2000
_BESIDE, _ALONE, _ANYWHERE = range(3)
_NOTHING_BESIDE = re.compile(r"^[\s<>*\-:.,;\[\]()\"'`]{0,40}$")
_NOT_A_RECIPIENT = re.compile(
    r"(?:mail from|message-id|f|from|sender|helo|reply-to|von|absender|差出人|отправитель)"
    r"[ \t]{0,3}[:=][ \t]{0,20}[<\[(]{0,2}$"
    r"|(?:mailto|https?)[:]$|contact |please (?:e-?mail|write|send) |reply to |addressed to the ",
    re.IGNORECASE,
)
_RECIPIENT = re.compile(
    r"(?:rcpt to|recipient|recipients|to|an|für|for|user|address|addressee|destinatario|destinataire|empfänger"
    r"|адресат|получатель|одержувач|adresat|odbiorca|příjemce|ontvanger|destinatário|宛先|收件人|받는 ?사람)"
    r"(?:\([a-z]{1,5}\))?[ \t]{0,3}[:：=][ \t]{0,20}[<\[(]{0,2}$",
    re.IGNORECASE,
)
_ROLES = (
    "postmaster@",
    "mailer-daemon@",
    "abuse@",
    "noreply@",
    "no-reply@",
    "support@",
    "helpdesk@",
    "hostmaster@",
)


def recipients(mail: Suspect) -> list[Fate]:
    """The recipients in the words of a mailer of unknown make; none where nothing stands out.

    Best first: beside a label or a word of failure, alone on a line, anywhere where a failure is told.
    """
    worst = _worst(mail)
    ranks: dict[str, int] = {}
    lines = mail.own.split("\n")[:_MOST_LINES]
    for number, line in enumerate(lines):
        for address, rank in _ranked(lines, number, line[:_LONGEST_LINE]):
            if rank <= worst and address not in mail.parties and not address.startswith(_ROLES):
                ranks[address] = min(rank, ranks.get(address, rank))
    best = min(ranks.values(), default=worst)
    found = [address for address, rank in ranks.items() if rank == best]
    return [formats.passage(mail.own, one, mail.is_late) for one in found[:MOST_RECIPIENTS]]


def _worst(mail: Suspect) -> int:
    """The worst rank that is believed; a status of failure in a language unknown to us vouches for its own line."""
    if mail.tells_failure:
        return _ANYWHERE
    if mail.has_bounce_subject:
        return _ALONE
    return _BESIDE if any(map(kind_of, mail.own.split("\n")[:_MOST_LINES])) else -1


def _ranked(lines: list[str], number: int, line: str) -> list[tuple[str, int]]:
    """The addresses of one line, each with its rank."""
    found = []
    for address, start, end in addresses_in(line):
        before = line[max(0, start - 60) : start]
        if _NOT_A_RECIPIENT.search(before):
            continue
        alone = (
            _NOTHING_BESIDE.match(line[:start]) is not None and _NOTHING_BESIDE.match(line[end:]) is not None
        )
        found.append((address, _rank(lines, number, line, before, alone)))
    return found


def _rank(lines: list[str], number: int, line: str, before: str, alone: bool) -> int:
    if _RECIPIENT.search(before) or _tells_failure(line):
        return _BESIDE
    near = lines[max(0, number - 2) : number] + lines[number + 1 : number + 4]
    if alone:
        return _BESIDE if any(_tells_failure(one[:_LONGEST_LINE]) for one in near) else _ALONE
    return _ANYWHERE


def _tells_failure(line: str) -> bool:
    return own_words.says(phrases.REFUSALS, line.lower()) or kind_of(line) in ("permanent", "temporary")
