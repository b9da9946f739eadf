"""`helpgate deliver`: one mail on standard input, for an MTA's pipe or alias. RFC 2033, sysexits(3).

Whatever goes wrong on our side ends with 75, so that the MTA keeps the mail and tries again: nobody's
mail bounces because of a bug, a stopped daemon or a broken configuration.
"""

from __future__ import annotations

import re
import smtplib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, BinaryIO

import click

from gateway.cli.options import opened, with_config
from gateway.config import Settings
from gateway.daemon.house import lmtp_address
from gateway.desk import desks
from gateway.mail.address import parse_address
from gateway.transport.commands import PIPE_NAME

EX_USAGE, EX_DATAERR, EX_NOUSER, EX_TEMPFAIL, EX_NOPERM = 64, 65, 67, 75, 77
PIECE = 65_536
HEAD_LINES = 200  # what an MTA writes on top is among the first
PATIENCE_S = 300.0  # for each reply; the last one may take this long, RFC 5321 §4.5.3.2.6
UNTOLD = f"unknown@{PIPE_NAME}"  # not the null path, which would make every mail a robot's
NOBODY = ("", "<>", "mailer-daemon")  # how MTAs write the null reverse-path

_RETURN_PATH = re.compile(rb"^return-path:[ \t]*<?([^<>\r\n]*?)>?[ \t]*\r?\n?$", re.IGNORECASE)
_PERMISSION = re.compile(rb"5\.7\.\d")


class NotTaken(Exception):
    """The mail was not stored. `status` tells the MTA what to do with it."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


class _ForPipes(click.Command):
    """A command whose exit status an MTA reads; its one line of words ends in a bounce or a log."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Wrong arguments are the caller's mistake; a configuration that cannot be read is our trouble."""
        try:
            return super().make_context(*args, **extra)
        except click.exceptions.Exit:
            raise
        except click.UsageError as error:
            raise _ended(error.format_message(), EX_USAGE) from error
        except Exception as error:
            raise _ended(f"not now: {_words(error)}", EX_TEMPFAIL) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Everything that has no status of its own is our trouble: try again."""
        try:
            return super().invoke(ctx)
        except NotTaken as error:
            raise _ended(str(error), error.status) from error
        except Exception as error:
            raise _ended(f"not now: {_words(error)}", EX_TEMPFAIL) from error


@click.command(cls=_ForPipes)
@click.option(
    "--rcpt", metavar="ADDRESS", help="Whom the mail is for.  [default: the desk, when there is one]"
)
@click.option("-f", "--sender", envvar="SENDER", metavar="ADDRESS", help="Reverse-path.  [default: $SENDER]")
@with_config
def deliver(settings: Settings, rcpt: str | None, sender: str | None) -> None:
    """Hand one mail on standard input to the daemon, for an MTA's pipe or alias.

    Says nothing when the mail is stored (0). 75: try again later; 64, 65, 67, 77: refused.

    Example: helpgate deliver --rcpt help@example.org < mail.eml
    """
    recipient = _recipient(settings, rcpt)
    source = sys.stdin.buffer
    head = _head(source)
    if not b"".join(head).strip():
        raise NotTaken("there is no mail on standard input", EX_DATAERR)
    try:
        channel = _connected(settings)
        try:
            mail = chain(head, iter(lambda: source.readline(PIECE), b""))
            _hand_over(channel, _reverse_path(sender, head), recipient, mail)
        finally:
            channel.close()
    except OSError as error:  # smtplib's own errors are such, too
        raise NotTaken(
            f"the daemon does not answer at {settings.lmtp.listen}: {error}", EX_TEMPFAIL
        ) from error


def _recipient(settings: Settings, given: str | None) -> str:
    if given is not None:
        plain = parse_address(given) or (given if given.lower() == "postmaster" else None)
        if plain is None:
            raise NotTaken(f"--rcpt: {given} is not an address", EX_USAGE)
        return plain
    with opened(settings) as store, store.reading() as unit:
        addresses = [desk.address for desk in desks.everyone(unit)]
    if len(addresses) != 1:
        raise NotTaken(f"there are {len(addresses)} desks: name one with --rcpt", EX_USAGE)
    return addresses[0]


def _head(source: BinaryIO) -> list[bytes]:
    """The lines of the header, which the envelope needs; no mbox line before them. RFC 4155."""
    line = source.readline(PIECE)
    if line.startswith(b"From "):
        line = source.readline(PIECE)
    head = [line]
    while line.strip(b"\r\n") and len(head) < HEAD_LINES:
        line = source.readline(PIECE)
        head.append(line)
    return head


def _reverse_path(given: str | None, head: Sequence[bytes]) -> str:
    """What the MTA says, else what it wrote on top of the mail; empty for the null one. RFC 5321 §4.4."""
    if given is None:
        found = next(filter(None, map(_RETURN_PATH.match, head)), None)
        given = found[1].decode("utf-8", "replace") if found else UNTOLD
    if given.strip().lower() in NOBODY:
        return ""
    return parse_address(given) or UNTOLD


def _connected(settings: Settings) -> smtplib.LMTP:
    """The daemon's LMTP listener, greeted as the pipe."""
    listen = lmtp_address(settings)
    if not listen:
        raise NotTaken("[lmtp] listen is empty: the daemon takes nothing from a pipe", EX_TEMPFAIL)
    if listen.startswith("unix:"):
        return smtplib.LMTP(listen.removeprefix("unix:"), local_hostname=PIPE_NAME, timeout=PATIENCE_S)
    host, _, port = listen.rpartition(":")
    return smtplib.LMTP(host.strip("[]"), int(port), local_hostname=PIPE_NAME, timeout=PATIENCE_S)


