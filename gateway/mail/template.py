"""Letters from templates: `<< >>` values, `<% %>` blocks, `<# #>` comments (design §9).

A letter of kind `notice` is `notice.subject`, `notice.txt` and `notice.html` in
`templates/email`; an operator's folder may hold its own version of any of them. What they
may say is in `mail.words`, what they may do in `mail.sandbox`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from gettext import NullTranslations
from pathlib import Path

from jinja2 import Template, TemplateError, TemplateNotFound, TemplateSyntaxError, meta, nodes
from markupsafe import Markup, escape

from gateway import data
from gateway.errors import ConfigError, GatewayError
from gateway.i18n import SOURCE_LANGUAGE, Translator, marked, translator
from gateway.mail.quote import REPLY_MARK
from gateway.mail.sandbox import Sandbox
from gateway.mail.speech import HtmlSpeech, Speech
from gateway.mail.words import Addition, Attached, FileLink, LetterWords, Passage, Written

OURS = data.folder("templates") / "email"
KINDS = ("receipt", "receipt_unproven", "reply", "notice", "closed", "confirmation", "failed", "summary")
TEXT_ONLY = frozenset({"summary"})
LARGEST = 256 * 1024
"""Octets of one rendered text (threat T53)."""
LONGEST_SUBJECT = 200
"""Characters of a subject, so that `Re: ` and `[#NUMBER]` fit into the 255 of a header."""
MOST_TEXT = 40_000
"""Characters of all messages in one letter; the rest is behind its link."""
MOST_HTML = 100_000
"""Octets of all messages' HTML in one letter; beyond, their text is shown."""
MOST_MESSAGES = 100
MOST_FILES = 50
SHARES = (1, 2, 4, 8, 16, 32)
"""A letter too large is clipped to a half, a quarter, …: how long words get is known once they are escaped."""

STATUS_NAMES = {
    "open": marked("open"),
    "pending": marked("waiting for you"),
    "onhold": marked("on hold"),
    "solved": marked("solved"),
    "closed": marked("closed"),
}
WORDS = tuple(field.name for field in fields(LetterWords))
UNPROVEN_WORDS = ("desk_name", "ticket_url", "ticket_number", "answer_mailto", "unproven")
"""What a letter to an unproven address may say: nothing that its sender chose (threat T21)."""
EXTRAS = ("_", "ngettext", "mark", "language", "direction")

# What compiling and executing somebody's template can raise besides Jinja's own errors. SyntaxError is Python's, of
# what Jinja made of it: more than twenty loops within one another.
FAULTS = (
    TemplateError,
    SyntaxError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
    AttributeError,
)

_RIGHT_TO_LEFT = ("ar", "fa", "he", "ur", "yi")
_REPLY_PREFIX = re.compile(
    r"(?:re|aw|antw|sv|vs|odp|ynt|rif|res|отв|回复|答复)(?:\[\d{1,3}\])? ?[:：] ?", re.IGNORECASE
)
_TICKET_TAG = re.compile(r" ?\[#\d{4}-\d{1,9}\]")
_PICTURE = re.compile(r'<img(?: [a-z]+="[^"]*")*>')


class Unwritable(GatewayError):
    """A template failed on these words, or made too much of them."""


class _TooLong(Unwritable):
    """It is more than LARGEST; with fewer words it may do."""


class Stationery:
    """The templates, compiled once for each language, ours below those of the operator's folder."""

    def __init__(self, folder: Path | None, translate: Translator = translator) -> None:
        self._translate = translate
        self._folders = [OURS] if folder is None else [folder, OURS]
        self._languages: dict[str, _Language] = {}  # as many as there are catalogues

    def write(self, kind: str, words: LetterWords, locale: str = SOURCE_LANGUAGE) -> Written:
        """The letter of that kind in that language, with as much of the words as it holds. Raises Unwritable."""
        language = self._language(locale)
        for share in SHARES[:-1]:
            try:
                return language.write(kind, _values(kind, words, language.translations, locale, share))
            except _TooLong:
                continue
        return language.write(kind, _values(kind, words, language.translations, locale, SHARES[-1]))

    def environment(self, name: str) -> Sandbox:
        """The one that a file of this name belongs to, by its ending."""
        return self._language(SOURCE_LANGUAGE).environment(name)

    def _language(self, locale: str) -> _Language:
        if (known := self._languages.get(locale)) is not None:
            return known
        translations = self._translate(locale)
        if type(translations) is NullTranslations and locale != SOURCE_LANGUAGE:  # it has no catalogue
            return self._language(SOURCE_LANGUAGE)
        return self._languages.setdefault(locale, _Language(self._folders, translations))


