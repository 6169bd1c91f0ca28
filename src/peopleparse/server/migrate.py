"""The database is made and brought up to date by the migrations in this package."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from peopleparse.errors import InputError
from peopleparse.server.database import reading

_LOCK = 7_361_924_805  # any number that nobody else locks: two servers may start at once


def upgrade(engine: Engine) -> None:
    """Make the tables, or bring them up to date, whole or not at all.

    Raises:
        InputError: the database was made by a later version.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        if not _is_current(connection):
            command.upgrade(_make_config(connection), "head")


def check_current(engine: Engine) -> None:
    """Refuse a database whose tables are not those of this version.

    Raises:
        InputError: it is older, later or empty.
    """
    with reading(engine) as session:
        connection = session.connection()
        if _is_current(connection):
            return
        found = _read_revision(connection) or "none"
        raise InputError(
            f"database must be at revision {head_revision()}, got {found}. "
            "Start `peopleparse serve` with it once: that brings it up to date."
        )


def _is_current(connection: Connection) -> bool:
    revision = _read_revision(connection)
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise InputError(
            f"database must be at revision {head_revision()} or earlier, got {revision}. "
            "It was made by a later version of peopleparse: install that one."
        )
    return revision == head_revision()


def _read_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Return the revision of this version's tables."""
    return str(_scripts().get_current_head())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_make_config(None))


def _make_config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "peopleparse.server:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
