"""Backup and restore: rows as JSON lines, archives and keys in one folder, for both engines.

The rows are of one moment; archives are never changed or taken away, so copying them after it is
no race. Browsers' logins and counters of rate limits stay out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, Table, func, insert, inspect, select, text

from peopleparse.data.files import new_folder
from peopleparse.errors import DataError, InputError
from peopleparse.server import blobs, migrate
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Base

FORMAT = "peopleparse-backup/1"
MANIFEST = "backup.json"
_LEFT_OUT = ("login", "hit")
_BATCH = 500
_CHUNK = 1 << 20


def make_backup(settings: Settings, engine: Engine, folder: Path) -> dict[str, Any]:
    """Write a backup into a new folder, whole or not at all, and return its manifest.

    The server may run meanwhile.

    Raises:
        InputError: the folder is there already, or cannot be written.
        DataError: an archive is missing or broken.
    """
    if folder.exists():
        raise InputError(f"backup must be a new folder, got one that is there, at {folder}.")
    migrate.check_current(engine)
    with new_folder(folder) as part:
        part.chmod(0o700)
        (part / "rows").mkdir()
        (part / "blobs").mkdir()
        revision, tables, hashes = _write_rows(engine, part / "rows")
        size = sum(_copy_blob(settings, sha256, part / "blobs") for sha256 in hashes)
        files = _copy_keys(settings.keys, part / "keys")
        manifest = {
            "format": FORMAT,
            "revision": revision,
            "tables": tables,
            "blobs": len(hashes),
            "blob_bytes": size,
            "keys": files,
        }
        _write(part / MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
    return manifest


def restore_backup(settings: Settings, engine: Engine, folder: Path) -> dict[str, Any]:
    """Put a backup into an empty home and an empty database, of either engine; return its manifest.

    Rows are written last and in one transaction: a restore that was broken off leaves a home
    without rows.

    Raises:
        InputError: home or database hold something.
        DataError: a file of the backup is missing or was changed.
    """
    manifest = read_manifest(folder)
    _check_empty(settings, engine)
    hashes = [path.name for path in sorted((folder / "blobs").iterdir())]
    if len(hashes) != manifest["blobs"]:
        raise DataError(
            f"backup must have {manifest['blobs']} archives, got {len(hashes)}, at {folder}. "
            "Take another backup."
        )
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, sha256 in manifest["keys"].items():
        _check_name(name)
        data = _read_checked(folder / "keys" / name, sha256)
        settings.keys.mkdir(mode=0o700, exist_ok=True)
        _write(settings.keys / name, data)
    for sha256 in hashes:
        _put_blob(settings, folder / "blobs" / sha256)
    migrate.upgrade(engine)
    with engine.connect().execution_options(read_only=True) as connection:
        revision = _read_revision(connection)
    if revision != manifest["revision"]:
        raise InputError(
            f"backup must be of schema {revision}, got {manifest['revision']}, at {folder}. "
            "Restore it with the release that made it, then upgrade."
        )
    with engine.begin() as connection:
        for table in _tables():
            entry = manifest["tables"][table.name]
            data = _read_checked(folder / "rows" / f"{table.name}.jsonl", entry["sha256"])
            _insert(connection, table, data)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a backup says it holds.

    Raises:
        DataError: it is no backup, or of another kind.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        form = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            f"backup must be a folder with {MANIFEST}, got another, at {folder}. Name the folder "
            "that `peopleparse admin backup` wrote."
        ) from None
    if form != FORMAT:
        raise DataError(
            f"backup must be of format {FORMAT}, got '{form}', at {folder}. Take the release "
            "that made it."
        )
    return dict(manifest)


def _tables() -> list[Table]:
    return [table for table in Base.metadata.sorted_tables if table.name not in _LEFT_OUT]


def _write_rows(engine: Engine, folder: Path) -> tuple[str | None, dict[str, Any], list[str]]:
    """Write all tables as they are at one moment; return schema, tables, archives."""
    options: dict[str, Any] = {"read_only": True}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    manifest: dict[str, Any] = {}
    hashes: set[str] = set()
    with engine.connect().execution_options(**options) as connection:
        revision = _read_revision(connection)
        for table in _tables():
            digest, count = hashlib.sha256(), 0
            with _create(folder / f"{table.name}.jsonl") as file:
                for row in connection.execution_options(yield_per=_BATCH).execute(
                    select(table).order_by(*table.primary_key.columns)
                ):
                    line = json.dumps(row._asdict(), ensure_ascii=True).encode() + b"\n"
                    file.write(line)
                    digest.update(line)
                    count += 1
                    hashes.update(filter(None, [row._asdict().get("blob_sha256")]))
            manifest[table.name] = {"rows": count, "sha256": digest.hexdigest()}
    return revision, manifest, sorted(hashes)


def _read_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _insert(connection: Connection, table: Table, data: bytes) -> None:
    rows = [json.loads(line) for line in data.splitlines()]
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert(table), rows[start : start + _BATCH])
    keys = list(table.primary_key.columns)
    if connection.dialect.name == "postgresql" and rows and [key.name for key in keys] == ["id"]:
        # Rows brought their ids with them; the next one must come after the greatest.
        greatest = connection.scalar(select(func.max(keys[0])))
        found = "SELECT setval(pg_get_serial_sequence(:name, 'id'), :greatest)"
        connection.execute(text(found), {"name": table.name, "greatest": greatest})


def _check_empty(settings: Settings, engine: Engine) -> None:
    ours = {settings.home / f"server.sqlite3{end}" for end in ("", "-wal", "-shm")}
    held = [path for path in _list(settings.home) if path not in ours]
    if held:
        raise InputError(
            f"home must be empty, got {len(held)} files or folders, at {settings.home}. "
            "Name a new folder."
        )
    if inspect(engine).get_table_names():
        raise InputError("database must be empty, got tables in it. Make a new one.")


def _list(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def _check_name(name: str) -> None:
    if Path(name).name != name or name.startswith("."):
        raise DataError(f"key must be a plain file name, got '{name[:80]}'. Take another backup.")


def _copy_keys(keys: Path, folder: Path) -> dict[str, str]:
    folder.mkdir()
    found = {}
    for path in sorted(_list(keys)):
        if path.is_file() and not path.name.startswith("."):
            data = path.read_bytes()
            _write(folder / path.name, data)
            found[path.name] = hashlib.sha256(data).hexdigest()
    return found


def _copy_blob(settings: Settings, sha256: str, folder: Path) -> int:
    source = blobs.blob_path(settings, sha256)
    try:
        return _copy(source, folder / sha256, sha256)
    except FileNotFoundError:
        raise DataError(
            f"archive must be there, got none, at {source}. Run peopleparse admin doctor."
        ) from None


def _put_blob(settings: Settings, source: Path) -> None:
    target = blobs.blob_path(settings, source.name)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(source, target, source.name)


def _copy(source: Path, target: Path, sha256: str) -> int:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, _create(target) as out:
        for chunk in _chunks(file):
            digest.update(chunk)
            out.write(chunk)
            size += len(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != sha256:
        raise DataError(f"file must have the hash {sha256}, got another, at {source}.")
    return size


def _chunks(file: Any) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _read_checked(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        raise DataError(f"file must be there, got none, at {path}. Take another backup.") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"file must have the hash {sha256}, got another, at {path}.")
    return data


def _create(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _write(path: Path, data: bytes) -> None:
    with _create(path) as file:
        file.write(data)
