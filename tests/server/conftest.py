"""Both engines: each test has a database of its own, migrated once and copied or emptied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from peopleparse.server.database import open_database
from peopleparse.server.migrate import head_revision, upgrade
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Base
from tests.server.postgres import HOW_TO_ENABLE, Postgres, find_programs, run_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, for the whole session; its database `template` has the tables."""
    if find_programs() is None:
        pytest.skip(HOW_TO_ENABLE)
    with run_postgres() as server:
        _make(server.copy("template", "template0"))
        server.revision = head_revision()
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables."""
    path = tmp_path_factory.mktemp("template") / "server.sqlite3"
    _make(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A server's settings, with a database that has the tables and no rows."""
    home = tmp_path / "home"
    home.mkdir()
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        found = Settings(home=home)
        shutil.copyfile(template, home / "server.sqlite3")
        yield found
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.take("template")
    yield Settings(home=home, database=server.url(name))
    server.give_back(name, [table.name for table in reversed(Base.metadata.sorted_tables)])


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The engine of `settings`, SQLite and then PostgreSQL."""
    found = open_database(settings.database_url)
    yield found
    found.dispose()


def _make(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    engine.dispose()
