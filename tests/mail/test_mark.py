"""The mark above the history our letters quote is known in every language they are written in."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo

from gateway.i18n import DOMAIN
from gateway.mail.quote import REPLY_MARK, has_mark, mark_in

POLISH, JAPANESE = "-- odpowiedz powyżej tej linii --", "-- この行より上に返信をご記入ください --"


@pytest.fixture
def catalogues(tmp_path: Path) -> Path:
    for locale, mark in (("pl", POLISH), ("ja", JAPANESE)):
        catalogue = Catalog(locale=locale)
        catalogue.add(REPLY_MARK, mark)
        folder = tmp_path / locale / "LC_MESSAGES"
        folder.mkdir(parents=True)
        with (folder / f"{DOMAIN}.mo").open("wb") as file:
            write_mo(file, catalogue)
    return tmp_path


def test_each_language_has_its_own(catalogues: Path) -> None:
    spoken = [mark_in(locale, catalogues) for locale in ("en", "pl", "pl-PL", "ja", "de")]
    assert spoken == [REPLY_MARK, POLISH, POLISH, JAPANESE, REPLY_MARK]


@pytest.mark.parametrize("mark", [REPLY_MARK, POLISH, JAPANESE])
@pytest.mark.parametrize("written", ["{}", "> > {}", "  {}  ", "*{}*"])
def test_whatever_language_the_ticket_speaks(catalogues: Path, mark: str, written: str) -> None:
    assert has_mark(written.format(mark), catalogues)
    assert has_mark(written.format(mark.upper()), catalogues)


def test_a_line_about_it_is_none(catalogues: Path) -> None:
    assert not has_mark("odpowiedz powyżej", catalogues)
    assert not has_mark("-- ", catalogues)
