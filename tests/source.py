"""The project's own files, as the tests of house and documents read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = ("gateway", "tests", "bench")
TEXT = (*CODE, ".ci", "docs", "templates", "web_public", "web_agent", "widget")
TEXT_SUFFIXES = {
    "",
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".html",
    ".css",
    ".js",
    ".json",
    ".po",
    ".in",
    ".lock",
    ".service",
}
NOT_OURS = {".peers", "__pycache__", "node_modules"}


@dataclass(frozen=True)
class Module:
    """One Python file. path: relative to the checkout, with slashes.  name: as it is imported."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")


@cache
def modules(folder: str) -> tuple[Module, ...]:
    """Every Python file below one folder of the checkout, sorted by path."""
    return tuple(_module(path) for path in _files(ROOT / folder) if path.suffix == ".py")


@cache
def texts() -> dict[str, str]:
    """Every text file of the project by its relative path, the lock file and the papers in the root too."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in TEXT:
        paths.extend(_files(ROOT / folder))
    wanted = [path for path in paths if path.suffix in TEXT_SUFFIXES or path.name == "Makefile"]
    return {_relative(path): path.read_text(encoding="utf-8", errors="replace") for path in wanted}


def longer_than(lines: int) -> list[str]:
    """`path (lines)` of every longer Python file, the longest first."""
    lengths = {module.path: module.text.count("\n") for folder in CODE for module in modules(folder)}
    long = sorted((length, path) for path, length in lengths.items() if length > lines)
    return [f"{path} ({length})" for length, path in reversed(long)]


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module, nested ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not NOT_OURS.intersection(path.relative_to(ROOT).parts))


def _module(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    relative = _relative(path)
    name = relative.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(relative, name, text, ast.parse(text, relative))


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
