"""Questions to the domain name system, answered within three seconds or not at all. RFC 1035.

Never raises: a name that cannot be asked about has no records. `temporary` tells "not now" from "none".
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.resolver

from gateway.mail.authenticate import TxtRecords

_TOTAL_S = 3.0
_KEPT = 512
_KEPT_S = 300.0
_KEPT_TEMPORARY_S = 15.0


@dataclass(frozen=True, slots=True)
class MailHosts:
    """The hosts that take mail for a domain, best first, without a final dot. RFC 5321 §5.1.

    refuses: the domain says that it takes none (RFC 7505).  temporary: could not be found out now.
    """

    hosts: tuple[str, ...]
    refuses: bool = False
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class _Answer:
    answer: dns.resolver.Answer | None
    temporary: bool
    until: float


class Dns:
    """A resolver with a small cache; may be used from any thread.

    resolver: dnspython's, by default the one of the system.  monotonic: seconds, for the age of the cache.
    """

    def __init__(
        self, resolver: dns.resolver.Resolver | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolver = resolver or _system_resolver()
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[str, str], _Answer] = OrderedDict()
        self._lock = threading.Lock()

    def txt(self, name: str | bytes) -> TxtRecords:
        """The TXT records, the strings of each joined (RFC 7208 §3.3)."""
        found = self._ask(name, "TXT")
        records = TxtRecords()
        records.temporary = found.temporary
        for record in found.answer or ():
            if isinstance(record, dns.rdtypes.ANY.TXT.TXT):
                records.append(b"".join(record.strings).decode("utf-8", "replace"))
        return records

    def mx(self, domain: str | bytes) -> MailHosts:
        """The MX records; without any, no hosts."""
        found = self._ask(domain, "MX")
        records = [record for record in found.answer or () if isinstance(record, dns.rdtypes.ANY.MX.MX)]
        records.sort(key=lambda record: (record.preference, record.exchange))
        hosts = tuple(record.exchange.to_text(omit_final_dot=True) for record in records)
        if len(records) == 1 and records[0].exchange == dns.name.root:
            return MailHosts((), refuses=True)
        return MailHosts(hosts, temporary=found.temporary)

    def _ask(self, name: str | bytes, kind: str) -> _Answer:
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
        key = (text.lower().rstrip("."), kind)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and self._monotonic() < kept.until:
            return kept
        fresh = self._resolve(*key)
        with self._lock:
            self._kept[key] = fresh
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return fresh

    def _resolve(self, name: str, kind: str) -> _Answer:
        answer, temporary = None, False
        try:
            answer = self._resolver.resolve(f"{name}.", kind, lifetime=_TOTAL_S, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, UnicodeError, ValueError):
            pass  # there is none, or no such name can exist
        except (dns.resolver.NoNameservers, dns.exception.Timeout, OSError):
            temporary = True
        except dns.exception.DNSException:
            pass  # the name or the answer is malformed
        age = _KEPT_TEMPORARY_S if temporary else _KEPT_S
        return _Answer(answer, temporary, self._monotonic() + age)


def _system_resolver() -> dns.resolver.Resolver:
    """The system's; one without servers, which answers nothing, where the system has none."""
    try:
        return dns.resolver.Resolver()
    except (dns.resolver.NoResolverConfiguration, OSError):
        return dns.resolver.Resolver(configure=False)
