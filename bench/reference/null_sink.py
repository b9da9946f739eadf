"""The null sink: stock aiosmtpd on uvloop whose handler throws every mail away.

    python -m bench.reference.null_sink PORT

Fixed: this is the divisor of G1 to G3. It is given its loop and its host name, because finding
them anew for each connection would make it slower than it has to be.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session


async def serve(port: int) -> None:
    """Listens on 127.0.0.1 until it is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Null(), loop=loop, hostname="sink.example.com"), "127.0.0.1", port
    )
    await server.serve_forever()


class Null:
    """Takes every mail and keeps none."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 2.6.0 gone"


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
