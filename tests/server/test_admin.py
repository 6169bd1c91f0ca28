"""`peopleparse admin` and what `serve` and `worker` refuse before they start."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from peopleparse.cli import main
from peopleparse.server import accounts, passwords
from peopleparse.server.blobs import blob_path
from peopleparse.server.database import reading, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Submission
from tests.server.rows import add_account, add_phase, add_submission
from tests.server.tiny import make_benchmark

EMAIL = "ada@example.org"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Commands make their files for one user alone; other tests go on as before."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def run(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))

    def call(*words: str) -> Result:
        place = ["--home", str(settings.home), "--database", settings.database]
        return CliRunner().invoke(main, ["admin", *words, *place])

    return call


def _read(engine: Engine, email: str = EMAIL) -> Account:
    found = accounts.find_by_email(engine, email)
    assert found is not None
    return found


def test_an_administrator_is_made_with_a_password_or_from_an_account(
    run: Any, engine: Engine
) -> None:
    output = run("make", EMAIL).output
    password = re.search(r"shown this once: (\S+)", output)
    assert password and passwords.is_password(password[1], _read(engine).password)
    assert _read(engine).is_admin and _read(engine).is_approved
    with transaction(engine) as session:
        add_account(session, email="bob@example.org", is_approved=False)
    assert run("make", "Bob@example.org").output == "bob@example.org is an administrator.\n"
    assert _read(engine, "bob@example.org").is_admin


def test_accounts_are_approved_and_shut_out(run: Any, engine: Engine) -> None:
    with transaction(engine) as session:
        add_account(session, email=EMAIL, is_approved=False)
    assert EMAIL in run("list").output
    assert run("approve", EMAIL).exit_code == 0
    assert _read(engine).is_approved
    assert EMAIL not in run("list").output
    assert run("disable", EMAIL).exit_code == 0
    assert _read(engine).disabled_at is not None
    assert run("approve", EMAIL).exit_code == 0
    assert _read(engine).disabled_at is None
    missing = run("approve", "nobody@example.org")
    assert missing.exit_code == 1
    assert "account must be there, got none for 'nobody@example.org'" in missing.output


def test_a_failed_submission_is_queued_again(run: Any, engine: Engine) -> None:
    with transaction(engine) as session:
        failed = add_submission(
            session, add_phase(session), add_account(session), "failed", key="the-key"
        )
    assert run("retry", "the-key").output == "the-key is queued.\n"
    with reading(engine) as session:
        assert session.get_one(Submission, failed.id).state == "queued"
    assert "submission must be failed" in run("retry", "the-key").output
    assert "submission must be there, got none with the key 'x'" in run("retry", "x").output


def test_backup_restore_and_doctor(
    run: Any, settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    data = b"PK archive"
    sha256 = hashlib.sha256(data).hexdigest()
    with transaction(engine) as session:
        account, phase = add_account(session, is_admin=True), add_phase(session)
        add_submission(session, phase, account, "scored", blob_sha256=sha256)
    path = blob_path(settings, sha256)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert "1 archives (0.0 MiB) are in" in run("backup", str(tmp_path / "backup")).output
    home = tmp_path / "again"
    words = ["admin", "restore", str(tmp_path / "backup"), "--home", str(home)]
    done = CliRunner().invoke(main, words, env={"PEOPLEPARSE_DATABASE": ""})
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    words = ["admin", "doctor", "--home", str(home), "--all"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "1 of 1 read, hashes right" in done.output
    blob_path(Settings(home=home), sha256).write_bytes(b"x")
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "error   archives       has another hash" in done.output


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["admin", "list", "--home", "none"], "home must be that of a server, got none, at "),
        (["admin", "doctor", "--home", "none"], "home must be that of a server, got none, at "),
        (["admin", "export", "out", "--home", "none"], "--benchmark must be given once or more"),
        (["serve", "--home", "none"], "--benchmark must be given once or more"),
        (["worker", "--home", "none"], "home must be that of a server, got none, at "),
        (
            ["serve", "--home", "box", "--benchmark", "box/walkers"],
            "benchmark must be outside the home ",
        ),
        (
            ["serve", "--home", "file/home", "--benchmark", "walkers"],
            "home must be a folder that can be written, got 'Not a directory', at ",
        ),
        (
            ["serve", "--benchmark", "walkers", "--smtp", "host"],
            "mail server must be smtp://HOST:PORT",
        ),
        (
            ["serve", "--benchmark", "walkers", "--mail-from", "nobody"],
            "e-mail address must be one of the form name@host",
        ),
        (
            ["serve", "--home", "home", "--benchmark", "walkers", "--host", "192.0.2.1"],
            "address must be free and of this machine, got ",
        ),
        (
            ["serve", "--home", "truth", "--benchmark", "walkers", "--port", "0"],
            "truth must be outside the home ",
        ),
        (
            ["serve", "--home", "home", "--benchmark", "none", "--port", "0"],
            "benchmark must have ",
        ),
    ],
)
def test_what_cannot_start_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make_benchmark(tmp_path / "walkers", tmp_path / "truth")
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, words, env={"PEOPLEPARSE_DATABASE": "", "PEOPLEPARSE_SMTP": ""})
    assert done.exit_code in (1, 2)
    assert done.output.startswith("Error: ") and text in done.output
    assert len(done.output.splitlines()) == 1


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from peopleparse.cli import server_options

    monkeypatch.setattr(server_options, "_MODULES", ("no_such_library",))
    for words in (["serve", "--benchmark", "x"], ["worker"], ["admin", "list"]):
        output = CliRunner().invoke(main, words).output
        assert "Install them: pip install 'peopleparse[server]'" in output
