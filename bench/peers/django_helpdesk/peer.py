"""The peer from outside: fed with mails, asked for its public page."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import CannotMeasure
from bench.mails import Outgoing
from bench.peers.django_helpdesk.build import PYTHON, build
from bench.processes import ROOT, free_port, running
from bench.rounds import Sample

_PATIENCE = 600
# The fastest of gunicorn's workers here that keep connections open; one process, as Helpgate has.
_SERVER = [
    "--workers",
    "1",
    "--worker-class",
    "gthread",
    "--threads",
    "2",
    "--keep-alive",
    "60",
    "--no-control-socket",
]


class DjangoHelpdesk:
    """One installation in a folder of its own; its letters go to 127.0.0.1:`sink`."""

    def __init__(self, folder: Path, sink: int) -> None:
        self._inbox = folder / "inbox"
        self._log = folder / "peer.log"
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bench.peers.django_helpdesk.settings",
            "PEER_FOLDER": str(folder),
            "PEER_SINK": str(sink),
            "PYTHONPATH": str(ROOT),
        }
        build()
        self._inside("prepare")

    def take(self, supply: Iterable[Outgoing]) -> Sample:
        """Feeds the mails through its local mailbox; only its own work is timed."""
        count = 0
        for count, mail in enumerate(supply, 1):
            (self._inbox / f"{count:06}.eml").write_bytes(mail.octets)
        told = self._inside("take")
        if told["left"]:
            raise CannotMeasure(f"django-helpdesk left {told['left']} of {count} mails")
        return Sample(count / float(told["seconds"]), 1000 * float(told["cpu"]) / count)

    def public_page(self) -> str:
        """The path of its fullest ticket's public page."""
        return str(self._inside("page")["path"])

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Runs its web server; gives the port."""
        port = free_port()
        command = [str(PYTHON), "-m", "gunicorn", *_SERVER, "--bind", f"127.0.0.1:{port}"]
        application = "django.core.wsgi:get_wsgi_application()"
        with running([*command, application], port, self._log, self._environment):
            yield port

    def _inside(self, verb: str) -> dict[str, float | str]:
        command = [str(PYTHON), "-m", "bench.peers.django_helpdesk.inside", verb]
        done = subprocess.run(
            command, check=False, cwd=ROOT, env=self._environment, capture_output=True, timeout=_PATIENCE
        )
        with self._log.open("ab") as log:
            log.write(done.stderr)
        if done.returncode:
            raise CannotMeasure(f"django-helpdesk: {verb} ended with {done.returncode}")
        told: dict[str, float | str] = json.loads(done.stdout)
        return told
