"""What people rely on is written down, and nothing that is written down is invented.

The forms the papers use, so that a machine can compare: a key is `[section] key` in backticks (or `key`
alone for the few at the top), a command starts with `helpgate`, a route is `GET /path/NAME` in backticks.
In config.example.toml `# key = value` is a key too, left out because its default depends on the machine.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from string import Formatter

import click
import pytest
from pydantic import BaseModel
from starlette.routing import BaseRoute, Mount, Route

from gateway import errors
from gateway.cli.group import helpgate
from gateway.cli.sentences import SENTENCES
from gateway.config import Settings
from gateway.web.app import build
from gateway.web.settings import WebSettings
from tests.source import ROOT, modules
from tests.web.standin import StandInDoor, plain_ticket

OPERATIONS = "docs/operations.md"
EXAMPLE = "config.example.toml"
RFCS = "docs/rfc.md"
STATUSES = ("Yes", "Partial", "No")
OPERATOR_ROUTES = {"GET /healthz", "GET /readyz", "GET /metrics"}
"""What the daemon adds to the application."""
KEY = r"#? ?([a-z_]+) ="
PAPERS = sorted(
    path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_example_names_every_key_and_invents_none() -> None:
    assert sorted(_example_keys(read(EXAMPLE))) == sorted(_keys(Settings))


def test_every_key_of_the_example_is_explained() -> None:
    """A comment stands above each key, or above the run of keys that it begins."""
    lines = read(EXAMPLE).splitlines()
    silent = [
        line
        for before, line in pairwise(["", *lines])
        if re.match(KEY, line) and not before.startswith("# ") and not re.match(KEY, before)
    ]
    assert silent == []


def test_operations_name_every_key_and_invent_none() -> None:
    text = read(OPERATIONS)
    named = set(re.findall(r"`(\[+[a-z_.]+\]+ [a-z_]+)`", text))
    keys = set(_keys(Settings))
    sectioned = {key for key in keys if key.startswith("[")}
    assert sorted(sectioned - named) == [], "not documented"
    assert sorted(named - sectioned) == [], "invented"
    assert [key for key in sorted(keys - sectioned) if f"`{key}`" not in text] == []


def test_operations_name_every_command_and_invent_none() -> None:
    text = read(OPERATIONS)
    commands = set(_commands(helpgate, ()))
    named = {command for words in _typed(text) for command in _prefixes(words)}
    assert sorted(" ".join(command) for command in commands - named) == [], "not documented"
    invented = [" ".join(words) for words in _typed(text) if not _resolves(words)]
    assert invented == []


def test_every_command_has_help_with_an_example() -> None:
    silent = [
        " ".join(path)
        for path in _commands(helpgate, ())
        if f"helpgate {' '.join(path)}" not in _find(path).get_help(click.Context(_find(path)))
    ]
    assert silent == []


def test_operations_name_every_route_and_invent_none() -> None:
    app = build(StandInDoor(plain_ticket()), WebSettings("http://localhost:8080"))
    served = {*_served(app.routes), *OPERATOR_ROUTES}
    named = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`\s]*)`", read(OPERATIONS)))
    assert sorted(served - named) == [], "not documented"
    assert sorted(named - served) == [], "invented"


def test_every_error_is_drawn() -> None:
    drawn = re.findall(r"(?m)^ {4}(?:[│ ]*[├└]─ )?([A-Z]\w+)", errors.__doc__ or "")
    defined = [name for name, value in vars(errors).items() if _is_our_error(value)]
    assert sorted(drawn) == sorted(defined)


def test_every_desk_error_has_a_literal_key() -> None:
    """A key put together at run time can be found in the catalogue by nobody."""
    assert [place for key, _, place in _raised() if not key] == []


def test_every_error_key_has_a_sentence_and_every_sentence_a_key() -> None:
    raised = {key for key, _, _ in _raised() if key}
    assert sorted(raised - SENTENCES.keys()) == [], "no sentence in gateway.cli.sentences"
    assert sorted(SENTENCES.keys() - raised) == [], "never raised"


def test_sentences_use_only_values_that_come_with_the_error() -> None:
    wrong = [
        f"{place} {key}: {sorted(missing)}"
        for key, values, place in _raised()
        if (missing := _placeholders(SENTENCES.get(key, "")) - values)
    ]
    assert wrong == []


def test_every_rfc_we_cite_is_listed() -> None:
    cited = _cited()
    listed = _listed(read(RFCS))
    assert sorted(cited.keys() - listed.keys()) == [], f"cited in gateway/ and missing in {RFCS}"
    assert [number for number, status in listed.items() if status == "Yes" and number not in cited] == []


def test_rfc_list_is_well_formed() -> None:
    rows = _rfc_rows(read(RFCS))
    assert [row for row in rows if row[2] not in STATUSES] == []
    numbers = [int(row[0]) for row in rows]
    assert numbers == sorted(set(numbers))


def test_rfc_list_points_at_files_that_exist() -> None:
    where = [path for *_, cell in _rfc_rows(read(RFCS)) for path in re.findall(r"`([\w/]+(?:\.py|/))`", cell)]
    assert [path for path in where if not (ROOT / "gateway" / path).exists()] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_links_between_papers_lead_somewhere(paper: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", read(paper))
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (ROOT / paper).parent.joinpath(target).exists()] == []


def _keys(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Every key as the papers write it: `data_dir`, `[web] listen`, `[[imap]] host`."""
    for name, field in model.model_fields.items():
        nested = [kind for kind in _types(field.annotation) if issubclass(kind, BaseModel)]
        if nested:
            is_list = field.annotation is not nested[0]
            yield from _keys(nested[0], f"[[{name}]]" if is_list else f"[{name}]")
        else:
            yield f"{section} {name}".strip()


