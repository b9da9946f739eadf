"""Who stands behind a mail: reported results, own verification, and attempts to forge either."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.authenticate import (
    FAIL,
    NONE,
    PASS,
    Authentication,
    TxtRecords,
    authenticate,
    organisation,
)
from gateway.mail.authentication_results import clauses
from gateway.mail.reading import Mailbox, Reading

ID = "mx.desk.example"
FROM = Mailbox("ann@good.example")


def no_lookup(name: str) -> list[str]:
    raise AssertionError(f"{name} was looked up")


def reported(*values: str, sender: Mailbox = FROM, authserv_id: str = ID) -> str:
    reading = Reading(from_=(sender,), authentication_results=values)
    return authenticate(reading, b"", authserv_id=authserv_id, lookup=no_lookup, verify=False).result


REPORTS = {
    "dmarc=pass header.from=good.example": PASS,
    "dmarc=pass": PASS,
    "dmarc=pass (a (b; c) d) header.from=good.example": PASS,
    "DMARC = Pass (p=reject dis=none) header.from=GOOD.example": PASS,
    "dmarc=pass action=none header.from=good.example;compauth=pass reason=100": PASS,
    "dmarc=fail (p=none) header.from=good.example": FAIL,
    "dmarc=fail header.from=good.example; dkim=pass header.d=good.example": FAIL,
    "dmarc=pass header.from=evil.example": NONE,
    "dmarc=pass; dmarc=fail": NONE,
    "dmarc=none; dkim=pass header.d=good.example": PASS,
    "dmarc=temperror": NONE,
    "dkim=pass header.d=good.example": PASS,
    "dkim=pass (2048-bit key; unprotected) header.d=good.example header.b=AbC/d+e=": PASS,
    "dkim=pass header.i=@good.example header.s=s": PASS,
    "dkim=pass header.d=mail.good.example": PASS,
    "dkim/1=pass header.d=good.example": PASS,
    "dkim=pass header.d=evil.example": NONE,
    "dkim=pass header.d=example": NONE,
    "dkim=pass header.d=notgood.example": NONE,
    "dkim=pass header.d=good.example.evil.example": NONE,
    "dkim=pass header.d=evil.example; dkim=pass header.d=good.example": PASS,
    "dkim=fail header.d=good.example": NONE,
    "dkim=pass": NONE,
    "spf=pass smtp.mailfrom=bounce@good.example": PASS,
    "spf=pass (a; b=c) smtp.mailfrom=mail.good.example": PASS,
    "spf=pass smtp.mailfrom=a@evil.example": NONE,
    "spf=pass smtp.helo=good.example": NONE,
    "spf=pass smtp.mailfrom=good.example; spf=fail smtp.mailfrom=good.example": NONE,
    "spf=softfail smtp.mailfrom=good.example": NONE,
    "none": NONE,
    "unheard=pass header.from=good.example": NONE,
    "": NONE,
}


@pytest.mark.parametrize("said", REPORTS)
def test_what_the_trusted_server_reports(said: str) -> None:
    assert reported(f"{ID}; {said}") == REPORTS[said]
    assert reported(f"{ID} 1;\r\n\t{said};") == REPORTS[said]


FORGERIES = [
    # quoted local part
    f'{ID}; spf=fail smtp.mailfrom="x dkim=pass header.d=good.example"@evil.example',
    f'{ID}; spf=pass smtp.mailfrom="a@good.example"@evil.example',
    f'{ID}; spf=pass smtp.mailfrom="; dmarc=pass"@evil.example',
    f'{ID}; spf=pass smtp.mailfrom="\\"; dmarc=pass; x=\\""@evil.example',
    f'{ID}; spf=pass smtp.mailfrom="@evil.example"@good.example"',
    f'{ID}; spf=pass smtp.mailfrom="a"good.example',
    # comments
    f"{ID}; spf=fail (dmarc=pass header.from=good.example)",
    f"{ID}; spf=fail (a (b) ; dmarc=pass)",
    f"{ID}; spf=fail (a \\) ; dmarc=pass)",
    f"{ID}; spf=fail (a ; dmarc=pass",
    f"{ID}; spf=fail a) ; dmarc=pass",
    f"({ID};) evil.example; dmarc=pass",
    # repeated methods and properties
    f"{ID}; dmarc=fail; dmarc=pass header.from=evil.example",
    f"{ID}; dkim=pass header.d=evil.example header.d=good.example",
    f"{ID}; dkim=fail dkim=pass header.d=good.example",
    f"{ID}; dmarc=fail=pass",
    # properties crossing clauses
    f"{ID}; dkim=fail; header.d=good.example",
    f"{ID}; dkim=pass header.d=evil.example; x=pass header.d=good.example",
    f"{ID}; dkim=fail header.d=good.example; dkim=pass header.d=evil.example",
    f"{ID}; dkim=pass; spf=fail header.d=good.example",
    # another server
    "evil.example; dmarc=pass",
    f"{ID}.evil.example; dmarc=pass",
    f"x{ID}; dmarc=pass",
    f"{ID} 2; dmarc=pass",
    f"{ID} evil; dmarc=pass",
    "dmarc=pass",
    "; dmarc=pass",
    "",
]


@pytest.mark.parametrize("value", FORGERIES)
def test_forged_results_prove_nothing(value: str) -> None:
    assert reported(value) != PASS


def test_an_unreadable_field_of_ours_voids_the_others() -> None:
    assert reported(f"{ID}; dmarc=fail (", f"{ID}; dmarc=pass") == NONE
    assert reported("spf=pass (", f"{ID}; dmarc=pass") == PASS


def test_without_an_authserv_id_nothing_is_believed() -> None:
    assert reported("; dmarc=pass", authserv_id="") == NONE


def test_the_authserv_id_may_be_quoted_and_in_any_case() -> None:
    assert reported(f'"{ID.upper()}" ; dmarc=pass') == PASS


inner = st.text(st.characters(blacklist_categories=["Cs"], max_codepoint=0x17F), max_size=60)


@given(inner)
def test_text_in_a_comment_changes_nothing(text: str) -> None:
    comment = "(" + re.sub(r"([\\()])", r"\\\1", text) + ")"
    assert reported(f"{ID} {comment}; dmarc=fail {comment} header.from{comment}=good.example") in (FAIL, NONE)
    assert reported(f"{ID}; {comment}dkim=pass{comment} header.d=evil.example{comment}") == NONE
    assert reported(f"{ID}; {comment} dmarc=fail {comment}") == FAIL


@given(inner)
def test_text_in_a_quoted_string_changes_nothing(text: str) -> None:
    quoted = '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'
    spf = f"spf=pass smtp.mailfrom={quoted}@evil.example"
    assert reported(f"{ID}; dmarc=fail reason={quoted}; {spf}") == FAIL
    assert reported(f"{ID}; spf=pass smtp.mailfrom={quoted}@evil.example") == NONE


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    clauses([text, f"{ID};{text}"], ID)


def test_a_long_field_takes_no_time() -> None:
    for piece in ("(", ")", '"', "\\", "a=b ", "a=b;", "((a)", "=", " "):
        clauses([f"{ID};" + piece * (60_000 // len(piece))], ID)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(),
        Reading(from_=(FROM,), ambiguous_sender=True, authentication_results=(f"{ID}; dmarc=pass",)),
        Reading(from_=(FROM, Mailbox("b@good.example")), authentication_results=(f"{ID}; dmarc=pass",)),
        Reading(from_=(Mailbox("", "Ann"),), authentication_results=(f"{ID}; dmarc=pass",)),
    ],
)
def test_an_uncertain_author_is_never_proven(reading: Reading) -> None:
    found = authenticate(reading, b"", authserv_id=ID, lookup=no_lookup, verify=True)
    assert found.result == NONE


def test_organisations() -> None:
    assert organisation("a.b.example.co.uk") == "example.co.uk"
    assert organisation("co.uk") == ""


# DKIM

TEXT = (
    b"From: Ann <ann@good.example>\r\nTo: help@desk.example\r\nSubject: hi\r\n\r\nHello  there \r\n\r\n\r\n"
)


class Names:
    """A lookup that remembers what it was asked."""

    def __init__(self, records: dict[str, list[str]], *, temporary: bool = False) -> None:
        self.records = records
        self.temporary = temporary
        self.asked: list[str] = []

    def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        found = TxtRecords(self.records.get(name, []))
        found.temporary = self.temporary
        return found


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A private key and its DKIM record."""
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    make = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(path)]
    subprocess.run(make, check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "pkey", "-in", str(path), "-pubout"], check=True, capture_output=True, text=True
    ).stdout
    return path.read_bytes(), "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])


