"""The command `helpgate`. Each module beside this one holds a few commands of one kind."""

from __future__ import annotations

import sys

from gateway.cli.group import helpgate
from gateway.errors import ConfigError, DeskError, StoreError

__all__ = ["main"]

EX_USAGE, EX_TEMPFAIL = 64, 75


def main() -> None:
    """Run the command line; every error of ours becomes one sentence and an exit status."""
    try:
        helpgate(standalone_mode=True)
    except ConfigError as error:
        _end(str(error), EX_USAGE)
    except StoreError as error:
        _end(f"the store: {error}", EX_TEMPFAIL)
    except DeskError as error:
        from gateway.cli.sentences import sentence

        _end(sentence(error), 1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing is left to say
        sys.exit(0)


def _end(words: str, status: int) -> None:
    print(f"helpgate: {words}", file=sys.stderr)
    sys.exit(status)
