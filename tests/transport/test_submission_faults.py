"""Every fault at every stage of a session: what becomes of the letter, and of those behind it."""

from __future__ import annotations

import pytest

from tests.parts.delivery import deliver, parcel, relay_to
from tests.parts.scripted_smtp import (
    DROP,
    EXTENSIONS,
    GARBAGE,
    HANG,
    MULTILINE,
    ScriptedSMTP,
    permanent,
    temporary,
)

SHORT_S = 0.4
ONE_BY_ONE, AT_ONCE = EXTENSIONS, (*EXTENSIONS, "PIPELINING")

# state of the parcel and whether the queue should stop, for each stage and fault
_BEFORE = {
    "4xx": "retry", "5xx": "retry", "drop": "retry", "hang": "retry", "garbage": "retry", "multiline": "sent",
}  # fmt: skip
_OF_LETTER = {**_BEFORE, "5xx": "refused"}
TABLE = {
    "greeting": _BEFORE,
    "ehlo": _BEFORE,
    "auth": {**_BEFORE, "4xx": "retry stop", "5xx": "retry stop"},
    "mail": _BEFORE,
    "rcpt": _OF_LETTER,
    "data": _OF_LETTER,
    "dot": {**_OF_LETTER, "drop": "uncertain", "hang": "uncertain", "garbage": "uncertain"},
}
FAULTS = {
    "4xx": temporary(),
    "5xx": permanent(),
    "drop": DROP,
    "hang": HANG,
    "garbage": GARBAGE,
    "multiline": MULTILINE,
}


@pytest.mark.parametrize("offers", [ONE_BY_ONE, AT_ONCE], ids=["one by one", "at once"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", TABLE)
def test_every_fault_at_every_stage(stage: str, fault: str, offers: tuple[str, ...]) -> None:
    with ScriptedSMTP({stage: FAULTS[fault]}, users={"desk": "secret"}, extensions=offers) as server:
        impatient = {"final_s" if stage == "dot" else "command_s": SHORT_S} if fault == "hang" else {}
        relay = relay_to(server, username="desk", password="secret", **impatient)
        flow = deliver(relay, [parcel(1)])
        (outcome,) = flow.told
        assert f"{outcome.state}{' stop' * outcome.stop}" == TABLE[stage][fault]
        assert outcome.reply
        assert len(server.mails) == (outcome.state == "sent")
