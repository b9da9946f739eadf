"""One connection to a scripted SMTP server: RFC 5321 wherever the script says nothing."""

from __future__ import annotations

import base64
import functools
import socket
import time
from typing import BinaryIO

from tests.parts.smtp_script import LIE, OK, Act, Caught, Script, permanent


class Over(Exception):
    """This conversation is over."""


class Conversation:
    """One connection to the scripted server."""

    def __init__(self, server: Script, connection: socket.socket, number: int) -> None:
        self.server = server
        self.connection = connection
        self.number = number
        self.tls = False
        self.login = ""
        self.reverse_path: str | None = None
        self.parameters = ""
        self.recipients: list[str] = []
        self.lines: BinaryIO = connection.makefile("rb")

    def run(self) -> None:
        """Greet, then answer commands until one side goes."""
        act = self.server.act("connect")
        if act is not OK:
            self.perform(act, 220, "connect")
        if self.server.implicit:
            self.secure()
        self.perform(self.server.act("greeting"), 220, "scripted.test ESMTP")
        answers = {
            "EHLO": self.ehlo,
            "STARTTLS": self.starttls,
            "AUTH": self.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "RSET": self.rset,
            "QUIT": self.quit,
        }
        while True:
            line = self.read().rstrip(b"\r\n").decode("utf-8", "replace")
            self.server.note(functools.partial(self.server.commands.append, (self.number, line)))
            verb, _, rest = line.partition(" ")
            answer = answers.get(verb.upper())
            if answer is None:
                self.say(500, "5.5.2 unknown command")
            else:
                answer(rest)

    def ehlo(self, rest: str) -> None:
        offers = list(self.server.extensions)
        if self.server.tls and not self.tls:
            offers.append("STARTTLS")
        if self.server.users:
            offers.append("AUTH PLAIN LOGIN")
        self.perform(self.server.act("ehlo", rest), 250, "scripted.test", *offers)

    def starttls(self, rest: str) -> None:
        self.perform(self.server.act("starttls", rest), 220, "go ahead")
        self.secure()

    def auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        name, password = "", ""
        if mechanism.upper() == "PLAIN":
            _, name, password = base64.b64decode(initial).decode().split("\0")
        elif mechanism.upper() == "LOGIN":
            name = base64.b64decode(initial or self.challenge("Username:")).decode()
            password = base64.b64decode(self.challenge("Password:")).decode()
        act = self.server.act("auth", rest)
        if act is OK and self.server.users.get(name) != password:
            act = permanent("5.7.8 wrong", 535)
        if self.perform(act, 235, "2.7.0 welcome"):
            self.login = name

    def mail(self, rest: str) -> None:
        path, _, self.parameters = rest.partition(":")[2].partition(" ")
        if self.perform(self.server.act("mail", rest), 250, "2.1.0 ok"):
            self.reverse_path, self.recipients = path.strip("<>"), []

    def rcpt(self, rest: str) -> None:
        recipient = rest.partition(":")[2].split(" ")[0].strip("<>")
        if self.reverse_path is None:
            self.say(503, "5.5.1 MAIL first")
        elif self.perform(self.server.act_on_recipient(self.reverse_path, recipient), 250, "2.1.5 ok"):
            self.recipients.append(recipient)

    def data(self, rest: str) -> None:
        if not self.recipients:
            self.say(503, "5.5.1 RCPT first")
            return
        if not self.perform(self.server.act("data", rest), 354, "go on"):
            return
        octets = self.read_text()
        act = self.server.act("dot")
        caught = Caught(
            self.reverse_path or "", tuple(self.recipients), octets, self.parameters,
            self.number, self.tls, self.login, time.monotonic(),
        )  # fmt: skip
        if act.kind in ("ok", "multiline", "lie"):
            into = self.server.thrown_away if act is LIE else self.server.mails
            self.server.note(functools.partial(into.append, caught))
        self.perform(act, 250, "2.0.0 taken")
        self.reverse_path, self.recipients = None, []

    def rset(self, rest: str) -> None:
        self.reverse_path, self.recipients = None, []
        self.perform(self.server.act("rset", rest), 250, "2.0.0 ok")

    def quit(self, rest: str) -> None:
        self.perform(self.server.act("quit", rest), 221, "2.0.0 bye")
        raise Over

    def read_text(self) -> bytes:
        """The text up to the final dot, dots undoubled."""
        lines: list[bytes] = []
        while (line := self.read()) != b".\r\n":
            if not lines:
                act = self.server.act("body")
                if act is not OK:
                    self.perform(act, 250, "2.0.0 taken")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def challenge(self, text: str) -> bytes:
        self.say(334, base64.b64encode(text.encode()).decode())
        return self.read().strip()

    def perform(self, act: Act, code: int, *texts: str) -> bool:
        """Do what the script says; True when that was the regular answer."""
        if act.kind == "drop":
            raise Over
        if act.kind == "hang":
            self.server.closing.wait()
            raise Over
        if act.kind == "garbage":
            self.connection.sendall(b"\x00\xff what? \r\n")
            return False
        if act.kind == "reply":
            self.say(act.code, act.text)
            if act.code == 421:
                raise Over
            return False
        self.say(code, *(("first", "second", *texts) if act.kind == "multiline" else texts))
        return True

    def say(self, code: int, *texts: str) -> None:
        *before, last = texts
        lines = [f"{code}-{text}\r\n" for text in before] + [f"{code} {last}\r\n"]
        self.connection.sendall("".join(lines).encode())

    def read(self) -> bytes:
        line = self.lines.readline()
        if not line.endswith(b"\n"):
            raise Over
        return line

    def secure(self) -> None:
        assert self.server.tls is not None
        self.lines.close()  # and with it what was sent ahead of TLS. RFC 3207 §4.2
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.lines = self.connection.makefile("rb")
        self.tls = True
