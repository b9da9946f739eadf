"""Is it up, does the store answer, and what has it done: for monitors, not for people."""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.errors import StoreError

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def routes(
    accepting: Callable[[], bool], answers: Callable[[], None], metrics: Callable[[], bytes]
) -> list[Route]:
    """`/healthz`: every configured listener accepts. `/readyz`: the store answers, too. `/metrics`: Prometheus text."""

    async def healthz(request: Request) -> Response:
        return _verdict(accepting(), "ok", "a listener is not accepting")

    async def readyz(request: Request) -> Response:
        if not accepting():
            return _verdict(False, "", "a listener is not accepting")
        try:
            await to_thread.run_sync(answers)
        except StoreError:
            return _verdict(False, "", "the store does not answer")
        return _verdict(True, "ready", "")

    async def metrics_page(request: Request) -> Response:
        return Response(await to_thread.run_sync(metrics), media_type=METRICS_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_page)]


def _verdict(good: bool, yes: str, no: str) -> Response:
    return PlainTextResponse(
        (yes if good else no) + "\n", 200 if good else 503, {"Cache-Control": "no-store"}
    )
