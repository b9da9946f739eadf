"""What a template says in every letter alike is said once, when it is compiled.

Constant sentences are translated there, and the files that a template takes in become part of it. What cannot be
done ahead stays in the tree as it is: it is done, or refused, when a letter is written.
"""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import TemplateError, nodes
from jinja2.visitor import NodeTransformer

from gateway.mail.speech import Speech

MOST_PARTS = 50  # files that become part of one template
ISOLATED = "isolated"
"""The filter of values in a sentence, see `speech.isolated`."""


class Preparation(NodeTransformer):
    """Makes the tree of one template ready; `parse` gives the tree of a file by its name."""

    def __init__(self, speech: Speech, parse: Callable[[str], nodes.Template]) -> None:
        self._speech = speech
        self._parse = parse
        self._parts = 0
        self._within: list[str] = []  # the files whose bodies are being taken in

    def visit_Call(self, call: nodes.Call) -> nodes.Expr:
        """`_("…", name=value)` becomes the words of the sentence and the values between them."""
        self.generic_visit(call)
        sentence = _sentence(call)
        if sentence is None:
            return call
        values = {one.key: one.value for one in call.kwargs}
        pieces = self._pieces(sentence, values, call.lineno)
        if not pieces:
            return call
        return nodes.Concat(pieces, lineno=call.lineno) if values else pieces[0]

    def visit_Output(self, output: nodes.Output) -> nodes.Output:
        """A sentence goes out in its pieces, so that its words join what stands around it."""
        self.generic_visit(output)
        said = [one.nodes if isinstance(one, nodes.Concat) else [one] for one in output.nodes]
        output.nodes = [piece for pieces in said for piece in pieces]
        return output

    def visit_Include(self, include: nodes.Include) -> nodes.Stmt:
        """The body of the file, in a scope of its own, as where it is taken in for each letter."""
        file = include.template
        is_special = not include.with_context or include.ignore_missing
        if is_special or not isinstance(file, nodes.Const) or self._parts == MOST_PARTS:
            return include
        if file.value in self._within:  # it takes itself in
            return include
        self._parts += 1
        part = self._parse(file.value)
        if next(part.find_all((nodes.Extends, nodes.Block)), None):
            return include
        self._within.append(file.value)
        self.generic_visit(part)
        self._within.pop()
        scope = nodes.Scope(part.body)
        scope.set_lineno(include.lineno, override=True)
        return scope

    def _pieces(self, sentence: str, values: dict[str, nodes.Expr], lineno: int) -> list[nodes.Expr]:
        """Words, value, words, …; nothing where the sentence will have to be refused."""
        names = {name: f"\0{name}\0" for name in values}
        try:
            said = self._speech.gettext(sentence, **names).split("\0")
            return [
                self._value(values[one], lineno) if at % 2 else nodes.Const(one, lineno=lineno)
                for at, one in enumerate(said)
            ]
        except (TemplateError, LookupError, TypeError, ValueError):
            return []

    def _value(self, value: nodes.Expr, lineno: int) -> nodes.Expr:
        if not self._speech.is_html:
            return value
        return nodes.Filter(value, ISOLATED, [], [], None, None, lineno=lineno)


def _sentence(call: nodes.Call) -> str | None:
    """The constant sentence that a call of `_` is about; None for any other call."""
    is_gettext = isinstance(call.node, nodes.Name) and call.node.name == "_"
    if not is_gettext or call.dyn_args or call.dyn_kwargs:
        return None
    match call.args:
        case [nodes.Const(value=str() as sentence)]:
            return sentence
    return None
