"""`helpgate desk …` and `helpgate agent …`."""

from __future__ import annotations

import click

from gateway.cli.options import opened, print_lines, print_table, with_config, with_json
from gateway.config import Settings
from gateway.desk import agents, desks
from gateway.desk.tables import Agent, AgentDesk, Desk
from gateway.store.unit import Unit


@click.group()
def desk() -> None:
    """Desks: the addresses customers write to.

    Example: helpgate desk list
    """


@desk.command("add")
@click.argument("name")
@click.option("--address", required=True, metavar="ADDRESS", help="Address customers write to.")
@with_config
def add_desk(settings: Settings, name: str, address: str) -> None:
    """A new desk.

    Example: helpgate desk add Billing --address billing@example.org
    """
    with opened(settings) as store, store.unit("admin") as unit:
        made = desks.add(unit, name, address)
        shared = [one.email for one in agents.everyone(unit) if _same_domain(one.email, made.address)]
    click.echo(f"desk {made.name} takes mail for {made.address}")
    if shared:
        click.echo(
            "note: agents have addresses on the same domain. Reply addresses of tickets can be used to register"
            " at third services as if somebody of that domain did; a domain of its own for the desk avoids that"
        )


@desk.command("set")
@click.argument("name")
@click.argument("values", nargs=-1, required=True, metavar="KEY=VALUE...")
@with_config
def set_desk(settings: Settings, name: str, values: tuple[str, ...]) -> None:
    """Set values of a desk.

    Example: helpgate desk set Support delay_s=30 timezone=Europe/Warsaw
    """
    pairs = dict(_pair(one) for one in values)
    with opened(settings) as store, store.unit("admin") as unit:
        changed = desks.change(unit, desks.named(unit, name), pairs)
    click.echo(f"desk {changed.name} is set")


@desk.command("forget")
@click.argument("name")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@with_config
def forget_addresses(settings: Settings, name: str, addresses: tuple[str, ...]) -> None:
    """Take no more mail at addresses this desk once had: answers to letters with them are refused.

    `helpgate desk show` lists them; write them as they stand there, {token} included.

    Example: helpgate desk forget Support old@example.org 'old+{token}@example.org'
    """
    with opened(settings) as store, store.unit("admin") as unit:
        for address in addresses:
            desks.forget(unit, desks.named(unit, name), address)
    click.echo(f"desk {name} takes no more mail at {', '.join(addresses)}")


@desk.command("show")
@click.argument("name")
@with_config
@with_json
def show_desk(settings: Settings, name: str, as_json: bool) -> None:
    """One desk with everything that can be set.

    Example: helpgate desk show Support
    """
    with opened(settings) as store, store.reading() as unit:
        found = desks.named(unit, name)
        former = desks.former(unit, found)
    values = {key: getattr(found, key) for key in desks.SETTINGS} | {"former": " ".join(former)}
    if as_json:
        print_lines([values])
    else:
        print_table(found.name, ("setting", "value"), list(values.items()))


@desk.command("list")
@with_config
@with_json
def list_desks(settings: Settings, as_json: bool) -> None:
    """Every desk.

    Example: helpgate desk list --json
    """
    with opened(settings) as store, store.reading() as unit:
        rows = desks.everyone(unit)
    if as_json:
        print_lines([{key: getattr(one, key) for key in desks.SETTINGS} for one in rows])
    else:
        print_table("Desks", ("name", "address"), [(one.name, one.address) for one in rows])


@click.group()
def agent() -> None:
    """Agents: who answers.

    Example: helpgate agent list
    """


@agent.command("add")
@click.argument("address")
@click.option("--name", default="", metavar="N", help="What customers call them.")
@click.option(
    "--desk", "at", multiple=True, metavar="NAME", help="A desk they work at; all when none is named."
)
@with_config
def add_agent(settings: Settings, address: str, name: str, at: tuple[str, ...]) -> None:
    """A new agent.

    Example: helpgate agent add alice@example.org --name Alice --desk Support
    """
    with opened(settings) as store, store.unit("admin") as unit:
        made = agents.add(unit, address, name, tuple(desks.named(unit, one) for one in at))
    click.echo(f"{made.email} is an agent of {', '.join(at) or 'every desk'}")


@agent.command("disable")
@click.argument("address")
@with_config
def disable_agent(settings: Settings, address: str) -> None:
    """From now on this agent's mail is a stranger's, and their links are dead.

    Example: helpgate agent disable alice@example.org
    """
    with opened(settings) as store, store.unit("admin") as unit:
        disabled = agents.disable(unit, address)
    click.echo(f"{disabled.email} is disabled")


@agent.command("enable")
@click.argument("address")
@with_config
def enable_agent(settings: Settings, address: str) -> None:
    """An agent again, at the desks of before.

    Example: helpgate agent enable alice@example.org
    """
    with opened(settings) as store, store.unit("admin") as unit:
        enabled = agents.enable(unit, address)
    click.echo(f"{enabled.email} is an agent again")


@agent.command("list")
@with_config
@with_json
def list_agents(settings: Settings, as_json: bool) -> None:
    """Every agent.

    Example: helpgate agent list
    """
    with opened(settings) as store, store.reading() as unit:
        rows = [(one, _desks_of(unit, one)) for one in agents.everyone(unit)]
    if as_json:
        print_lines(
            [
                {"address": one.email, "name": one.name, "active": bool(one.active), "desks": names}
                for one, names in rows
            ]
        )
        return
    table = [(one.email, one.name, "yes" if one.active else "no", ", ".join(names)) for one, names in rows]
    print_table("Agents", ("address", "name", "active", "desks"), table)


def _desks_of(unit: Unit, one: Agent) -> list[str]:
    if one.all_desks:
        return [desk.name for desk in desks.everyone(unit)]
    rows = unit.rows(AgentDesk, "agent_id = ?", one.id)
    return [found.name for row in rows if (found := unit.row(Desk, "id = ?", row.desk_id))]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text}: write KEY=VALUE")
    return key.strip(), value


def _same_domain(one: str, other: str) -> bool:
    return one.rpartition("@")[2].lower() == other.rpartition("@")[2].lower()
