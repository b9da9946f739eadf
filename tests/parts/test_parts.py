"""The parts themselves work here; when another test fails, this one says whether the ground is firm."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.parts import neomutt, swaks
from tests.parts.chromium import PHONE, Chromium
from tests.parts.dovecot import Dovecots
from tests.parts.ports import wait_for
from tests.parts.postfix import Postfixes
from tests.parts.postgres import Postgres
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.people import ALICE, CAROL, DESK, Attachment, mail, reply


@pytest.fixture
def smarthost() -> Iterator[ScriptedSMTP]:
    with ScriptedSMTP() as server:
        yield server


def test_postgres_gives_fresh_databases_from_a_template(postgres: Postgres) -> None:
    template = postgres.prepare("parts_template", lambda url: _create_table(postgres, url))
    first, second = postgres.database(template), postgres.database(template)
    postgres.query("INSERT INTO thing VALUES (1)", url=first)
    assert postgres.query("SELECT count(*) FROM thing", url=first) == [(1,)]
    assert postgres.query("SELECT count(*) FROM thing", url=second) == [(0,)]
    postgres.drop(first)
    with pytest.raises(psycopg.OperationalError):
        postgres.query("SELECT 1", url=first)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_keeps_what_was_committed_through_a_restart(own_postgres: Postgres, mode: str) -> None:
    url = own_postgres.database()
    _create_table(own_postgres, url)
    own_postgres.query("INSERT INTO thing VALUES (7)", url=url)
    own_postgres.restart(mode)
    assert own_postgres.query("SELECT number FROM thing", url=url) == [(7,)]
    assert own_postgres.query("SHOW fsync", url=url) == [("on",)]


def test_postfix_hands_on_what_swaks_gives_it(new_postfix: Postfixes) -> None:
    far = new_postfix({"customer.example": "discard:"})
    near = new_postfix({"desk.example": "lmtp:inet:127.0.0.1:9"}, next_hop=f"127.0.0.1:{far.port}")
    letter = mail(ALICE, CAROL, "Hello", "Good morning.")
    sent = swaks.send(letter, from_=ALICE.address, to=[CAROL.address], port=near.port)
    assert sent.code == 0, sent.text
    wait_for(lambda: "status=sent (customer.example)" in far.log_text(), "the mail at the far server")
    assert far.queue() == []

    held_up = swaks.send(letter, from_="", to=[DESK], port=near.port)
    assert held_up.queued, held_up.text
    wait_for(lambda: any(entry["queue_name"] == "deferred" for entry in near.queue()), "the mail that waits")
    assert near.queue()[0]["recipients"][0]["address"] == DESK
    near.delete()
    assert near.queue() == []


def test_postfix_relays_nothing_without_a_next_hop(new_postfix: Postfixes) -> None:
    server = new_postfix({"customer.example": "discard:"})
    refused = swaks.send(
        mail(ALICE, CAROL, "Hello", "x"), from_="", to=["x@elsewhere.example"], port=server.port
    )
    assert refused.code != 0
    assert any(answer.startswith("550 5.7.1") for answer in refused.answers)


def test_dovecot_keeps_what_lmtp_gives_it_and_answers_by_sieve(
    new_dovecot: Dovecots, smarthost: ScriptedSMTP
) -> None:
    server = new_dovecot([DESK, "second"], submission=f"{smarthost.host}:{smarthost.port}")
    server.sieve('require ["vacation"];\nvacation :days 0 "I am away.";\n')
    with smtplib.LMTP(server.host, server.lmtp_port) as lmtp:
        lmtp.sendmail(
            CAROL.address, ["help+detail@desk.example"], mail(CAROL, DESK, "Hello", "Good morning.")
        )
    server.put([mail(CAROL, DESK, "Later", "On disk.")])
    server.restart()
    with server.client() as client:
        found = client.fetch([1, 2], ["BODY.PEEK[]"])
    assert [b"Good morning." in found[1][b"BODY[]"], b"On disk." in found[2][b"BODY[]"]] == [True, True]
    assert b"Delivered-To: help+detail@desk.example" in found[1][b"BODY[]"]
    wait_for(lambda: bool(smarthost.mails), "the automatic reply")
    assert smarthost.mails[0].recipients == (CAROL.address,)


def test_neomutt_shows_a_mail_as_text(tmp_path: Path) -> None:
    letter = mail(CAROL, DESK, "Grüße – Drucker", "Er zieht kein Papier ein.\nżółw", html="<b>Nein</b>")
    shown = neomutt.render(letter, tmp_path)
    assert shown.startswith(f"From: {CAROL}\nTo: {DESK}\nSubject: Grüße – Drucker\n")
    assert shown.rstrip().endswith("Er zieht kein Papier ein.\nżółw")
    assert "Nein" not in shown


def test_chromium_shows_a_page_and_reaches_nobody(chromium: Chromium) -> None:
    with chromium.page(size=PHONE, dark=True) as page:
        page.set_content("<h1>Hello</h1><script>console.log('seen')</script>")
        assert page.inner_text("h1") == "Hello"
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        assert page.evaluate("innerWidth") == PHONE[0]
        with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://elsewhere.example/")
    assert "log: seen" in chromium.log_text()


def test_people_write_and_answer() -> None:
    question = mail(
        CAROL, DESK, "Printer", "It is broken.", attachments=[Attachment("a.png", "image/png", b"x")]
    )
    answer = reply(ALICE, question, "Switch it on.").decode()
    assert f"To: {CAROL}" in answer
    assert "Subject: Re: Printer" in answer
    assert "\r\n> It is broken." in answer
    assert answer.count("Message-ID: ") == 1
    assert "\n" not in answer.replace("\r\n", "")


def _create_table(postgres: Postgres, url: str) -> None:
    postgres.query("CREATE TABLE thing (number INTEGER)", url=url)
