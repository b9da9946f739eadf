"""The group of all commands, loaded one by one as they are called: `serve` does not pay for `export`."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "init": "gateway.cli.init:init",
    "serve": "gateway.cli.run:serve",
    "demo": "gateway.cli.run:demo",
    "deliver": "gateway.cli.deliver:deliver",
    "check": "gateway.cli.check:check",
    "desk": "gateway.cli.admin:desk",
    "agent": "gateway.cli.admin:agent",
    "keys": "gateway.cli.keys:keys",
    "imap": "gateway.cli.imap:imap",
    "journal": "gateway.cli.journal:journal",
    "release": "gateway.cli.journal:release",
    "replay": "gateway.cli.journal:replay",
    "explain": "gateway.cli.explain:explain",
    "outbox": "gateway.cli.outbox:outbox",
    "import": "gateway.cli.importing:import_",
    "export": "gateway.cli.export:export",
    "backup": "gateway.cli.backup:backup",
    "restore": "gateway.cli.backup:restore",
    "migrate": "gateway.cli.backup:migrate",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, from its module."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="helpgate", prog_name="helpgate")
def helpgate() -> None:
    """An email-first helpdesk gateway: customers write mail, agents answer from the mail client they have."""
