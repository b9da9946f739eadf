"""B4: too many open files. Nobody is refused for good, nothing is lost, and it mends itself."""

from __future__ import annotations

import contextlib
import smtplib
import socket
from collections.abc import Iterator
from functools import partial

from tests.faults.ledger import House, Ledger, letter_of, new_house, until
from tests.parts.daemon import COMMAND, Daemons
from tests.parts.ports import LOOPBACK
from tests.parts.scripted_smtp import ScriptedSMTP

LIMIT = 64
FEW = ("/bin/sh", "-c", f'ulimit -n {LIMIT}; exec "$0" "$@"', *COMMAND)
ANYBODY = {"smtp.max_connections_per_ip": "200"}
LARGE = ("z" * 70 + "\r\n") * 6000
"""A mail with this needs a file of its own while it comes in."""


def test_no_descriptor_left_says_later_and_goes_on(
    new_daemon: Daemons, sink: ScriptedSMTP, ledger: Ledger
) -> None:
    house = new_house(new_daemon, sink, ANYBODY, launcher=FEW)
    house.daemon.start()
    assert '"few open files"' in house.daemon.log_text()
    for _ in range(2):
        with crowd(house) as idle:
            served = [client for client in idle if greeted(client)]
            assert 0 < len(served) < LIMIT, "some were let in, and some let go without a word"
            (small, large) = ledger.marks(2)
            ledger.resent.update((small, large))
            answers = [hand_over(ledger, served[0], small), hand_over(ledger, served[1], large, LARGE)]
            assert answers[1].startswith("451 4.3.0")
            assert answers[0][:3] in ("250", "451")
        until(partial(taken, house, ledger, large), "room again")
        if small not in ledger.promised:
            assert ledger.send(house.daemon.smtp_port, small).startswith("250")
    assert house.daemon.get("/healthz")[0] == 200
    house.settle()
    assert house.daemon.stop() == 0
    house.audit(ledger)


@contextlib.contextmanager
def crowd(house: House) -> Iterator[list[socket.socket]]:
    """As many who connect and say nothing as there may be open files."""
    with contextlib.ExitStack() as stack:
        address = (LOOPBACK, house.daemon.smtp_port)
        yield [
            stack.enter_context(contextlib.closing(socket.create_connection(address, 30)))
            for _ in range(LIMIT)
        ]


def greeted(client: socket.socket) -> bool:
    try:
        return client.recv(512).startswith(b"220")
    except ConnectionResetError:
        return False


def hand_over(ledger: Ledger, client: socket.socket, mark: str, text: str = "Hm.") -> str:
    """One mail by somebody who is connected and greeted."""
    speaker = smtplib.SMTP()
    speaker.sock = client
    return ledger.hand_over(speaker, mark, letter_of(mark, text))


def taken(house: House, ledger: Ledger, mark: str) -> bool:
    return ledger.send(house.daemon.smtp_port, mark, letter_of(mark, LARGE)).startswith("250")
