"""Who stands behind mails, found out for several at a time: a key that nobody answers for delays its own mail."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

from gateway.config import Authentication as Terms
from gateway.mail.authenticate import Authentication, Lookup, TxtRecords, authenticate
from gateway.mail.reading import Reading

AT_ONCE = 16
ASKING_S = 2.5  # no question begins later; with the three seconds it may take, a mail waits about five
_HEAD = 262_144
_SIGNATURE = b"dkim-signature"


class Verifier:
    """Authenticates mails; those that need the domain name system do so in threads of their own."""

    def __init__(self, terms: Terms, lookup: Lookup) -> None:
        self._terms = terms
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verifier")

    def begin(self, reading: Reading, octets: bytes) -> Future[Authentication]:
        """What is known of the sender, soon; at once where nothing has to be asked."""
        if self._terms.verify and _SIGNATURE in octets[:_HEAD].lower():
            return self._threads.submit(self._authenticate, reading, octets)
        done: Future[Authentication] = Future()
        done.set_result(self._authenticate(reading, octets))
        return done

    def stop(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def _authenticate(self, reading: Reading, octets: bytes) -> Authentication:
        return authenticate(
            reading,
            octets,
            authserv_id=self._terms.authserv_id,
            lookup=_patient(self._lookup, time.monotonic() + ASKING_S),
            verify=self._terms.verify,
        )


def _patient(lookup: Lookup, deadline: float) -> Lookup:
    """The lookup until the deadline; from then on nothing can be found out now."""

    def ask(name: str) -> list[str]:
        if time.monotonic() < deadline:
            return lookup(name)
        unknown = TxtRecords()
        unknown.temporary = True
        return unknown

    return ask