Sign = Callable[..., bytes]


@pytest.fixture
def sign(key: tuple[bytes, str]) -> Sign:
    def signed(text: bytes = TEXT, domain: bytes = b"good.example", **more: object) -> bytes:
        return bytes(dkim.sign(text, b"s", domain, key[0], **more)) + text

    return signed


@pytest.fixture
def names(key: tuple[bytes, str]) -> Names:
    domains = ("good.example", "evil.example", "m.good.example")
    return Names({f"s._domainkey.{domain}": [key[1]] for domain in domains})


def verified(octets: bytes, names: Names, sender: Mailbox = FROM) -> Authentication:
    reading = Reading(from_=(sender,))
    return authenticate(reading, octets, authserv_id="", lookup=names, verify=True)


@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
@pytest.mark.parametrize("head", [b"simple", b"relaxed"])
@pytest.mark.parametrize("text", [TEXT, TEXT[:-4], b"From: a@b\r\n\r\n", b"From: a@b\r\n\r\n \t \r\n\r\n"])
def test_an_aligned_signature_passes(sign: Sign, names: Names, head: bytes, body: bytes, text: bytes) -> None:
    assert verified(sign(text, canonicalize=(head, body)), names).result == PASS


def test_a_subdomain_is_aligned(sign: Sign, names: Names) -> None:
    assert verified(sign(domain=b"m.good.example"), names).result == PASS


