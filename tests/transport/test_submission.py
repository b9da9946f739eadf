"""The courier against a server that misbehaves at every stage."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from gateway.errors import ConfigError
from gateway.flow.courier import Courier
from gateway.mail.letter import Outcome, Parcel
from gateway.transport.relay import Relay
from gateway.transport.submission import Submission
from tests.parts.delivery import LETTER, Flow, deliver, done, parcel, relay_to
from tests.parts.proxy import CUT, STALL, Limit, Proxy
from tests.parts.scripted_smtp import (
    DROP,
    EXTENSIONS,
    GARBAGE,
    HANG,
    LIE,
    OK,
    Act,
    ScriptedSMTP,
    closing,
    permanent,
    temporary,
)

SHORT_S = 0.4


ONE_BY_ONE, AT_ONCE = EXTENSIONS, (*EXTENSIONS, "PIPELINING")


@pytest.fixture(params=[ONE_BY_ONE, AT_ONCE], ids=["one by one", "at once"])
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedSMTP]:
    with ScriptedSMTP(extensions=request.param) as scripted:
        yield scripted


def test_it_is_a_courier(server: ScriptedSMTP) -> None:
    courier: Courier = Submission(relay_to(server))
    assert isinstance(courier, Submission)
    courier.close()


def test_a_parcel_arrives_as_it_was(server: ScriptedSMTP) -> None:
    flow = deliver(relay_to(server), [parcel(1)])
    assert flow.told == [Outcome(1, "sent", "250 2.0.0 taken")]
    (mail,) = server.mails
    assert (mail.reverse_path, mail.recipients) == ("bounce+1@example.net", ("c1@example.org",))
    assert mail.octets == LETTER
    assert mail.parameters == f"SIZE={len(LETTER)}"


def test_the_null_reverse_path(server: ScriptedSMTP) -> None:
    deliver(relay_to(server), [Parcel(1, "", "c@example.org", LETTER)])
    assert server.mails[0].reverse_path == ""


@pytest.mark.parametrize("octets", [b"\r\n", b".\r\n", (b"." + b"x" * 98 + b"\r\n") * 3000])
def test_dots_are_doubled_on_the_way_only(server: ScriptedSMTP, octets: bytes) -> None:
    deliver(relay_to(server), [parcel(1, octets=octets)])
    assert server.mails[0].octets == octets


@pytest.mark.parametrize("fault", [DROP, closing(), GARBAGE, permanent()])
def test_a_bad_goodbye_harms_nothing(server: ScriptedSMTP, fault: Act) -> None:
    server.at("quit", fault)
    assert deliver(relay_to(server), [parcel(1)]).states == ["sent"]


def test_a_lie_looks_like_success(server: ScriptedSMTP) -> None:
    server.at("dot", LIE)
    assert deliver(relay_to(server), [parcel(1)]).states == ["sent"]
    assert len(server.thrown_away) == 1


def test_one_refused_recipient_says_nothing_of_the_others(server: ScriptedSMTP) -> None:
    server.recipients["c2@example.org"] = permanent("5.1.1 unknown")
    server.recipients["c3@example.org"] = temporary("4.2.2 full")
    flow = deliver(relay_to(server), [parcel(number) for number in (1, 2, 3, 4)])
    assert flow.states == ["sent", "refused", "retry", "sent"]
    assert [mail.recipients for mail in server.mails] == [("c1@example.org",), ("c4@example.org",)]
    assert flow.asked == [1, 4]
    assert server.sessions == 1


def test_many_parcels_share_one_connection_over_several_calls(server: ScriptedSMTP) -> None:
    flow = Flow()
    courier = Submission(relay_to(server), sessions=1)
    for start in (1, 11):
        ten = [parcel(number) for number in range(start, start + 10)]
        courier.deliver(ten, flow.sending, flow.told.append)
    courier.close()
    assert flow.states == ["sent"] * 20
    assert server.sessions == 1
    assert server.verbs().count("EHLO") == 1


def test_an_idle_connection_is_given_up_politely(server: ScriptedSMTP) -> None:
    flow = Flow()
    courier = Submission(relay_to(server), sessions=1, idle_s=0)
    courier.deliver([parcel(1)], flow.sending, flow.told.append)
    server.await_that(lambda: server.open_sessions == 0)
    assert server.verbs()[-1] == "QUIT"
    courier.deliver([parcel(2)], flow.sending, flow.told.append)
    courier.close()
    assert flow.states == ["sent", "sent"]
    assert server.sessions == 2


@pytest.mark.parametrize("fault", [DROP, closing()])
def test_a_kept_connection_that_died_is_replaced_unnoticed(server: ScriptedSMTP, fault: Act) -> None:
    server.at("mail", [OK, fault])
    flow = deliver(relay_to(server), [parcel(1), parcel(2)])
    assert flow.states == ["sent", "sent"]
    assert server.sessions == 2


def test_421_in_the_middle_goes_on_with_a_new_connection(server: ScriptedSMTP) -> None:
    server.at("rcpt", [OK, closing(), OK])
    flow = deliver(relay_to(server), [parcel(1), parcel(2), parcel(3)])
    assert flow.states == ["sent", "retry", "sent"]
    assert server.sessions == 2


def test_two_lost_connections_end_the_delivery(server: ScriptedSMTP) -> None:
    server.at("rcpt", DROP)
    flow = deliver(relay_to(server), [parcel(number) for number in range(1, 6)])
    assert flow.states == ["retry", "retry", "untried", "untried", "untried"]
    assert server.sessions == 2


def test_a_lost_reply_to_the_final_dot_is_uncertain_exactly_once(server: ScriptedSMTP) -> None:
    server.at("dot", [DROP, OK])
    flow = deliver(relay_to(server), [parcel(1), parcel(2)])
    assert flow.states == ["uncertain", "sent"]
    assert server.verbs().count("DATA") == 2


def test_a_connection_cut_within_the_text_is_no_uncertainty(server: ScriptedSMTP) -> None:
    big = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000
    with Proxy(server.host, server.port, upstream=Limit(200_000, CUT)) as proxy:
        flow = deliver(relay_to(proxy), [parcel(1, octets=big)])
    assert flow.states == ["retry"]
    assert flow.asked == [1]


def test_a_text_that_stalls_ends_in_time(server: ScriptedSMTP) -> None:
    big = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 200_000
    with Proxy(server.host, server.port, upstream=Limit(200_000, STALL)) as proxy:
        flow = deliver(relay_to(proxy, block_s=SHORT_S), [parcel(1, octets=big)])
    assert flow.states == ["retry"]


def test_a_refusal_within_the_text_counts(server: ScriptedSMTP) -> None:
    server.at("body", permanent("5.3.4 too big", 552))
    big = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 300_000
    with Proxy(server.host, server.port, upstream=Limit(300_000, STALL)) as proxy:
        flow = deliver(relay_to(proxy, block_s=30), [parcel(1, octets=big)])
    assert flow.told == [Outcome(1, "refused", "552 5.3.4 too big")]


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        (ONE_BY_ONE, ["mail", "rcpt", "asked", "data", "body"]),
        (AT_ONCE, ["mail", "rcpt", "data", "asked", "body"]),
    ],
)
def test_sending_is_asked_before_the_text(offers: tuple[str, ...], expected: list[str]) -> None:
    order: list[str] = []
    with ScriptedSMTP(on_stage=lambda stage, line: order.append(stage), extensions=offers) as server:

        def allow(parcel_id: int) -> bool:
            order.append("asked")
            return True

        deliver(relay_to(server), [parcel(1)], Flow(allow))
    assert order[order.index("mail") :][:5] == expected


def test_a_parcel_not_released_is_untried_and_not_sent(server: ScriptedSMTP) -> None:
    flow = deliver(relay_to(server), [parcel(1), parcel(2)], Flow(lambda parcel_id: parcel_id != 1))
    assert flow.states == ["untried", "sent"]
    assert len(server.mails) == 1
    assert not server.thrown_away
    if "PIPELINING" in server.extensions:
        assert server.sessions == 2, "only the end of the connection takes DATA back"
    else:
        assert server.verbs()[1:6] == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT"]


def test_callbacks_that_raise_do_not_stop_the_others(server: ScriptedSMTP) -> None:
    told: list[int] = []

    def sending(parcel_id: int) -> Future[bool]:
        if parcel_id == 1:
            raise RuntimeError
        return done(True)

    def settled(outcome: Outcome) -> None:
        told.append(outcome.id)
        raise RuntimeError

    courier = Submission(relay_to(server), sessions=1)
    courier.deliver([parcel(1), parcel(2)], sending, settled)
    courier.close()
    assert told == [1, 2]
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"a: b\r\n\r\nbare\nfeed\r\n",
        b"a: b\r\n\r\nbare\rreturn\r\n",
        b"a: b\r\n\r\nno end",
        b"",
        b"x" * 999 + b"\r\n",
    ],
)
def test_malformed_octets_never_go_out(server: ScriptedSMTP, octets: bytes) -> None:
    flow = deliver(relay_to(server), [parcel(1, octets=octets), parcel(2)])
    assert flow.states == ["refused", "sent"]
    assert server.verbs().count("MAIL") == 1


def test_a_line_of_998_octets_goes_out(server: ScriptedSMTP) -> None:
    assert deliver(relay_to(server), [parcel(1, octets=b"x" * 998 + b"\r\n")]).states == ["sent"]


@pytest.mark.parametrize("recipient", ["a@b> SIZE=1", "a@b\r\nDATA", "a b@c", "\udcff@example.org"])
def test_an_address_cannot_carry_a_command(server: ScriptedSMTP, recipient: str) -> None:
    assert deliver(relay_to(server), [parcel(1, recipient=recipient)]).states == ["refused"]
    assert "MAIL" not in server.verbs()


def test_a_comma_does_not_make_two_recipients(server: ScriptedSMTP) -> None:
    deliver(relay_to(server), [parcel(1, recipient="a@b.example,c@d.example")])
    assert server.mails[0].recipients == ("a@b.example,c@d.example",)


def test_a_parcel_over_the_declared_size_is_refused_here() -> None:
    with ScriptedSMTP(extensions=("SIZE 40",)) as server:
        flow = deliver(relay_to(server), [parcel(1)])
    assert flow.states == ["refused"]
    assert "at most 40" in flow.told[0].reply
    assert "MAIL" not in server.verbs()


def test_a_size_of_zero_is_no_limit() -> None:
    with ScriptedSMTP(extensions=("SIZE 0",)) as server:
        assert deliver(relay_to(server), [parcel(1)]).states == ["sent"]


EIGHT_BIT = "Subject: x\r\n\r\nzażółć\r\n".encode()


def test_extensions_are_used_when_needed(server: ScriptedSMTP) -> None:
    deliver(relay_to(server), [parcel(1, octets=EIGHT_BIT), parcel(2, recipient="łoś@example.org")])
    assert "BODY=8BITMIME" in server.mails[0].parameters
    assert "SMTPUTF8" not in server.mails[0].parameters
    assert server.mails[1].parameters.endswith("SMTPUTF8")
    assert server.mails[1].recipients == ("łoś@example.org",)


def test_what_needs_an_extension_is_refused_without_it() -> None:
    with ScriptedSMTP(extensions=()) as server:
        parcels = [parcel(1, octets=EIGHT_BIT), parcel(2, recipient="łoś@example.org"), parcel(3)]
        flow = deliver(relay_to(server), parcels)
    assert flow.states == ["refused", "refused", "sent"]
    replies = {outcome.id: outcome.reply for outcome in flow.told}
    assert "8BITMIME" in replies[1]
    assert "SMTPUTF8" in replies[2]


def test_greylisting_is_a_retry(server: ScriptedSMTP) -> None:
    server.greylist = True
    assert deliver(relay_to(server), [parcel(1)]).states == ["retry"]
    assert deliver(relay_to(server), [parcel(1)]).states == ["sent"]


def test_a_wrong_password_is_tried_once_and_stops_everything() -> None:
    with ScriptedSMTP(users={"desk": "secret"}) as server:
        relay = relay_to(server, username="desk", password="wrong")
        flow = deliver(relay, [parcel(number) for number in range(1, 5)], sessions=2)
    assert sorted(flow.states) == ["retry", "untried", "untried", "untried"]
    assert [outcome.stop for outcome in flow.told if outcome.state == "retry"] == [True]
    assert server.verbs().count("AUTH") == 1


def test_a_relay_that_cannot_be_reached_is_a_retry() -> None:
    with ScriptedSMTP() as gone:
        pass
    flow = deliver(relay_to(gone), [parcel(1), parcel(2)])
    assert flow.states == ["retry", "untried"]
    assert not flow.told[0].stop


def test_a_relay_without_a_name_stops(server: ScriptedSMTP) -> None:
    flow = deliver(Relay("relay.invalid.", server.port, security="none"), [parcel(1)])
    assert [(outcome.state, outcome.stop) for outcome in flow.told] == [("retry", True)]


def test_the_next_address_is_tried(server: ScriptedSMTP) -> None:
    """`localhost` has ::1 as well on most machines; nothing listens there on this port."""
    assert deliver(Relay("localhost", server.port, security="none"), [parcel(1)]).states == ["sent"]


def test_two_sessions_work_side_by_side(server: ScriptedSMTP) -> None:
    """Each waits for the other's DATA: alone neither could go on."""
    waiting: list[Future[bool]] = []
    told: list[Outcome] = []

    def sending(parcel_id: int) -> Future[bool]:
        waiting.append(Future())
        if len(waiting) % 2 == 0:
            for one in waiting[-2:]:
                one.set_result(True)
        return waiting[-1]

    courier = Submission(relay_to(server), sessions=2)
    courier.deliver([parcel(number) for number in range(1, 5)], sending, told.append)
    courier.close()
    assert [outcome.state for outcome in told] == ["sent"] * 4
    assert server.most_open_sessions == 2


