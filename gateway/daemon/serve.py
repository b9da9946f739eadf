"""`serve`: listeners, pages and the timetable in one event loop, until SIGTERM. RFC 5321, RFC 2033, RFC 9112."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from anyio import to_thread
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from gateway.config import Settings
from gateway.daemon import descriptors, metrics, systemd
from gateway.daemon.house import House
from gateway.errors import ConfigError, StoreDoubtful, StoreError
from gateway.flow.schedule import Tick
from gateway.log import logger
from gateway.transport.listener import Listener
from gateway.transport.loops import new_loop
from gateway.web import app, health
from gateway.web.patience import PatientHttp
from gateway.web.settings import WebSettings

DRAIN_S = 10.0
SWITCH_S = 0.0005  # Python's own 5 ms is longer than a page takes: it would wait that long for a stage
PAGES = 500  # browsers at a time
log = logger("daemon")


class _Server(uvicorn.Server):
    """uvicorn in our loop: the signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def run(
    settings: Settings,
    *,
    extra_routes: Callable[[House], Sequence[BaseRoute]] = lambda house: (),
    ready: Callable[[House], object] = lambda house: None,
) -> None:
    """Run a gateway until it is told to stop. Raises ConfigError or StoreError when it cannot start.

    Raises StoreDoubtful, too, when a disk that does not keep what it was given made it end.
    """
    sys.setswitchinterval(SWITCH_S)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(settings, extra_routes, ready))


async def _serve(
    settings: Settings,
    extra_routes: Callable[[House], Sequence[BaseRoute]],
    ready: Callable[[House], object],
) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    descriptors.claim(settings, PAGES)
    house = House(settings)
    listeners = house.listeners()
    web = _web_servers(house, listeners, extra_routes(house))
    house.start()
    for listener in listeners:
        await listener.start()
    running = [asyncio.create_task(server.serve(sockets=[bound])) for server, bound in web]
    timetable = _timetable(house.ticks(), stop)
    systemd.notify("READY=1")
    log.info("ready", web=settings.web.listen, smtp=settings.smtp.listen, lmtp=settings.lmtp.listen)
    if settings.authentication.agents == "token+from":
        log.info("agents are proven by their reply address and From alone ([authentication] agents)")
    ready(house)
    await stop.wait()
    systemd.notify("STOPPING=1")
    log.info("stopping")
    timetable.shutdown(wait=False)
    for server, _ in web:
        server.should_exit = True
    ending = [listener.stop(DRAIN_S) for listener in listeners]
    await asyncio.gather(*ending, *running, return_exceptions=True)
    await to_thread.run_sync(house.stop)
    log.info("stopped")
    if house.store.doubtful:
        raise StoreDoubtful(house.store.doubtful)


def _web_servers(
    house: House, listeners: Sequence[Listener], extra: Sequence[BaseRoute]
) -> list[tuple[_Server, socket.socket]]:
    """The pages, and /metrics on a listener of its own where that is configured."""
    settings = house.settings
    registry = metrics.page(house.store, house.reception, house.drain, house.dispatch)

    def accepting() -> bool:
        return all(listener.accepting for listener in listeners)

    def answers() -> None:
        with house.store.reading() as unit:
            unit.number("SELECT count(*) FROM desk")

    routes = health.routes(accepting, answers, lambda: metrics.text(registry))
    servers = []
    if settings.web.listen:
        pages = routes if not settings.metrics.listen else routes[:2]
        web = WebSettings(settings.web.base_url, settings.web.trusted_proxies)
        servers.append(
            _server(app.build(house.door, web, [*pages, *extra]), "web.listen", settings.web.listen)
        )
    if settings.metrics.listen:
        servers.append(_server(Starlette(routes=routes), "metrics.listen", settings.metrics.listen))
    return servers


def _server(application: Starlette, key: str, listen: str) -> tuple[_Server, socket.socket]:
    config = uvicorn.Config(
        application,
        http=PatientHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(DRAIN_S),
        timeout_keep_alive=30,
        limit_concurrency=PAGES,
    )
    return _Server(config), _bind(key, listen)


def _bind(key: str, listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sends without Nagle's delay only where the socket says that it is TCP.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, int(port)))
        bound.listen(512)
    except (OSError, ValueError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it must look like 127.0.0.1:8080"
        raise ConfigError(key, f"cannot listen on {listen}: {reason}") from None
    return bound


def _timetable(ticks: Sequence[Tick], stop: asyncio.Event) -> AsyncIOScheduler:
    """APScheduler only ticks: a late or lost tick is made up for by the next one."""
    scheduler = AsyncIOScheduler(
        timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    )
    for tick in ticks:
        scheduler.add_job(_act, "interval", seconds=tick.every_s, args=[tick, stop], id=tick.name)
    scheduler.start()
    return scheduler


async def _act(tick: Tick, stop: asyncio.Event) -> None:
    """A disk that forgot something is not asked again: whoever starts us anew reads what it really has."""
    try:
        await to_thread.run_sync(tick.act)
    except StoreDoubtful as error:
        log.critical("the disk does not keep what it is given: ending", problem=str(error))
        stop.set()
    except StoreError as error:
        log.warning("store in trouble", tick=tick.name, problem=str(error))
