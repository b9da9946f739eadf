"""Letters from templates: what they say, what they never say, and what an operator may write."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import Markup

from gateway.errors import ConfigError
from gateway.mail.quote import REPLY_MARK
from gateway.mail.template import (
    KINDS,
    LARGEST,
    OURS,
    TEXT_ONLY,
    Stationery,
    Unwritable,
    bare_subject,
    check_templates,
)
from gateway.mail.words import Addition, FileLink, LetterWords, Passage
from tests.mail.letters import ANSWER, LETTERS, NOTE, QUESTION, URL, WORDS

GOLDEN = Path(__file__).parent / "golden"
STATIONERY = Stationery(None)

ESCAPES = [
    "<< ''.__class__ >>",
    "<< ''.__class__.__mro__[1].__subclasses__() >>",
    "<< ''['__class__'] >>",
    "<< desk_name.__class__ >>",
    "<< desk_name['__class__'] >>",
    "<< desk_name|attr('__class__') >>",
    "<< desk_name.format('x') >>",
    "<< '{0.__class__}'.format(desk_name) >>",
    "<< '{0.__class__}'.format_map({}) >>",
    "<< desk_name.upper >>",
    "<< desk_name.upper() >>",
    "<< desk_name.center(100000000) >>",
    "<< desk_name.encode() >>",
    "<< 'a' * 100000000 >>",
    "<< 100000000 * 'a' >>",
    "<< 9 ** 9 ** 9 >>",
    "<< '%999999999d' % 1 >>",
    "<< '%s' % desk_name >>",
    "<< 'a'|center(100000000) >>",
    "<< 'a'|indent(100000000) >>",
    "<< 'a'|format(1) >>",
    "<< {}|xmlattr >>",
    "<< messages|map(attribute='__class__')|list >>",
    "<< messages|groupby('__class__') >>",
    "<< messages.__class__ >>",
    "<< messages.count(1) >>",
    "<< messages|pprint >>",
    "<< desk_name|safe >>",
    "<< range(99999999) >>",
    "<% for a in range(9999) %>x<% endfor %>",
    "<< lipsum() >>",
    "<< lipsum.__globals__ >>",
    "<< cycler.__init__.__globals__ >>",
    "<< joiner() >>",
    "<< namespace() >>",
    "<< dict() >>",
    "<< self.__init__ >>",
    "<< self._TemplateReference__context >>",
    "<< config >>",
    "<< request >>",
    "<< _.__self__ >>",
    "<< _.__func__.__globals__ >>",
    "<< _.__self__._translations >>",
    "<< ngettext.__globals__ >>",
    "<< _('%(x)999999999s', x=1) >>",
    "<< _('%(x)s') >>",
    "<< _('%s') >>",
    "<< _('100%') >>",
    "<< _('%(x)r', x=desk_name) >>",
    "<< added_people[0].__class__ >>",
    "<< added_people[0].__dataclass_fields__ >>",
    "<< added_people[0].__init__() >>",
    "<< added_people.append(1) >>",
    "<% for a in added_people %><< loop.__class__ >><% endfor %>",
    "<% for a in added_people %><< loop._recurse >><% endfor %>",
    "<% set x = added_people.__len__ %><< x() >>",
    "<% import 'os' as os %><< os.system('x') >>",
    "<% include '/etc/passwd' %>",
    "<% include '../../../etc/passwd' %>",
    "<% include 'notice.txt' %>",
    "<% macro m() %><< m() >><% endmacro %><< m() >>",
    "<% filter upper %><< caller() >><% endfilter %>",
    "<% call desk_name() %><% endcall %>",
    "<% do desk_name.x() %>",
    "<< 1 / 0 >>",
    "<% for a in desk_name recursive %><< loop(desk_name) >><% endfor %>",
]

MISTAKES = [
    ("<<tiket_url>> <<ticket_url>>", "unknown name tiket_url"),
    ("see <<<ticket_url>>>", "line 1: <<<"),
    ("hello", "<<ticket_url>> is missing"),
    ("<# <<ticket_url>> #>", "<<ticket_url>> is missing"),
    ("<<ticket_url>>\n<% if %>", "line 2"),
    ("<<ticket_url>> <% for m in messages %>", "notice.txt"),
    ("<<ticket_url>><% for m in messages %><< m.autor_name >><% endfor %>", "autor_name"),
    ("<<ticket_url>><< desk_name|wrapped >>", "wrapped"),
    ("<<ticket_url>><% include '_mesage.txt' %>", "_mesage.txt: cannot be read"),
]


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_our_templates_pass() -> None:
    check_templates(None)


@pytest.mark.parametrize("name", ["receipt", "receipt_unproven", "reply", "notice_internal", "summary"])
def test_letters_are_as_they_were(name: str) -> None:
    """Golden letters: to change one on purpose, delete its file, run twice, and read what is new."""
    written = STATIONERY.write(*LETTERS[name])
    found = f"Subject: {written.subject}\n\n{written.text}"
    golden = GOLDEN / f"{name}.txt"
    if not golden.exists():
        golden.write_text(found, encoding="utf-8")
        pytest.fail(f"{golden.name} is new: read it")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LETTERS)
def test_letters_are_plain_and_load_nothing(name: str) -> None:
    kind, words = LETTERS[name]
    written = STATIONERY.write(kind, words)
    assert "\n" not in written.subject
    assert "\n\n\n" not in written.text
    if kind in TEXT_ONLY:
        assert written.html == ""
        return
    assert URL in written.text
    assert URL in written.html
    for tag, attributes in Elements(written.html).found:
        assert tag not in ("img", "script", "link", "style", "iframe", "object", "form")
        assert not attributes.keys() & {"src", "background", "srcset", "id"}
        style = attributes.get("style") or ""
        assert not re.search(r"url\(|flex|grid|background:\s*#f", style)
        assert set(re.findall(r"(?:^|;)color:([^;]+)", style)) <= {"inherit", "#ffffff"}, "light and dark"


@pytest.mark.parametrize("name", LETTERS)
def test_our_own_words_keep_to_72_columns(name: str) -> None:
    kind, words = LETTERS[name]
    lines = STATIONERY.write(kind, words).text.splitlines()
    assert [line for line in lines if len(line) > 72 and not line.startswith("https://")] == []


def test_a_reply_begins_with_the_answer_and_ends_with_the_quote() -> None:
    written = STATIONERY.write(*LETTERS["reply"])
    assert written.subject == "Re: Printer on fire [#2647-12]"
    assert written.text.startswith(ANSWER.text)
    link, mark, quote = (written.text.index(part) for part in (URL, REPLY_MARK, "> the printer"))
    assert len(ANSWER.text) < link < mark < quote
    assert "Ann added Carl" in written.text
    assert "help+" not in written.text + written.html


def test_words_of_others_are_escaped_and_untouched() -> None:
    nasty = replace(QUESTION, text="  two  spaces <b>&amp;\n\n\tline", author_name="<script>")
    written = STATIONERY.write("notice", replace(WORDS, messages=(nasty,), author_name="<script>"))
    assert "  two  spaces <b>&amp;\n\n\tline\n" in written.text
    assert "<script>" not in written.html
    assert "&nbsp; two&nbsp; spaces &lt;b&gt;&amp;amp;<br>" in written.html


def test_names_in_other_scripts_stay_in_their_place() -> None:
    written = STATIONERY.write("notice", replace(WORDS, messages=(QUESTION,), author_name="شركة"))
    assert "<bdi>شركة</bdi> wrote in ticket" in written.html


def test_only_sanitised_html_is_html() -> None:
    html = Markup('<p>burns <b>now</b></p><img src="cid:x" alt="a" width="3">')
    written = STATIONERY.write("notice", replace(WORDS, messages=(replace(QUESTION, html=html),)))
    assert "<p>burns <b>now</b></p>[picture]" in written.html
    assert "burns <b>" not in written.text


def test_a_note_says_so_everywhere() -> None:
    written = STATIONERY.write(*LETTERS["notice_internal"])
    assert written.subject.startswith("INTERNAL:")
    for text in (written.text, written.html):
        assert "INTERNAL NOTE" in text
        assert "your reply stays an INTERNAL note" in text
        assert "goes to the customer" not in text
        assert "help+note" not in text
    joined = STATIONERY.write(*LETTERS["notice_joined"])
    assert f"{NOTE.author_name}, {NOTE.written_at}, INTERNAL NOTE:" in joined.text


def test_a_notice_tells_where_an_answer_goes() -> None:
    written = STATIONERY.write(*LETTERS["notice"])
    assert "your reply goes to the customer" in written.text
    assert "\nhelp+note@desk.example\n" in written.text, "a line of its own, or mail clients break it"
    assert 'href="mailto:help+note@desk.example?subject=a&amp;body=b"' in written.html


def test_the_unproven_hear_nothing_that_the_sender_wrote() -> None:
    """T21: the receipt to an unproven address is no way to send words to a stranger."""
    canary = "CANARY"
    passage = Passage(canary, "client", canary, canary, Markup(canary), skipped_note=canary)
    words = LetterWords(
        desk_name="Example Support",
        ticket_url=URL,
        ticket_number="2647-12",
        subject=canary,
        status=canary,
        author_name=canary,
        messages=(passage,),
        quoted=passage,
        added_people=(Addition(canary, canary),),
        reason=canary,
        held=(canary,),
        unproven=True,
    )
    written = STATIONERY.write("receipt_unproven", words)
    assert canary not in written.subject + written.text + written.html
    assert written.subject == STATIONERY.write("receipt_unproven", WORDS).subject


@pytest.mark.parametrize("name", ["subject", "author_name", "messages", "quoted", "reason"])
def test_an_operator_cannot_make_them_hear_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "receipt_unproven.txt").write_text(f"<<ticket_url>> << {name} >>")
    with pytest.raises(ConfigError, match=f"receipt_unproven.txt: unknown name {name}"):
        check_templates(tmp_path)
    with pytest.raises(Unwritable):
        Stationery(tmp_path).write("receipt_unproven", LETTERS["receipt"][1])


@pytest.mark.parametrize("source", ESCAPES)
def test_no_way_out_of_the_sandbox(tmp_path: Path, source: str) -> None:
    """T53, CVE-2016-10745, CVE-2019-10906, CVE-2024-56326, CVE-2025-27516."""
    (tmp_path / "notice.txt").write_text("<<ticket_url>>" + source)
    with pytest.raises(ConfigError, match=r"notice\.txt|passwd|os: cannot be read"):
        check_templates(tmp_path)
    with pytest.raises(Unwritable):
        Stationery(tmp_path).write("notice", LETTERS["reply"][1])


@pytest.mark.parametrize(("source", "problem"), MISTAKES)
def test_mistakes_are_told_at_start(tmp_path: Path, source: str, problem: str) -> None:
    (tmp_path / "notice.txt").write_text(source)
    with pytest.raises(ConfigError) as error:
        check_templates(tmp_path)
    assert problem in str(error.value)
    assert "notice.txt" in str(error.value) or "_mesage.txt" in str(error.value)
    assert "; " in str(error.value)


def test_a_file_that_no_letter_has_is_told(tmp_path: Path) -> None:
    (tmp_path / "notise.txt").write_text("<<ticket_url>>")
    with pytest.raises(ConfigError, match=r"notise\.txt: no letter has this name"):
        check_templates(tmp_path)
    with pytest.raises(ConfigError, match="is no folder"):
        check_templates(tmp_path / "missing")


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_bytes(b"<<ticket_url>> gr\xfc\xdfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        check_templates(tmp_path)


def test_an_operators_letter_lies_over_ours(tmp_path: Path) -> None:
    loop = "<% for m in messages %><<m.text>><% endfor %>"
    (tmp_path / "notice.txt").write_text("Mine: <<ticket_url>> {{x}}\n" + loop)
    (tmp_path / "notes.md").write_text("<<anything>>")
    check_templates(tmp_path)
    written = Stationery(tmp_path).write("notice", LETTERS["notice"][1])
    assert written.text == f"Mine: {URL} {{{{x}}}}\n{QUESTION.text}\n"
    assert written.html == STATIONERY.write("notice", LETTERS["notice"][1]).html


def test_a_letter_stays_within_bounds(tmp_path: Path) -> None:
    loop = "<% for m in messages %><<m.text>><% endfor %>"
    (tmp_path / "notice.txt").write_text("<<ticket_url>>" + loop * 9)
    long = replace(QUESTION, text="'" * 1_000_000, html=Markup("<p>" + "x" * 500_000))
    words = replace(WORDS, messages=(long,) * 50)
    for stationery in (Stationery(tmp_path), STATIONERY):
        written = stationery.write("notice", words)
        assert 50_000 < len(written.text.encode()) < LARGEST or stationery is STATIONERY
        assert len(written.html.encode()) < LARGEST
    assert "The rest of this message is on the ticket page" in written.text
    (tmp_path / "reply.txt").write_text("<<ticket_url>>" + "x" * LARGEST)
    with pytest.raises(Unwritable, match="256 KB"):
        Stationery(tmp_path).write("reply", words)


@pytest.mark.parametrize("nasty", ["'", '"', "\t", "\n", "\n ", "\n>", "漢", "🔥", "&", "<p>"])
def test_words_that_grow_are_clipped(nasty: str) -> None:
    """A hundred letters of a sort that escaping makes long are a letter all the same."""
    text = nasty * 100_000
    files = tuple(FileLink("漢" * 120, f"{URL}/attachments/{'%E6%BC%A2' * 120}") for _ in range(900))
    passage = replace(QUESTION, text=text, html=Markup("<p>" + "a " * 49_000), files_as_links=files)
    plain = replace(QUESTION, text=text, author_name=nasty * 255)
    for kind in ("notice", "reply", "closed"):
        words = replace(WORDS, messages=(passage, *[plain] * 500), quoted=plain)
        written = STATIONERY.write(kind, words)
        assert 20_000 < max(len(written.text.encode()), len(written.html.encode())) <= LARGEST
        assert "more messages are on the ticket page" in written.text and "more messages" in written.html
        assert "more files are on the ticket page" in written.text and "more files" in written.html


@pytest.mark.parametrize(
    ("subject", "bare"),
    [
        ("Printer", "Printer"),
        ("Re: Printer", "Printer"),
        ("RE: AW: re[2]: Printer", "Printer"),
        ("Re: [#2616-2] Re: Printer", "Printer"),
        ("Re: Printer [#2616-2]", "Printer"),
        ("Fwd: Re: Printer", "Fwd: Re: Printer"),
        ("Regarding: Printer", "Regarding: Printer"),
        ("  a\r\n b  ", "a b"),
        ("[#2616] [x#2616-2]", "[#2616] [x#2616-2]"),
        ("", ""),
        ("Re:", ""),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_prefixes_and_numbers_do_not_pile_up(subject: str, bare: str) -> None:
    assert bare_subject(subject) == bare
    assert bare_subject(bare) == bare
    first = STATIONERY.write("reply", replace(WORDS, subject=subject, messages=(ANSWER,))).subject
    again = STATIONERY.write("reply", replace(WORDS, subject=first, messages=(ANSWER,))).subject
    assert again.count("[#2647-12]") == 1
    assert not again.startswith("Re: Re:")


def test_every_kind_has_its_files() -> None:
    for kind in KINDS:
        assert (OURS / f"{kind}.txt").is_file()
        assert (OURS / f"{kind}.subject").is_file()
        assert (OURS / f"{kind}.html").is_file() is (kind not in TEXT_ONLY)