def _types(annotation: object) -> Iterator[type]:
    """The classes an annotation is made of."""
    if isinstance(annotation, type):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _types(part)


def _example_keys(text: str) -> Iterator[str]:
    section = ""
    for line in text.splitlines():
        if table := re.match(r"#? ?(\[+[a-z_.]+\]+)", line):
            section = table[1]
        elif key := re.match(KEY, line):
            yield f"{section} {key[1]}".strip()


def _commands(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Every command with its whole path; a group counts when it does something by itself."""
    if not isinstance(group, click.Group):
        yield path
        return
    if path and group.invoke_without_command:
        yield path
    for name, command in _below(group).items():
        yield from _commands(command, (*path, name))


def _below(group: click.Command) -> dict[str, click.Command]:
    """The commands of a group by name, those too that are imported only when they are called."""
    assert isinstance(group, click.Group)
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command}


def _typed(text: str) -> list[tuple[str, ...]]:
    """The words after each `helpgate` in code, up to the first that is an option or a value."""
    code = re.findall(r"(?m)(?:`|^\s*(?:\$ )?|\.venv/bin/)helpgate((?: [a-z][a-z-]*)+)(?![\w=/.])", text)
    return [tuple(words.split()) for words in code]


def _prefixes(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (words[:end] for end in range(1, len(words) + 1))


def _resolves(words: tuple[str, ...]) -> bool:
    """Whether the words lead to a command; what follows a command is its arguments."""
    command: click.Command = helpgate
    for word in words:
        if not isinstance(command, click.Group):
            return True
        if word not in _below(command):
            return False
        command = _below(command)[word]
    return not isinstance(command, click.Group) or command.invoke_without_command


def _find(path: tuple[str, ...]) -> click.Command:
    command: click.Command = helpgate
    for word in path:
        command = _below(command)[word]
    return command


def _served(table: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    """`GET /helpdesk/ticket/TOKEN` for every method and path; HEAD goes with GET."""
    for route in table:
        if isinstance(route, Mount):
            yield from _served(list(route.routes), prefix + route.path)
        elif isinstance(route, Route):
            path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda name: name[1].upper(), prefix + route.path)
            yield from (f"{method} {path}" for method in route.methods or () if method != "HEAD")


def _is_our_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception) and value.__module__ == errors.__name__


def _raised() -> list[tuple[str, set[str], str]]:
    """Key, names of the values and place of every DeskError made in gateway/."""
    kinds = [kind for kind in vars(errors).values() if _is_our_error(kind)]
    names = {kind.__name__ for kind in kinds if issubclass(kind, errors.DeskError)}
    return [
        (_key(call), {word.arg for word in call.keywords if word.arg}, f"{module.path}:{call.lineno}")
        for module in modules("gateway")
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names
    ]


def _placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def _key(call: ast.Call) -> str:
    """The catalogue key, the second argument of Invalid and the first of the others; empty when computed."""
    position = 1 if isinstance(call.func, ast.Name) and call.func.id == "Invalid" else 0
    argument = call.args[position] if len(call.args) > position else None
    return str(argument.value) if isinstance(argument, ast.Constant) else ""


def _cited() -> dict[str, str]:
    """Each RFC number that gateway/ cites, with one file that does."""
    return {
        number: module.path
        for module in modules("gateway")
        for number in re.findall(r"\bRFC[ -]?(\d{3,5})\b", module.text)
    }


def _rfc_rows(text: str) -> list[tuple[str, ...]]:
    """The cells of the table's rows: number, title, status, where."""
    return re.findall(r"(?m)^\| (\d+) \| ([^|]+) \| (\w+) \| ([^|]*) \|$", text)


def _listed(text: str) -> dict[str, str]:
    return {number: status for number, _, status, _ in _rfc_rows(text)}
