"""The sentences of templates: `_` and `ngettext`, with placeholders `%(name)s`."""

from __future__ import annotations

import re
from gettext import NullTranslations

from jinja2.exceptions import SecurityError
from markupsafe import Markup, escape

_PLACEHOLDER = re.compile(r"%%|%\([a-z_]+\)s")


class Speech:
    """In plain text."""

    is_html = False

    def __init__(self, translations: NullTranslations) -> None:
        self._translations = translations

    def gettext(self, sentence: str, **values: object) -> str:
        return self._fill(self._translations.gettext(sentence), values)

    def ngettext(self, one: str, many: str, count: int, **values: object) -> str:
        return self._fill(self._translations.ngettext(one, many, count), {"count": count, **values})

    def _fill(self, sentence: str, values: dict[str, object]) -> str:
        if "%" in _PLACEHOLDER.sub("", sentence):
            raise SecurityError("placeholders of a sentence are written %(name)s, a percent sign %%")
        return sentence % values


class HtmlSpeech(Speech):
    """In HTML: sentences and values are escaped, and a name in Arabic stays in its place."""

    is_html = True

    def _fill(self, sentence: str, values: dict[str, object]) -> str:
        return super()._fill(escape(sentence), {name: isolated(value) for name, value in values.items()})


def isolated(value: object) -> object:
    """A value as it stands in a sentence in HTML."""
    if not isinstance(value, str) or value.isascii():
        return value
    return Markup("<bdi>{}</bdi>").format(value)
