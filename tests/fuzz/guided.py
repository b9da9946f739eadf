"""One target under atheris: `python -m tests.fuzz.guided TARGET` and the options of libFuzzer."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["gateway.mail"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Never comes back: libFuzzer ends the process."""
    program, name, *options = sys.argv
    atheris.Setup([program, *options], TARGETS[name].holds_for_octets)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
