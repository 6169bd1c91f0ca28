"""A PostgreSQL server of the tests' own: a temporary folder, a socket, nothing on the network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HOW_TO_ENABLE = "needs PostgreSQL: install Debian's package postgresql (its programs are enough)"
_VERSION = "alembic_version"
# Commits outlive an end of the server, not one of the machine.
_QUICK = ("fsync=off", "full_page_writes=off")


def find_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, newest version first, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    return Path(named).resolve().parent if named else None


class Postgres:
    """A server that runs; `restart` ends all its connections, as a crash would."""

    def __init__(self, programs: Path, folder: Path, user: str | None, options: str) -> None:
        self._programs, self._folder, self._user, self._options = programs, folder, user, options
        self._idle: list[str] = []
        self._made = 0
        self.revision = ""  # of the template

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://postgres@/{name}?host={self._folder}"

    def start(self) -> None:
        log = str(self._folder / "log")
        data = str(self._folder / "data")
        self.run("pg_ctl", "-w", "-D", data, "-l", log, "-o", self._options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", "-w", "-D", str(self._folder / "data"), "-m", mode, "stop")

    def restart(self) -> None:
        self.stop()
        self.start()

    def copy(self, name: str, template: str) -> str:
        """Make a database like another that nobody is connected to; return its address."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def take(self, template: str) -> str:
        """Return the name of a database like `template`, one given back before where there is."""
        if self._idle:
            return self._idle.pop()
        self._made += 1
        name = f"test{self._made}"
        self.copy(name, template)
        return name

    def give_back(self, name: str, tables: Sequence[str]) -> None:
        """Take a database back; it is emptied, which is ten times as fast as a new copy."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname='public'")
            if {row[0] for row in found} != {*tables, _VERSION}:
                self.drop(name)
                return
            for table in tables:
                connection.execute(f'DELETE FROM "{table}"')
            connection.execute(
                "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences"
            )
            connection.execute(f"UPDATE {_VERSION} SET version_num = %s", [self.revision])
        self._idle.append(name)

    def drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        import psycopg  # only where there is a server

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            text=True, user=self._user, cwd=self._folder, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} must end well, got {done.returncode}: {done.stderr}")


@contextmanager
def run_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Start a server for the block.

    Args:
        durable: write to the disk before a commit is answered, as a real one does.
    """
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError(HOW_TO_ENABLE)
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = _choose_user()
    if user:
        shutil.chown(folder, user)
    settings = ["listen_addresses=''", f"unix_socket_directories='{folder}'", "max_connections=150"]
    settings += [] if durable else _QUICK
    options = " ".join(f"-c {setting}" for setting in settings)
    server = Postgres(programs, folder, user, options)
    try:
        words = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        server.run("initdb", *words, "-D", str(folder / "data"))
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _choose_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
