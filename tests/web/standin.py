"""A stand-in for the desk behind the public page: the tickets of one test, in memory, with every call noted.

It is no second desk: it keeps what it is given and raises what the real door raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.desk.views import FileView, MessageView, TicketView, Upload
from gateway.errors import Denied, GatewayError, Invalid, NotFound

OPENED = 1_795_000_000_000


class StandInDoor:
    """The door with one ticket, `ticket`, behind the tokens named below.

    calls: (verb, values) of everything that would have changed something.
    failing: raised by every verb while it is set.  failing_to_store: by `comment` only.
    """

    READER = "reader" + "a" * 40
    AGENT = "agent" + "b" * 41
    REVOKED = "revoked" + "c" * 39

    def __init__(self, ticket: TicketView) -> None:
        self.ticket = ticket
        self.octets: dict[str, bytes] = {}
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.failing: GatewayError | None = None
        self.failing_to_store: GatewayError | None = None
        self.read_up_to = 0

    def glance(self, token: str) -> TicketView | None:
        return None

    def see(self, token: str) -> TicketView:
        if self.failing:
            raise self.failing
        if token == self.AGENT:
            return replace(self.ticket, reader="agent", may_unsubscribe=False)
        if token != self.READER:
            raise NotFound("page.not_found")
        return self.ticket

    def comment(self, token: str, text: str, files: Sequence[Upload]) -> str:
        self._may_write(token)
        if self.failing_to_store:
            raise self.failing_to_store
        if not text.strip() and not files:
            raise Invalid("text", "page.empty_comment")
        stored = tuple(self._keep(upload) for upload in files)
        position = self.ticket.newest + 1
        name = self.ticket.reader_name
        message = MessageView(position, "client", True, name, OPENED, text, text, files=stored)
        self.ticket = replace(
            self.ticket, messages=(*self.ticket.messages, message), newest=position, status="open"
        )
        self.calls.append(("comment", (text, tuple((f.filename, f.size) for f in files))))
        return token

    def read(self, token: str, up_to: int) -> None:
        self._may_write(token)
        self.read_up_to = max(self.read_up_to, up_to)
        self.calls.append(("read", (up_to,)))

    def file(self, token: str, handle: str) -> tuple[FileView, Iterator[bytes]]:
        for message in self.see(token).messages:
            for file in message.files:
                if file.handle == handle:
                    return file, iter([self.octets[handle][:1000], self.octets[handle][1000:]])
        raise NotFound("page.not_found")

    def unsubscribe(self, token: str) -> None:
        self._may_write(token)
        if not self.ticket.may_unsubscribe:
            raise Denied("page.requester_stays")
        self.ticket = replace(self.ticket, may_unsubscribe=False)
        self.calls.append(("unsubscribe", ()))

    def add(self, *messages: MessageView) -> None:
        """More messages, put at the end whatever position they have."""
        for message in messages:
            position = self.ticket.newest + 1
            placed = replace(message, position=position)
            self.ticket = replace(self.ticket, messages=(*self.ticket.messages, placed), newest=position)

    def attach(self, name: str, octets: bytes, content_type: str = "", content_id: str = "") -> FileView:
        """A file for a message to carry."""
        handle = f"f{len(self.octets) + 1:015d}"
        self.octets[handle] = octets
        return FileView(handle, name, content_type, len(octets), content_id, bool(content_id))

    def _may_write(self, token: str) -> None:
        if self.see(token).reader == "agent":
            raise Denied("page.agents_only_read")

    def _keep(self, upload: Upload) -> FileView:
        content = upload.path_or_bytes
        octets = content.read_bytes() if isinstance(content, Path) else content
        assert len(octets) == upload.size
        return self.attach(upload.filename, octets, upload.content_type)


def said(text: str, kind: str = "client", **values: object) -> MessageView:
    """A message with this text; positions are given by `StandInDoor.add`."""
    name = {"client": "Ada Byron", "agent": "Grace", "internal": "Grace"}.get(kind, "")
    view = MessageView(0, kind, kind == "client", name, OPENED, text, text)
    return replace(view, **values)  # type: ignore[arg-type]


def plain_ticket() -> TicketView:
    """A ticket with a question and an answer."""
    ticket = TicketView(
        "2647-3", "The press does not start", "pending", "Works Support", OPENED, OPENED + 7_200_000,
        "participant", "Ada Byron", (), 0,
    )  # fmt: skip
    door = StandInDoor(ticket)
    door.add(
        said("Hello,\n\nsince this morning the press does not start. What can I do?\n\nAda"),
        said("Dear Ada,\n\nplease see https://example.org/press and tell us the lamp's colour.", "agent"),
    )
    return door.ticket
