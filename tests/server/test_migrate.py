"""Migrations make the very tables that tables.py describes, on both engines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from peopleparse.errors import InputError
from peopleparse.server.database import open_database, transaction
from peopleparse.server.migrate import check_current, upgrade
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Base


def test_migrations_make_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_constraints_and_indexes_are_those_of_the_code(engine: Engine, tmp_path: Path) -> None:
    migrated = _describe(engine)
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        Base.metadata.create_all(connection)
    assert _describe(engine) == migrated
    assert len(migrated) > 20


def _describe(engine: Engine) -> Any:
    """Return all that the engine knows of tables; alembic compares no check constraints."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'"
            rows = connection.execute(text(query)).all()
            # The same clauses in whatever order.
            return sorted(
                (name, sorted(re.split(r"[\s,]+", sql or "")))
                for name, sql in rows
                if not name.startswith("sqlite_autoindex_alembic")
            )
        constraints = (
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
        )
        indexes = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname='public'"
        rows = [*connection.execute(text(constraints)), *connection.execute(text(indexes))]
        return sorted(tuple(row) for row in rows if row[0] != "alembic_version")


def test_upgrade_twice_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    check_current(engine)


def test_an_empty_database_is_refused_until_it_is_upgraded(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/new.sqlite3")
    with pytest.raises(InputError, match="must be at revision .*, got none. Start"):
        check_current(engine)
    upgrade(engine)
    check_current(engine)
    engine.dispose()


def test_a_database_of_a_later_version_is_refused(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for check in (check_current, upgrade):
        with pytest.raises(InputError, match="got 9999. It was made by a later version"):
            check(engine)


def test_a_broken_step_leaves_nothing(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))

    def break_off(*_: Any) -> None:
        raise RuntimeError("power is gone")

    monkeypatch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", break_off)
    with pytest.raises(RuntimeError, match="power is gone"):
        upgrade(engine)
    monkeypatch.undo()
    upgrade(engine)
    check_current(engine)
