"""The files of a mail, fit to be handed on, and to whom. Promise 6.

In mails and texts our tokens are made neutral, as in the words of a mail. What an agent sends goes to
customers only where nothing internal can be in it; the rest is for agents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path

from gateway.flow.private import Private
from gateway.mail.attached import CLOSED_MAIL, MAIL, OTHER, TEXT, inside_mail, kind_of, text_of
from gateway.mail.reading import Enclosure
from gateway.mail.token import Keyring
from gateway.store.blobs import name_of

NAMED = 5  # files that a remark names
_FOLD = re.compile(r"\r?\n[ \t]")  # cards and calendars go on in the next line: RFC 6350 §3.2, RFC 5545 §3.1


@dataclass(frozen=True, slots=True)
class Parted:
    """The files by who may have them; `remark` tells agents what customers do not get."""

    everyone: tuple[Enclosure, ...] = ()
    agents: tuple[Enclosure, ...] = ()
    remark: str = ""


def of_client(keys: Keyring, enclosures: Sequence[Enclosure]) -> Parted:
    """A customer's files. The whole mail, enclosed because it could not be read to the end, is for agents."""
    return Parted(
        everyone=tuple(neutral(keys, one) for one in enclosures if not one.whole_mail),
        agents=tuple(neutral(keys, one) for one in enclosures if one.whole_mail),
    )


def of_agent(keys: Keyring, enclosures: Sequence[Enclosure], private: Private) -> Parted:
    """An agent's files: no mails, and no text with a token, a line of a note or the agent's address in it."""
    kept = [one for one in enclosures if one.whole_mail or _is_internal(keys, one, private)]
    names = ", ".join(one.filename for one in kept[:NAMED])
    return Parted(
        everyone=tuple(one for one in enclosures if one not in kept),
        agents=tuple(neutral(keys, one) for one in kept),
        remark=f"for agents only, not sent to customers: {names}" if kept else "",
    )


def neutral(keys: Keyring, file: Enclosure) -> Enclosure:
    """The file; or the words of it with every token of ours made neutral, where there is one in it."""
    data = _octets(file)
    match kind_of(file.filename, file.content_type, data):
        case "mail":
            inside = inside_mail(data)
            words = keys.neutralise(inside.text)
            clean = words == inside.text and _is_clean(keys, inside.source)
        case "text":
            text = text_of(data)
            words = keys.neutralise(unescape(text))
            clean = _is_clean(keys, text)
        case _:
            return file
    return file if clean else _written(file, words)


def _is_internal(keys: Keyring, file: Enclosure, private: Private) -> bool:
    data = _octets(file)
    kind = kind_of(file.filename, file.content_type, data)
    if kind in (MAIL, CLOSED_MAIL):
        return True
    if kind == OTHER:
        return False
    assert kind == TEXT
    text = text_of(data)
    plain = unescape(text)
    return (
        not _is_clean(keys, text)
        or private.stands_in(plain)
        or private.own_address.search(_FOLD.sub("", plain)) is not None
    )


def _is_clean(keys: Keyring, text: str) -> bool:
    """Also behind what HTML writes for characters."""
    plain = unescape(text)
    return keys.neutralise(text) == text and (plain == text or keys.neutralise(plain) == plain)


def _octets(file: Enclosure) -> bytes:
    return Path(file.path).read_bytes() if file.data is None else file.data


def _written(file: Enclosure, words: str) -> Enclosure:
    """The same file as a text, which says by its first octets that it is UTF-8; a large one's file stays
    where it is, for whoever deletes it.
    """
    data = words.encode("utf-8-sig", "replace")
    stem = file.filename.rpartition(".")[0] or file.filename
    return replace(
        file,
        filename=f"{stem}.txt",
        content_type="text/plain",
        size=len(data),
        sha256=name_of(data),
        data=data,
        path="",
    )
