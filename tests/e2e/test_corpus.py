"""The whole corpus into one daemon, as fast as it takes it: every mail is kept, and it stays small. G15, G17."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest

from bench.processes import tree
from gateway.mail.parse import UNKNOWN_PATH
from tests.corpus import sidecar
from tests.corpus.sidecar import FIXTURES
from tests.e2e.town import SETTINGS, Town
from tests.parts import memory
from tests.parts.daemon import Daemons
from tests.parts.ports import LOOPBACK
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.people import CAROL, DESK

MOST_MEMORY = 300 << 20
ORDINARY = ("reading", "reply", "endings")
"""Mails of people, whatever their programs made of them; the others are robots' or nobody's."""


@pytest.fixture
def town(new_daemon: Daemons, smarthost: ScriptedSMTP) -> Town:
    """Reading is the same on both engines."""
    town = Town(new_daemon(SETTINGS), smarthost)
    town.daemon.smarthost(smarthost.port)
    town.furnish()
    town.daemon.start()
    return town


def test_the_whole_corpus_into_one_daemon(town: Town) -> None:
    topics = {queued: mail.parent.name for mail, queued in zip(FIXTURES, sent(town), strict=True)}
    town.settle()
    assert town.daemon.process is not None
    assert sum(map(memory.peak, tree(town.daemon.process.pid))) < MOST_MEMORY
    rows = {str(row["id"]): row for row in town.daemon.journal()}
    assert rows.keys() == topics.keys()
    assert len(rows) == len(FIXTURES)
    held = {number for number, row in rows.items() if row["fate"] == "held"}
    assert [number for number in held if not rows[number]["reason"]] == []
    ordinary = {number for number, topic in topics.items() if topic in ORDINARY}
    assert len(held & ordinary) <= len(ordinary) / 20, [rows[number] for number in held & ordinary]


def sent(town: Town) -> Iterator[str]:
    """The number in the journal of each mail of the corpus, sent over one connection."""
    with smtplib.SMTP(LOOPBACK, town.port) as client:
        for fixture in map(sidecar.load, FIXTURES):
            path = CAROL.address if fixture.reverse_path == UNKNOWN_PATH else fixture.reverse_path
            client.ehlo_or_helo_if_needed()
            client.mail(path, ["BODY=8BITMIME"])
            client.rcpt(DESK)
            code, said = client.data(fixture.octets)
            assert code == 250, said
            yield said.decode().rpartition(" ")[2]