def _hand_over(channel: smtplib.LMTP, sender: str, recipient: str, mail: Iterable[bytes]) -> None:
    """One transaction. Without the final dot nothing is stored, so an error on the way loses no mail."""
    _expect(channel.ehlo(), 250, EX_TEMPFAIL)
    options = ["BODY=8BITMIME"] if channel.has_extn("8bitmime") else []
    if not (sender + recipient).isascii():
        options.append("SMTPUTF8")
        channel.command_encoding = "utf-8"
    _expect(channel.docmd("MAIL", " ".join([f"FROM:<{sender}>", *options])), 250, EX_DATAERR)
    _expect(channel.docmd("RCPT", f"TO:<{recipient}>"), 250, EX_NOUSER)
    _expect(channel.docmd("DATA"), 354, EX_DATAERR)
    assert channel.sock is not None
    with channel.sock.makefile("wb", PIECE) as out:
        for piece in dotted(mail):
            out.write(piece)
        out.write(b".\r\n")
    _expect(channel.getreply(), 250, EX_DATAERR)
    with suppress(OSError):  # the mail is stored: a goodbye that fails must not have it sent again
        channel.putcmd("QUIT")


def _expect(reply: tuple[int, bytes], wanted: int, refused: int) -> None:
    """RFC 5321 §4.2.1: 4yz asks to try again, 5yz is no for ever."""
    code, words = reply
    if code == wanted:
        return
    said = f"{code} {words.decode('utf-8', 'replace')}"
    if not 500 <= code <= 599:
        raise NotTaken(said, EX_TEMPFAIL)
    raise NotTaken(said, EX_NOPERM if _PERMISSION.match(words) else refused)


def dotted(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, or parts of long ones, as DATA wants them: CRLF ends, dots doubled. RFC 5321 §4.5.2."""
    at_start, held = True, b""
    for piece in pieces:
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""  # its LF may come with the next piece
        piece = piece.removesuffix(b"\r")
        if at_start and piece.startswith(b"."):
            yield b"."
        if piece.endswith(b"\n"):
            piece = piece[:-1].removesuffix(b"\r") + b"\r\n"
        at_start = piece.endswith(b"\n") if piece else at_start
        yield piece
    if held:
        yield held
        at_start = False
    if not at_start:
        yield b"\r\n"


def _ended(words: str, status: int) -> click.exceptions.Exit:
    click.echo(f"helpgate: {words}", err=True)
    return click.exceptions.Exit(status)


def _words(error: Exception) -> str:
    return (
        error.format_message()
        if isinstance(error, click.ClickException)
        else str(error) or type(error).__name__
    )
