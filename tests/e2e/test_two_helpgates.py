"""T23 with real daemons: two Helpgates that write to each other, and a stranger's robot that hides what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests import people
from tests.e2e.town import PATIENCE_S, SETTINGS, Delivered, Town, vouching
from tests.parts import swaks
from tests.parts.daemon import Daemon, Daemons
from tests.parts.ports import wait_for
from tests.parts.scripted_smtp import ScriptedSMTP
from tests.people import ALICE, DESK, Person

THERE = Person("There", "desk@there.example")
ROBOT = Person("Robot", "robot@rude.example")
MOST = 2  # automatic mails until an exchange is over


@pytest.fixture
def here(new_daemon: Daemons, smarthost: ScriptedSMTP) -> Town:
    """A furnished installation, not yet started."""
    town = Town(new_daemon(SETTINGS), smarthost)
    town.daemon.smarthost(smarthost.port)
    town.furnish()
    return town


@pytest.fixture
def there(new_daemon: Daemons) -> Iterator[Town]:
    """The other one, whose agents hear of nothing."""
    with ScriptedSMTP() as smarthost:
        daemon = new_daemon(SETTINGS)
        daemon.init(address=THERE.address)
        daemon.smarthost(smarthost.port)
        yield Town(daemon, smarthost)


def carry(one: Town, other: Town, passed: set[int], address: str) -> int:
    """The postman: brings what one has written to this address, or to a sealed form of it, to the other."""
    user, _, domain = address.partition("@")
    count = 0
    for number, caught in enumerate(list(one.smarthost.mails)):
        to = [who for who in caught.recipients if who.startswith(user) and who.endswith(f"@{domain}")]
        if to and number not in passed:
            passed.add(number)
            sent = swaks.send(caught.octets, from_=caught.reverse_path, to=to, port=other.daemon.smtp_port)
            assert sent.code == 0, sent.text
            count += 1
    return count


def exchange(here: Town, there: Town, passed: tuple[set[int], set[int]]) -> None:
    """Until neither has anything to say to the other."""
    for _ in range(20):
        here.settle()
        there.settle()
        if not carry(here, there, passed[0], THERE.address) + carry(there, here, passed[1], DESK):
            return
    raise AssertionError("they write on and on")


def automatic(letters: list[Delivered], *to: str) -> list[Delivered]:
    """What a program wrote to one of these addresses."""
    return [one for one in letters if one.recipient in to and one.mail["Auto-Submitted"]]


def test_each_is_the_smarthost_of_the_other(new_daemon: Daemons) -> None:
    one, other = new_daemon(SETTINGS), new_daemon(SETTINGS)
    for daemon, neighbour, address in ((one, other, DESK), (other, one, THERE.address)):
        daemon.init(address=address)
        daemon.smarthost(neighbour.smtp_port)
        daemon.start()
    first = people.mail(THERE, DESK, "Hello", "From desk to desk.")
    assert swaks.send(first, from_=THERE.address, to=[DESK], port=one.smtp_port).code == 0
    wait_for(lambda: [row["fate"] for row in other.journal()] == ["held"], "the receipt held", PATIENCE_S)
    assert [row["verdict"] for row in other.journal()] == ["auto-reply"]
    assert (len(letters(one)), len(letters(other))) == (1, 0)
    assert len(one.journal()) == 1


def letters(daemon: Daemon) -> list[str]:
    """What has left, or will."""
    return [str(letter["kind"]) for letter in daemon.outbox()]


def test_an_agents_answer_to_another_helpgate_is_the_last_thing_said(here: Town, there: Town) -> None:
    here.daemon.start()
    there.daemon.start()
    passed: tuple[set[int], set[int]] = (set(), set())
    here.writes(THERE, "Hello", "From desk to desk.")
    exchange(here, there, passed)
    here.answers(ALICE, here.awaits(ALICE, "From desk to desk."), "Good day to you, too.")
    here.awaits(THERE, "Good day to you")
    exchange(here, there, passed)
    said = automatic(here.delivered, THERE.address) + [
        one for one in there.delivered if one.mail["Auto-Submitted"]
    ]
    assert 1 <= len(said) <= MOST, [one.text for one in said]
    fates = [(row["verdict"], row["fate"]) for row in here.daemon.journal()]
    assert fates[-1] == ("auto-reply", "applied"), "their receipt lies folded on our ticket"
    (ticket,) = here.daemon.export()
    assert ticket["status"] == "pending"


@pytest.mark.parametrize("proven", [False, True])
def test_a_robot_that_strips_every_header(here: Town, proven: bool) -> None:
    """It answers at once, with a subject of its own, to the plain address or to where it is told to."""
    here.daemon.start()
    ways: tuple[Callable[[Delivered], str], ...] = (lambda letter: DESK, lambda letter: letter.reply_to)
    answered = 0
    here.sends(robots_mail(0, DESK, proven), ROBOT.address)
    for _ in range(10):
        here.settle()
        for letter in here.mailbox(ROBOT)[answered:]:
            for way in ways:
                here.sends(
                    robots_mail(answered + 1, way(letter), proven),
                    ROBOT.address,
                    way(letter),
                )
            answered += 1
    assert 1 <= len(here.mailbox(ROBOT)) <= MOST


def robots_mail(number: int, to: str, proven: bool) -> bytes:
    """No word of what it answers, nor of what it is."""
    headers = vouching(ROBOT) if proven else {}
    return people.mail(ROBOT, to, f"Thank you {number}", f"We have your mail {number}.", headers=headers)
