"""neomutt, a terminal mail client that is not ours: how a letter reads there."""

from __future__ import annotations

import mailbox
import os
import pty
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

from tests.parts import programs

_SETTINGS = """\
set pipe_decode = yes
set wait_key = no
set confirm_append = no
set header_cache = ""
set mail_check = 3600
set charset = utf-8
set send_charset = utf-8
ignore *
unignore from to cc subject date
alternative_order text/plain text/html
"""


def render(mail: bytes, folder: Path) -> str:
    """The text neomutt shows for one mail, its headers From, To, Cc, Date and Subject first.

    folder: an empty one, for the mailbox and neomutt's own files.
    """
    program = programs.need("neomutt", "neomutt")
    box, shown, settings = folder / "box", folder / "shown.txt", folder / "muttrc"
    _put(mail, box)
    # Without a folder of its own neomutt asks whether to make one, and the keys go to that question.
    settings.write_text(f'{_SETTINGS}set folder = "{folder}"\n')
    keys = f'push "<pipe-message>cat > {shown}<enter><exit>"'
    _in_terminal([program, "-n", "-F", str(settings), "-R", "-f", str(box), "-e", keys], folder)
    separator, _, text = shown.read_text(encoding="utf-8", errors="replace").partition("\n")
    assert separator.startswith("From "), separator
    return text


def _put(mail: bytes, box: Path) -> None:
    store = mailbox.mbox(box)
    store.add(mail)
    store.close()


def _in_terminal(command: list[str], home: Path) -> None:
    """Runs a full-screen program on a terminal nobody looks at."""
    ours, theirs = pty.openpty()
    environment = programs.clean_environment(
        {"TERM": "xterm", "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    )
    try:
        with subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        ) as process:
            os.close(theirs)
            reader = threading.Thread(target=_swallow, args=(ours,), daemon=True)
            reader.start()
            try:
                process.wait(timeout=30)
            finally:
                process.kill()
            reader.join(timeout=5)
    finally:
        os.close(ours)


def _swallow(terminal: int) -> None:
    with suppress(OSError):  # the other end is closed when the program ends
        while os.read(terminal, 65_536):
            pass
