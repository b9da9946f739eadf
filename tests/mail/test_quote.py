"""Quotes and signatures: folded when they trail, kept when somebody answers below them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.quote import REPLY_MARK, fold, fold_known, hash_line

ANSWER = "Thanks, that works.\n\nJane"


def left(text: str) -> str:
    """What is read when everything folded is hidden."""
    lines = text.split("\n")
    hidden = {number for start, end in fold(text).ranges for number in range(start, end)}
    return "\n".join(line for number, line in enumerate(lines) if number not in hidden).strip()


@pytest.mark.parametrize(
    "history",
    [
        "> quoted\n> more",
        "> quoted\n\n> more\n>\n> end\n\n",
        "On Mon, 3 Feb 2025 at 10:11, Help <help@desk.example> wrote:\n> quoted",
        "On Mon, 3 Feb 2025 at 10:11, Help Desk\n<help@desk.example> wrote:\n\n> quoted\n> more",
        "Am 03.02.2025 um 10:11 schrieb Help Desk:\n> quoted",
        "Le lun. 3 févr. 2025 à 10:11, Help <help@desk.example> a écrit :\n\n> quoted",
        "El lun, 3 feb 2025 a las 10:11, Help (<help@desk.example>) escribió:\n> quoted",
        "W dniu 3.02.2025 o 10:11, Help pisze:\n> quoted",
        "pon., 3 lut 2025 o 10:11 Help <help@desk.example> napisał(a):\n\n> quoted",
        "On Mon, 3 Feb 2025 at 10:11, Help wrote:\n\nnot marked as a quote\nat all",
        "-----Original Message-----\nFrom: Help\nSent: Monday\n\nquoted",
        "-----Ursprüngliche Nachricht-----\nVon: Help\n\nquoted",
        "________________________________\nFrom: Help <help@desk.example>\nSent: Monday\n"
        "To: Jane\nSubject: x\n\nold",
        "From: Help <help@desk.example>\nSent: Monday, 3 February 2025\nTo: Jane\nSubject: x\n\nquoted",
        "*Von:* Help\n*Gesendet:* Montag\n*An:* Jane\n*Betreff:* x\n\nquoted",
        "De : Help\nEnvoyé : lundi\nÀ : Jane\nObjet : x\n\nquoted",
        "Od: Help\nWysłano: poniedziałek\nDo: Jane\nTemat: x\n\nquoted",
        f"{REPLY_MARK}\n\nour letter",
        f"> {REPLY_MARK}\n> our letter",
        f"On Mon, 3 Feb 2025 Help wrote:\n> {REPLY_MARK}\n> our letter",
        "-- \nJane Doe\nExample Ltd",
        "--\nJane Doe\n\n> quoted",
        "-- \nJane Doe\n\nOn Mon, 3 Feb 2025 Help wrote:\n> quoted",
        "> quoted\n-- \nJane Doe",
    ],
)
def test_history_and_signature_are_folded(history: str) -> None:
    assert left(f"{ANSWER}\n\n{history}") == ANSWER


@pytest.mark.parametrize(
    "text",
    [
        "> question one?\nyes\n> question two?\nno",
        "Please see:\n- item\n- item",
        "I wrote:\nthe text",
        "From: here to there\nit is far",
        "The key -- the small one -- is lost.",
        "a\n--\n" + "line\n" * 40,
        "Total:\n------------\n12",
        "",
        "\n\n",
        "> only a quote",
        "-- \nonly a signature",
        "-----Original Message-----\nFrom: a\n\nx",
    ],
)
def test_answers_and_what_they_answer_stay(text: str) -> None:
    assert fold(text).ranges == ()


def test_interleaved_answers_stay_and_the_rest_is_folded() -> None:
    text = "> one?\nyes\n> two?\n> three?\n-- \nJane"
    assert left(text) == "> one?\nyes"


def test_ranges_are_half_open_ordered_and_apart() -> None:
    assert fold("x\n-- \nJane\n\n> q\n> r").ranges == ((1, 6),)
    assert fold("x\n\n> q").ranges == ((2, 3),)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                *("> q", ">", "", "word", "-- ", REPLY_MARK, "On 1 Jo wrote:", "From: a", "To: b", "Sent: c"),
                *("-----Original Message-----", "________________", "Am 1 schrieb", "Jo:", "Subject: x"),
            ]
        ),
        max_size=14,
    )
)
def test_something_always_stays(lines: list[str]) -> None:
    text = "\n".join(lines)
    ranges = fold(text).ranges
    assert list(ranges) == sorted(ranges)
    assert all(0 <= start < end <= text.count("\n") + 1 for start, end in ranges)
    assert all(first[1] < second[0] for first, second in pairwise(ranges))
    if text.strip():
        assert left(text)


@pytest.mark.parametrize(
    "seed", ["> ", "On ", "On a wrote:\n", "-- \n", "From: a\n", ">\n", "_", ":\n", "- "]
)
def test_long_texts_of_one_kind_are_read(seed: str) -> None:
    fold(seed * 100_000)


def test_a_line_is_known_again_through_quoting_and_wrapping() -> None:
    known = hash_line("Please send us the serial number.")
    assert known != 0
    assert hash_line("> > Please send  us the\tserial number. ") == known
    assert hash_line(">Please send us the serial number.\r") == known
    assert hash_line("please send us the serial number.") != known
    assert hash_line("Kind regards") == 0
    assert hash_line("> " * 40 + "short") == 0
    assert -(2**63) <= known < 2**63


def test_lines_we_sent_ourselves_are_folded_in_runs() -> None:
    ours = ["Hello Jane, thank you for writing.", "", "Please send us the serial number.", "Bye"]
    hashes = frozenset(map(hash_line, ours))
    text = "\n".join(["It is 4711.", *ours, "And now?"])
    assert fold_known(text, (), hashes) == ((1, 4),)
    assert fold_known(text, ((5, 6),), hashes) == ((1, 4), (5, 6))
    assert fold_known(text, (), frozenset()) == ()
    assert fold_known(text, (), frozenset({0})) == ()


def test_known_lines_with_an_answer_below_stay() -> None:
    hashes = frozenset({hash_line("Please send us the serial number.")})
    assert fold_known("> Please send us the serial number.\n4711", (), hashes) == ()


def test_a_mail_of_our_own_lines_only_is_not_hidden() -> None:
    line = "Please send us the serial number."
    assert fold_known(line, (), frozenset({hash_line(line)})) == ()
