"""What a fixture of the corpus is about and what its Reading must say: the TOML file beside the mail.

README.md lists the keys. A key that is not in the table is an error, as is a value of another type:
an expectation with a slip in it would hold for every mail.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from gateway.mail.parse import UNKNOWN_PATH
from gateway.mail.reading import Reading

CORPUS = Path(__file__).parent
FIXTURES = tuple(sorted(CORPUS.glob("*/*.eml")))

_ABOUT = {"trap": str, "reverse_path": str, "expect": dict}
_TEXT = ("subject", "from_email", "from_name", "message_id", "text", "shown", "verdict")
_LISTS = ("reply_to", "contains", "lacks", "html_contains", "html_lacks", "reasons", "notes")
_ATTACHMENT = {"filename": str, "content_type": str, "size": int, "sha256": str, "inline": bool}
_REPORT = {"kind": str, "recipients": list, "original_id": str, "reply": str}


@dataclass(frozen=True, slots=True)
class Fixture:
    """One mail of the corpus with the trap it sets and what must come of it."""

    octets: bytes
    trap: str
    expect: dict[str, Any]
    reverse_path: str = UNKNOWN_PATH


def load(mail: Path) -> Fixture:
    """The fixture of an `.eml` file; ValueError names what is wrong with its sidecar."""
    sidecar = mail.with_suffix(".toml")
    if not sidecar.is_file():
        raise ValueError(f"{mail.name} has no {sidecar.name} beside it")
    told = tomllib.loads(sidecar.read_text(encoding="utf-8"))
    _check(told, _ABOUT, "the sidecar")
    if not told.get("trap", "").strip():
        raise ValueError("the sidecar does not say what the trap is")
    expect = told.get("expect", {})
    _check_expectations(expect)
    return Fixture(mail.read_bytes(), told["trap"], expect, told.get("reverse_path", UNKNOWN_PATH))


def differences(expect: dict[str, Any], reading: Reading) -> list[str]:
    """What is not as expected, one paragraph each; empty when all is well."""
    found = [_unequal(key, expect[key], value) for key, value in _said(reading).items() if key in expect]
    found += _searched(expect, reading)
    if "attachments" in expect:
        found += _attachments(expect["attachments"], reading)
    if "report" in expect:
        found += _report(expect["report"], reading)
    return [one for one in found if one]


def shown(reading: Reading) -> str:
    """The lines of the text that are not folded."""
    folded = {number for start, end in reading.folded for number in range(start, end)}
    lines = enumerate(reading.text.split("\n"))
    return "\n".join(line for number, line in lines if number not in folded)


def _check_expectations(expect: dict[str, Any]) -> None:
    known = dict.fromkeys(_TEXT, str) | dict.fromkeys(_LISTS, list)
    _check(
        {key: value for key, value in expect.items() if key != "report"},
        known | {"attachments": list},
        "[expect]",
    )
    for attachment in expect.get("attachments", ()):
        _check(attachment, _ATTACHMENT, "an attachment")
    report = expect.get("report", False)
    if not isinstance(report, dict) and report is not False:
        raise ValueError(f"'report' of [expect] must be a table or false: {report!r}")
    if report is not False:
        _check(report, _REPORT, "the report")


def _check(table: dict[str, Any], known: Mapping[str, type], what: str) -> None:
    for key, value in table.items():
        if key not in known:
            raise ValueError(f"{what} has the unknown key {key!r}; known are {', '.join(known)}")
        if type(value) is not known[key]:
            raise ValueError(f"{key!r} of {what} must be of type {known[key].__name__}: {value!r}")


def _said(reading: Reading) -> dict[str, Any]:
    """What is compared as it is."""
    first = reading.from_[0] if reading.from_ else None
    return {
        "subject": reading.subject,
        "from_email": first.email if first else "",
        "from_name": first.name if first else "",
        "message_id": reading.message_id,
        "reply_to": [box.email for box in reading.reply_to],
        "text": reading.text,
        "shown": shown(reading),
        "verdict": reading.verdict,
    }


def _unequal(key: str, expected: Any, found: Any) -> str:
    if key in ("text", "shown"):
        expected, found = _trimmed(expected), _trimmed(found)
    if expected == found:
        return ""
    if isinstance(expected, str) and "\n" in expected + found:
        lines = unified_diff(expected.split("\n"), found.split("\n"), "expected", "found", lineterm="")
        return f"{key}:\n" + "\n".join(f"  {line!r}"[:200] for line in lines)
    return f"{key}: expected {expected!r}, found {found!r}"


def _trimmed(text: str) -> str:
    """Without the blank lines around it."""
    lines = text.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


def _searched(expect: dict[str, Any], reading: Reading) -> list[str]:
    html = reading.html or ""
    found = [
        f"the text lacks {one!r}:\n{reading.text}"
        for one in expect.get("contains", ())
        if one not in reading.text
    ]
    found += [
        f"the text has {one!r}:\n{reading.text}" for one in expect.get("lacks", ()) if one in reading.text
    ]
    found += [
        f"the html lacks {one!r}:\n{html}" for one in expect.get("html_contains", ()) if one not in html
    ]
    found += [f"the html has {one!r}:\n{html}" for one in expect.get("html_lacks", ()) if one in html]
    missing = set(expect.get("reasons", ())) - set(reading.reasons)
    found += [f"reasons: {one!r} is not among {reading.reasons}" for one in sorted(missing)]
    unnoted = [one for one in expect.get("notes", ()) if not any(one in note for note in reading.notes)]
    return found + [f"notes: {one!r} is in none of {reading.notes}" for one in unnoted]


def _attachments(expected: list[dict[str, Any]], reading: Reading) -> list[str]:
    names = [file.filename for file in reading.enclosures]
    if len(expected) != len(names):
        return [f"attachments: expected {len(expected)}, found {len(names)}: {names}"]
    pairs = enumerate(zip(expected, reading.enclosures, strict=True), 1)
    return [
        _unequal(f"attachment {number}, {key}", value, getattr(file, key))
        for number, (wanted, file) in pairs
        for key, value in wanted.items()
    ]


def _report(expected: dict[str, Any] | bool, reading: Reading) -> list[str]:
    if expected is False or reading.report is None:
        same = (expected is False) == (reading.report is None)
        return [] if same else [f"report: expected {expected!r}, found {reading.report}"]
    assert isinstance(expected, dict)
    found = {key: getattr(reading.report, key) for key in expected}
    if "recipients" in found:
        found["recipients"] = list(found["recipients"])
    return [_unequal(f"report, {key}", value, found[key]) for key, value in expected.items()]
