"""The log: one line per decision, the journal id first; and the trace of steps under it.

Lines carry ids, never addresses, subjects or secrets. On a terminal they are for eyes, elsewhere
each is one JSON object. `step` names every point a mail passes between accept and delivered, so that
a listener (a test that kills the process there, an operator's `--verbose`) can follow it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog

_steps = logging.getLogger("helpgate.step")
_listeners: list[Callable[[str], None]] = []


def set_up(*, verbose: bool = False, terminal: bool | None = None) -> None:
    """Send every logger of the process to standard error in one form."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    eyes = sys.stderr.isatty() if terminal is None else terminal
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
    handler = logging.StreamHandler(sys.stderr)
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
