"""A Postfix of our own: in front of the gateway, as its smarthost, or both. Root only."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.parts import programs
from tests.parts.ports import LOOPBACK, accepts, free_port, wait_for

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/lib
maillog_file = {folder}/log
maillog_file_prefixes = /tmp
inet_interfaces = {loopback}
inet_protocols = ipv4
myhostname = mx.postfix.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
local_transport = error:there are no local mailboxes
relay_domains = {domains}
transport_maps = texthash:{folder}/etc/transport
relayhost = {next_hop}
smtp_dns_support_level = {dns}
smtp_host_lookup = {lookup}
smtputf8_enable = yes
message_size_limit = 52428800
# An LMTP server may answer each recipient for itself.
lmtp_destination_recipient_limit = 50
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
maximal_queue_lifetime = 1h
bounce_queue_lifetime = 1h
{extra}
"""

_MASTER = """\
{loopback}:{port} inet n - n - - smtpd
pickup     unix  n  -  n  60    1  pickup
cleanup    unix  n  -  n  -     0  cleanup
qmgr       unix  n  -  n  1     1  qmgr
tlsmgr     unix  -  -  n  1000? 1  tlsmgr
rewrite    unix  -  -  n  -     -  trivial-rewrite
bounce     unix  -  -  n  -     0  bounce
defer      unix  -  -  n  -     0  bounce
trace      unix  -  -  n  -     0  bounce
verify     unix  -  -  n  -     1  verify
flush      unix  n  -  n  1000? 0  flush
proxymap   unix  -  -  n  -     -  proxymap
proxywrite unix  -  -  n  -     1  proxymap
smtp       unix  -  -  {chroot}  -     -  smtp
relay      unix  -  -  n  -     -  smtp
showq      unix  n  -  n  -     -  showq
error      unix  -  -  n  -     -  error
retry      unix  -  -  n  -     -  error
discard    unix  -  -  n  -     -  discard
lmtp       unix  -  -  n  -     -  lmtp
anvil      unix  -  -  n  -     1  anvil
scache     unix  -  -  n  -     1  scache
postlog    unix-dgram n - n -   1  postlogd
"""


class Postfix:
    """Listens for SMTP on 127.0.0.1:`port`, with its own configuration, queue and log.

    domains: where mail for a domain goes, as a Postfix transport: `lmtp:inet:127.0.0.1:2424` or
    `lmtp:unix:/path` (Postfix's own user must reach the path; below pytest's tmp_path it cannot).
    next_hop: `host:port` that takes all other mail, which makes this a smarthost; empty refuses it.
    settings: further lines of main.cf.
    resolver: the name server it asks for hosts that are no addresses; empty: it asks none.
    """

    def __init__(
        self,
        domains: Mapping[str, str] | None = None,
        next_hop: str = "",
        settings: Mapping[str, str] | None = None,
        resolver: str = "",
    ) -> None:
        if not programs.is_root():
            pytest.skip("Postfix starts as root only")
        self._postfix = programs.need("postfix", "postfix")
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="hg-postfix-", dir="/tmp"))
        self._domains = dict(domains or {})
        self._next_hop = next_hop
        self._settings = dict(settings or {})
        self._resolver = resolver

    def start(self) -> None:
        """Returns when it takes connections."""
        if not self._configuration.exists():
            self._create()
        self._control("start")
        wait_for(lambda: accepts(self.port), f"Postfix on port {self.port}\n{self.log_text()}")

    def stop(self) -> None:
        self._control("stop")

    def remove(self) -> None:
        """Stops at once and deletes everything."""
        if (self.folder / "queue/pid/master.pid").exists():
            self._control("abort")
        shutil.rmtree(self.folder, ignore_errors=True)

    def queue(self) -> list[dict[str, Any]]:
        """What waits, as `postqueue -j` tells it: queue_name, queue_id, sender, recipients…"""
        lines = self._run("postqueue", "-j").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def flush(self) -> None:
        """Tries everything in the queue now."""
        self._run("postqueue", "-f")

    def delete(self, queue_id: str = "ALL") -> None:
        """Deletes one mail of the queue, or all."""
        self._run("postsuper", "-d", queue_id)

    def log_text(self) -> str:
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    @property
    def _configuration(self) -> Path:
        return self.folder / "etc"

    def _create(self) -> None:
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "lib"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "lib", "postfix")
        host, _, port = self._next_hop.rpartition(":")
        main = _MAIN.format(
            folder=self.folder,
            loopback=LOOPBACK,
            domains=" ".join(self._domains),
            next_hop=f"[{host}]:{port}" if self._next_hop else "",
            dns="enabled" if self._resolver else "disabled",
            lookup="dns" if self._resolver else "native",
            extra="\n".join(f"{name} = {value}" for name, value in self._settings.items()),
        )
        if not self._next_hop:
            main += "default_transport = error:5.7.1 this server relays nothing\n"
        (self._configuration / "main.cf").write_text(main)
        chroot = "y" if self._resolver else "n"  # to the queue, where it finds a resolv.conf of its own
        master = _MASTER.format(loopback=LOOPBACK, port=self.port, chroot=chroot)
        (self._configuration / "master.cf").write_text(master)
        if self._resolver:
            (self.folder / "queue/etc").mkdir()
            (self.folder / "queue/etc/resolv.conf").write_text(f"nameserver {self._resolver}\n")
        routes = "".join(f"{domain} {route}\n" for domain, route in self._domains.items())
        (self._configuration / "transport").write_text(routes)

    def _control(self, verb: str) -> None:
        programs.run([self._postfix, "-c", str(self._configuration), verb])

    def _run(self, program: str, *arguments: str) -> str:
        path = programs.need(program, "postfix")
        return programs.run([path, "-c", str(self._configuration), *arguments]).stdout


class Postfixes:
    """The Postfix servers of one test, started."""

    def __init__(self) -> None:
        self._made: list[Postfix] = []

    def __call__(
        self,
        domains: Mapping[str, str] | None = None,
        next_hop: str = "",
        settings: Mapping[str, str] | None = None,
        resolver: str = "",
    ) -> Postfix:
        server = Postfix(domains, next_hop, settings, resolver)
        self._made.append(server)
        server.start()
        return server

    def log_text(self) -> str:
        return "\n".join(f"port {server.port}\n{server.log_text()}" for server in self._made)

    def remove(self) -> None:
        for server in self._made:
            server.remove()
