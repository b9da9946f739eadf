"""The catcher's pages: who received what, each mail as a mail client shows it, and a place to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from urllib.parse import parse_qs

from anyio import to_thread
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway import clock
from gateway.daemon.house import House
from gateway.data import folder
from gateway.demo import writing
from gateway.demo.catcher import Caught, Heading
from gateway.demo.opened import Opened
from gateway.demo.people import DAVE
from gateway.desk import agents
from gateway.errors import StoreError
from gateway.i18n import format_moment, format_size
from gateway.mail.address import address_key, parse_address
from gateway.mail.compose import Unsendable
from gateway.mail.letter import Draft
from gateway.mail.reading import Mailbox
from gateway.web import downloads
from gateway.web.forms import TooLarge, small_body
from gateway.web.guard import same_origin
from gateway.web.pages import ASSETS, PAGE_HEADERS, POLICY, Pages, answer
from gateway.web.settings import WebSettings

VIEWS = ("html", "text", "headers", "raw")
LONGEST_FORM = 1 << 20
LONGEST_SOURCE = 256 * 1024
OWN_FILES = {"catcher.css": "text/css; charset=utf-8", "catcher.js": "text/javascript; charset=utf-8"}
WITH_FRAME = {"Content-Security-Policy": f"{POLICY}; frame-src 'self'"}
AS_SENT = {
    **PAGE_HEADERS,
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
"""A mail is a document of its own: no script, no request, no origin; its links open beside it (T35)."""
IN_A_NEW_TAB = '<base target="_blank">'


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in, line ends as \\n; the answer has only the last two."""

    name: str = ""
    address: str = ""
    subject: str = ""
    to: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """What one person received, the newest first."""

    owner: Mailbox
    is_agent: bool
    mails: tuple[Heading, ...]


