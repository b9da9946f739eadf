"""A PostgreSQL cluster of our own, as root or as a plain user."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.parts import programs
from tests.parts.ports import LOOPBACK, free_port

_OWNER = "helpgate"
_SERVER_USER = "postgres"
_BINARIES = tuple(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))


class Postgres:
    """One cluster in a short folder below /tmp (a socket's path may have 107 octets), TCP on 127.0.0.1.

    fsync: as in production; off makes ordinary tests quick, a crash of the machine is not among them.
    PostgreSQL refuses to run as root: then it runs as the user `postgres`.
    """

    def __init__(self, *, fsync: bool = False) -> None:
        self._pg_ctl = programs.need("pg_ctl", "postgresql-15", *_BINARIES)
        self._initdb = programs.need("initdb", "postgresql-15", *_BINARIES)
        self._user = _SERVER_USER if programs.is_root() else None
        self.fsync = fsync
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="hg-pg-", dir="/tmp"))
        self._names = itertools.count(1)

    def start(self) -> None:
        """Makes the cluster the first time; returns when it takes connections."""
        if not (self._data / "PG_VERSION").exists():
            self._create()
        self._control("start", "-w", "-t", "60", "-l", str(self._log))

    def stop(self, mode: str = "fast") -> None:
        """mode: smart, fast, or immediate, which is a crash."""
        self._control("stop", "-w", "-m", mode)

    def restart(self, mode: str = "fast") -> None:
        self._control("restart", "-w", "-t", "60", "-m", mode, "-l", str(self._log))

    def remove(self) -> None:
        """Stops at once and deletes everything."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, template: str = "template0") -> str:
        """URL of a fresh database; `template` as `prepare` made it."""
        name = f"test_{next(self._names)}"
        self._create_database(name, template)
        return self.url(name)

    def database_in(self, folder: Path) -> str:
        """URL of a fresh database whose tables live in an empty folder; the log of changes stays with the cluster."""
        if self._user:
            shutil.chown(folder, self._user)
        name = f"test_{next(self._names)}"
        place = sql.Identifier(f"place_{name}")
        self._administer(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(place, sql.Literal(str(folder))))
        self._administer(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 TABLESPACE {}").format(sql.Identifier(name), place)
        )
        return self.url(name)

    def prepare(self, name: str, fill: Callable[[str], None]) -> str:
        """Makes the database `name` once, filled by `fill(url)`, for `database(template=name)`."""
        if not self.query("SELECT 1 FROM pg_database WHERE datname = %s", name):
            self._create_database(name, "template0")
            fill(self.url(name))
        return name

    def drop(self, url: str) -> None:
        """Deletes a database, whoever is still connected, and the place of its tables."""
        name = url.rpartition("/")[2]
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        self._administer(sql.SQL("DROP TABLESPACE IF EXISTS {}").format(sql.Identifier(f"place_{name}")))

    def query(self, statement: str, *values: object, url: str = "") -> list[tuple[object, ...]]:
        """Rows of one statement, run by itself in the database of `url`."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def url(self, database: str, port: int | None = None) -> str:
        """port: of a proxy in between, when there is one."""
        return f"postgresql://{_OWNER}@{LOOPBACK}:{port or self.port}/{database}"

    def log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _create(self) -> None:
        if self._user:
            try:
                shutil.chown(self.folder, self._user)
            except LookupError:
                pytest.skip("needs the user postgres (Debian package postgresql-15)")
        options = ("--auth=trust", f"--username={_OWNER}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self._run(self._initdb, "-D", str(self._data), *options)
        durable = "on" if self.fsync else "off"
        settings = (
            f"listen_addresses = '{LOOPBACK}'",
            f"port = {self.port}",
            f"unix_socket_directories = '{self.folder}'",
            f"fsync = {durable}",
            f"synchronous_commit = {durable}",
            f"full_page_writes = {durable}",
            "shared_buffers = 32MB",
            "max_connections = 100",
            "autovacuum = off",
            "log_line_prefix = '%m [%p] %d '",
        )
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("\n".join(settings) + "\n")

    def _create_database(self, name: str, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _control(self, *arguments: str) -> None:
        self._run(self._pg_ctl, "-D", str(self._data), "-s", *arguments)

    def _run(self, *command: str) -> None:
        try:
            programs.run(command, user=self._user, cwd=self.folder)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text()}") from error
