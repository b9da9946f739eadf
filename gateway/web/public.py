"""The public ticket page: read a ticket, comment on it, fetch its files, with nothing but its link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.desk.views import FileView, TicketView, Upload
from gateway.errors import Denied, Invalid, NotFound, StoreError, StoreFull
from gateway.i18n import marked
from gateway.web.downloads import download
from gateway.web.forms import IncomingComment, TooLarge, Unreadable, small_body
from gateway.web.guard import Quotas, address_of, same_origin
from gateway.web.pages import Draft, Pages, answer
from gateway.web.settings import WebSettings
from gateway.web.shapes import Gettext

THREADS = 8
STORE_RETRY = {"Retry-After": "30"}
REFUSALS = {
    400: (marked("This request cannot be read"), marked("Please go back to the page and try again.")),
    403: (
        marked("This is not possible from here"),
        marked("Please open the link from our last mail about your ticket and try again."),
    ),
    404: (
        marked("This page does not exist"),
        marked("The link may be incomplete or no longer valid. Our last mail to you has the right one."),
    ),
    405: (marked("This is not possible from here"), marked("Please go back to the page and try again.")),
    413: (marked("This is too much"), marked("Please go back to the page and send less at once.")),
    429: (marked("Too many requests"), marked("Please wait some minutes and try again.")),
    500: (marked("Something went wrong"), marked("It is not your fault. Please try again in some minutes.")),
    503: (marked("Not available just now"), marked("Nothing is lost. Please try again in a minute.")),
    507: (marked("Not available just now"), marked("Nothing is lost. Please try again later.")),
}
"""What is said when a request is refused, by status: title and sentence, the same for every reason."""
INVALID = {
    "page.empty_comment": marked("Please write something first, or choose a file."),
    "page.long_comment": marked("This text is too long: %(limit)s characters are possible."),
}
NOT_AS_IT_IS = marked("This cannot be sent as it is.")
NOT_STORED = marked("We could not store your comment just now. Please try again in a minute.")
LONG_TEXT = marked("This text is too long. Please send it as a file.")
MANY_FILES = marked(
    "These files are too many or too large. Up to %(count)s files with %(size)s in all can be sent."
)
T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]


class TicketDoor(Protocol):
    """What the page asks of the desk, for the one person a token was sealed for.

    Synchronous, called from several threads. Every method raises NotFound alike for a token that is
    malformed, unknown, foreign or revoked, and StoreError or StoreFull when the store cannot answer.
    """

    def see(self, token: str) -> TicketView:
        """The ticket as this reader may see it. Changes nothing."""

    def comment(self, token: str, text: str, files: Sequence[Upload]) -> str:
        """A message by this reader; the token of the ticket it is on. Raises Invalid, and Denied for an agent's link.

        That is the ticket's own token, or one of a new ticket that goes on from one closed long ago.
        """

    def read(self, token: str, up_to: int) -> None:
        """This reader has seen the messages up to this position; never takes back."""

    def file(self, token: str, handle: str) -> tuple[FileView, Iterator[bytes]]:
        """A file of a message this reader may see, and its octets. The iterator may change threads."""

    def unsubscribe(self, token: str) -> None:
        """No more mail about this ticket. Raises Denied for the requester and for agents."""

    def glance(self, token: str) -> TicketView | None:
        """As `see`, where seeing and drawing are shorter than the way to a thread and back; else None."""


class PublicPages:
    """The routes below `/helpdesk/ticket/`."""

    def __init__(self, door: TicketDoor, settings: WebSettings, pages: Pages) -> None:
        self._door = door
        self._settings = settings
        self._pages = pages
        self._quotas = Quotas(settings.limits)
        self._threads = CapacityLimiter(THREADS)
        self._refusals = {status: _refusal(pages, *words) for status, words in REFUSALS.items()}

    def routes(self) -> list[BaseRoute]:
        ticket = "/helpdesk/ticket/{token}"
        gets: dict[str, Endpoint] = {
            ticket: self._show,
            ticket + "/attachments/{handle}/{name:path}": self._file,
            ticket + "/unsubscribe": self._offer_unsubscribe,
        }
        posts: dict[str, Endpoint] = {
            ticket + "/comments": self._comment,
            ticket + "/read": self._read,
            ticket + "/unsubscribe": self._unsubscribe,
        }
        return [
            *(Route(path, self._guarded(act), methods=["GET"]) for path, act in gets.items()),
            *(Route(path, self._guarded(act), methods=["POST"]) for path, act in posts.items()),
        ]

    def _guarded(self, act: Endpoint) -> Endpoint:
        """The endpoint behind the limits, its refusals as pages."""

        async def endpoint(request: Request) -> Response:
            address = address_of(request.scope, self._settings.trusted_proxies)
            wait = self._quotas.closed(address)
            if not wait and request.method == "POST":
                if not same_origin(request.headers, self._settings):
                    return self.refusal(403)
                wait = self._quotas.write(address)
            if wait:
                return self.refusal(429, {"Retry-After": str(wait)})
            try:
                return await act(request)
            except NotFound:
                self._quotas.wrong_token(address)
                return self.refusal(404)
            except Denied:
                return self.refusal(403)
            except StoreFull:
                return self.refusal(507, STORE_RETRY)
            except StoreError:
                return self.refusal(503, STORE_RETRY)
            except TooLarge:
                return self.refusal(413)
            except (Unreadable, ClientDisconnect):
                return self.refusal(400)

        return endpoint

    def refusal(self, status: int, extra: Mapping[str, str] | None = None) -> Response:
        """The page that says no, the same octets every time; 400 for a status nobody wrote one for."""
        return answer(self._refusals.get(status, self._refusals[400]), status, extra)

    async def _show(self, request: Request) -> Response:
        token: str = request.path_params["token"]
        if (ticket := self._door.glance(token)) is not None:
            return answer(self._pages.ticket(ticket, token, Draft()))
        return answer(await self._ask(self._page, token, Draft()))

    async def _comment(self, request: Request) -> Response:
        token: str = request.path_params["token"]
        ticket = await self._ask(self._door.see, token)
        with IncomingComment(self._settings.limits) as comment:
            try:
                await comment.read(request)
                if wait := self._quotas.comment(token):
                    return await self._again(ticket, token, comment.text, _Problem.flooded(wait))
                went_to = await self._ask(self._door.comment, token, comment.text, comment.files)
            except TooLarge as error:
                problem = _Problem.too_large(error.field, self._pages.file_limits)
                return await self._again(ticket, token, comment.text, problem)
            except Invalid as error:
                return await self._again(ticket, token, comment.text, _Problem.invalid(error))
            except StoreError as error:
                status = 507 if isinstance(error, StoreFull) else 503
                sentence = self._pages.translator()(NOT_STORED)
                return answer(self._pages.unsent(token, comment.text, sentence), status, STORE_RETRY)
        return answer(b"", 303, {"Location": self._pages.base(went_to) + "#added"})

    async def _read(self, request: Request) -> Response:
        fields = parse_qs((await small_body(request)).decode("latin-1"))
        up_to = fields.get("up_to", [""])[0]
        if not (up_to.isascii() and up_to.isdecimal() and len(up_to) < 10):
            raise Unreadable
        await self._ask(self._door.read, request.path_params["token"], int(up_to))
        return answer(b"", 204)

    async def _file(self, request: Request) -> Response:
        token, handle = request.path_params["token"], request.path_params["handle"]
        file, start, rest = await self._ask(self._open, token, handle)
        return download(file, start, rest, self._threads)

    async def _offer_unsubscribe(self, request: Request) -> Response:
        token: str = request.path_params["token"]
        ticket = await self._ask(self._door.see, token)
        _ = self._pages.translator(ticket.locale)
        if not ticket.may_unsubscribe:
            title = _("There are no mails to stop")
            sentence = _("You stopped them before, or the ticket is yours: its answers come by mail.")
            return answer(self._pages.about(ticket, token, title, sentence), 403)
        title = _("Stop mails about this ticket?")
        sentence = _("You will no longer get mail about it. The page stays open to you.")
        return answer(self._pages.about(ticket, token, title, sentence, _("Stop these mails")))

    async def _unsubscribe(self, request: Request) -> Response:
        """One click, also by a mail provider on the reader's behalf; never a redirect. RFC 8058 §3.1."""
        token: str = request.path_params["token"]
        await small_body(request)
        await self._ask(self._door.unsubscribe, token)
        ticket = await self._ask(self._door.see, token)
        _ = self._pages.translator(ticket.locale)
        title, sentence = _("No more mail about this ticket"), _("We will not write to you about it again.")
        return answer(self._pages.about(ticket, token, title, sentence))

    async def _ask(self, act: Callable[..., T], *values: object) -> T:
        return await to_thread.run_sync(lambda: act(*values), limiter=self._threads)

    def _page(self, token: str, draft: Draft) -> bytes:
        """Seeing and rendering in one thread: one hop a page."""
        return self._pages.ticket(self._door.see(token), token, draft)

    def _open(self, token: str, handle: str) -> tuple[FileView, bytes, Iterator[bytes]]:
        file, octets = self._door.file(token, handle)
        return file, next(octets, b""), octets

    async def _again(self, ticket: TicketView, token: str, text: str, problem: _Problem) -> Response:
        """The page once more with the text kept and what is wrong with it."""
        _ = self._pages.translator(ticket.locale)
        draft = Draft(text, problem.sentence(_), problem.field)
        page = await self._ask(self._pages.ticket, ticket, token, draft)
        return answer(page, problem.status, problem.headers)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a comment was not taken. field: text or files.  phrase: of the catalogue, for the values."""

    status: int
    field: str
    phrase: str
    values: Mapping[str, str | int] | None = None
    headers: Mapping[str, str] | None = None

    @classmethod
    def invalid(cls, error: Invalid) -> _Problem:
        return cls(422, error.field, INVALID.get(error.key, NOT_AS_IT_IS), error.values)

    @classmethod
    def flooded(cls, wait: int) -> _Problem:
        phrase = marked("That was a lot in a short time. Please wait some minutes and send it again.")
        return cls(429, "text", phrase, headers={"Retry-After": str(wait)})

    @classmethod
    def too_large(cls, where: str, limits: Mapping[str, str | int]) -> _Problem:
        return cls(413, "text", LONG_TEXT) if where == "text" else cls(413, "files", MANY_FILES, limits)

    def sentence(self, _: Gettext) -> str:
        return _(self.phrase) % self.values if self.values else _(self.phrase)


def _refusal(pages: Pages, title: str, sentence: str) -> bytes:
    _ = pages.translator()
    return pages.notice(_(title), _(sentence))