class CatcherPages:
    """The routes below `/demo`."""

    def __init__(self, house: House, caught: Caught, smtp_port: int) -> None:
        self._house = house
        self._caught = caught
        self._smtp_port = smtp_port
        self._settings = WebSettings(house.settings.web.base_url)
        self._pages = Pages(self._settings)
        ours = folder("web_public")
        self._templates = Environment(
            loader=FileSystemLoader([ours / "catcher", ours]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"assets": _assets(self._pages), "locale": "en", "moment": format_moment}
        self._templates.filters["size"] = format_size
        self._files = {name: (ours / "catcher" / name).read_bytes() for name in OWN_FILES}

    def routes(self) -> list[BaseRoute]:
        """Only the demo has them."""
        gets: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/demo": self._list,
            "/demo/newest": self._newest,
            "/demo/write": self._blank,
            "/demo/assets/{name}": self._asset,
            "/demo/mail/{number:int}": self._mail,
            "/demo/mail/{number:int}/html": self._as_sent,
            "/demo/mail/{number:int}/source": self._source,
            "/demo/mail/{number:int}/files/{position:int}": self._file,
        }
        posts = {"/demo/write": self._write, "/demo/mail/{number:int}/reply": self._reply}
        return [
            *(Route(path, act, methods=["GET"]) for path, act in gets.items()),
            *(Route(path, self._posted(act), methods=["POST"]) for path, act in posts.items()),
        ]

    # ---- reading ----

    async def _list(self, request: Request) -> Response:
        sent = request.query_params.get("sent", "")
        newest = self._caught.newest  # asked first: what comes meanwhile is found by the next look
        boxes = await to_thread.run_sync(self._boxes)
        sent = sent if sent.isascii() and sent.isdigit() else ""
        return self._page("list.html", boxes=boxes, newest=newest, sent=sent)

    async def _newest(self, request: Request) -> Response:
        return answer(str(self._caught.newest).encode())

    async def _mail(self, request: Request) -> Response:
        mail = await self._opened(request)
        return (
            self._nothing_there() if mail is None else self._shown(mail, request.query_params.get("view", ""))
        )

    async def _as_sent(self, request: Request) -> Response:
        mail = await self._opened(request)
        if mail is None or not mail.html:
            return self._nothing_there()
        start, head, rest = mail.html.partition("<head>")
        page = f"{start}{head}{IN_A_NEW_TAB}{rest}" if head else f"{IN_A_NEW_TAB}{start}"
        return Response(page.encode("utf-8", "replace"), headers=AS_SENT)

    async def _source(self, request: Request) -> Response:
        mail = await self._opened(request)
        return self._nothing_there() if mail is None else _download(mail.octets, f"mail-{mail.number}.eml")

    async def _file(self, request: Request) -> Response:
        mail = await self._opened(request)
        position = request.path_params["position"]
        if mail is None or not position < len(mail.files):
            return self._nothing_there()
        return _download(mail.files[position].data or b"", mail.files[position].filename)

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._files:
            return self._nothing_there()
        headers = {
            "Content-Type": OWN_FILES[name],
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }
        return Response(self._files[name], headers=headers)

    # ---- writing ----

    async def _blank(self, request: Request) -> Response:
        return self._blank_form(Form(DAVE.name, DAVE.email))

    async def _write(self, request: Request, form: Form) -> Response:
        from_ = parse_address(form.address.strip())
        if from_ is None or form.to not in self._desks():
            return self._blank_form(form, "That is no mail address: write name@customers.helpgate.test.")
        author = Mailbox(from_, form.name)
        draft = writing.new_mail(author, Mailbox(form.to), form.subject, form.text, clock.now())
        return await self._sent(draft, lambda error: self._blank_form(form, error))

    async def _reply(self, request: Request, form: Form) -> Response:
        mail = await self._opened(request)
        if mail is None:
            return self._nothing_there()
        if form.to not in {choice.address for choice in mail.choices}:
            return self._refused(400, "The mail does not offer that address.")
        draft = writing.answer(mail, form.to, form.text, clock.now())
        return await self._sent(draft, lambda error: self._shown(mail, "", form, error))

    async def _sent(self, draft: Draft, again: Callable[[str], Response]) -> Response:
        """Off it goes; back to the list, or to the form with what the gateway said."""
        try:
            number = await to_thread.run_sync(writing.send, self._smtp_port, draft)
        except (writing.NotTaken, Unsendable) as error:
            return again(f"The mail was not taken: {error}")
        return answer(b"", 303, {"Location": f"/demo?sent={number}"})

    def _posted(
        self, act: Callable[[Request, Form], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint for a form of our own pages."""

        async def endpoint(request: Request) -> Response:
            if not same_origin(request.headers, self._settings):
                return self._refused(403, "Mail is written on the catcher's own pages only.")
            try:
                body = (await small_body(request, LONGEST_FORM)).decode("latin-1")
                filled = parse_qs(body, errors="replace", max_num_fields=20)
            except TooLarge:
                return self._refused(413, "That is too long for this form.")
            except (ValueError, ClientDisconnect):
                return self._refused(400, "The form could not be read.")
            return await act(request, _form(filled))

        return endpoint

    # ---- pages ----

    def _shown(self, mail: Opened, view: str, form: Form = Form(), error: str = "") -> Response:
        views = [one for one in VIEWS if one != "html" or mail.html]
        source = mail.octets[:LONGEST_SOURCE].decode("utf-8", "replace")
        return self._page(
            "mail.html",
            status=422 if error else 200,
            mail=mail,
            view=view if view in views else views[0],
            views=views,
            source=source,
            quoted=writing.quoted(mail),
            form=form,
            error=error,
        )

    def _blank_form(self, form: Form, error: str = "") -> Response:
        return self._page("write.html", 422 if error else 200, form=form, error=error, desks=self._desks())

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        return answer(self._templates.get_template(template).render(**values).encode(), status, WITH_FRAME)

    def _nothing_there(self) -> Response:
        return self._refused(404, "The catcher has no such mail.")

    def _refused(self, status: int, sentence: str) -> Response:
        return answer(self._pages.notice("This does not work", sentence), status)

    # ---- what they show ----

    async def _opened(self, request: Request) -> Opened | None:
        return await to_thread.run_sync(self._caught.open, request.path_params["number"])

    def _boxes(self) -> list[Box]:
        """The agents' first, then in the order in which people got their first mail."""
        ours = self._agents()
        boxes: dict[str, list[Heading]] = {}
        for heading in reversed(self._caught.headings()):
            boxes.setdefault(address_key(heading.recipient.email), []).insert(0, heading)
        found = [
            Box(self._caught.named(mails[0].recipient), key in ours, tuple(mails))
            for key, mails in boxes.items()
        ]
        return sorted(found, key=lambda box: not box.is_agent)

    def _agents(self) -> set[str]:
        try:
            with self._house.store.reading() as unit:
                return {agent.email_key for agent in agents.everyone(unit)}
        except StoreError:
            return set()

    def _desks(self) -> list[str]:
        return [desk.address for desk in self._house.current.directory.desks.values()]


def _assets(pages: Pages) -> dict[str, str]:
    """Where the public pages' style and icon are, by their plain names."""
    return {
        f"{name.partition('.')[0]}.{name.rpartition('.')[2]}": f"{ASSETS}/{name}" for name in pages.assets
    }


def _download(octets: bytes, name: str) -> Response:
    headers = downloads.HEADERS | {"Content-Disposition": downloads.disposition("attachment", name)}
    return Response(octets, 200, headers, downloads.OCTET_STREAM)


def _form(filled: dict[str, list[str]]) -> Form:
    known = {one.name: filled[one.name][0] for one in fields(Form) if one.name in filled}
    return Form(**{name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in known.items()})
