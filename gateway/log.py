"""The log: one line per decision, the journal id first; and the trace of steps under it.

Lines carry ids, never addresses, subjects or secrets. On a terminal they are for eyes, elsewhere
each is one JSON object. `step` names every point a mail passes between accept and delivered, so that
a listener (a test that kills the process there, an operator's `--verbose`) can follow it.
"""

from __future__ import annotations

import json
import logging
import os
import select
import threading
from collections.abc import Callable
from typing import Any

import structlog

STANDARD_ERROR = 2

_JSON = json.JSONEncoder(default=str)  # made once: json.dumps makes one for each line
_steps = logging.getLogger("helpgate.step")
_listeners: list[Callable[[str], None]] = []


def set_up(*, level: int = logging.INFO, terminal: bool | None = None) -> None:
    """Send every logger of the process to standard error in one form."""
    _open_standard_places()
    eyes = os.isatty(STANDARD_ERROR) if terminal is None else terminal
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    to_line: list[Any] = [
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer()
        if eyes
        else structlog.processors.JSONRenderer(lambda event, **_: _JSON.encode(event)),
    ]
    lines = _Lines()
    _send_others(lines, level, shared, to_line)
    # Our own loggers write without the detour through the standard library, which takes three times as long.
    structlog.configure(
        processors=[*shared, *to_line],
        logger_factory=lambda name: _Writer(name, lines),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def _send_others(lines: _Lines, level: int, shared: list[Any], to_line: list[Any]) -> None:
    """What libraries log by the standard library, to the same place in the same form."""
    handler = _Handler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *to_line],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for loud in ("mail.log", "apscheduler", "uvicorn.access", "uvicorn.error", "asyncio"):
        logging.getLogger(loud).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a full or closed log never stops mail


def logger(name: str) -> Any:
    """A logger that takes key=value pairs: `logger("intake").info("applied", inbound=7)`."""
    return structlog.get_logger(f"helpgate.{name}")


def step(name: str) -> None:
    """Say that the process is at this named point of a mail's path."""
    for listener in _listeners:
        listener(name)
    if _steps.isEnabledFor(logging.DEBUG):
        _steps.debug(name)


def on_step(listener: Callable[[str], None]) -> None:
    """Call `listener` with the name of every step from now on."""
    _listeners.append(listener)


class _Lines:
    """Writes lines to standard error where that takes them at once; mail does not wait for a reader of logs.

    What had to be left out is counted, and the count is told as soon as there is room.
    """

    def __init__(self) -> None:
        self._lost = 0
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Write a line, or count it."""
        with self._lock:
            if not _has_room():
                self._lost += 1
                return
            try:
                if self._lost:
                    self._write(f"{self._lost} lines of the log were lost: nobody read it")
                    self._lost = 0
                self._write(line)
            except OSError:  # the reader has gone, or the disk is full
                self._lost += 1

    def _write(self, line: str) -> None:
        os.write(STANDARD_ERROR, line.encode("utf-8", "backslashreplace") + b"\n")


class _Writer:
    """What structlog hands a finished line to, at whatever level."""

    def __init__(self, name: str, lines: _Lines) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = lines.write


class _Handler(logging.Handler):
    """The same for the standard library."""

    def __init__(self, lines: _Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.write(self.format(record))


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
