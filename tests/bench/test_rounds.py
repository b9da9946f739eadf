"""The arithmetic of the bench and the text of its report."""

from __future__ import annotations

import pytest

from bench import mails, report
from bench.__main__ import MEASUREMENTS
from bench.goals.table import GOALS, Goal, Reached
from bench.mails import Letter
from bench.rounds import Sample, cpu_ratio, interleave, middle, percentile, rate_ratio, ratio


def test_the_sides_take_turns_and_every_other_round_runs_backwards() -> None:
    order: list[str] = []

    def side(name: str) -> Sample:
        order.append(name)
        return Sample(float(len(order)))

    table = interleave(3, lambda: side("ours"), lambda: side("theirs"))

    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert [(ours.rate, theirs.rate) for ours, theirs in table] == [(1, 2), (4, 3), (5, 6)]


def test_a_ratio_is_the_median_of_each_rounds_own() -> None:
    """A machine that halves its speed between rounds changes nothing."""
    table = [
        (Sample(200, 2), Sample(100, 8)),
        (Sample(100, 4), Sample(50, 16)),
        (Sample(90, 1), Sample(10, 1)),
    ]

    assert rate_ratio(table) == 2
    assert cpu_ratio(table) == 0.25
    assert middle(table, 0) == Sample(100, 2)


@pytest.mark.parametrize(("of", "to"), [([1.0], [0.0]), ([1.0, 2.0], [1.0])])
def test_a_ratio_refuses_a_side_that_measured_nothing(of: list[float], to: list[float]) -> None:
    with pytest.raises(ValueError):
        ratio(of, to)


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_percentile_is_the_nearest_rank(share: float, value: float) -> None:
    assert percentile([float(one) for one in range(100, 0, -1)], share) == value


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("better", "value", "verdict"),
    [
        ("more", 1.9, "missed"),
        ("more", 2, "must"),
        ("more", 4, "aim"),
        ("less", 4, "must"),
        ("less", 2, "aim"),
    ],
)
def test_a_verdict_knows_which_way_is_better(better: str, value: float, verdict: str) -> None:
    goal = Goal("G", "", 2, 4) if better == "more" else Goal("G", "", 4, 2, "less")

    assert goal.verdict(value) == verdict


def test_every_goal_is_measured_by_one_measurement() -> None:
    measured = [name for one in MEASUREMENTS for name in one.goals]

    assert sorted(measured) == sorted(goal.name for goal in GOALS)


def test_the_report_has_a_row_a_goal_and_says_what_was_missed() -> None:
    run = report.Run(
        "A machine",
        "2026-11-21",
        5,
        reached=(Reached("G1", 2.345, "1 mail/s"), Reached("G3", 0.5), Reached("G16", 101.2)),
        failures={"G4": "smtp-sink is not installed"},
    )

    text = report.text(run)

    rows = {
        line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| G")
    }
    assert list(rows) == [goal.name for goal in GOALS]
    assert rows["G1"].endswith("| 1.3 | 2 | 2.35 | reached the aim |")
    assert rows["G3"].endswith("| 0.5 | **missed** |")
    assert rows["G16"].endswith("| ≤ 120 MB | ≤ 90 MB | 101 MB | reached |")
    assert rows["G4"].endswith("|  | **not measured** |")
    assert rows["G5"].endswith("|  | not measured |")
    assert "- **G1**: 1 mail/s." in text
    assert "- **G4** could not be measured: smtp-sink is not installed." in text
    assert report.missed(run) == ["G3", "G4"]


def test_mails_are_as_large_as_asked_and_never_alike() -> None:
    made = list(mails.new_mails("r1", 3, 4096, "help@example.com"))

    assert all(abs(len(mail.octets) - 4096) < 100 for mail in made)
    assert len({mail.sender for mail in made}) == 3
    assert len({mail.octets for mail in made}) == 3


@pytest.mark.parametrize("size", [100, 4096, 50_000])
def test_mails_need_no_dot_stuffing(size: int) -> None:
    """RFC 5321 §4.5.2: a line that begins with a dot would have to be sent with two."""
    [mail] = mails.new_mails("r1", 1, size, "help@example.com")

    assert b"\r\n." not in mail.octets
    assert mail.octets.endswith(b"\r\n")
    assert not mail.octets.endswith(b"\r\n\r\n")


def test_a_large_mail_has_its_size() -> None:
    mail = mails.large_mail("r1", 25_000_000, "help@example.com")

    assert 24_999_000 < len(mail.octets) <= 25_000_000


def test_a_reply_goes_where_the_letter_asked_and_names_it() -> None:
    letters = [
        Letter("A <a@example.net>", "Desk <help+token@example.com>", "<one@desk>", "[#1] Subject"),
        Letter("agent@example.com", "help+other@example.com", "<two@desk>", "Notice"),
    ]

    [reply] = mails.replies("r1", mails.addresses(letters, "example.net"), 2000)

    assert (reply.sender, reply.recipient) == ("a@example.net", "help+token@example.com")
    assert b"\r\nIn-Reply-To: <one@desk>\r\n" in reply.octets
    assert b"\r\nSubject: Re: [#1] Subject\r\n" in reply.octets
