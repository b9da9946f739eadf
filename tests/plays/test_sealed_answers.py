"""Promise 6 and agents who sign or encrypt: no customer gets what only the agent's mail program can open."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from gateway.desk import attachments
from gateway.store.database import Store
from tests import people
from tests.fakes import FakeClock
from tests.people import ALICE
from tests.world import World, played

ARMOUR = "-----BEGIN PGP MESSAGE-----\n\nhQEMA1234567890\n-----END PGP MESSAGE-----\n"
OPAQUE = [
    ("smime.p7s", "application", "pkcs7-signature"),
    ("signature.asc", "application", "pgp-signature"),
    ("OpenPGP_0x1234.asc", "application", "pgp-keys"),
    ("smime.p7s", "application", "octet-stream"),
]


@pytest.fixture
def world(store: Store, clock: FakeClock) -> Iterator[World]:
    with played(store, clock) as world:
        world.carol.writes("Printer", "It is on fire.", auth="pass")
        world.after()
        yield world


def test_an_encrypted_answer_is_not_sent(world: World) -> None:
    world.alice.replies(world.alice.only("notice"), ARMOUR, quoting=False)
    world.after()
    assert world.carol.mailbox("reply") == []


@pytest.mark.parametrize(("name", "main", "sub"), OPAQUE)
def test_a_signature_stays_with_agents(world: World, name: str, main: str, sub: str) -> None:
    notice = world.alice.only("notice")
    mail = message_from_bytes(
        people.mail(ALICE, notice.reply_to, "Re: Printer", "Pull the plug."), policy=SMTP
    )
    assert isinstance(mail, EmailMessage)
    mail.add_attachment(b"\x30\x80alice@agents.example", maintype=main, subtype=sub, filename=name)
    mail["In-Reply-To"] = str(notice.mail["Message-ID"])
    world.receives(mail.as_bytes(), notice.reply_to, reverse_path=ALICE.address)
    world.after()
    reply = world.carol.only("reply")
    assert list(reply.mail.iter_attachments()) == []
    answer = world.messages()[-1]
    with world.store.reading() as unit:
        kept = attachments.of_messages(unit, [answer.id], agents=True)[answer.id]
    assert [file.filename for file in kept] == [name]
