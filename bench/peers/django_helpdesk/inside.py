"""What is done inside the peer's environment; each command prints one JSON object.

- `prepare`: the schema, the mail templates, one queue that reads the folder `inbox`
- `take`: everything in `inbox` through `process_email`, as its `get_email` command does
- `page`: the path of the public page of the ticket with the most messages
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import django

FOLDER = Path(os.environ["PEER_FOLDER"])
DESK = "help@example.com"
AGENT = "agent@example.com"


def prepare() -> dict[str, object]:
    """Makes the queue and tells its agent of new tickets and of mails to them, as Helpgate does."""
    from django.core.management import call_command
    from helpdesk.models import Queue

    call_command("migrate", verbosity=0)
    call_command("loaddata", "emailtemplate.json", verbosity=0)
    inbox = FOLDER / "inbox"
    inbox.mkdir(exist_ok=True)
    Queue.objects.get_or_create(
        slug="bench",
        defaults={
            "title": "Bench",
            "email_address": DESK,
            "new_ticket_cc": AGENT,
            "allow_email_submission": True,
            "allow_public_submission": True,
            "email_box_type": "local",
            "email_box_local_dir": str(inbox),
            "email_box_interval": 0,
            "logging_type": "none",
        },
    )
    return {}


def take() -> dict[str, object]:
    """Seconds and CPU seconds of this process for the mails in `inbox`; how many stay there."""
    from helpdesk.email import process_email
    from helpdesk.models import FollowUp, Ticket

    began, spent = time.perf_counter(), _cpu_seconds()
    process_email(quiet=True)
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - spent
    return {
        "seconds": seconds,
        "cpu": cpu,
        "left": len(os.listdir(FOLDER / "inbox")),
        "tickets": Ticket.objects.count(),
        "messages": FollowUp.objects.count(),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def page() -> dict[str, object]:
    """The path, and how many messages the page shows."""
    from urllib.parse import urlencode

    from django.db.models import Count
    from helpdesk.models import Ticket

    ticket = Ticket.objects.annotate(messages=Count("followup")).order_by("-messages").first()
    query = {"ticket": ticket.ticket_for_url, "email": ticket.submitter_email, "key": ticket.secret_key}
    return {"path": "/view/?" + urlencode(query), "messages": ticket.messages}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    django.setup()
    print(json.dumps({"prepare": prepare, "take": take, "page": page}[sys.argv[1]]()))
