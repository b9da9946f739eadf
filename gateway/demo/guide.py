"""What the demo says on the terminal once it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from gateway.config import FILE_NAME
from gateway.demo.catcher import LOOPBACK, Caught
from gateway.demo.people import ALICE, CAROL, DAVE, DESK

DELAY_S = 2
HOLD_S = 0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo listens on 127.0.0.1; USUAL is what it takes when nobody else has it."""

    web: int
    smtp: int

    USUAL_WEB: ClassVar[int] = 8080
    USUAL_SMTP: ClassVar[int] = 2525


def guide(caught: Caught, ports: Ports, folder: Path | None) -> str:
    """Where to write, what to open, what to type. folder: where everything is kept, or None."""
    url = f"http://{LOOPBACK}:{ports.web}"
    mine = (one for one in caught.headings() if one.recipient.email == CAROL.email and one.ticket_path)
    ticket = next((one.ticket_path for one in mine), "")
    rows = [
        ("Write to", f"{DESK.email}  (SMTP on {LOOPBACK}:{ports.smtp})"),
        ("The agent", f"{ALICE.email}"),
        ("All mail", f"{url}/demo  (read it, and answer it as whoever got it)"),
        ("A ticket", f"{url}{ticket}" if ticket else ""),
        ("Delays", f"letters wait {DELAY_S} s (else 60 s), an agent's answer is held {HOLD_S} s (else 20 s)"),
        ("Ports", _taken(ports)),
        ("Kept in", f"{folder}  (helpgate journal --config {folder / FILE_NAME})" if folder else ""),
        ("Stop", "Ctrl-C" if folder else "Ctrl-C, and everything is thrown away"),
    ]
    lines = [f"  {click.style(f'{name:<11}', bold=True)}{value}" for name, value in rows if value]
    send = click.style("Write the first mail, from another terminal:", bold=True)
    return "\n".join(["", *lines, "", f"  {send}", "", command(ports.smtp), ""])


def command(smtp_port: int) -> str:
    """A command for a shell that sends a mail to the desk, with nothing but Python.

    The Message-ID differs each time: without one, the same words within an hour are the same mail.
    """
    mail = (
        f"From: {DAVE.name} <{DAVE.email}>\\nMessage-ID: <{{time.time()}}@customers.helpgate.test>\\n"
        "Subject: Where is my parcel?\\n\\nIt was due on Monday."
    )
    call = f'SMTP("{LOOPBACK}",{smtp_port},"me").sendmail("{DAVE.email}","{DESK.email}",f"{mail}")'
    return f"python3 -c 'import smtplib,time; smtplib.{call}'"


def _taken(ports: Ports) -> str:
    """Which usual ports belong to somebody else."""
    usual = ((Ports.USUAL_WEB, ports.web, "the pages are"), (Ports.USUAL_SMTP, ports.smtp, "SMTP is"))
    return ", ".join(f"{wanted} is taken, {what} on {had}" for wanted, had, what in usual if wanted != had)
