"""Whether the domain in From stands behind a mail. Design §6, RFC 7489 §3.

Evidence comes from the receiving mail server's Authentication-Results, when its authserv-id is configured, or
else from the DKIM signatures themselves. Only what is aligned with the one From domain counts; a pass for any
other domain is as if it were not there.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import dkim
from dkim.util import InvalidTagValueList, parse_tag_value
from publicsuffixlist import PublicSuffixList

from gateway.mail.address import split_address
from gateway.mail.authentication_results import Clause, clauses
from gateway.mail.reading import Reading

PASS = "pass"
FAIL = "fail"
NONE = "none"

# What a signature may cost us. The library is quadratic in some of these.
_LARGEST_HEAD = 262_144
_LONGEST_SIGNATURE = 8192
_LONGEST_KEY = 2000
_MOST_SIGNED_FIELDS = 100
_MOST_FIELDS = 5000
_MOST_SIGNATURES = 10
_MOST_VERIFIED = 3

_HAS_SIGNATURE = re.compile(rb"^dkim-signature[ \t]*:", re.IGNORECASE | re.MULTILINE)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_SILENT = logging.Logger("dkim", logging.CRITICAL + 1)
"""The library's own log would name domains and keys."""

Lookup = Callable[[str], list[str]]


class TxtRecords(list[str]):
    """TXT records as a `Lookup` answers; `temporary` where an empty answer does not mean there are none."""

    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Authentication:
    """result: pass, fail or none, of the From domain.  why: for `explain`, without addresses."""

    result: str
    why: str


def authenticate(
    reading: Reading, octets: bytes, *, authserv_id: str, lookup: Lookup, verify: bool
) -> Authentication:
    """What is known of the From domain. Never raises; looks nothing up for a mail without a signature.

    octets: the raw mail.  authserv_id: of the mail server we trust; empty to trust none.
    lookup: the TXT records of a name.  verify: check DKIM signatures where no trusted server has spoken.
    """
    domain = _from_domain(reading)
    if not domain:
        return Authentication(NONE, "nobody can say who wrote: From is ambiguous or unreadable")
    if authserv_id:
        told = _as_reported(clauses(reading.authentication_results, authserv_id), domain)
        if told is not None:
            return told
    if not verify:
        return Authentication(NONE, "no aligned result from the trusted server")
    try:
        return _as_signed(octets, domain, lookup)
    except Exception as error:  # dkimpy raises nearly anything on hostile input; that must stop no mail
        return Authentication(NONE, f"the signature could not be examined ({type(error).__name__})")


def _as_reported(said: tuple[Clause, ...], domain: str) -> Authentication | None:
    """What the trusted server found, or None where it found nothing for this domain. RFC 8601 §2.7."""
    judged = [clause for clause in said if clause.method == "dmarc"]
    if any(not _aligned(clause.domain("header.from") or domain, domain) for clause in judged):
        return Authentication(NONE, "the trusted server read another From")
    dmarc = {clause.result for clause in judged}
    if dmarc == {PASS} or dmarc == {FAIL}:
        return Authentication(dmarc.pop(), f"dmarc reported for {domain}")
    if PASS in dmarc or FAIL in dmarc:
        return Authentication(NONE, "several dmarc results that differ")
    for clause in said:
        if clause.method == "dkim" and clause.result == PASS:
            signer = clause.domain("header.d") or clause.domain("header.i")
            if _aligned(signer, domain):
                return Authentication(PASS, f"dkim reported for {signer}")
    paths = [clause for clause in said if clause.method == "spf" and "smtp.mailfrom" in clause.properties]
    if paths and all(clause.result == PASS for clause in paths):
        sender = paths[0].domain("smtp.mailfrom")
        if all(clause.domain("smtp.mailfrom") == sender for clause in paths) and _aligned(sender, domain):
            return Authentication(PASS, f"spf reported for {sender}")
    return None


def _as_signed(octets: bytes, domain: str, lookup: Lookup) -> Authentication:
    """What the DKIM signatures prove; a failure only where the domain asks for that by its DMARC policy."""
    end = _END_OF_HEAD.search(octets, 0, _LARGEST_HEAD)
    head = octets[: end.start()] if end else octets[:_LARGEST_HEAD]
    if not _HAS_SIGNATURE.search(head):
        return Authentication(NONE, "no signature")
    if end is None and len(octets) > _LARGEST_HEAD:
        return Authentication(NONE, "the header is too large to check a signature")
    keys = _Keys(lookup)
    signer = _verified_signer(octets, domain, keys)
    if signer:
        return Authentication(PASS, f"DKIM signature of {signer} verified")
    if keys.temporary:
        return Authentication(NONE, "a key could not be looked up now")
    policy = _policy(domain, keys)
    if policy in ("reject", "quarantine"):
        return Authentication(FAIL, f"no aligned signature verified; DMARC policy of {domain}: {policy}")
    return Authentication(NONE, "no aligned signature verified")


