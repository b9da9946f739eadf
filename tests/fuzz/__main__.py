"""`python -m tests.fuzz`: every target in turns until the time is up; what breaks lies in build/fuzz/crashes.

    python -m tests.fuzz --seconds 300 --only mail,html

Half of the time Hypothesis builds the input, half of it atheris does, guided by coverage, where it is
installed below build/fuzz/site (`make fuzz` tries to). Exit status 1 when something broke.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz import hostile, pieces
from tests.fuzz.targets import TARGETS, Target

BUILD = Path(__file__).resolve().parent.parent.parent / "build" / "fuzz"
CRASHES, SEEDS, SITE, WORDS = BUILD / "crashes", BUILD / "seeds", BUILD / "site", BUILD / "words.txt"
EXAMPLES = 100
SLOW_S = 2.0
LONGEST = 40_000


class TooSlow(AssertionError):
    """More CPU time than any mail may take."""


def main(arguments: Sequence[str]) -> int:
    """Fuzz, and say what broke."""
    options = _options().parse_args(arguments)
    names = [name for name in options.only.split(",") if name] or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        raise SystemExit(f"no such target: {', '.join(sorted(unknown))}")
    CRASHES.mkdir(parents=True, exist_ok=True)
    guided = (SITE / "atheris").is_dir()
    if not guided:
        print("atheris is not installed: Hypothesis has all the time")
    broken = _built(names, options.seconds / (2 if guided else 1))
    if guided:
        broken += _guided(names, options.seconds / 2 / len(names))
    print(f"broken: {', '.join(broken)}; see {CRASHES}" if broken else "every promise held")
    return 1 if broken else 0


def _built(names: Sequence[str], seconds: float) -> list[str]:
    """Hypothesis, a few examples of each target in turns; one that broke has had its turn."""
    waiting, broken = list(names), []
    end = time.monotonic() + seconds
    tried = 0
    while waiting and time.monotonic() < end:
        for name in list(waiting):
            if time.monotonic() < end and not _holds(name):
                waiting.remove(name)
                broken.append(name)
            tried += EXAMPLES
    print(f"Hypothesis: about {tried} examples")
    return broken


def _holds(name: str) -> bool:
    """Whether a target keeps its promise for some examples never seen before."""
    target = TARGETS[name]
    smallest: list[Any] = []

    @hypothesis.seed(random.getrandbits(64))
    @settings(
        max_examples=EXAMPLES,
        derandomize=False,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def holds(found: bytes | str) -> None:
        smallest[:] = [found]
        _in_time(target, found)

    try:
        holds()
    except BaseException as error:  # an ExceptionGroup of Hypothesis too
        if isinstance(error, KeyboardInterrupt):
            raise
        traceback.print_exc()
        _keep(name, smallest[0])
        return False
    return True


def _in_time(target: Target, found: bytes | str) -> None:
    start = time.process_time()
    target.holds(found)
    if time.process_time() - start > SLOW_S:
        raise TooSlow(f"{len(found)} characters took longer than {SLOW_S} s")


def _keep(name: str, found: bytes | str) -> None:
    octets = found if isinstance(found, bytes) else found.encode("utf-8", "surrogatepass")
    path = CRASHES / f"{name}-{sha256(octets).hexdigest()[:12]}"
    path.write_bytes(octets)
    print(f"{name} broke its promise: {path}")


def _guided(names: Sequence[str], seconds: float) -> list[str]:
    """atheris, each target in a process of its own: libFuzzer never comes back."""
    WORDS.write_text("".join(map(_word, pieces.dictionary())))
    return [name for name in names if not _survives(name, max(1, round(seconds)))]


def _survives(name: str, seconds: int) -> bool:
    seeds = SEEDS / name
    seeds.mkdir(parents=True, exist_ok=True)
    if not TARGETS[name].takes_text:
        for mail in hostile.MAILS:
            (seeds / mail.name).write_bytes(mail.read_bytes())
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": 20,
        "rss_limit_mb": 2048,
        "dict": WORDS,
        "artifact_prefix": f"{CRASHES}/{name}-",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    words = [f"-{key}={value}" for key, value in options.items()]
    command = [sys.executable, "-m", "tests.fuzz.guided", name, *words, str(seeds)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(SITE)}, capture_output=True, text=True)
    runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(f"atheris, {name}: {''.join(runs).rpartition(':')[2].strip() or 'no'} runs")
    if done.returncode:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
    return done.returncode == 0


def _word(octets: bytes) -> str:
    """One line of a libFuzzer dictionary."""
    return '"' + "".join(f"\\x{octet:02x}" for octet in octets) + '"\n'


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Hostile mails for long.")
    options.add_argument("--seconds", type=float, default=300, help="in all (300)")
    options.add_argument("--only", default="", metavar="NAME,NAME", help="of " + ", ".join(TARGETS))
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
