"""Every sentence of every letter comes from the catalogue, with the same placeholders; moments."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from gettext import NullTranslations
from html import unescape
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import nodes
from markupsafe import Markup

from gateway import i18n
from gateway.i18n import CATALOGUES, DOMAIN, format_moment, translator
from gateway.mail.quote import REPLY_MARK
from gateway.mail.sandbox import address
from gateway.mail.template import KINDS, OURS, STATUS_NAMES, Stationery
from tests.mail.letters import LETTERS

NOON = 1_795_262_520_000  # 2026-11-21T12:02:00Z
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Brackets(NullTranslations):
    """A language in which every sentence has brackets round it."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def template_catalogue() -> Catalog:
    with (CATALOGUES / f"{DOMAIN}.pot").open("rb") as file:
        return read_po(file)


def spoken_in(path: Path) -> list[tuple[list[str], set[str]]]:
    """The sentences of a template: each with its plural, and the names of the values given."""
    tree = Stationery(None).environment(path.name).parse(path.read_text(encoding="utf-8"))
    found = []
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("_", "ngettext"):
            sentences = [word.value for word in call.args if isinstance(word, nodes.Const)]
            plural = {"count"} if call.node.name == "ngettext" else set()
            found.append((sentences, {value.key for value in call.kwargs} | plural))
    return found


def said_in(value: object) -> Iterator[str]:
    """Every line of every text in a value."""
    if isinstance(value, str):
        text = value.striptags() if isinstance(value, Markup) else value
        yield from text.split("\n")
    elif isinstance(value, tuple):
        for item in value:
            yield from said_in(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from said_in(getattr(value, field.name))


@pytest.mark.parametrize("name", LETTERS)
def test_every_sentence_goes_through_the_catalogue(name: str) -> None:
    """What is left of a letter without the bracketed sentences and the values has no letters."""
    kind, words = LETTERS[name]
    written = Stationery(None, lambda locale: Brackets()).write(kind, words, "xx")
    lines = sorted({*said_in(words), *map(address, said_in(words))} - {""}, key=len, reverse=True)
    html = re.sub(r"(?s)<head>.*</head>|<[^>]*>", "", written.html)
    for text in (written.subject, written.text, unescape(html).replace("\xa0", " ")):
        rest = text
        while "⟦" in rest:
            rest = re.sub(r"⟦[^⟦⟧]*⟧", "", rest)
        for line in lines:
            rest = rest.replace(line, "")
        assert re.findall(r"[^\W\d_]+", rest.replace("Printer on fire", "").replace("Re:", "")) == []


@pytest.mark.parametrize("path", sorted(OURS.iterdir()), ids=lambda path: path.name)
def test_sentences_and_placeholders_match(path: Path) -> None:
    catalogue = template_catalogue()
    for sentences, values in spoken_in(path):
        assert sentences[0] in catalogue, "make messages"
        assert set().union(*(PLACEHOLDER.findall(sentence) for sentence in sentences)) == values


def test_the_catalogue_is_the_same_on_every_machine() -> None:
    text = (CATALOGUES / f"{DOMAIN}.pot").read_text(encoding="utf-8")
    assert "POT-Creation-Date" not in text
    assert not re.search(r"(?m)^#: /|:\d+$", text)
    assert all(name in template_catalogue() for name in (*STATUS_NAMES.values(), REPLY_MARK))


def test_translations_keep_the_placeholders() -> None:
    for path in CATALOGUES.glob("*/LC_MESSAGES/*.po"):
        with path.open("rb") as file:
            assert [message.id for message in read_po(file) if list(message.check())] == []


def test_another_language_and_its_plurals(tmp_path: Path) -> None:
    """A catalogue made by Babel is what the letters are written with."""
    catalogue = Catalog(locale="pl")
    one, many = (
        "%(count)s new message in ticket %(number)s (%(status)s):",
        "%(count)s new messages in ticket %(number)s (%(status)s):",
    )
    forms = tuple(f"%(count)s {word} %(number)s (%(status)s)" for word in ("nowa", "nowe", "nowych"))
    catalogue.add((one, many), forms)
    catalogue.add("open", "otwarte")
    catalogue.add(REPLY_MARK, "-- odpowiedz <powyżej> --")
    catalogue.add("Read the ticket:", "Zobacz <zgłoszenie>:")
    catalogue.add("Read the ticket", "Zobacz <zgłoszenie>")
    octets = BytesIO()
    write_mo(octets, catalogue)
    folder = tmp_path / "pl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / f"{DOMAIN}.mo").write_bytes(octets.getvalue())

    stationery = Stationery(None, lambda locale: i18n.translator(locale, tmp_path))
    _, words = LETTERS["notice"]
    for count, word in ((2, "nowe"), (5, "nowych"), (22, "nowe")):
        letter = replace(words, messages=words.messages * count)
        written = stationery.write("notice", letter, "pl-PL")
        assert f"{count} {word} 2647-12 (otwarte)" in written.text
        assert "Zobacz <zgłoszenie>:" in written.text
        assert "-- odpowiedz <powyżej> --" in written.text and REPLY_MARK not in written.text
        assert "-- odpowiedz &lt;powyżej&gt; --" in written.html and REPLY_MARK not in written.html
        assert "Zobacz &lt;zgłoszenie&gt;" in written.html
        assert '<html lang="pl-PL" dir="ltr"' in written.html


@pytest.mark.parametrize("locale", ["en", "en_GB", "xx", "", "../../etc", "pl/../..", "C", "a" * 500, "de\0"])
def test_no_locale_is_a_failure(locale: str) -> None:
    assert translator(locale).gettext("open") == "open"
    assert format_moment(NOON, locale).startswith("21 Nov 2026, 12:02")
    for kind in KINDS:
        assert Stationery(None).write(kind, LETTERS[kind][1], locale).subject


def test_right_to_left_languages_say_so() -> None:
    assert 'lang="ar" dir="rtl"' in Stationery(None).write(*LETTERS["notice"], "ar").html


@pytest.mark.parametrize(
    ("locale", "timezone", "text"),
    [
        ("en", "UTC", "21 Nov 2026, 12:02 UTC"),
        ("en", "Europe/Warsaw", "21 Nov 2026, 13:02 CET"),
        ("en-US", "America/New_York", "21 Nov 2026, 07:02 EST"),
        ("pl", "Europe/Warsaw", "21 lis 2026, 13:02 CET"),
        ("de_DE", "Europe/Berlin", "21 Nov. 2026, 13:02 CET"),
        ("en", "Mars/Olympus", "21 Nov 2026, 12:02 UTC"),
        ("en", "../../etc/passwd", "21 Nov 2026, 12:02 UTC"),
        ("en", "", "21 Nov 2026, 12:02 UTC"),
    ],
)
def test_moments_as_people_write_them(locale: str, timezone: str, text: str) -> None:
    assert format_moment(NOON, locale, timezone) == text


def test_english_needs_no_babel() -> None:
    program = (
        "import sys; from gateway.i18n import *; translator('en').gettext('x'); "
        "format_moment(0, 'en', 'Europe/Warsaw'); sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
