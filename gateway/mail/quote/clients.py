"""How mail programs mark quotes and signatures in HTML: by class, id, type and style.

The sanitiser drops all of these. So before it comes, a sign is put in front of such an element or into
it: one of Unicode's noncharacters, which no mail may hold and which is no markup. `html_text` reads the
signs; what is shown has none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

ATTRIBUTION = "\ufdd0"  # the element says who wrote what follows
QUOTE_BOX = "\ufdd1"  # the element holds what was said before
HISTORY = "\ufdd2"  # all from here on was said before
FORWARDED = "\ufdd3"  # a forwarded mail begins here
HEADER = "\ufdd4"  # the element may be the header of a quoted mail
SIGNATURE = "\ufdd5"
QUOTE = "\ufdd6"  # the blockquote that follows was made by a program that quotes
ASIDE = "\ufdd7"  # the blockquote that follows is the author's own
SIGNS = ATTRIBUTION + QUOTE_BOX + HISTORY + FORWARDED + HEADER + SIGNATURE + QUOTE + ASIDE

_MOST_KEPT = 500  # programs write the same few tags again and again

_BY_NAME = {
    # Gmail, Google Groups, Inbox
    "gmail_attr": ATTRIBUTION,
    "gmail_signature": SIGNATURE,
    "gmail_signature_prefix": SIGNATURE,
    # Outlook for Windows, on the web, for phones; Hotmail; Windows Mail
    "divrplyfwdmsg": HISTORY,
    "appendonsend": HISTORY,
    "stopspelling": HISTORY,
    "replysplit": HISTORY,
    "outlookmessageheader": HISTORY,
    "mail-editor-reference-message-container": QUOTE_BOX,
    "ms-outlook-mobile-signature": SIGNATURE,
    "signature": SIGNATURE,
    "data-signatureblock": SIGNATURE,
    # Apple Mail, iOS, Spark, Airmail
    "appleoriginalcontents": QUOTE_BOX,
    "applemailsignature": SIGNATURE,
    "applemailsignatureinline": SIGNATURE,
    "bloop_sign": SIGNATURE,
    "bloop_original_html": QUOTE_BOX,
    "messagesignaturesection": SIGNATURE,
    "messagereplysection": QUOTE_BOX,
    # Thunderbird, Postbox
    "moz-cite-prefix": ATTRIBUTION,
    "moz-signature": SIGNATURE,
    "moz-forward-container": FORWARDED,
    # Yahoo, AOL
    "yahoo_quoted": QUOTE_BOX,
    "yqt": QUOTE_BOX,
    "ymail_android_signature": SIGNATURE,
    "ydpsignature": SIGNATURE,
    "aolmail_replyto": ATTRIBUTION,
    # Proton, Tuta
    "protonmail_quote": QUOTE_BOX,
    "protonmail_signature_block": SIGNATURE,
    "tutanota_quote": QUOTE_BOX,
    # Samsung, other phones
    "composer_signature": SIGNATURE,
    "composer_original_body": QUOTE_BOX,
    "originalmessage": QUOTE_BOX,
    # Zimbra, Zoho, GMX and web.de, T-Online, QQ, NetEase, Yandex, Fastmail, HEY, Front, Missive
    "zwchr": HISTORY,
    "data-marker=__quoted_text__": QUOTE_BOX,
    "data-marker=__sig_post__": SIGNATURE,
    "zmail_extra": QUOTE_BOX,
    "zmail_extra_hr": HISTORY,
    "name=quote": QUOTE_BOX,
    "name=messagesignaturesection": SIGNATURE,
    "name=messagereplysection": QUOTE_BOX,
    "isreplycontent": QUOTE_BOX,
    "isforwardcontent": FORWARDED,
    "reply-intro": ATTRIBUTION,
    "quoted-text": QUOTE_BOX,
    "trix-content__quoted": QUOTE_BOX,
    "front-signature": SIGNATURE,
    "missive_quote": QUOTE_BOX,
    "missive_signature": SIGNATURE,
    # Lotus and HCL Notes, GroupWise, Roundcube
    "notesquote": QUOTE_BOX,
    "groupwisereplyheader": HISTORY,
    "replyheader": ATTRIBUTION,
}
_QUOTES_OF_GMAIL = frozenset({"gmail_quote", "gmail_quote_container", "gmail_attr", "gmail_extra"})
_TAG = re.compile(r"<(div|span|p|td|hr|pre|font|section|a|blockquote)\b([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(id|class|name|type|style|cite|data-marker|data-signatureblock|data-smartmail)"
    r"\s{0,3}=\s{0,3}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]{1,200}))",
    re.IGNORECASE,
)
_NESTED = re.compile(r"(?:x_|x-|ydp[0-9a-f]{4,12}|yiv\d{1,14}|ecx)+")
_NUMBERED = re.compile(r"[-_]?\d[\w-]{0,60}$")
_TOP_LINE = re.compile(r"border-top(?:-style)?\s?:[^;]{0,60}solid")
_LEFT_LINE = re.compile(r"border-left(?:-style)?\s?:[^;]{0,60}(?:solid|\dp[xt]|thin|medium)")


def marked(html: str) -> str:
    """`html` with signs for what mail programs say about its parts. Linear in its length."""
    return _Marker().mark(without_signs(html))


def without_signs(html: str) -> str:
    """`html` as it was before `marked`."""
    for sign in SIGNS:
        html = html.replace(sign, "")
    return html


class _Marker:
    """Goes through the tags once; Gmail's own quotes are told from an author's by what came before."""

    def __init__(self) -> None:
        self._gmail_quotes = False

    def mark(self, html: str) -> str:
        return _TAG.sub(self._tag, html)

    def _tag(self, tag: re.Match[str]) -> str:
        if "=" not in tag[2]:
            return tag[0]
        name, (attributes, names) = tag[1].lower(), _said(tag[2])
        if name == "blockquote":
            return self._kind_of_blockquote(attributes, names) + tag[0]
        self._gmail_quotes |= not names.isdisjoint(_QUOTES_OF_GMAIL)
        sign = _BY_NAME[min(known)] if (known := names & _BY_NAME.keys()) else ""
        if not sign and name == "div" and _TOP_LINE.search(attributes.get("style", "")):
            sign = HEADER
        if sign == HISTORY or name in ("hr", "a"):
            return sign + tag[0] if sign == HISTORY else tag[0]
        return tag[0] + sign

    def _kind_of_blockquote(self, attributes: Mapping[str, str], names: frozenset[str]) -> str:
        if attributes.get("type") == "cite" or "cite" in attributes:
            return QUOTE
        if "gmail_quote" in names:
            return QUOTE if self._gmail_quotes else ASIDE
        if _LEFT_LINE.search(attributes.get("style", "")) or any(_BY_NAME.get(one) for one in names):
            return QUOTE
        return ASIDE if "margin" in attributes.get("style", "") else ""


@lru_cache(_MOST_KEPT)
def _said(text: str) -> tuple[Mapping[str, str], frozenset[str]]:
    """The attributes of a tag, and what they name."""
    attributes = _attributes(text)
    return attributes, frozenset(_names(attributes))


def _attributes(text: str) -> dict[str, str]:
    """The attributes that say something here, in lower case; of twins the first."""
    found: dict[str, str] = {}
    for each in _ATTRIBUTE.finditer(text):
        found.setdefault(each[1].lower(), (each[2] or each[3] or each[4] or "").strip().lower())
    return found


def _names(attributes: dict[str, str]) -> set[str]:
    """Ids and classes as `_BY_NAME` has them: without the prefixes webmails add, and without numbers."""
    words = [*attributes.get("class", "").split()[:20], attributes.get("id", "")]
    plain = [_NESTED.sub("", word, count=1) if _NESTED.match(word) else word for word in words]
    names = {*words, *plain, *(_NUMBERED.sub("", word) for word in plain)} - {""}
    names |= {key for key in attributes if key.startswith("data-")}
    pairs = ((key, attributes[key]) for key in ("name", "data-marker") if key in attributes)
    return names | {f"{key}={value}" for key, value in pairs}
