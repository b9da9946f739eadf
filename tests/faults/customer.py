"""A customer with a browser: their ticket's page."""

from __future__ import annotations

import contextlib
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from tests.faults.ledger import House, Ledger


class Page:
    """A customer's ticket page."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._path = parts.netloc, parts.path

    def get(self) -> int:
        """The status of the page."""
        return self._ask("GET", self._path, "")

    def comment(self, text: str) -> int:
        """The status of a comment."""
        return self._ask("POST", f"{self._path}/comments", urlencode({"text": text}))

    def _ask(self, method: str, path: str, body: str) -> int:
        connection = HTTPConnection(self._host, timeout=30)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self._host}"}
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            return connection.getresponse().status


def customer_page(house: House, ledger: Ledger) -> Page:
    """The page of a first ticket."""
    (mark,) = ledger.marks(1)
    assert ledger.send(house.daemon.smtp_port, mark).startswith("250")
    house.settle()
    return Page(house.daemon.export()[0]["public_url"])
