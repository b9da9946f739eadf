"""The sandbox that templates run in: what they can see, call and do (threat T53).

Tighter than Jinja's own: a template reads the fields of `mail.words`, uses a dozen filters and
asks the catalogue for sentences. It calls no method, not even of a string, and does no
arithmetic, so that nothing short of its own length can fill the memory.
"""

from __future__ import annotations

import re
from dataclasses import fields
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from gateway.mail.words import Addition, Attached, FileLink, Passage

WIDTH = 72

_VALUES = (Passage, Attached, FileLink, Addition)
_SHAPES: dict[type, frozenset[str]] = {
    LoopContext: frozenset({"first", "last", "index", "length"}),
    **{value: frozenset(field.name for field in fields(value)) for value in _VALUES},
}
_FILTERS = ("e", "escape", "first", "join", "last", "length", "lower", "trim", "upper")
_ODD_PLACEHOLDER = re.compile(r"%(?!%|\([a-z_]+\)s)")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, narrowed to the fields of our values and to our few functions."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, folders: list[Path], autoescape: bool) -> None:
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
            autoescape=autoescape,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
        )
        self.globals.clear()
        ours = {"wrap": wrap, "quote": quote, "lines": html_lines, "preview": preview, "address": address}
        self.filters = {name: FILTERS[name] for name in _FILTERS} | ours

    def source(self, file: str) -> str:
        """What the file says, the operator's before ours. Raises TemplateNotFound, OSError, UnicodeError."""
        return self._files.get_source(self, file)[0]

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr in _SHAPES.get(type(obj), ())

    def is_safe_callable(self, obj: Any) -> bool:
        return isinstance(obj, Macro | BlockReference) or isinstance(getattr(obj, "__self__", None), Speech)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"`{operator}` is not for templates: it can fill the memory")


class Speech:
    """`_` and `ngettext` of a template in plain text; placeholders are `%(name)s`."""

    def __init__(self, translations: NullTranslations) -> None:
        self._translations = translations

    def gettext(self, sentence: str, **values: object) -> str:
        return self._fill(self._translations.gettext(sentence), values)

    def ngettext(self, one: str, many: str, count: int, **values: object) -> str:
        return self._fill(self._translations.ngettext(one, many, count), {"count": count, **values})

    def _fill(self, sentence: str, values: dict[str, object]) -> str:
        if _ODD_PLACEHOLDER.search(sentence):
            raise SecurityError("placeholders of a sentence are written %(name)s, a percent sign %%")
        return sentence % values


class HtmlSpeech(Speech):
    """The same for HTML: sentences and values are escaped, and a name in Arabic stays in its place."""

    def _fill(self, sentence: str, values: dict[str, object]) -> str:
        return super()._fill(escape(sentence), {name: _isolated(value) for name, value in values.items()})


def _isolated(value: object) -> object:
    if not isinstance(value, str) or value.isascii():
        return value
    return Markup("<bdi>{}</bdi>").format(value)


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
