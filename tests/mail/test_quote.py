"""Quotes and signatures: folded when they trail, kept when somebody answers below them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail.quote import REPLY_MARK, apart, fold, fold_known, hash_line, known_lines, merged

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
        "On Mon, 3 Feb 2025 at 10:11, Help <help@desk.example> wrote:\n\nnot marked as a quote\nat all",
        "On Mon, 3 Feb 2025 10:11 +0100, Help wrote:\n\nnot marked as a quote\nat all",
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
        "It is lost.\n\nOn Mon, 3 Feb 2025 at 10:11, DHL wrote:\n\nnot our fault\n\nWhat now?",
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


OURS = known_lines(
    [
        "Hello Jane, thank you for writing.\n\nPlease send us the serial number.\nBye",
        "It is on the back of it.",
    ]
)


def kept(text: str) -> str:
    """What is left when our lines are hidden, besides what is folded anyway."""
    lines = text.split("\n")
    hidden = {at for start, end in fold_known(text, fold(text).ranges, OURS) for at in range(start, end)}
    return "\n".join(line for at, line in enumerate(lines) if at not in hidden).strip()


TOLD = "Hello Jane, thank you for writing.\n\nPlease send us the serial number.\nBye"


def test_lines_we_sent_ourselves_are_folded_in_runs() -> None:
    text = f"It is 4711.\n{TOLD}\nAnd now?"
    assert fold_known(text, (), OURS) == ((1, 5),)
    assert fold_known(text, ((5, 6),), OURS) == ((1, 6),)
    assert fold_known(text, (), frozenset()) == ()


@pytest.mark.parametrize(
    "announcement",
    ["On Mon, 3 Feb 2025 Help <help@desk.example> wrote:", "Am 03.02.2025 um 10:11 schrieb Help:", "_" * 30],
)
def test_what_announces_our_lines_goes_with_them(announcement: str) -> None:
    text = f"It is 4711.\n\n{announcement}\n\nPlease send us the serial number.\nAnd now?"
    assert fold_known(text, (), OURS) == ((2, 5),)


@pytest.mark.parametrize(
    "text",
    [
        "First this:\nPlease send us the serial number.\nWhy?",
        "I read\nPlease send us the serial number.\nand do not know why.",
        "Thanks.\nPlease send us the serial number.",
        f"You wrote to me:\n{TOLD}\nWhat is a serial number?",
        "Please send us the serial number.\n4711\nIt is on the back of it.\nNo, it is not.",
        f"{TOLD}\nSo you said.\nHello Jane, thank you for writing.\nPlease send us the serial number.\nWhy?",
        "Hello Jane, thank you for writing.\nBye\nNo:\nBye",
    ],
)
def test_words_of_ours_that_the_author_needs_stay(text: str) -> None:
    assert kept(text) == text


def test_a_short_line_is_ours_only_below_the_line_it_stood_below() -> None:
    text = "Thanks.\nPlease send us the serial number.\nNo.\nIt is on the back of it.\nBye"
    assert kept(text) == text
    assert kept(f"Thanks.\n{TOLD}\nNo.") == "Thanks.\nNo."


def test_known_lines_with_an_answer_below_stay() -> None:
    text = "> Please send us the serial number.\n4711\n> It is on the back of it.\nNo."
    assert fold_known(text, (), OURS) == ()


def test_a_mail_of_our_own_lines_only_is_not_hidden() -> None:
    assert fold_known(TOLD, (), OURS) == ()


SHARED = "On Mon, 3 Feb 2025 at 09:00, Help <help@desk.example> wrote:"


@pytest.mark.parametrize("answer", ["It burns.", "It burns!", "On 3 floors it burns", "Es brennt"])
def test_an_attribution_on_the_line_of_the_answer_gets_its_own(answer: str) -> None:
    assert left(apart(f"{answer} {SHARED}\n\n> which?")) == answer


@pytest.mark.parametrize(
    "text",
    [
        f"It burns. {SHARED}\n\nno quote",
        f"{SHARED}\n> which?",
        f"> It burns. {SHARED}\n> > which?",
        "It burns since. On 3 floors of ours I read:\n> FIRE",
        "Look at the log. Am 3. war es so:\n> x",
    ],
)
def test_other_lines_stay_one(text: str) -> None:
    assert apart(text) == text


def test_ranges_are_merged() -> None:
    assert merged(((4, 6), (0, 2), (2, 3), (5, 9), (7, 7))) == ((0, 3), (4, 9))
