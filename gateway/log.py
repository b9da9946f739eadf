"""The log: one line per decision, the journal id first; and the trace of steps under it.

Lines carry ids, never addresses, subjects or secrets. On a terminal they are for eyes, elsewhere
each is one JSON object. `step` names every point a mail passes between accept and delivered, so that
a listener (a test that kills the process there, an operator's `--verbose`) can follow it.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable
from typing import Any

import structlog

STANDARD_ERROR = 2

_steps = logging.getLogger("helpgate.step")
_listeners: list[Callable[[str], None]] = []


def set_up(*, verbose: bool = False, terminal: bool | None = None) -> None:
    """Send every logger of the process to standard error in one form."""
    _open_standard_places()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    eyes = os.isatty(STANDARD_ERROR) if terminal is None else terminal
    last: Any = (
        structlog.dev.ConsoleRenderer()
        if eyes
        else structlog.processors.JSONRenderer(sort_keys=False, default=str)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )
    handler = _Patient()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    for loud in ("mail.log", "apscheduler", "uvicorn.access", "uvicorn.error", "asyncio"):
        logging.getLogger(loud).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a full or closed log never stops mail
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logger(name: str) -> Any:
    """A logger that takes key=value pairs: `logger("intake").info("applied", inbound=7)`."""
    return structlog.stdlib.get_logger(f"helpgate.{name}")


def step(name: str) -> None:
    """Say that the process is at this named point of a mail's path."""
    for listener in _listeners:
        listener(name)
    if _steps.isEnabledFor(logging.DEBUG):
        _steps.debug(name)


def on_step(listener: Callable[[str], None]) -> None:
    """Call `listener` with the name of every step from now on."""
    _listeners.append(listener)


class _Patient(logging.Handler):
    """Writes lines to standard error where that takes them at once; mail does not wait for a reader of logs.

    What had to be left out is counted, and the count is told as soon as there is room.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        if not _has_room():
            self._lost += 1
            return
        try:
            if self._lost:
                self._write(f"{self._lost} lines of the log were lost: nobody read it")
                self._lost = 0
            self._write(self.format(record))
        except OSError:  # the reader has gone, or the disk is full
            self._lost += 1

    def _write(self, line: str) -> None:
        os.write(STANDARD_ERROR, line.encode("utf-8", "backslashreplace") + b"\n")


def _has_room() -> bool:
    """Whether a write would not block now. A pipe says so while it has room for a page (pipe(7))."""
    poll = select.poll()
    poll.register(STANDARD_ERROR, select.POLLOUT)
    return any(found & select.POLLOUT for _, found in poll.poll(0))


def _open_standard_places() -> None:
    """Where we were started without standard output or error, no other file may come to lie in its place."""
    while (place := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(place, True)
    os.close(place)