def test_line_feeds_alone_do_not_matter(sign: Sign, names: Names) -> None:
    assert verified(sign().replace(b"\r\n", b"\n"), names).result == PASS


def test_a_pass_for_another_domain_is_absent(sign: Sign, names: Names) -> None:
    assert verified(sign(domain=b"evil.example"), names).result == NONE
    assert not any("_domainkey" in name for name in names.asked)


def test_the_second_signature_may_be_the_one(sign: Sign, names: Names) -> None:
    assert verified(sign(sign(), domain=b"evil.example"), names).result == PASS


def test_a_mail_without_signature_costs_nothing() -> None:
    found = authenticate(Reading(from_=(FROM,)), TEXT, authserv_id=ID, lookup=no_lookup, verify=True)
    assert found == Authentication(NONE, "no signature")


@pytest.mark.parametrize("change", [(b"Hello", b"Hullo"), (b": hi", b": ho"), (b"ann@", b"bob@")])
@pytest.mark.parametrize(
    ("policy", "result"),
    [
        ([], NONE),
        (["v=DMARC1; p=none"], NONE),
        (["v=DMARC1; p=reject"], FAIL),
        (["other", "v=DMARC1 ; p=Quarantine; rua=x"], FAIL),
        (["v=DMARC1; p=reject", "v=DMARC1; p=reject"], NONE),
        (["v=DMARC1; p=reject; pct=0"], NONE),
    ],
)
def test_a_broken_signature_fails_by_policy_only(
    sign: Sign, names: Names, change: tuple[bytes, bytes], policy: list[str], result: str
) -> None:
    names.records["_dmarc.good.example"] = policy
    assert verified(sign().replace(*change), names).result == result


def test_the_policy_of_the_organisation_counts_for_its_subdomains(sign: Sign, names: Names) -> None:
    names.records["_dmarc.good.example"] = ["v=DMARC1; p=none; sp=reject"]
    octets = sign().replace(b"Hello", b"Hullo")
    assert verified(octets, names, Mailbox("ann@m.good.example")).result == FAIL
    assert verified(octets, names).result == NONE


def test_what_cannot_be_looked_up_now_is_no_failure(sign: Sign, names: Names) -> None:
    names.records = {"_dmarc.good.example": ["v=DMARC1; p=reject"]}
    names.temporary = True
    assert verified(sign(), names).result == NONE


def test_a_second_from_field_breaks_the_signature(sign: Sign, names: Names) -> None:
    assert verified(b"From: eve@good.example\r\n" + sign(), names).result == NONE


@pytest.mark.parametrize(
    "record", ["v=DKIM1; p=", "v=DKIM1; t=y; ", "v=DKIM1; k=rsa; p=%%%", "v=DKIM1; p=" + "A" * 4000, "\udcff"]
)
def test_a_useless_key_proves_nothing(sign: Sign, names: Names, key: tuple[bytes, str], record: str) -> None:
    whole = key[1].replace("v=DKIM1; ", record) if "t=y" in record else record
    names.records["s._domainkey.good.example"] = [whole]
    assert verified(sign(), names).result == NONE


