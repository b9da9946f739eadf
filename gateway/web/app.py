"""The whole HTTP side as one application."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.web.guard import Gate
from gateway.web.pages import ASSETS, Pages, answer
from gateway.web.public import PublicPages, TicketDoor
from gateway.web.settings import WebSettings


def build(door: TicketDoor, settings: WebSettings, extra_routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The application. `extra_routes` (health, metrics, the catcher) come first and answer as they like."""
    pages = Pages(settings)
    public = PublicPages(door, settings, pages)

    async def home(request: Request) -> Response:
        _ = pages.translator()
        sentence = _("To reach us, write a mail. To read a ticket, open the link from our mail about it.")
        return answer(pages.notice(_("This is a helpdesk"), sentence))

    async def refused(request: Request, error: Exception) -> Response:
        """What routing itself refuses: unknown paths, other methods."""
        if isinstance(error, HTTPException):
            return public.refusal(error.status_code, error.headers)
        return public.refusal(500)

    app = Starlette(
        routes=[*extra_routes, Route("/", home), *public.routes(), _assets(pages, public)],
        middleware=[Middleware(Gate, settings=settings)],
        exception_handlers={HTTPException: refused, Exception: refused},
    )
    app.router.redirect_slashes = False  # it would build its Location from the Host header
    return app


def _assets(pages: Pages, public: PublicPages) -> Route:
    """Style, script and icon. Their names change with their content, so they may be kept for ever."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

    async def asset(request: Request) -> Response:
        found = pages.assets.get(request.path_params["name"])
        if found is None:
            return public.refusal(404)
        return Response(found.content, 200, headers, found.content_type)

    return Route(ASSETS + "/{name}", asset)
