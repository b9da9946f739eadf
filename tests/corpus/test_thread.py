"""Stories of several mails, which come in in their order: which belong together. Each folder of `thread/` is one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway.desk.tables import AGENTS_ONLY
from gateway.flow.decision import Decision
from gateway.store.database import Store
from gateway.store.journal import DROPPED
from tests.corpus.sidecar import CORPUS
from tests.fakes import FakeClock
from tests.world import played

STORIES = sorted((CORPUS / "thread").iterdir())
KEYS = {"trap", "tickets", "for_agents_only", "dropped"}


@pytest.mark.parametrize("story", STORIES, ids=lambda folder: folder.name)
def test_what_belongs_together(store: Store, clock: FakeClock, story: Path) -> None:
    told = tomllib.loads((story / "story.toml").read_text())
    assert told.keys() <= KEYS and told["trap"]
    with played(store, clock) as world:
        decisions: dict[int, Decision] = {}
        for number in range(1, len(list(story.glob("*.eml"))) + 1):
            octets = (story / f"{number}.eml").read_bytes().replace(b"\n", b"\r\n")
            decisions[number] = world.receives(octets, auth="pass")
            clock.forward(60)
    assert sorted(_together(decisions)) == sorted(told["tickets"])
    assert [n for n, one in decisions.items() if one.fate == DROPPED] == told.get("dropped", [])
    hidden = [n for n, one in decisions.items() if one.message and one.message.audience == AGENTS_ONLY]
    assert hidden == told.get("for_agents_only", [])


def _together(decisions: dict[int, Decision]) -> list[list[int]]:
    """The mails of each ticket, by their numbers."""
    found: dict[int, list[int]] = {}
    for number, decision in decisions.items():
        if decision.ticket is not None:
            found.setdefault(decision.ticket.id, []).append(number)
    return list(found.values())
