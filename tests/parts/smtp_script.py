"""What a scripted SMTP server is to do, and what it has seen."""

from __future__ import annotations

import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

STAGES = frozenset(
    ("connect", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "rset", "quit")
)
EXTENSIONS = ("8BITMIME", "SMTPUTF8", "SIZE 30000000")
_AWAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Act:
    """What the server does at a stage.

    kind: ok, reply (`code text`), drop, hang, garbage, multiline (ok, in several lines), or
    lie (only at the dot: says 250 and throws the letter away).
    """

    kind: str
    code: int = 0
    text: str = ""


OK = Act("ok")
DROP = Act("drop")
HANG = Act("hang")
GARBAGE = Act("garbage")
MULTILINE = Act("multiline")
LIE = Act("lie")


def temporary(text: str = "4.3.0 later", code: int = 451) -> Act:
    """A transient refusal."""
    return Act("reply", code, text)


def permanent(text: str = "5.0.0 no", code: int = 550) -> Act:
    """A permanent refusal."""
    return Act("reply", code, text)


def closing(text: str = "4.3.2 shutting down") -> Act:
    """421, and the connection closed. RFC 5321 §3.8."""
    return Act("reply", 421, text)


@dataclass(frozen=True, slots=True)
class Caught:
    """One accepted letter. session: number of its connection, from 1.  at: `time.monotonic`."""

    reverse_path: str
    recipients: tuple[str, ...]
    octets: bytes
    parameters: str
    session: int
    tls: bool
    login: str
    at: float


class Script:
    """The script of a server and its memory; see `scripted_smtp`.

    tls: certificate for STARTTLS, or with `implicit` from the first octet.  users: logins offered by AUTH.
    greylist: the first RCPT of each sender and recipient gets a 451.  on_stage: called with the stage and the
    line received, before it is answered; from the thread of the connection.
    """

    def __init__(
        self,
        script: Mapping[str, Act | Iterable[Act]] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        extensions: tuple[str, ...] = EXTENSIONS,
        greylist: bool = False,
        on_stage: Callable[[str, str], None] | None = None,
    ) -> None:
        self.recipients: dict[str, Act] = {}
        self.mails: list[Caught] = []
        self.thrown_away: list[Caught] = []
        self.commands: list[tuple[int, str]] = []
        self.sessions = 0
        self.open_sessions = 0
        self.most_open_sessions = 0
        self.tls, self.implicit = tls, implicit
        self.users = dict(users or {})
        self.extensions = extensions
        self.greylist = greylist
        self.on_stage = on_stage
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self._greylisted: set[tuple[str, str]] = set()
        self._always: dict[str, Act] = {}
        self._next: dict[str, list[Act]] = defaultdict(list)
        for stage, acts in (script or {}).items():
            self.at(stage, acts)

    def at(self, stage: str, acts: Act | Iterable[Act]) -> None:
        """Script a stage: one act for ever, or some acts one after the other and then well."""
        assert stage in STAGES, stage
        with self.changed:
            self._always.pop(stage, None)
            self._next.pop(stage, None)
            if isinstance(acts, Act):
                self._always[stage] = acts
            else:
                self._next[stage] = list(acts)

    def await_that(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`; it is asked again after every command and connection. Fails after 10 s."""
        with self.changed:
            assert self.changed.wait_for(holds, _AWAIT_S), "the scripted server waited in vain"

    def await_mails(self, count: int) -> None:
        """Wait until so many letters were accepted."""
        self.await_that(lambda: len(self.mails) >= count)

    def verbs(self, session: int | None = None) -> list[str]:
        """The first word of every command, of one session or of all."""
        return [line.split(" ")[0].upper() for number, line in self.commands if session in (None, number)]

    def act(self, stage: str, line: str = "") -> Act:
        """What to do now at a stage; for the connections."""
        if self.on_stage:
            self.on_stage(stage, line)
        with self.changed:
            waiting = self._next[stage]
            return waiting.pop(0) if waiting else self._always.get(stage, OK)

    def act_on_recipient(self, reverse_path: str, recipient: str) -> Act:
        """The act for one RCPT: the recipient's own, greylisting, then the stage's."""
        act = self.act("rcpt", recipient)
        if recipient in self.recipients:
            return self.recipients[recipient]
        if self.greylist and (reverse_path, recipient) not in self._greylisted:
            self._greylisted.add((reverse_path, recipient))
            return temporary("4.2.0 greylisted, try again")
        return act

    def note(self, change: Callable[[], object]) -> None:
        """Change what the test may wait for."""
        with self.changed:
            change()
            self.changed.notify_all()
