"""The sandbox that templates run in: what they can see, call and do (threat T53).

Tighter than Jinja's own: a template reads the fields of `mail.words`, uses a dozen filters and
asks the catalogue for sentences. It calls no method, not even of a string, and does no
arithmetic, so that nothing short of its own length can fill the memory.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from gateway.mail.prepared import ISOLATED, Preparation
from gateway.mail.speech import Speech, isolated
from gateway.mail.words import Addition, Attached, FileLink, Passage

WIDTH = 72

_VALUES = (Passage, Attached, FileLink, Addition)
_SHAPES: dict[type, frozenset[str]] = {
    LoopContext: frozenset({"first", "last", "index", "length"}),
    **{value: frozenset(field.name for field in fields(value)) for value in _VALUES},
}
_FILTERS = ("e", "escape", "first", "join", "last", "length", "lower", "trim", "upper")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, narrowed to the fields of our values and to our few functions. It speaks one language."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, folders: list[Path], speech: Speech) -> None:
        self.speech = speech
        self._files = FileSystemLoader(folders)
        super().__init__(
            loader=self._files,
            variable_start_string="<<",
            variable_end_string=">>",
            block_start_string="<%",
            block_end_string="%>",
            comment_start_string="<#",
            comment_end_string="#>",
            undefined=StrictUndefined,
            autoescape=speech.is_html,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.globals.clear()
        ours = {"wrap": wrap, "quote": quote, "lines": html_lines, "preview": preview, "address": address}
        self.filters = {name: FILTERS[name] for name in _FILTERS} | ours | {ISOLATED: isolated}

    def source(self, file: str) -> str:
        """What the file says, the operator's before ours. Raises TemplateNotFound, OSError, UnicodeError."""
        return self._files.get_source(self, file)[0]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of our values without the detour of Jinja's own look at it."""
        if attribute in _SHAPES.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr in _SHAPES.get(type(obj), ())

    def is_safe_callable(self, obj: Any) -> bool:
        return isinstance(obj, Macro | BlockReference) or isinstance(getattr(obj, "__self__", None), Speech)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Jinja's hook between parsing and compiling."""
        tree = Preparation(self.speech, lambda file: self.parse(self.source(file), file)).visit(source)
        return super()._generate(tree.set_environment(self), name, filename, defer_init)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"`{operator}` is not for templates: it can fill the memory")


# Filters


def wrap(text: str) -> str:
    """Our own sentences in lines of 72 columns; a longer word, such as a link, keeps its line."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < WIDTH:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return "\n".join(lines)


def quote(text: str) -> str:
    """`> ` before each line, as mail programs do. RFC 3676 §4.5."""
    return "\n".join(
        [">" + line if line.startswith(">") or not line else "> " + line for line in text.split("\n")]
    )


def html_lines(text: str) -> Markup:
    """Plain text as HTML that keeps its lines and its runs of spaces, in Outlook too."""
    escaped = str(escape(text)).replace("\t", "    ").replace("  ", "&nbsp; ")
    return Markup(escaped.replace("\n ", "\n&nbsp;").replace("\n", "<br>\n"))


def preview(text: str) -> str:
    """The first words, for the line that mail programs show beside the subject."""
    return " ".join(text[:300].split())[:120]


def address(mailto: str) -> str:
    """The address of a `mailto:` link."""
    return mailto.removeprefix("mailto:").partition("?")[0]
