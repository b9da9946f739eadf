"""What a filter in front wrote into a mail: its verdict that this is spam, or a virus.

Such fields are easily forged, so that a verdict is only ever believed when it speaks *against* a
mail: whoever forges one harms their own. Fields that praise a mail are never read. Which of them
count, and what follows, is the configuration's business ([filter]).
"""

from __future__ import annotations

import re

from gateway.mail import header
from gateway.mail.reading import FilterMark
from gateway.mail.structure import Part

SPAM = "spam"
VIRUS = "a virus"
_MOST_READ = 2000
_MOST_SAID = 80

_FIELDS = {
    "X-Spam-Flag": (SPAM, r"yes\b|true\b|spam\b"),  # SpamAssassin, rspamd, many
    "X-Spam-Status": (SPAM, r"yes\b"),
    "X-Spam": (SPAM, r"yes\b|spam\b|true\b"),  # rspamd
    "X-Spam-Action": (SPAM, r"reject\b|add header\b|rewrite subject\b|quarantine\b"),
    "X-Rspamd-Action": (SPAM, r"reject\b|add header\b|rewrite subject\b|quarantine\b"),
    "X-Spamd-Result": (SPAM, r"[^:]{1,40}: true\b"),
    "X-MS-Exchange-Organization-SCL": (SPAM, r"[5-9]\b"),
    "X-Forefront-Antispam-Report": (SPAM, r"(?:.*;)?\s*(?:sfv:(?:spm|skb|sks)|scl:[5-9])\s*(?:;|$)"),
    "X-Barracuda-Spam-Flag": (SPAM, r"yes\b"),
    "X-Barracuda-Spam-Status": (SPAM, r"yes\b"),
    "X-Bogosity": (SPAM, r"(?:yes|spam)\b"),  # bogofilter
    "X-DSPAM-Result": (SPAM, r"spam\b|blacklisted\b"),
    "X-Virus-Status": (VIRUS, r"(?:yes|infected)\b"),  # clamav-milter
    "X-Virus": (VIRUS, r"yes\b"),
    "X-Amavis-Alert": (VIRUS, r"infected\b"),
}
FIELDS = tuple(_FIELDS)

_TABLE = {
    name.lower(): (name, verdict, re.compile(said, re.IGNORECASE))
    for name, (verdict, said) in _FIELDS.items()
}


def read_marks(root: Part) -> tuple[FilterMark, ...]:
    """Every field of a filter that speaks against this mail, each once, in the order of the header."""
    found: dict[str, FilterMark] = {}
    for lower, value in root.fields:
        if lower not in _TABLE:
            continue
        name, verdict, pattern = _TABLE[lower]
        said = header.text(value)[:_MOST_READ]
        if pattern.match(said):
            found.setdefault(name, FilterMark(name, verdict, said[:_MOST_SAID]))
    return tuple(found.values())