class _Language:
    """The templates in one language."""

    def __init__(self, folders: list[Path], translations: NullTranslations) -> None:
        self.translations = translations
        self._plain = Sandbox(folders, Speech(translations))
        self._html = Sandbox(folders, HtmlSpeech(translations))

    def write(self, kind: str, values: Mapping[str, object]) -> Written:
        """The letter of that kind. Raises Unwritable."""
        subject = self._render(f"{kind}.subject", values)
        text = self._render(f"{kind}.txt", values)
        html = "" if kind in TEXT_ONLY else self._render(f"{kind}.html", values)
        return Written(" ".join(subject.split()), text.strip("\n") + "\n", html)

    def environment(self, name: str) -> Sandbox:
        """The one that a file of this name belongs to, by its ending."""
        return self._html if name.endswith(".html") else self._plain

    def _render(self, name: str, values: Mapping[str, object]) -> str:
        environment = self.environment(name)
        spoken = {"_": environment.speech.gettext, "ngettext": environment.speech.ngettext}
        try:
            return _bounded(environment.get_template(name), {**values, **spoken})
        except FAULTS as error:
            raise Unwritable(f"{name}: {error}") from error


def check_templates(folder: Path | None) -> None:
    """Nothing, when every letter can be written; else ConfigError with the file and the mend.

    folder: the operator's, or None.
    """
    if folder is not None:
        _check_folder(folder)
    stationery = Stationery(folder)
    for kind in KINDS:
        for name in _files(kind):
            _check_file(stationery, kind, name)
        for words in (_FULL, _SCANT):
            try:
                stationery.write(kind, words)
            except Unwritable as error:
                raise _wrong(str(error), "mend the file, or remove it to use ours") from error


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError("templates.folder", f"{folder} is no folder: create it, or leave the key empty")
    known = [name for kind in KINDS for name in _files(kind)]
    for path in sorted(folder.iterdir()):
        ours = path.suffix in (".txt", ".html", ".subject") and not path.name.startswith("_")
        if ours and path.name not in known:
            raise _wrong(f"{path.name}: no letter has this name", "rename it to one of: " + ", ".join(known))


def _check_file(stationery: Stationery, kind: str, name: str) -> None:
    allowed = {*(UNPROVEN_WORDS if kind == "receipt_unproven" else WORDS), *EXTRAS}
    family = {name: _parsed(stationery, name)}
    if kind != "summary" and not name.endswith(".subject") and "ticket_url" not in family[name][1]:
        raise _wrong(f"{name}: <<ticket_url>> is missing", "put the link where the reader will find it")
    while missing := {file for tree, _ in family.values() for file in _taken_in(tree)} - family.keys():
        family |= {file: _parsed(stationery, file) for file in missing}
    # A file that is taken in sees what the others set: loop variables and <% set %>.
    names = [name for tree, _ in family.values() for name in tree.find_all(nodes.Name)]
    bound = {name.name for name in names if name.ctx == "store"}
    for file, (_, unbound) in family.items():
        if unknown := sorted(unbound - bound - allowed):
            raise _wrong(f"{file}: unknown name {unknown[0]}", "known here: " + ", ".join(sorted(allowed)))


def _parsed(stationery: Stationery, file: str) -> tuple[nodes.Template, set[str]]:
    """The file as a tree, and the names that it takes from outside."""
    environment = stationery.environment(file)
    try:
        source = environment.source(file)
        if "<<<" in source:
            line = source[: source.index("<<<")].count("\n") + 1
            raise _wrong(f"{file}, line {line}: <<<", "put a space after the first <, or write &lt; in HTML")
        tree = environment.parse(source)
        return tree, meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise _wrong(f"{file}, line {error.lineno}: {error.message}", "mend that line") from error
    except (TemplateNotFound, OSError, UnicodeError) as error:
        raise _wrong(f"{file}: cannot be read", "it must be there, readable, and in UTF-8") from error


def _taken_in(tree: nodes.Template) -> set[str]:
    return {file for file in meta.find_referenced_templates(tree) if file}


def _files(kind: str) -> tuple[str, ...]:
    endings = ("subject", "txt") if kind in TEXT_ONLY else ("subject", "txt", "html")
    return tuple(f"{kind}.{ending}" for ending in endings)


