"""Free ports on 127.0.0.1, and waiting until somebody listens there."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Below the range the kernel hands out to clients, so that no connection of a test sits on a port given away;
# and to each worker its own, for what one has drawn the other cannot know.
_PORTS = range(18_000 + _WORKER, 32_000, _WORKERS)
_given: set[int] = set()
_dice = random.SystemRandom()


def free_port() -> int:
    """A TCP port on which nobody listens, never the same twice in this process."""
    while True:
        port = _dice.choice(_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Asks until the answer is yes. Raises TimeoutError naming what was awaited."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def accepts(port: int) -> bool:
    """Whether a connection to the port on 127.0.0.1 is taken."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
