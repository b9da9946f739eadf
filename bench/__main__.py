"""`python -m bench`: measures the goals and writes the report.

    python -m bench --quick --only G1,G7

Exit status 1 when a goal's "must" was missed or a goal could not be measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench import machine, report
from bench.errors import CannotMeasure
from bench.goals import accept, footprint, growth, pages, postgres, reading, tickets
from bench.goals.table import GOALS, Reached
from bench.goals.workbench import CORPUS, Workbench


@dataclass(frozen=True, slots=True)
class Measurement:
    """One function and the goals it finds values for."""

    goals: tuple[str, ...]
    measure: Callable[[Workbench], list[Reached]]


MEASUREMENTS = (
    Measurement(("G1",), accept.four_kilobytes),
    Measurement(("G2",), accept.fifty_kilobytes),
    Measurement(("G3",), accept.one_a_connection),
    Measurement(("G4",), accept.beside_postfix),
    Measurement(("G5",), accept.commits),
    Measurement(("G7", "G9"), tickets.new_tickets),
    Measurement(("G8",), tickets.threaded_replies),
    Measurement(("G10 mail", "G10 page"), growth.many_tickets),
    Measurement(("G11",), pages.beside_trivial),
    Measurement(("G12",), pages.beside_peer),
    Measurement(("G14 rate", "G14 p99"), pages.under_mail),
    Measurement(("G15 time", "G15 growth"), reading.hostile_mails),
    Measurement(("G16",), footprint.idle_memory),
    Measurement(("G17",), footprint.large_mail),
    Measurement(("G19",), footprint.start),
    Measurement(("G20",), postgres.beside_sqlite),
    Measurement(("G21",), postgres.two_daemons),
    Measurement(("G22 default", "G22 compat32", "G22 mail-parser"), reading.beside_libraries),
    Measurement(("G23 rate", "G23 p99"), reading.whole_path),
)


def main(arguments: Sequence[str]) -> int:
    """Measures, writes, and says what was missed."""
    given = _options().parse_args(arguments)
    rounds = 2 if given.quick else given.rounds
    share = 0.1 if given.quick else 1.0
    whole = Workbench(Path(), rounds, share, given.command, given.corpus)
    reached, failures = _measure(_wanted(given.only), whole)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    run = report.Run(machine.line(), day, rounds, given.quick, tuple(reached), failures)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(report.text(run), encoding="utf-8")
    missed = report.missed(run)
    print(f"missed: {', '.join(missed)}" if missed else "every must was reached")
    return 1 if missed else 0


def _measure(wanted: Sequence[Measurement], bench: Workbench) -> tuple[list[Reached], dict[str, str]]:
    """Each with a folder of its own."""
    reached: list[Reached] = []
    failures: dict[str, str] = {}
    for one in wanted:
        print(f"{' '.join(one.goals)} …", flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            found, failure = _try(one, replace(bench, folder=Path(folder)))
        reached += found
        if failure:
            failures |= dict.fromkeys(one.goals, failure.replace(folder, "…"))
    return reached, failures


def _try(one: Measurement, bench: Workbench) -> tuple[list[Reached], str]:
    """What was reached, or why nothing was."""
    try:
        found = one.measure(bench)
    except CannotMeasure as reason:
        print(f"  could not be measured: {reason}", flush=True)
        return [], str(reason)
    except Exception as error:  # one that breaks must not cost what the others took half an hour to find
        traceback.print_exc()
        return [], f"{type(error).__name__}, a fault of the bench"
    for each in found:
        print(f"  {each.goal}: {each.value:.3g} ({each.note})", flush=True)
    return found, ""


def _wanted(only: str) -> list[Measurement]:
    """The measurements of the named goals; `G14` names all that begin with it."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    known = {goal.name.split()[0] for goal in GOALS} | {goal.name for goal in GOALS}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no such goal: {', '.join(unknown)}")
    if not names:
        return list(MEASUREMENTS)
    return [one for one in MEASUREMENTS if any({goal, goal.split()[0]} & set(names) for goal in one.goals)]


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m bench", description="Measures Helpgate against references and peers."
    )
    options.add_argument("--quick", action="store_true", help="small amounts, two rounds")
    options.add_argument("--only", default="", metavar="G1,G2", help="these goals alone")
    options.add_argument("--rounds", type=int, default=5, help="how often the sides take turns (5)")
    options.add_argument("--out", type=Path, default=Path("docs/performance.md"), help="the report")
    options.add_argument(
        "--corpus", type=Path, default=CORPUS, help="a folder of mails for G22 and G23 (ours)"
    )
    options.add_argument("--command", default="", help="run this instead of helpgate")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