def _verified_signer(octets: bytes, domain: str, keys: _Keys) -> str:
    """The first aligned domain whose signature verifies, or empty. RFC 6376 §6.1."""
    message = dkim.DKIM(octets, logger=_SILENT)
    fields = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
    if len(message.headers) > _MOST_FIELDS:
        return ""
    body = message.body
    tried = 0
    for index, value in enumerate(fields[:_MOST_SIGNATURES]):
        signer = _worth_verifying(value, domain)
        if not signer or tried == _MOST_VERIFIED:
            continue
        tried += 1
        message.body = _tidied(body, value)
        try:
            if message.verify(index, keys.key):
                return signer
        except dkim.DKIMException:
            continue
    return ""


def _worth_verifying(value: bytes, domain: str) -> str:
    """The signing domain of a signature that would count; empty otherwise.

    It covers From (RFC 6376 §5.4) and the whole body (text can be added after `l=`), and is not made with
    SHA-1 (RFC 8301 §3.1).
    """
    if len(value) > _LONGEST_SIGNATURE:
        return ""
    try:
        tags = parse_tag_value(value)
    except InvalidTagValueList:
        return ""
    signed = [name.strip().lower() for name in tags.get(b"h", b"").split(b":")]
    if b"from" not in signed or len(signed) > _MOST_SIGNED_FIELDS or b"l" in tags:
        return ""
    if tags.get(b"a", b"").lower() not in (b"rsa-sha256", b"ed25519-sha256"):
        return ""
    signer = tags.get(b"d", b"").decode("ascii", "replace").lower().rstrip(".")
    return signer if _aligned(signer, domain) else ""


def _tidied(body: bytes, signature: bytes) -> bytes:
    """A body of the same canonical form, on which the library's own way there is linear. RFC 6376 §3.4."""
    lines = body.split(b"\r\n")
    while lines and not lines[-1]:
        lines.pop()
    canonical = parse_tag_value(signature).get(b"c", b"simple/simple").strip().lower()
    if canonical.endswith(b"/relaxed"):
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
        while lines and not lines[-1]:
            lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _policy(domain: str, keys: _Keys) -> str:
    """What the domain wants done with mail that fails; empty when it does not say. RFC 7489 §6.6.3."""
    parent = organisation(domain)
    for name, tag in ((domain, "p"), (parent, "sp")):
        if not name or (tag == "sp" and parent == domain):
            continue
        records = [record for record in keys.lookup(f"_dmarc.{name}") if _is_dmarc(record)]
        if len(records) == 1:
            tags = _tags(records[0])
            return "" if tags.get("pct") == "0" else tags.get(tag, tags.get("p", "")).lower()
    return ""


def _is_dmarc(record: str) -> bool:
    return record.partition(";")[0].replace(" ", "") == "v=DMARC1"


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


class _Keys:
    """The lookup as dkimpy wants it, remembering whether an answer was only missing for now."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.temporary = False

    def lookup(self, name: str) -> Iterable[str]:
        """The TXT records of a name."""
        found = self._lookup(name)
        self.temporary = self.temporary or (isinstance(found, TxtRecords) and found.temporary)
        return found

    def key(self, name: bytes, timeout: float = 0) -> bytes:
        """The one key record of a selector; empty for none, a revoked, or one that is only a test."""
        records = [record for record in self.lookup(name.decode("ascii").rstrip(".")) if "p=" in record]
        if len(records) != 1 or len(records[0]) > _LONGEST_KEY:
            return b""
        flags = _tags(records[0]).get("t", "").replace(" ", "").split(":")
        return b"" if "y" in flags else records[0].encode("ascii")


def _from_domain(reading: Reading) -> str:
    """The domain of the one author as lower-case A-labels; empty where there is not exactly one."""
    sender = reading.sender
    return split_address(sender.email)[1].lower() if sender is not None and len(reading.from_) == 1 else ""


def _aligned(candidate: str, domain: str) -> bool:
    """Relaxed alignment: one organisation. RFC 7489 §3.1."""
    if not candidate:
        return False
    if candidate == domain:
        return True
    owner = organisation(domain)
    return bool(owner) and organisation(candidate) == owner


def organisation(domain: str) -> str:
    """The organisational domain; empty for a public suffix itself. RFC 7489 §3.2."""
    return _suffixes().privatesuffix(domain) or ""


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
