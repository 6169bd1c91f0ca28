"""One way to talk to SQLite and PostgreSQL: short transactions that take their lock at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from peopleparse.errors import InputError

_BUSY_SECONDS = 30


def open_database(url: str) -> Engine:
    """Return the engine of a database; SQLite's folder is made.

    Args:
        url: `sqlite:///FILE` or `postgresql://...`.

    Raises:
        InputError: the address is of another kind.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError(
            f"database must be sqlite:///FILE or postgresql://USER@HOST/NAME, got '{url}'. "
            "Give its full address."
        ) from None
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(
            parsed, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=20
        )
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InputError(
            f"database must be sqlite:///FILE or postgresql://USER@HOST/NAME, got "
            f"'{parsed.render_as_string()}'. Other engines are not supported."
        )
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Give a session that commits when the block ends, and rolls back when it raises.

    On SQLite it holds the only write lock from its start: what it reads stays true until it ends.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Give a session that only reads; on SQLite it waits for no writer."""
    with (
        engine.connect().execution_options(read_only=True) as connection,
        Session(connection, expire_on_commit=False) as session,
    ):
        yield session


def now(session: Session) -> int:
    """Return the time of the database, UTC milliseconds: workers' own clocks may differ."""
    if session.get_bind().dialect.name == "postgresql":
        answer = session.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8"))
        return int(answer or 0)
    return time.time_ns() // 1_000_000  # SQLite serves one machine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is ours, below
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A deferred transaction that reads and then writes can fail although it waited.
    read_only = connection.get_execution_options().get("read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