def test_a_signature_of_a_part_of_the_body_proves_nothing(sign: Sign, names: Names) -> None:
    assert verified(sign(length=True) + b"added\r\n", names).result == NONE
    assert verified(sign(length=True), names).result == NONE


def signed_by_hand(key: bytes, fields: bytes, tmp_path: Path) -> bytes:
    """A valid signature over `subject` and, when named, `from`: what the library would not sign."""
    body_hash = base64.b64encode(hashlib.sha256(b"body\r\n").digest())
    claim = b"v=1; a=rsa-sha256; c=relaxed/relaxed; d=good.example; s=s; h=" + fields + b"; bh=" + body_hash
    lines = {b"from": b"from:ann@good.example\r\n", b"subject": b"subject:hi\r\n"}
    text = b"".join(lines[name] for name in fields.split(b":")) + b"dkim-signature:" + claim + b"; b="
    (tmp_path / "key.pem").write_bytes(key)
    command = ["openssl", "dgst", "-sha256", "-sign", str(tmp_path / "key.pem")]
    signature = subprocess.run(command, input=text, check=True, capture_output=True).stdout
    head = b"DKIM-Signature: " + claim + b"; b=" + base64.b64encode(signature)
    return head + b"\r\nFrom: ann@good.example\r\nSubject: hi\r\n\r\nbody\r\n"


@pytest.mark.parametrize(("fields", "result"), [(b"from:subject", PASS), (b"subject", NONE)])
def test_a_signature_must_cover_from(
    key: tuple[bytes, str], names: Names, tmp_path: Path, fields: bytes, result: str
) -> None:
    assert verified(signed_by_hand(key[0], fields, tmp_path), names).result == result


def test_a_signature_with_sha1_proves_nothing(sign: Sign, names: Names) -> None:
    assert verified(sign(signature_algorithm=b"rsa-sha1"), names).result == NONE


def test_a_lookup_that_raises_is_survived(sign: Sign) -> None:
    reading = Reading(from_=(FROM,))
    found = authenticate(reading, sign(), authserv_id="", lookup=no_lookup, verify=True)
    assert found.result == NONE


HOSTILE = [
    b"DKIM-Signature:\r\n\r\n",
    b"DKIM-Signature: v=1; d=good.example; h=from; a=rsa-sha256\r\n\r\n",
    b" \r\nDKIM-Signature: v\r\n\r\n",
    b"DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=\xff; h=from; bh=; b=\r\n\r\n",
    b"dkim-signature: =;=;\r\n",
    b"\x00\r\nDKIM-Signature: d=good.example\r\n\r\n",
]


@pytest.mark.parametrize("octets", HOSTILE)
def test_hostile_signatures_are_survived(octets: bytes, names: Names) -> None:
    assert verified(octets, names).result == NONE


@given(st.binary(max_size=200))
def test_any_octets_are_survived(octets: bytes) -> None:
    assert verified(b"DKIM-Signature: d=good.example;" + octets, Names({})).result == NONE


@pytest.mark.parametrize(
    "body",
    [b" " * 2_000_000 + b"x", (b" " * 990 + b"x\r\n") * 3000, b"\r\n" * 1_000_000, b" \r\n" * 700_000],
    ids=["one line", "many lines", "empty lines", "blank lines"],
)
@pytest.mark.timeout(20)
def test_a_body_of_white_space_is_hashed_in_linear_time(names: Names, body: bytes) -> None:
    claim = b"v=1; a=rsa-sha256; c=relaxed/relaxed; d=good.example; s=s; h=from; bh=AAAA; b=AAAA"
    head = b"DKIM-Signature: " + claim + b"\r\nFrom: ann@good.example\r\n\r\n"
    assert verified(head + body, names).result == NONE
    assert names.asked[0] == "s._domainkey.good.example"


@pytest.mark.timeout(20)
def test_a_header_without_end_is_not_examined(names: Names) -> None:
    octets = b"DKIM-Signature: d=good.example\r\n" + b" x\r\n" * 1_000_000
    assert verified(octets, names).result == NONE
    assert names.asked == []