def test_close_ends_what_hangs_and_later_parcels_are_untried(server: ScriptedSMTP) -> None:
    server.at("rcpt", HANG)
    flow = Flow()
    courier = Submission(relay_to(server), sessions=1)
    parcels = [parcel(1), parcel(2)]
    running = threading.Thread(target=courier.deliver, args=(parcels, flow.sending, flow.told.append))
    running.start()
    server.await_that(lambda: "RCPT" in server.verbs())
    courier.close(grace_s=0)
    running.join(10)
    assert flow.states == ["retry", "untried"]
    courier.deliver([parcel(3)], flow.sending, flow.told.append)
    assert flow.states == ["retry", "untried", "untried"]
    courier.close()


def test_close_ends_a_connection_that_is_only_beginning(server: ScriptedSMTP) -> None:
    server.at("greeting", HANG)
    flow = Flow()
    courier = Submission(relay_to(server), sessions=2)
    running = threading.Thread(target=courier.deliver, args=([parcel(1)], flow.sending, flow.told.append))
    running.start()
    server.await_that(lambda: server.sessions == 1)
    courier.close(grace_s=5)
    running.join(10)
    assert flow.states == ["untried"]


def test_the_log_names_no_address(server: ScriptedSMTP, caplog: pytest.LogCaptureFixture) -> None:
    server.recipients["c2@example.org"] = permanent("5.1.1 <c2@example.org> unknown")
    with caplog.at_level(logging.DEBUG):
        deliver(relay_to(server), [parcel(1), parcel(2)])
    assert "parcel 2: refused" in caplog.text
    assert "@" not in caplog.text


def test_security_has_three_values() -> None:
    with pytest.raises(ConfigError, match=r"smarthost\.security"):
        Relay("localhost", 25, security="maybe")


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Relay("localhost", 25, password="secret"))
