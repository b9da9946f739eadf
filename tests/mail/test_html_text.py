"""What the HTML of mail programs says about its parts comes with the text made from it."""

from __future__ import annotations

import pytest

from gateway.mail.html_text import HtmlText, read_html
from gateway.mail.quote import clients, fold
from gateway.mail.sanitize import sanitize


def read(html: str) -> HtmlText:
    return read_html(sanitize(clients.marked(html)))


def lines(found: HtmlText, ranges: tuple[tuple[int, int], ...]) -> list[str]:
    """The filled lines of each range."""
    every = found.text.split("\n")
    return ["|".join(filter(None, every[start:stop])) for start, stop in ranges]


def test_each_part_has_its_lines() -> None:
    found = read(
        "<p>new</p><div class='moz-signature'>Jo</div><div class='gmail_attr'>Help:</div>"
        "<div class='yahoo_quoted'><p>old</p><p>older</p></div>"
    )
    parts = found.structure
    assert lines(found, parts.signatures) == ["Jo"]
    assert lines(found, parts.attributions) == ["Help:"]
    assert lines(found, parts.quotes) == ["old|older"]
    assert (parts.history, parts.forwarded, parts.headers, parts.asides, parts.bare) == ((), (), (), (), ())


@pytest.mark.parametrize(
    "name",
    ["divRplyFwdMsg", "x_divRplyFwdMsg", "x_x_appendonsend", "ecxstopSpelling", "yiv123456zwchr", "zwchr"],
)
def test_a_beginning_may_be_an_empty_element(name: str) -> None:
    found = read(f"<p>new</p><div id='{name}'></div><p>old</p>")
    (start,) = found.structure.history
    assert "".join(found.text.split("\n")[start:]) == "old"


def test_a_forwarded_mail_is_none_that_was_answered() -> None:
    found = read("<p>See below</p><div class='moz-forward-container'>-- <p>theirs</p></div>")
    assert len(found.structure.forwarded) == 1 and found.structure.history == ()


@pytest.mark.parametrize(
    ("blockquote", "text"),
    [
        ("<blockquote type=cite>", "> words"),
        ("<blockquote cite='mid:one@desk.example'>", "> words"),
        ("<blockquote style='border-left: 2px solid #00f'>", "> words"),
        ("<div class=gmail_quote></div><blockquote class=gmail_quote>", "> words"),
        ("<p>On 3 Feb 2025, 10:11 Jo &lt;jo@example.org&gt; wrote:</p><blockquote>", "> words"),
        ("<blockquote>", "    words"),
        ("<blockquote style='margin-left:40px'>", "    words"),
        ("<blockquote class=gmail_quote style='margin:0'>", "    words"),
    ],
)
def test_quotes_of_programs_are_marked_and_those_of_authors_indented(blockquote: str, text: str) -> None:
    assert read(f"{blockquote}<p>words</p></blockquote>").text.split("\n")[-1] == text


def test_a_quote_in_a_quote_is_one() -> None:
    found = read("<blockquote type=cite>a<blockquote>b</blockquote></blockquote><p>c</p>")
    assert found.text == "> a\n>\n> > b\n\nc"


def test_words_that_look_like_signs_are_none() -> None:
    html = f"<p>one{clients.HISTORY}</p><p>{clients.SIGNATURE}two</p>"
    found = read(html)
    assert found.text == "one\n\ntwo"
    assert found.structure.history == () and found.structure.signatures == ()
    assert clients.without_signs(clients.marked(html)) == "<p>one</p><p>two</p>"


def test_signs_change_nothing_else() -> None:
    html = "<div class=gmail_quote id=x>a<hr id=zwchr><blockquote type='cite'>b</blockquote></div>"
    assert clients.marked(html) != html
    assert clients.without_signs(clients.marked(html)) == html


def test_a_link_shows_where_it_leads_but_for_names_in_a_header() -> None:
    assert read("<a href='https://a.example/x'>here</a>").text == "here <https://a.example/x>"
    assert read("<a href='mailto:jo@example.org'>Jo</a>").text == "Jo <jo@example.org>"
    assert read("<a href='mailto:jo@example.org'>jo@example.org</a>").text == "jo@example.org"
    box = "<div style='border-top: 1px solid'>From: <a href='mailto:jo@example.org'>Jo</a></div>"
    assert read(box).text == "From: Jo"


@pytest.mark.parametrize(
    "html",
    [
        "<div class='gmail_attr'>ekk</div><blockquote class='gmail_quote'>old</blockquote>",
        "<div class='gmail_signature' data-smartmail='gmail_signature'>Jo</div>",
        "<hr><div id='divRplyFwdMsg'>ekk</div><p>old</p>",
        "<div id='mail-editor-reference-message-container'>ekk<p>old</p></div>",
        "<div id='ms-outlook-mobile-signature'>ekk</div>",
        "<div data-signatureblock='true'>Jo</div>",
        "<div class='AppleOriginalContents'>ekk<p>old</p></div>",
        "<blockquote type='cite'>ekk<p>old</p></blockquote>",
        "<div class='moz-cite-prefix'>ekk</div><blockquote type='cite' cite='mid:x'>old</blockquote>",
        "<pre class='moz-signature'>Jo</pre>",
        "<div id='yahoo_quoted_4711' class='ydp12345678yahoo_quoted'>ekk<p>old</p></div>",
        "<div class='protonmail_quote'>ekk<blockquote>old</blockquote></div>",
        "<div class='protonmail_signature_block'>ekk</div>",
        "<div id='composer_signature'>ekk</div>",
        "<hr id='zwchr' data-marker='__DIVIDER__'><div>ekk<p>old</p></div>",
        "<div data-marker='__QUOTED_TEXT__'>ekk<p>old</p></div>",
        "<div class='NotesQuote'>ekk<p>old</p></div>",
        "<div name='quote'>ekk<p>old</p></div>",
    ],
)
def test_what_a_program_marks_is_folded_in_any_language(html: str) -> None:
    found = read(f"<div>new</div>{html}")
    hidden = {at for start, end in fold(found.text, found.structure).ranges for at in range(start, end)}
    left = [line for at, line in enumerate(found.text.split("\n")) if line and at not in hidden]
    assert left in (["new"], ["new", "---"])
