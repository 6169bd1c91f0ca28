"""Backup and restore: everything comes back, on either engine, or nothing is done."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from peopleparse.errors import DataError, InputError
from peopleparse.server import backup, signing
from peopleparse.server.blobs import blob_path
from peopleparse.server.database import now, open_database, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Base, Letter, Login
from tests.server.postgres import Postgres
from tests.server.rows import add_account, add_phase, add_submission

ARCHIVE = b"PK archive " * 1000
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


@pytest.fixture
def filled(settings: Settings, engine: Engine) -> Settings:
    with transaction(engine) as session:
        account = add_account(session, name="Ada 🧵 \u2028", is_admin=True)
        phase = add_phase(session, ladder_step=0.1 + 0.2)
        add_submission(session, phase, account, "scored", blob_sha256=SHA256, is_new_best=True,
                       private_score=1 / 3, private_scores={"a": [1, None, 0.1]})  # fmt: skip
        add_submission(session, phase, account, "receiving")
        session.add(Letter(created_at=now(session), recipient="a@b.c", subject="s", body="b\n"))
        session.add(
            Login(account_id=account.id, secret_sha256="0" * 64, created_at=0, used_at=0,
                  expires_at=0)
        )  # fmt: skip
    path = blob_path(settings, SHA256)
    path.parent.mkdir(parents=True)
    path.write_bytes(ARCHIVE)
    signing.load_key(settings.keys)
    return settings


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """An empty place, of either engine."""
    place = Settings(home=tmp_path / "restored")
    if request.param == "sqlite":
        yield place
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield replace(place, database=server.copy("restored", "template0"))
    server.drop("restored")


def _rows(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect().execution_options(read_only=True) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(
                select(table).order_by(*table.primary_key.columns))]
            for table in Base.metadata.sorted_tables
        }  # fmt: skip


def test_everything_comes_back_on_either_engine(
    filled: Settings, engine: Engine, other: Settings, tmp_path: Path
) -> None:
    manifest = backup.make_backup(filled, engine, tmp_path / "backup")
    assert manifest["blobs"] == 1
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "backup").rglob("*.jsonl")} == {0}
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    restored = open_database(other.database_url)
    try:
        backup.restore_backup(other, restored, tmp_path / "backup")
        before, after = _rows(engine), _rows(restored)
        assert before.pop("login") and not after.pop("login")
        assert after == before
        assert blob_path(other, SHA256).read_bytes() == ARCHIVE
        key = signing.public_text(signing.load_key(filled.keys))
        assert signing.public_text(signing.load_key(other.keys)) == key
        with transaction(restored) as session:  # ids go on after the greatest
            assert add_account(session).id > max(row[0] for row in before["account"])
        with pytest.raises(InputError, match="home must be empty, got 2 files or folders"):
            backup.restore_backup(other, restored, tmp_path / "backup")
    finally:
        restored.dispose()


def test_a_backup_is_never_written_over(filled: Settings, engine: Engine, tmp_path: Path) -> None:
    backup.make_backup(filled, engine, tmp_path / "backup")
    with pytest.raises(InputError, match="backup must be a new folder"):
        backup.make_backup(filled, engine, tmp_path / "backup")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda path: path.unlink(), "archive must be there, got none"),
        (lambda path: path.write_bytes(b"x"), "file must have the hash"),
    ],
)
def test_a_broken_archive_leaves_no_backup(
    filled: Settings, engine: Engine, tmp_path: Path, change: Any, text: str
) -> None:
    change(blob_path(filled, SHA256))
    with pytest.raises(DataError, match=text):
        backup.make_backup(filled, engine, tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def _change_manifest(folder: Path, **values: Any) -> None:
    path = folder / backup.MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _cut(folder: Path) -> None:
    (folder / "rows" / "account.jsonl").write_bytes(b"{}\n")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_cut, "file must have the hash"),
        (lambda folder: (folder / "rows" / "team.jsonl").unlink(), "file must be there"),
        (lambda folder: (folder / "blobs" / SHA256).write_bytes(b""), "file must have the hash"),
        (lambda folder: (folder / "blobs" / SHA256).unlink(), "backup must have 1 archives, got 0"),
        (lambda folder: (folder / backup.MANIFEST).unlink(), "backup must be a folder with"),
        (lambda folder: _change_manifest(folder, format="x"), "backup must be of format"),
        (lambda folder: _change_manifest(folder, revision="x"), "backup must be of schema"),
        (
            lambda folder: _change_manifest(folder, keys={"../../up": "0"}),
            "key must be a plain file name",
        ),
    ],
)
def test_a_backup_that_was_changed_is_refused(
    filled: Settings, engine: Engine, tmp_path: Path, change: Any, text: str
) -> None:
    backup.make_backup(filled, engine, tmp_path / "backup")
    change(tmp_path / "backup")
    place = Settings(home=tmp_path / "restored")
    restored = open_database(place.database_url)
    with pytest.raises((DataError, InputError), match=text):
        backup.restore_backup(place, restored, tmp_path / "backup")
    restored.dispose()


def test_a_database_with_tables_is_refused(
    filled: Settings, engine: Engine, tmp_path: Path
) -> None:
    backup.make_backup(filled, engine, tmp_path / "backup")
    place = replace(filled, home=tmp_path / "restored")
    with pytest.raises(InputError, match="database must be empty, got tables"):
        backup.restore_backup(place, engine, tmp_path / "backup")
