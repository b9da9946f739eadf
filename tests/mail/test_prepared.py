"""Templates that are made ready ahead say what they would have said without."""

from __future__ import annotations

from dataclasses import replace
from gettext import NullTranslations
from pathlib import Path

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.errors import ConfigError
from gateway.mail import template
from gateway.mail.prepared import MOST_PARTS
from gateway.mail.sandbox import Sandbox
from gateway.mail.speech import HtmlSpeech, Speech
from gateway.mail.template import OURS, TEXT_ONLY, Stationery, Unwritable, check_templates
from tests.mail.letters import ANSWER, LETTERS, WORDS


class Foreign(NullTranslations):
    """A language with markup, percent signs and placeholders in another order."""

    def gettext(self, message: str) -> str:
        turned = " ".join(reversed(message.split(" ")))
        return f"100%% <b> & ▸{turned}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Unprepared(Sandbox):
    """The sandbox without what is done ahead."""

    _generate = ImmutableSandboxedEnvironment._generate


def rendered(sandbox: Sandbox, file: str, /, **values: object) -> str:
    said = {"_": sandbox.speech.gettext, "ngettext": sandbox.speech.ngettext}
    return sandbox.get_template(file).render(values | said)


@pytest.mark.parametrize("translations", [NullTranslations(), Foreign()], ids=["English", "foreign"])
@pytest.mark.parametrize("name", LETTERS)
def test_no_letter_differs(name: str, translations: NullTranslations) -> None:
    kind, words = LETTERS[name]
    written = Stationery(None, lambda locale: translations).write(kind, words)
    found = {"subject": written.subject, "txt": written.text, "html": written.html}
    for ending in ("subject", "txt") if kind in TEXT_ONLY else ("subject", "txt", "html"):
        speech = HtmlSpeech(translations) if ending == "html" else Speech(translations)
        values = template._values(kind, words, translations, "en", 1)
        expected = rendered(Unprepared([OURS], speech), f"{kind}.{ending}", **values)
        assert found[ending].strip("\n") == (
            " ".join(expected.split()) if ending == "subject" else expected.strip("\n")
        )


@pytest.mark.parametrize("speech", [Speech, HtmlSpeech])
@pytest.mark.parametrize(
    "source",
    [
        '<<_("Read the ticket")>>',
        '<<_("50%% of %(who)s & %(what)s", who=name, what=3)>>',
        '<<_("%(who)s", who=name)|wrap>>|<<(_("a") ~ name)|length>>',
        '<% set label = _("<%(who)s>", who=name) %><<label>><% include "_part.txt" %>',
        '<% for name in names %><% include "_part.txt" %><% set x = 1 %><% endfor %>',
        '<% include "_part.txt" %><<name>>',
    ],
)
def test_what_is_done_ahead_changes_nothing(tmp_path: Path, source: str, speech: type[Speech]) -> None:
    (tmp_path / "_part.txt").write_text('<% set name = name ~ "!" %><<_("Hello %(who)s", who=name)>>')
    (tmp_path / "letter.txt").write_text(source)
    said = speech(Foreign())
    values = {"name": "<شركة>", "names": ("a", "<b>")}
    expected = rendered(Unprepared([tmp_path], said), "letter.txt", **values)
    assert rendered(Sandbox([tmp_path], said), "letter.txt", **values) == expected
    assert "▸" in expected or source.startswith("<<(")


def test_sentences_are_translated_once(tmp_path: Path) -> None:
    asked: list[str] = []

    class Counting(NullTranslations):
        def gettext(self, message: str) -> str:
            asked.append(message)
            return message

    (tmp_path / "letter.txt").write_text('<<_("Read")>> <<_("Hello %(who)s", who=name)>>')
    sandbox = Sandbox([tmp_path], Speech(Counting()))
    assert [rendered(sandbox, "letter.txt", name=name) for name in "ab"] == ["Read Hello a", "Read Hello b"]
    assert asked == ["Read", "Hello %(who)s"]


def test_files_that_multiply_are_not_taken_in_without_end(tmp_path: Path) -> None:
    """Forty files of two lines each would be a template of 2⁴⁰ parts (T53)."""
    for number in range(40):
        part = f"<% include '_{number + 1}.txt' %>"
        (tmp_path / f"_{number}.txt").write_text(part + part)
    (tmp_path / "_40.txt").write_text("x")
    (tmp_path / "notice.txt").write_text("<<ticket_url>><% if held %><% include '_0.txt' %><% endif %>")
    assert Stationery(tmp_path).write("notice", WORDS).text == f"{WORDS.ticket_url}\n"
    assert MOST_PARTS <= 100


def test_a_file_that_takes_itself_in_fails_when_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("<<ticket_url>><% include 'notice.txt' %>")
    with pytest.raises(Unwritable):
        Stationery(tmp_path).write("notice", WORDS)


def test_a_file_may_take_itself_in_within_a_loop(tmp_path: Path) -> None:
    """Nothing becomes part of itself: Python has no more than twenty loops within one another."""
    (tmp_path / "_files.txt").write_text(
        "<% for a in messages %>.<% endfor %><% for a in held %><% include '_files.txt' %><% endfor %>"
    )
    (tmp_path / "notice.txt").write_text("<<ticket_url>><% include '_files.txt' %>")
    quiet = replace(WORDS, messages=(ANSWER,), held=())
    assert Stationery(tmp_path).write("notice", quiet).text == f"{WORDS.ticket_url}.\n"
    with pytest.raises(ConfigError, match=r"notice\.txt: .*recursion"):
        check_templates(tmp_path)


def test_files_that_take_one_another_in_become_part_of_each_other_once(tmp_path: Path) -> None:
    parsed: list[str] = []

    class Telling(Sandbox):
        def source(self, file: str) -> str:
            parsed.append(file)
            return super().source(file)

    (tmp_path / "_a.txt").write_text("a<% if again %><% include '_b.txt' %><% endif %>")
    (tmp_path / "_b.txt").write_text("b<% if again %><% include '_a.txt' %><% endif %>")
    (tmp_path / "letter.txt").write_text("<% include '_a.txt' %><% include '_b.txt' %>")
    assert rendered(Telling([tmp_path], Speech(NullTranslations())), "letter.txt", again=False) == "ab"
    assert parsed == ["_a.txt", "_b.txt", "_b.txt", "_a.txt"]


def test_more_loops_within_one_another_than_python_has_are_told(tmp_path: Path) -> None:
    """One in each file, so that no file by itself has many."""
    for number in range(21):
        (tmp_path / f"_{number}.txt").write_text(
            f"<% for a in messages %><% include '_{number + 1}.txt' %><% endfor %>"
        )
    (tmp_path / "_21.txt").write_text("x")
    (tmp_path / "notice.txt").write_text("<<ticket_url>><% include '_0.txt' %>")
    with pytest.raises(ConfigError, match=r"notice\.txt: .*nested"):
        check_templates(tmp_path)
