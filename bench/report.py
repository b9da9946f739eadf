"""`docs/performance.md` from what was reached. It names no folder and no machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.goals.table import GOALS, Goal, Reached

_VERDICTS = {"aim": "reached the aim", "must": "reached", "missed": "**missed**"}
_HEAD = """\
# Performance

Written by `make bench`; do not edit. A core's speed drifts by a factor of two within minutes, so
what counts are ratios: both sides in the same run, in turns, the median over the rounds. The rates
in the notes belong to this machine and this hour.
"""
_TAIL = """\
## How to repeat it

```
make bench                          # everything; about half an hour on two quiet cores
python -m bench --only G1,G7        # some goals
python -m bench --only G22,G23 --corpus FOLDER   # on mails of your own
python -m bench --quick             # small amounts, two rounds: whether it runs, not how fast
```

It needs Linux, and for some goals Postfix's `smtp-sink` (Debian package `postfix`) and PostgreSQL's
server programs (`postgresql`). django-helpdesk is installed into an environment of its own below
`bench/.peers`, from pinned versions. All traffic stays on 127.0.0.1.

## What is compared

- **Null sink** (`bench/reference/null_sink.py`): stock aiosmtpd on uvloop that throws every mail
  away. Ours stores each mail durably before the 250, and parses and applies it meanwhile.
- **django-helpdesk** (`bench/peers/django_helpdesk`): its own mail entry point, a local mailbox read
  by what its `get_email` command calls, in one process; SQLite in WAL mode with synchronous=FULL,
  as ours. Its start is not timed. Its public page is served by one gunicorn process.
- **Letters**: a new ticket gives a receipt and a notice on both sides; a reply gives a notice here
  and a letter to the submitter there. Both sides deliver by SMTP to the same kind of sink. The
  rates of G7 and G8 end when the last mail is a message of a ticket; the notes say what they are
  until the last letter has been delivered. The CPU of G9 is counted until then, in every process of
  the daemon.
- **Trivial page** (`bench/reference/trivial_page.py`): one row by Peewee through one template.
- **Hostile mails** (`bench/hostile.py`): each one idea that is slow for somebody, repeated to 25 MB; read by
  the parse worker as the daemon starts it, with its limits of memory. G15 growth counts from 0.05 s on.
- **Corpus**: our own fixtures, or the folder given. G22 times the best of three passes over each mail, in one
  process each; every library gives subject, sender, texts, and each file's name and hash. Ours also
  sanitises, folds quotes, reads delivery reports and judges. Mails that a library raises on are not counted
  for it. G23 has everything on, letters included.
- **Memory** is the proportional set size of every process of the daemon, which is at rest after its
  first mails. **G21** counts the database server's CPU as well.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: where, how thorough, what was reached, and why the rest was not measured."""

    machine: str
    day: str
    rounds: int
    quick: bool = False
    reached: tuple[Reached, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


def text(run: Run) -> str:
    """The whole document."""
    found = {one.goal: one for one in run.reached}
    rows = [_row(goal, found.get(goal.name), run.failures.get(goal.name)) for goal in GOALS]
    head = ["| | goal | must | aim | reached | verdict |", "|---|---|---|---|---|---|"]
    return "\n".join([_HEAD, _circumstances(run), "", *head, *rows, "", *_notes(run), _TAIL])


def missed(run: Run) -> list[str]:
    """The goals whose must was not reached, and those that could not be measured."""
    goals = {goal.name: goal for goal in GOALS}
    below = [one.goal for one in run.reached if goals[one.goal].verdict(one.value) == "missed"]
    return [*below, *run.failures]


def _circumstances(run: Run) -> str:
    quick = " A quick run: no verdict on speed." if run.quick else ""
    return f"{run.machine}. {run.day}, {run.rounds} rounds.{quick}"


def _row(goal: Goal, reached: Reached | None, failure: str | None) -> str:
    cells = [goal.name, goal.what, _limit(goal, goal.must), _limit(goal, goal.aim)]
    if reached is not None:
        cells += [_value(goal, reached.value), _VERDICTS[goal.verdict(reached.value)]]
    else:
        cells += ["", "not measured" if failure is None else "**not measured**"]
    return "| " + " | ".join(cells) + " |"


def _notes(run: Run) -> list[str]:
    noted = [f"- **{one.goal}**: {one.note}." for one in run.reached if one.note]
    failed = [f"- **{goal}** could not be measured: {why}." for goal, why in run.failures.items()]
    lines = noted + failed
    return ["## Notes", "", *lines, ""] if lines else []


def _limit(goal: Goal, limit: float) -> str:
    return ("≤ " if goal.better == "less" else "") + _value(goal, limit)


def _value(goal: Goal, value: float) -> str:
    digits = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return digits + (f" {goal.unit}" if goal.unit else "")
