"""A story with something for every test that looks through what has left: notes, files, newcomers, strangers.

Everything secret has a mark of its own that begins with CANARY; what is for a person alone is named after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

from tests.e2e.town import TOKEN, Town
from tests.people import ALICE, BOB, CAROL, DAVE, EVE, MALLORY, Attachment, mail

SUBJECT = "CANARYSUBJECT printer"
OTHER_SUBJECT = "CANARYOTHER toner"
NOTE, NOTE_ANSWER, STRANGER = "CANARYNOTE watch him", "CANARYANSWER I do", "CANARYSTRANGER let me see"
PLAN = Attachment("plan.txt", "text/plain", b"First the plug.")
PICTURE = Attachment("fire.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(64))
AGENTS_ONLY = ("CANARYNOTE", "CANARYANSWER", "CANARYSTRANGER", ALICE.address, BOB.address)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP client was given."""

    status: int
    head: str
    body: bytes

    @property
    def everything(self) -> str:
        """Head and body."""
        return self.head + self.body.decode("utf-8", "replace")


def tell(town: Town) -> None:
    """The story, in a running town. Carol asks, Dave is let in, Mallory listens at the door, Eve has a ticket."""
    first = "It is on fire."
    town.writes(CAROL, SUBJECT, first, html=f"<p>{first}</p>", files=[PLAN, PICTURE], proven=True)
    town.daemon.run(
        "deliver", "-f", EVE.address, stdin=mail(EVE, "help@desk.example", OTHER_SUBJECT, "It is empty.")
    )
    asked = town.awaits(BOB, first)
    town.answers(BOB, asked, "Pull the plug.")
    reply = town.awaits(CAROL, "Pull the plug.")
    town.answers(BOB, asked, NOTE, to=asked.note_address)
    town.answers(ALICE, town.awaits(ALICE, first), NOTE_ANSWER, to=town.awaits(ALICE, first).note_address)
    town.awaits(BOB, NOTE_ANSWER)
    town.answers(CAROL, reply, "Dave will do it.", proven=True, Cc=DAVE.address)
    town.awaits(BOB, "Dave will do it.")
    town.answers(BOB, asked, f"Well done. Ask {BOB.address} for more.")
    town.awaits(DAVE, "Well done.")
    town.answers(MALLORY, reply, STRANGER)
    town.awaits(BOB, STRANGER)
    assert post(f"{reply.page}/comments", text="It smells.").status == 303
    town.awaits(BOB, "It smells.")
    town.settle()


def ask(method: str, url: str, user_agent: str = "", body: str = "", **headers: str) -> Answer:
    """One request, no redirect followed."""
    parts = urlsplit(url)
    target = quote(parts.path or "/", safe="/%") + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(parts.netloc, timeout=30)
    connection.request(method, target, body or None, {"User-Agent": user_agent} | headers)
    answer = connection.getresponse()
    given = Answer(answer.status, str(answer.headers), answer.read())
    connection.close()
    return given


def post(url: str, **fields: str) -> Answer:
    """A form, sent from its own page."""
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    return ask("POST", url, body=urlencode(fields), **kind)


def tokens(text: str) -> set[str]:
    """Everything in a text that looks like a token of ours."""
    return {one.lower() for one in TOKEN.findall(text)}
