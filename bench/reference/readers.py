"""One library reads every mail of a folder, in a process of its own.

    python -m bench.reference.readers helpgate tests/corpus --passes 3

writes one JSON object: mails, failed, seconds (of all that could be read), p99_ms and worst_ms (of one mail).
Every reader does what a helpdesk needs: subject, sender, the words in both forms, each file's name and
octets. Ours also sanitises, folds quotes, judges and hashes: it has no way to do less.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import parseaddr
from pathlib import Path

from bench import corpus
from bench.rounds import percentile

Reader = Callable[[bytes], object]


def helpgate() -> Reader:
    """The whole Reading."""
    from gateway.mail.parse import read

    return read


def compat32() -> Reader:
    """The standard library as it was before Python 3.3, headers decoded by hand."""

    def read(octets: bytes) -> object:
        mail = message_from_bytes(octets)
        subject = str(make_header(decode_header(str(mail.get("Subject", "")))))
        sender = parseaddr(str(make_header(decode_header(str(mail.get("From", ""))))))
        return subject, sender, [_leaf(part) for part in mail.walk() if not part.is_multipart()]

    return read


def default() -> Reader:
    """The standard library's modern policy."""

    def read(octets: bytes) -> object:
        mail = message_from_bytes(octets, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        senders = [(one.display_name, one.addr_spec) for one in getattr(mail["From"], "addresses", ())]
        parts = [part for part in mail.walk() if not part.is_multipart()]
        return str(mail["Subject"]), senders, [_modern_leaf(part) for part in parts]

    return read


def mail_parser() -> Reader:
    """The library of that name."""
    from mailparser import parse_from_bytes

    def read(octets: bytes) -> object:
        mail = parse_from_bytes(octets)
        files = [
            (one["filename"], hashlib.sha256(one["payload"].encode()).digest()) for one in mail.attachments
        ]
        return mail.subject, mail.from_, mail.text_plain, mail.text_html, files

    return read


READERS = {"helpgate": helpgate, "default": default, "compat32": compat32, "mail-parser": mail_parser}


def _leaf(part: Message) -> object:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    if part.get_content_maintype() == "text":
        return octets.decode(part.get_content_charset("utf-8"), "replace")
    return part.get_filename(), hashlib.sha256(octets).digest()


def _modern_leaf(part: EmailMessage) -> object:
    content = part.get_content()
    if isinstance(content, str):
        return content
    return part.get_filename(), hashlib.sha256(content).digest()


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(prog="python -m bench.reference.readers")
    options.add_argument("library", choices=READERS)
    options.add_argument("folder", type=Path)
    options.add_argument("--passes", type=int, default=3)
    given = options.parse_args()
    mails = [path.read_bytes() for path in corpus.paths(given.folder)]
    print(json.dumps(_timed(READERS[given.library](), mails, given.passes)))


def _timed(read: Reader, mails: list[bytes], passes: int) -> dict[str, float]:
    """The first pass does not count: it loads codecs and tables."""
    best = [float("inf")] * len(mails)
    failed: set[int] = set()
    for passing in range(passes + 1):
        for number, mail in enumerate(mails):
            began = time.perf_counter()
            try:
                read(mail)
            except Exception:  # whatever a library raises on foreign mail
                failed.add(number)
                continue
            if passing:
                best[number] = min(best[number], time.perf_counter() - began)
    times = [one for number, one in enumerate(best) if number not in failed]
    return {
        "mails": len(mails),
        "failed": len(failed),
        "seconds": sum(times),
        "p99_ms": 1000 * percentile(times, 0.99),
        "worst_ms": 1000 * max(times),
    }


if __name__ == "__main__":
    main()
