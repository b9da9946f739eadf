"""`helpgate serve` and `helpgate demo`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from gateway import log
from gateway.cli.options import with_config
from gateway.config import Settings


@click.command()
@with_config
@click.option("--verbose", is_flag=True, help="Name every step of every mail in the log.")
def serve(settings: Settings, verbose: bool) -> None:
    """Run the gateway until it is told to stop (SIGTERM, or Ctrl-C).

    Example: helpgate serve --config /srv/helpgate/helpgate.toml
    """
    os.umask(0o077)
    log.set_up(level=logging.DEBUG if verbose else logging.INFO)
    from gateway.daemon.serve import run

    run(settings)


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
def demo(folder: Path | None) -> None:
    """Run with nothing configured, and a mail catcher in place of a smarthost.

    With DIR everything is kept there; without, it is thrown away at the end.

    Example: helpgate demo
    """
    os.umask(0o077)
    log.set_up(level=logging.WARNING)
    from gateway.demo.play import play

    play(folder)
