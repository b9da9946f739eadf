"""swaks, the Swiss Army Knife for SMTP: a client that is not ours, for SMTP and LMTP."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.parts import programs
from tests.parts.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Transcript:
    """One conversation. code: swaks' exit code, 0 when the server took it all."""

    code: int
    text: str

    @property
    def answers(self) -> list[str]:
        """What the server said, line by line, without swaks' arrows (`<~  250 …`, `<** 550 …`)."""
        heard = ("<-", "<~", "<**")
        return [line.split(maxsplit=1)[-1] for line in self.text.splitlines() if line.startswith(heard)]

    @property
    def queued(self) -> list[str]:
        """The journal ids of `250 2.6.0 … queued as ID`, one for SMTP, one a recipient for LMTP."""
        return [line.rsplit(maxsplit=1)[-1] for line in self.answers if " queued as " in line]


def send(
    data: bytes,
    *,
    from_: str,
    to: Sequence[str],
    port: int = 0,
    socket: str = "",
    protocol: str = "ESMTP",
    options: Sequence[str] = (),
) -> Transcript:
    """Sends one mail to a port of 127.0.0.1 or to a unix socket.

    protocol: ESMTP, SMTP (with HELO), LMTP, SSMTP…  from_: the reverse-path, empty for `<>`.
    options: any others of swaks, `--tls` for one.
    """
    program = programs.need("swaks", "swaks")
    where = ["--socket", socket] if socket else ["--server", LOOPBACK, "--port", str(port)]
    envelope = ["--from", from_ or "<>", "--to", ",".join(to), "--helo", "client.example"]
    done = subprocess.run(
        [program, *where, "--protocol", protocol, *envelope, *options, "--suppress-data", "--data", "-"],
        input=data,
        capture_output=True,
        timeout=60,
        env=programs.clean_environment(),
    )
    return Transcript(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))
