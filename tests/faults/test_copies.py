"""The same mail many times at once is one message (B10)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.faults.ledger import House, Ledger, letter_of
from tests.parts import swaks

COPIES = 50


def test_fifty_at_once_are_one(house: House, ledger: Ledger) -> None:
    house.daemon.start()
    (mark,) = ledger.marks(1)
    ledger.resent.add(mark)
    with ThreadPoolExecutor(COPIES) as clients:
        replies = list(clients.map(lambda _: ledger.send(house.daemon.smtp_port, mark), range(COPIES)))
    assert all(reply.startswith("250 2.6.0 queued as ") for reply in replies)
    again = swaks.send(letter_of(mark), from_="list@other.example", to=["help@desk.example"],
                       port=house.daemon.smtp_port)  # fmt: skip
    assert again.queued
    house.settle()
    assert house.daemon.stop() == 0
    fates = [one["fate"] for one in house.daemon.journal()]
    assert (fates.count("applied"), fates.count("dropped")) == (1, COPIES)
    assert house.audit(ledger).letters == 2
