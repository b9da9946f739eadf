"""The parse workers, seen from the parent: it holds the clock, and what dies dies there.

One process is enough for ordinary mail, and costs less than two that share it; a second one comes where a mail
holds up the others. They are let go when there is nothing to read. An overrun is an answer; a crash is another;
both leave a worker behind that is replaced.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from typing import BinaryIO

from gateway.log import logger
from gateway.mail import wire
from gateway.mail.reading import Reading
from gateway.mail.wire import Request

SECONDS = 4.0
STARTING_S = 2.0  # more for the first mail of a process, which has to start
WORKERS = 2
HELD_UP_S = 0.5  # no answer for so long while mails wait: time for another worker
REST_AFTER_S = 20.0

log = logger("readers")


class Overrun(Exception):
    """The mail could not be read within the time."""


class Crashed(Exception):
    """The worker died while it read this mail."""


class Readers:
    """A pool of parse workers. `read` may be called from any thread."""

    def __init__(self, seconds: float = SECONDS, held_up_s: float = HELD_UP_S) -> None:
        self._seconds = seconds
        self._held_up_s = held_up_s
        self._queue: queue.SimpleQueue[tuple[Request, Future[Reading]] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._answered_at = 0.0
        self._lock = threading.Lock()

    def read(self, request: Request) -> Future[Reading]:
        """The Reading of a mail, soon.

        The future's exception is Overrun or Crashed, or OSError when no worker could be started.
        """
        future: Future[Reading] = Future()
        with self._lock:
            if not self._busy:
                self._answered_at = time.monotonic()
            self._busy += 1
            if not self._threads or (len(self._threads) < WORKERS and self._is_held_up()):
                thread = threading.Thread(target=self._run, name="reader", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put((request, future))
        return future

    def stop(self) -> None:
        """Read what was given, then end the workers."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join()

    def _is_held_up(self) -> bool:
        return time.monotonic() - self._answered_at > self._held_up_s

    def _run(self) -> None:
        worker: _Worker | None = None
        while True:
            try:
                item = self._queue.get(timeout=REST_AFTER_S if worker else None)
            except queue.Empty:
                _let_go(worker)
                worker = None
                if self._is_not_alone():
                    return
                continue
            if item is None:
                _let_go(worker)
                return
            worker = self._answer(worker, *item)
            with self._lock:
                self._busy -= 1
                self._answered_at = time.monotonic()

    def _is_not_alone(self) -> bool:
        """Whether there is another thread, so that this one may go; it is struck off the list."""
        with self._lock:
            if len(self._threads) == 1:
                return False
            self._threads.remove(threading.current_thread())
            return True

    def _answer(self, worker: _Worker | None, request: Request, future: Future[Reading]) -> _Worker | None:
        """Read one mail; the worker for the next one, or None where there has to be another."""
        try:
            worker = worker or _Worker()
        except OSError as error:  # no descriptor, no memory: our trouble and not the mail's
            log.warning("no worker", problem=str(error))
            future.set_exception(error)
            return None
        try:
            future.set_result(worker.read(request, self._seconds))
        except Exception as error:  # a thread's edge: whoever asked hears of it, and the next mail is read
            log.warning("worker replaced", reason=type(error).__name__)
            worker.kill()
            future.set_exception(error if isinstance(error, Overrun) else Crashed(str(error)))
            return None
        return worker


class _Worker:
    """One process and the two ends of its pipes."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateway.mail.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            cwd="/",
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._answers: BinaryIO = self._process.stdout  # type: ignore[assignment]
        os.set_blocking(self._requests.fileno(), False)
        self._fresh = True

    def read(self, request: Request, seconds: float) -> Reading:
        """One mail. Raises Overrun, Crashed, or what is wrong with the request or the answer."""
        deadline = time.monotonic() + seconds + (STARTING_S if self._fresh else 0.0)
        self._fresh = False
        try:
            wire.send_by(self._requests.fileno(), request, deadline)
            answer = wire.receive_by(self._answers.fileno(), deadline)
        except TimeoutError:
            raise Overrun from None
        except (EOFError, BrokenPipeError) as error:
            raise Crashed from error
        if not isinstance(answer, Reading):
            raise Crashed(f"the worker answered with {type(answer).__name__}")
        return answer

    def kill(self) -> None:
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End it by ending its input."""
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _let_go(worker: _Worker | None) -> None:
    if worker is not None:
        worker.close()
