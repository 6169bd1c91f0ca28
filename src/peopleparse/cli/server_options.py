"""Options that the commands of the benchmark server share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peopleparse.cli.extras import need_extra
from peopleparse.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from peopleparse.server.settings import Settings

FOLDER = click.Path(path_type=Path)
DATABASE_VARIABLE = "PEOPLEPARSE_DATABASE"
DEFAULT_HOME = "peopleparse-server"
_MODULES = ("alembic", "cryptography", "fastapi", "jinja2", "sqlalchemy", "uvicorn")

_HOME = click.option(
    "--home", type=FOLDER, default=DEFAULT_HOME, show_default=True, metavar="DIR",
    help="Folder of everything that the server writes.",
)  # fmt: skip
_DATABASE = click.option(
    "--database", default="", envvar=DATABASE_VARIABLE, metavar="URL",
    help=f"postgresql://USER@HOST/NAME; default: a SQLite file in --home. With a password, set "
    f"{DATABASE_VARIABLE} instead: command lines can be read by all.",
)  # fmt: skip
_BENCHMARKS = click.option(
    "--benchmark", "benchmarks", type=FOLDER, multiple=True, metavar="FOLDER",
    help="Folder of a benchmark; may be given again.",
)  # fmt: skip
_LEASE = click.option(
    "--lease", type=click.IntRange(1, 3600), default=30, hidden=True, metavar="SECONDS",
    help="How long a worker may be silent.",
)  # fmt: skip


def lease_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --lease; a server and its workers have the same."""
    return _LEASE(command)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --home and --database."""
    return _HOME(_DATABASE(command))


def benchmark_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --benchmark, --home and --database."""
    return _BENCHMARKS(place_options(command))


def make_settings(
    home: Path, database: str, benchmarks: tuple[Path, ...] = (), **values: Any
) -> Settings:
    """Return the settings of a command; what it writes is for this user alone.

    Raises:
        InputError: a library is missing, or a benchmark lies in the home, where backups go.
    """
    need_extra("server", *_MODULES)
    from peopleparse.server.settings import Settings

    os.umask(0o077)
    home = home.resolve()
    folders = tuple(path.resolve() for path in benchmarks)
    for folder in folders:
        if folder == home or home in folder.parents or folder in home.parents:
            raise InputError(
                f"benchmark must be outside the home {home}, got {folder}. "
                "Keep the truth apart from what the server writes."
            )
    return Settings(home=home, benchmarks=folders, database=database, **values)


def open_home(settings: Settings) -> Engine:
    """Make the home where it is not there, and return the engine of its database."""
    from peopleparse.server.database import open_database

    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"home must be a folder that can be written, got '{error.strerror}', at "
            f"{settings.home}. Name another with --home."
        ) from None
    return open_database(settings.database_url)


def open_existing(settings: Settings) -> Engine:
    """Return the engine of a server that was started before.

    Raises:
        InputError: there is none, or its database is of another version.
    """
    from peopleparse.server.database import open_database
    from peopleparse.server.migrate import check_current

    if not settings.database and not (settings.home / "server.sqlite3").is_file():
        raise InputError(
            f"home must be that of a server, got none, at {settings.home}. Name it with --home, "
            "or start one: peopleparse serve --benchmark FOLDER."
        )
    engine = open_database(settings.database_url)
    check_current(engine)
    return engine
