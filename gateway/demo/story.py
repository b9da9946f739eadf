"""The first conversation, played through the real doors: SMTP in, letters out, the public page."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlencode

from gateway import clock
from gateway.demo import writing
from gateway.demo.catcher import LOOPBACK, Caught
from gateway.demo.opened import Opened
from gateway.demo.people import ALICE, CAROL, DESK
from gateway.errors import GatewayError
from gateway.mail.letter import File

_PATIENCE_S = 20.0
_POSITION = re.compile(rb'data-position="([0-9]+)"')

QUESTION = """\
Hello,

my order 2041 arrived this morning, but the lamp has a crack in its shade.
The packing list is attached. Can you send a new shade, or do I have to
return the whole lamp?

Best wishes
Carol
"""
PACKING_LIST = File(
    "packing-list-2041.txt", "text/plain", b"Order 2041\n\n1 x  Desk lamp, green\n1 x  Light bulb, E14\n"
)
ANSWER = """\
Hello Carol,

I am sorry about that. Keep the lamp: a new shade leaves our house today
and should be with you on Thursday.

Kind regards
Alice
"""
COMMENT = "That is quick, thank you! Thursday is fine, somebody will be at home."


class Stuck(GatewayError):
    """The conversation came to a halt; says where."""


class Conversation:
    """Plays Carol and Alice against the demo that runs on these ports of this machine. Blocks."""

    def __init__(self, caught: Caught, smtp_port: int, web_port: int) -> None:
        self._caught = caught
        self._smtp_port = smtp_port
        self._web_port = web_port

    def play(self) -> None:
        """Everything up to Carol's comment, of which Alice hears a little later. Raises Stuck or NotTaken."""
        self._ask()
        notice = self._awaited(ALICE.email, lambda mail: bool(mail.ticket_path), "the notice to the agent")
        self._answer(notice)
        letter = self._awaited(CAROL.email, _says("a new shade leaves"), "the answer to the customer")
        self._comment(letter.ticket_path)

    def _ask(self) -> None:
        mail = writing.new_mail(CAROL, DESK, "Cracked lampshade in order 2041", QUESTION, clock.now())
        writing.send(self._smtp_port, replace(mail, files=(PACKING_LIST,)))

    def _answer(self, notice: Opened) -> None:
        mail = writing.answer(notice, notice.choices[0].address, ANSWER, clock.now())
        writing.send(self._smtp_port, replace(mail, from_=ALICE))

    def _comment(self, ticket_path: str) -> None:
        """What her browser does: show the page, say what was read, send the form."""
        page = self._asked("GET", ticket_path, {}, 200)
        newest = max((int(position) for position in _POSITION.findall(page)), default=0)
        self._asked("POST", f"{ticket_path}/read", {"up_to": str(newest)}, 204)
        self._asked("POST", f"{ticket_path}/comments", {"text": COMMENT}, 303)

    def _awaited(self, recipient: str, wanted: Callable[[Opened], bool], what: str) -> Opened:
        mail = self._caught.wait_for(recipient, wanted, _PATIENCE_S)
        if mail is None:
            raise Stuck(f"{what} did not come within {_PATIENCE_S:g} s")
        return mail

    def _asked(self, method: str, path: str, fields: dict[str, str], wanted: int) -> bytes:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
        with closing(http.client.HTTPConnection(LOOPBACK, self._web_port, timeout=_PATIENCE_S)) as client:
            try:
                client.request(method, path, urlencode(fields), headers)
                answer = client.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise Stuck(f"the ticket's page did not answer: {error}") from error
        if answer.status != wanted:
            raise Stuck(f"the ticket's page answered {answer.status}")
        return body


def _says(words: str) -> Callable[[Opened], bool]:
    return lambda mail: words in mail.reading.text
