"""A Dovecot of our own: IMAP and LMTP on 127.0.0.1, users from a file, Sieve scripts; as root or as a plain user."""

from __future__ import annotations

import getpass
import grp
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import imapclient

from tests.parts import programs
from tests.parts.ports import LOOPBACK, accepts, free_port, wait_for

PASSWORD = "let-me-in"
_MAIL_USER = "mail"  # who owns the mailboxes when we are root: Dovecot never opens one as root itself

_MAIN = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = {loopback}
protocols = imap {lmtp}
{tls}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
first_valid_uid = 1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 200
imap_idle_notify_interval = 2 mins
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
{passdb}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
service imap-login {{
  {chroot}
  process_min_avail = 0
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
  unix_listener lmtp {{
    mode = 0
  }}
}}
service anvil {{
  {chroot}
}}
service stats {{
  client_limit = 1000
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
service auth {{
  {chroot}
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
lda_mailbox_autocreate = yes
postmaster_address = postmaster@{hostname}
hostname = {hostname}
submission_host = {submission}
sendmail_path = /bin/true
plugin {{
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_vacation_min_period = 0
  sieve_vacation_dont_check_recipient = yes
}}
{protocols}
{extra}
"""

_TLS = """\
ssl = yes
ssl_cert = <{file}
ssl_key = <{file}
"""

_SIEVE = """\
protocol lmtp {
  mail_plugins = sieve
}
"""


class Dovecot:
    """Listens for IMAP on 127.0.0.1:`port` and for LMTP on 127.0.0.1:`lmtp_port`.

    users: names of mailboxes, which are whole addresses or bare words; all have the password `PASSWORD`.
    submission: `host:port` that takes what Sieve scripts send (vacation); empty: nothing leaves.
    settings: further lines of the configuration.  mechanisms, passdb: how to log in besides.
    certificate: a file with key and certificates, for STARTTLS, and for TLS from the start on `tls_port`.
    """

    def __init__(
        self,
        users: Sequence[str] = ("help@desk.example",),
        *,
        submission: str = "",
        settings: Mapping[str, str] | None = None,
        mechanisms: str = "plain login",
        passdb: str = "",
        certificate: Path | None = None,
    ) -> None:
        self._dovecot = programs.need("dovecot", "dovecot-imapd")
        self._lmtpd = Path("/usr/lib/dovecot/lmtp").exists()
        self.users = tuple(users)
        self.host = LOOPBACK
        self.port = free_port()
        self.lmtp_port = free_port()
        self.tls_port = free_port() if certificate else 0
        self.folder = Path(tempfile.mkdtemp(prefix="hg-dovecot-", dir="/tmp"))
        self._submission = submission
        self._settings = dict(settings or {})
        self._mechanisms = mechanisms
        self._passdb = passdb
        self._certificate = certificate
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """Makes the configuration the first time; returns when IMAP takes connections."""
        if not self._configuration.exists():
            self._create()
        with (self.folder / "start").open("wb") as said:  # a pipe would stay open as long as the server runs
            subprocess.run(
                [self._dovecot, "-c", str(self._configuration)], stdout=said, stderr=said, check=True
            )
        wait_for(lambda: accepts(self.port), f"Dovecot on port {self.port}\n{self.log_text()}")

    def stop(self) -> None:
        """Ends every session; returns when the master process has gone."""
        pid_file = self.folder / "run/master.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text())
        sessions = _children(pid)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not pid_file.exists() or not _lives(pid), "the end of Dovecot")
        for one in sessions:  # one that idles would go on for ten seconds
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start; mailboxes stay."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stops and deletes everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def home(self, user: str = "") -> Path:
        """The home of a mailbox; by default the first one's."""
        return self.folder / "home" / (user or self.users[0])

    def maildir(self, user: str = "", folder: str = "INBOX") -> Path:
        """The Maildir of a folder, made when there is none: what is put into its `new` is found by itself."""
        path = self.home(user) / "Maildir"
        if folder != "INBOX":
            path /= f".{folder.replace('/', '.')}"
        for part in (path.parent, path, path / "cur", path / "new", path / "tmp"):
            self._make(part)
        return path

    def put(self, mails: Sequence[bytes], user: str = "", folder: str = "INBOX") -> None:
        """Mails straight onto the disk, oldest first: the quick way to fill a mailbox."""
        maildir = self.maildir(user, folder)
        for mail in mails:
            number = next(self._numbers)
            name = f"{1_700_000_000 + number}.P1Q{number}.filled"
            whole = maildir / "tmp" / name  # Dovecot sees it only once it is whole and the owner's
            whole.write_bytes(mail)
            self.give(whole)
            whole.rename(maildir / "new" / name)

    def put_mbox(self, mails: Iterable[bytes], user: str = "") -> None:
        """All mails of an inbox in one file, where `settings` make it one: the quick way to very many. RFC 4155."""
        inbox = self.home(user) / "inbox"
        with inbox.open("wb") as file:
            for mail in mails:
                file.write(b"From x@y.example Thu Jan  1 00:00:00 2026\n" + mail + b"\n")
        self.give(inbox)

    def sieve(self, script: str, user: str = "") -> None:
        """The active Sieve script of a mailbox. RFC 5228."""
        file = self.home(user) / ".dovecot.sieve"
        file.write_text(script)
        self.give(file)

    def give(self, path: Path) -> None:
        """Hand a file or a folder to the user who owns the mailboxes; not what is in it, where Dovecot is at work."""
        if programs.is_root():
            os.chown(path, *_owner())

    @contextmanager
    def client(self, user: str = "", folder: str = "INBOX") -> Iterator[imapclient.IMAPClient]:
        """Somebody else at the mailbox, logged in, with the folder selected where there is one."""
        client = imapclient.IMAPClient(self.host, self.port, ssl=False, timeout=20)
        try:
            client.login(user or self.users[0], PASSWORD)
            if folder:
                client.select_folder(folder)
            yield client
        finally:
            client.shutdown()

    def log_text(self) -> str:
        files = [self.folder / name for name in ("start", "log")]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _make(self, folder: Path) -> None:
        """A folder of a mailbox, unless it is there; Dovecot may make the same one at the same time."""
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            self.give(folder)

    @property
    def _configuration(self) -> Path:
        return self.folder / "dovecot.conf"

    def _create(self) -> None:
        self.folder.chmod(0o755)
        for name in ("run", "state", "home"):
            (self.folder / name).mkdir(mode=0o755)
        (self.folder / "users").write_text("".join(self._account(user) for user in self.users))
        for user in self.users:
            self.home(user).mkdir()
            self.give(self.home(user))
        with_lmtp = "lmtp" if self._lmtpd else ""
        sieve = _SIEVE if Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so").exists() else ""
        root, own = programs.is_root(), getpass.getuser()
        text = _MAIN.format(
            folder=self.folder,
            loopback=LOOPBACK,
            lmtp=with_lmtp,
            mechanisms=self._mechanisms,
            internal="dovecot" if root else own,
            internal_group="dovecot" if root else grp.getgrgid(os.getgid()).gr_name,
            login="dovenull" if root else own,
            chroot="" if root else "chroot =",
            passdb=self._passdb,
            imap_port=self.port,
            tls_port=self.tls_port,
            tls=_TLS.format(file=self._certificate) if self._certificate else "ssl = no",
            lmtp_port=self.lmtp_port if self._lmtpd else 0,
            hostname="imap.desk.example",
            submission=self._submission,
            protocols=sieve if with_lmtp else "",
            extra="\n".join(f"{name} = {value}" for name, value in self._settings.items()),
        )
        self._configuration.write_text(text)

    def _account(self, user: str) -> str:
        """A line of the users' file, as passwd(5) has it."""
        uid, gid = _owner()
        return f"{user}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{self.home(user)}::\n"


class Dovecots:
    """The Dovecot servers of one test, started."""

    def __init__(self) -> None:
        self._made: list[Dovecot] = []

    def __call__(
        self,
        users: Sequence[str] = ("help@desk.example",),
        *,
        submission: str = "",
        settings: Mapping[str, str] | None = None,
        mechanisms: str = "plain login",
        passdb: str = "",
        certificate: Path | None = None,
    ) -> Dovecot:
        server = Dovecot(
            users,
            submission=submission,
            settings=settings,
            mechanisms=mechanisms,
            passdb=passdb,
            certificate=certificate,
        )
        self._made.append(server)
        server.start()
        return server

    def log_text(self) -> str:
        return "\n".join(f"port {server.port}\n{server.log_text()}" for server in self._made)

    def remove(self) -> None:
        for server in self._made:
            server.remove()


def _owner() -> tuple[int, int]:
    """Numbers of the user and the group that the mailboxes belong to."""
    if not programs.is_root():
        return os.getuid(), os.getgid()
    entry = pwd.getpwnam(_MAIL_USER)
    return entry.pw_uid, entry.pw_gid


def _children(pid: int) -> list[int]:
    """The processes that a process has started. Linux: proc(5)."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in file.read_text().split()] if file.exists() else []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
