"""One server on one SQLite file: a second one is told so instead of serving half a truth."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from peopleparse.errors import InputError
from peopleparse.server.settings import Settings

LOCK_NAME = "server.lock"


@contextmanager
def only_server(settings: Settings) -> Iterator[None]:
    """Hold `server.lock` in `home`, and FILE.lock beside a SQLite file that is elsewhere.

    The lock goes with its process, however it ends. Workers need none: they hold their jobs by
    leases. On PostgreSQL several servers may share a database and a home, and none is held.

    Raises:
        InputError: another server has it.
    """
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    database = Path(url.database).resolve()
    paths = [settings.home.resolve() / LOCK_NAME]
    if database.parent != paths[0].parent:
        paths.append(database.with_name(f"{database.name}.lock"))
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(_lock(path))
        yield


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    import fcntl  # not on Windows

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 20).decode(errors="replace") or "of another machine"
            raise InputError(
                f"SQLite must serve one server, got a second one: process {holder} has {path}. "
                "End that one, or give both one PostgreSQL database."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
