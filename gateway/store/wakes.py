"""Hearing of work that another process made: `Unit.announce` tells, `Wakes` listens. PostgreSQL only.

An announcement carries nothing: rows are the queues, and whoever wakes looks at them. One that is lost
(the server restarts, a pooler gives each transaction another connection) costs the second until the next look.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from gateway.log import logger

CHANNEL = "helpgate"
AGAIN_S = 1.0
STOP_S = 2.0  # a server that does not answer must not keep us from ending
_TO_A_SILENT_SERVER = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 3}

log = logger("store")


class Wakes:
    """Calls `wake` whenever another process announces work, in a thread with a connection of its own."""

    def __init__(self, url: str, wake: Callable[[], None], again_s: float = AGAIN_S) -> None:
        self._url = make_conninfo(url, application_name="helpgate", connect_timeout=10, **_TO_A_SILENT_SERVER)
        self._wake = wake
        self._again_s = again_s
        self._is_deaf = False
        self._ending = self._end = -1
        self._thread = threading.Thread(target=self._run, name="wakes", daemon=True)

    def start(self) -> None:
        """Begin to listen; a server that is away is asked again and again."""
        self._ending, self._end = os.pipe()
        self._thread.start()

    def stop(self) -> None:
        """Wake nobody any more."""
        os.close(self._end)
        self._thread.join(STOP_S)

    def _run(self) -> None:
        ending = select.poll()
        ending.register(self._ending, select.POLLIN)
        while not ending.poll(0):
            try:
                with psycopg.connect(self._url, autocommit=True) as connection:
                    self._listen(connection)
            except psycopg.Error as error:
                self._miss(str(error).strip())
                ending.poll(self._again_s * 1000)
        os.close(self._ending)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        """Until the end, or until the connection breaks: psycopg.Error."""
        connection.execute(f"LISTEN {CHANNEL}")
        self._hear()
        self._wake()  # for what was announced while nobody listened
        waiting = select.poll()
        for source in (connection, self._ending):
            waiting.register(source, select.POLLIN)
        while self._ending not in dict(waiting.poll()):
            if list(connection.notifies(timeout=0)):
                self._wake()

    def _miss(self, problem: str) -> None:
        """Say once that the server is away."""
        if not self._is_deaf:
            log.warning("not told of others' work for now", problem=problem)
        self._is_deaf = True

    def _hear(self) -> None:
        """Say that it is back."""
        if self._is_deaf:
            log.info("told of others' work again")
        self._is_deaf = False
