"""The rules of the house that a machine can keep (STYLE.md has the reasons)."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator

import pytest

from tests.source import CODE, ROOT, Module, functions, longer_than, modules, texts

LONGEST_FILE = 400
LONGEST_FUNCTION = 45
DEEPEST_NESTING = 4

BANNED_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "managers",
    "models",
    "common",
    "base",
    "misc",
}

BOUNDARIES = {
    "gateway/flow/delivery.py::_await": "what cannot be written down is in doubt when its lease ends",
    "gateway/flow/dispatch.py::_repeat": "a thread's edge: the next tick tries again",
    "gateway/flow/drain.py::_apply": "one mail's trouble is its own: it is tried again, then held",
    "gateway/flow/drain.py::_foresee": "what cannot be asked for together each mail asks for in its turn",
    "gateway/flow/drain.py::_run": "a thread's edge: mail goes on coming in, what was in hand is claimed anew",
    "gateway/flow/readers.py::_answer": "a thread's edge: whoever asked hears of it, and the next mail is read",
    "gateway/flow/confirmations.py::tell_author": "a letter's outcome counts, whether or not its author hears of it",
    "gateway/flow/letters.py::_write_apart": "one letter's trouble is its own: it is tried again, then a human's",
    "gateway/mail/calendar_part.py::readable": "the calendar library raises nearly anything on hostile input",
    "gateway/mail/authenticate.py::authenticate": "the DKIM library raises nearly anything on hostile input",
    "gateway/mail/dsn/detectors.py::ask": "the bounce detectors raise on some hostile input: one detector less",
    "gateway/store/database.py::_roll_back": "the first error is the one to tell",
    "gateway/store/grouped.py::_write": "a thread's edge: the callers hear of it through their futures",
    "gateway/transport/imap/watch.py::_run": "a thread's edge: a mistake of ours must not end the reading of a folder",
    "gateway/transport/reception.py::keep": "the sender must keep the mail whatever our trouble is",
    "gateway/transport/smtp.py::_obey": "a bug of ours must bounce nobody's mail",
    "gateway/transport/submission.py::may_send": "foreign code, and the other parcels wait for their outcome",
    "gateway/transport/submission.py::_settle": "every parcel is owed an outcome",
    "gateway/transport/submission.py::tell": "foreign code, and the outcome must be told",
}
"""Functions that may swallow every Exception, as `path::function`, each with its reason."""

WALL_CLOCK = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
}

GATEWAY = modules("gateway")
ALL = tuple(module for folder in CODE for module in modules(folder))
NESTS = (
    ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.TryStar | ast.Match
)


def test_files_can_be_read_at_one_sitting() -> None:
    """Those over 300 lines are listed at the end of the run (conftest.py)."""
    assert longer_than(LONGEST_FILE) == []


def test_functions_do_one_thing() -> None:
    fat = [
        f"{module.path}:{function.lineno} {function.name} has {length} lines"
        for module in GATEWAY
        for function in functions(module)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    ]
    assert fat == []


def test_nesting_stays_shallow() -> None:
    deep = [
        f"{module.path}:{function.lineno} {function.name} nests {depth} deep"
        for module in GATEWAY
        for function in functions(module)
        if (depth := _depth(function)) > DEEPEST_NESTING
    ]
    assert deep == []


def test_no_file_is_named_after_nothing() -> None:
    found = [module.path for module in ALL if BANNED_NAMES.intersection(module.name.split("."))]
    assert found == []


def test_no_bare_except() -> None:
    bare = [
        f"{module.path}:{node.lineno}"
        for module in ALL
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_only_boundaries_catch_everything() -> None:
    found = {place for module in GATEWAY for place in _catching_everything(module)}
    assert sorted(found - BOUNDARIES.keys()) == [], "name it in BOUNDARIES with its reason, or catch less"
    assert sorted(BOUNDARIES.keys() - found) == [], "these no longer catch everything"


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    found = [f"{path}: {match[0]}" for path, text in texts().items() for match in later.finditer(text)]
    assert found == []


def test_our_code_is_never_mocked() -> None:
    found = []
    for module in ALL:
        if any(name == "unittest" or name.startswith("unittest.") for name in _imported(module)):
            found.append(f"{module.path} imports unittest")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and _dotted(node) == "monkeypatch.setattr":
                found.append(f"{module.path}:{node.lineno} replaces an attribute")
    assert found == []


def test_only_the_clock_reads_the_time() -> None:
    found = [
        f"{module.path}:{node.lineno} {_dotted(node)}"
        for module in GATEWAY
        if module.name != "gateway.clock"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and _dotted(node) in WALL_CLOCK
    ]
    found += [
        f"{module.path} imports time.{name}"
        for module in GATEWAY
        if module.name != "gateway.clock"
        for name in ("time", "time_ns")
        if f"time.{name}" in _imported(module)
    ]
    assert found == []


def test_no_cycles_hidden_ones_included() -> None:
    """Imports inside functions and under TYPE_CHECKING count like all others."""
    known = {module.name for module in GATEWAY}
    graph = {module.name: _imports_of_ours(module, known) for module in GATEWAY}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_lock_file_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^.*(?:://|^-|\s@\s).*$", lock) == []
    pinned = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", lock)
    assert len(pinned) > 30
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_no_path_of_one_machine() -> None:
    machine = re.compile(r"/(?:home|Users)/\w+|/root/|" + re.escape(f"{ROOT}/"))
    found = [f"{path}: {match[0]}" for path, text in texts().items() for match in machine.finditer(text)]
    assert [place for place in found if not place.startswith("tests/test_house.py")] == []


def _depth(node: ast.AST) -> int:
    """How many blocks stand inside one another below a node; an `elif` is no deeper than its `if`."""
    deepest = 0
    for field, child in _children(node):
        chained = field == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If)
        step = 1 if isinstance(child, NESTS) and not chained else 0
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            deepest = max(deepest, step + _depth(child))
    return deepest


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield field, child


def _catching_everything(module: Module) -> Iterator[str]:
    """`path::function` of the innermost function around each handler that swallows everything."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and _swallows_everything(node):
            around = [f for f in functions(module) if f.lineno <= node.lineno <= (f.end_lineno or 0)]
            name = max(around, key=lambda function: function.lineno).name if around else "module"
            yield f"{module.path}::{name}"


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    """Whether it takes any Exception and does not end by raising."""
    caught = ast.walk(handler.type) if handler.type else ()
    names = {_dotted(name) for name in caught if isinstance(name, ast.Name)}
    return bool(names & {"Exception", "BaseException"}) and not isinstance(handler.body[-1], ast.Raise)


def _imported(module: Module) -> set[str]:
    """Dotted names a module imports anywhere: `a.b` and, for `from a import b`, both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _imports_of_ours(module: Module, known: set[str]) -> set[str]:
    """The modules of ours that a module needs; its own parents do not count."""
    ours = _imported(module) & known
    return {name for name in ours if not f"{module.name}.".startswith(f"{name}.")}


def _dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression, else empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""
