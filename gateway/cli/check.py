"""`helpgate check`: the doctor. One line for each thing looked at, and what to do."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from gateway import config
from gateway.cli.doctor import contents, doors, machine, mailboxes, outside
from gateway.cli.doctor.finding import FAILED, OK, WARNING, Finding, failed
from gateway.cli.options import flat, print_lines, with_config_file, with_json
from gateway.errors import ConfigError

COLOURS = {OK: "green", WARNING: "yellow", FAILED: "red"}


@click.command()
@with_config_file
@with_json
def check(config_file: Path, as_json: bool) -> None:
    """Look at everything that can be wrong: listeners, logins, DNS, certificates, what waits.

    One line each: ok, warning or failed, and what to do. Sends no mail, changes nothing. Ends with 1
    when something failed.

    Example: helpgate check
    """
    findings = []
    for finding in _examine(config_file):
        findings.append(finding)
        if as_json:
            print_lines([_shape(finding)])
        else:
            _print(finding)
    if not as_json:
        _sum_up(findings)
    if any(finding.level == FAILED for finding in findings):
        raise click.exceptions.Exit(1)


def _examine(file: Path) -> Iterator[Finding]:
    """From what everything depends on to what depends on others."""
    try:
        settings = config.load(file)
    except (ConfigError, OSError) as error:
        yield failed("configuration", str(error), "mend it: nothing else can be looked at before")
        return
    yield from machine.examine(settings, file)
    yield from contents.examine(settings)
    yield from doors.examine(settings)
    yield from mailboxes.examine(settings)
    yield from outside.examine(settings, contents.domains(settings))


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level:<8}", fg=COLOURS[finding.level], bold=finding.level == FAILED)
    click.echo(f"{level} {flat(finding.subject)}: {flat(finding.words)}{_mend(finding)}")
    sys.stdout.flush()


def _sum_up(findings: Sequence[Finding]) -> None:
    """The worst once more: whoever looks at three in the morning reads the last line first."""
    counted = Counter(finding.level for finding in findings)
    worst = next((one for level in (FAILED, WARNING) for one in findings if one.level == level), None)
    click.echo(f"\n{counted[OK]} ok, {counted[WARNING]} warnings, {counted[FAILED]} failed")
    if worst is not None:
        _print(worst)


def _mend(finding: Finding) -> str:
    return f" -> {flat(finding.mend)}" if finding.mend else ""


def _shape(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level,
        "subject": finding.subject,
        "words": finding.words,
        "what_to_do": finding.mend,
    }