def _wrong(problem: str, mend: str) -> ConfigError:
    return ConfigError("templates.folder", f"{problem}; {mend}")


def bare_subject(subject: str) -> str:
    """The subject without `Re:` (in some languages) and `[#NUMBER]`, one line, bounded."""
    bare = _TICKET_TAG.sub("", " ".join(subject[:1000].split())).strip()
    while prefix := _REPLY_PREFIX.match(bare):
        bare = bare[prefix.end() :]
    return bare if len(bare) <= LONGEST_SUBJECT else bare[: LONGEST_SUBJECT - 1] + "…"


def _values(
    kind: str, words: LetterWords, translations: NullTranslations, locale: str, share: int
) -> dict[str, object]:
    names = UNPROVEN_WORDS if kind == "receipt_unproven" else WORDS
    values: dict[str, object] = {name: getattr(words, name) for name in names}
    language = locale.replace("_", "-")
    values["language"] = language
    values["direction"] = "rtl" if language.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
    values["mark"] = translations.gettext(REPLY_MARK)
    if kind == "receipt_unproven":
        return values
    values["status"] = translations.gettext(STATUS_NAMES.get(words.status, words.status))
    values["subject"] = bare_subject(words.subject)
    messages = words.messages[: MOST_MESSAGES // share]
    passages = (*messages, words.quoted) if words.quoted else messages
    clipped = tuple(_clipped(passages, translations.gettext(marked("[picture]")), share))
    values["messages"] = clipped[: len(messages)]
    values["more_messages"] = words.more_messages + len(words.messages) - len(messages)
    values["quoted"] = clipped[-1] if words.quoted else None
    values["added_people"] = words.added_people[: MOST_MESSAGES // share]
    return values


def _clipped(passages: tuple[Passage, ...], picture: str, share: int) -> Iterator[Passage]:
    """The passages within what one letter may hold, without pictures that would be missing."""
    text_left, html_left, files_left = MOST_TEXT // share, MOST_HTML // share, MOST_FILES // share
    for passage in passages:
        text, html = passage.text.strip("\n"), passage.html
        if html is not None:
            # A picture within the mail would need the same Content-ID here; it comes as a file instead.
            html = Markup(_PICTURE.sub(lambda _: escape(picture), html)) if "<img" in html else html
            html_left -= len(html.encode())
        is_clipped = len(text) > text_left
        if is_clipped or html_left < 0:
            html = None
        text = text[:text_left]
        text_left -= len(text)
        attachments = passage.attachments[:files_left]
        links = passage.files_as_links[: files_left - len(attachments)]
        files_left -= len(attachments) + len(links)
        dropped = len(passage.attachments) + len(passage.files_as_links) - len(attachments) - len(links)
        yield replace(
            passage,
            text=text,
            html=html,
            attachments=attachments,
            files_as_links=links,
            is_clipped=is_clipped,
            more_files=passage.more_files + dropped,
        )


def _bounded(template: Template, values: dict[str, object]) -> str:
    pieces, length = [], 0
    for piece in template.root_render_func(template.new_context(values, shared=True)):
        pieces.append(piece)
        length += len(piece)
        if length > LARGEST:
            break
    text = "".join(pieces)
    if length > LARGEST or len(text.encode(errors="replace")) > LARGEST:
        raise _TooLong(f"{template.name}: more than {LARGEST // 1024} KB")
    return text


# Words for the trial that every template must pass: one letter with all there is, one with little.
_PASSAGE = Passage(
    "Anna",
    "client",
    "1 Jan 2026, 12:00 UTC",
    "words",
    None,
    (Attached("a.pdf", "1 KB"),),
    (FileLink("b.zip", "https://localhost/b"),),
    "read on the page",
    True,
    2,
)
_SCANT = LetterWords("Desk", "https://localhost/t", "2601-1")
_FULL = LetterWords(
    "Desk",
    "https://localhost/t",
    "2601-1",
    "subject",
    author_name="Anna",
    is_internal=True,
    messages=(_PASSAGE, replace(_PASSAGE, kind="internal", html=Markup("<p>words</p>"))),
    more_messages=2,
    quoted=_PASSAGE,
    added_people=(Addition("Anna", "Bob"),),
    answer_mailto="mailto:desk@localhost",
    note_mailto="mailto:desk+note@localhost",
    reason="because",
    recipient="bob@localhost",
    reached=("carol@localhost",),
    is_answer=True,
    held_total=2,
    failed_total=2,
    held=("one",),
    failed=("one",),
    stopped=("one",),
    spent=("one",),
)
