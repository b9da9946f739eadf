"""A moment of what `make fuzz` does for long, the same examples every time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import hostile, mail_promises
from tests.fuzz.targets import TARGETS

EXAMPLES = 25


@pytest.mark.parametrize("mail", hostile.MAILS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_whole_corpus(mail: Path) -> None:
    """Each crash that was found is a mail of the corpus."""
    mail_promises.mail(mail.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_promises(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def holds(hostile: bytes | str) -> None:
        target.holds(hostile)

    holds()
