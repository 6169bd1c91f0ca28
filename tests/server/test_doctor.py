"""The doctor sees what is wrong, and is quiet otherwise."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from peopleparse.server import doctor, overview
from peopleparse.server.blobs import blob_path
from peopleparse.server.database import now, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Letter
from tests.server.rows import add_account, add_phase, add_submission
from tests.server.tiny import make_benchmark

ARCHIVE = b"PK archive"
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


@pytest.fixture
def place(settings: Settings, engine: Engine, tmp_path: Path) -> Settings:
    benchmark = make_benchmark(tmp_path / "walkers", tmp_path / "truth")
    (benchmark / "benchmark.toml").chmod(0o600)
    settings.home.chmod(0o700)
    with transaction(engine) as session:
        account = add_account(session, is_admin=True)
        add_submission(session, add_phase(session), account, "queued", blob_sha256=SHA256)
    path = blob_path(settings, SHA256)
    path.parent.mkdir(parents=True, mode=0o700)
    settings.blobs.chmod(0o700)
    path.write_bytes(ARCHIVE)
    return replace(settings, benchmarks=(benchmark,), upload_cap=1)


def _bad(place: Settings, engine: Engine) -> list[tuple[str, str]]:
    findings = doctor.examine(place, engine)
    assert "walker0" not in str(findings)
    return [(one.check, one.text) for one in findings if one.level != "ok"]


def test_a_healthy_server_is_quiet(place: Settings, engine: Engine) -> None:
    assert _bad(place, engine) == []


def test_each_fault_is_found(place: Settings, engine: Engine) -> None:
    with transaction(engine) as session:
        account = add_account(session)
        phase, late = add_phase(session), now(session) - 10 * 60 * 60 * 1000
        add_submission(session, phase, account, "running", lease_until=late, blob_sha256=SHA256)
        add_submission(session, phase, account, "queued", queued_at=late, blob_sha256=SHA256)
        session.add(Letter(created_at=0, recipient="a@b.c", subject="", body="", attempts=3))
        session.execute(text("UPDATE account SET is_admin = false"))
    blob_path(place, SHA256).write_bytes(b"other")
    place.home.chmod(0o755)
    (place.keys / "results.key").parent.mkdir(mode=0o700)
    (place.keys / "results.key").write_bytes(b"0" * 32)
    (place.keys / "results.key").chmod(0o644)
    for path in (place.home.parent / "truth", place.benchmarks[0] / "benchmark.toml"):
        path.chmod(0o755)
    inside = make_benchmark(place.home.parent / "inside", place.home / "truth")
    place = replace(place, benchmarks=(*place.benchmarks, inside), upload_cap=1 << 60)
    found = _bad(place, engine)
    texts = "\n".join(f"{check}: {text}" for check, text in found)
    for expected in (
        "submissions: 1 without a lease", "submissions: 1 queued for more than an hour",
        "archives: has another hash", "letters: 1 letters could not be sent",
        "administrator: there is none", "modes: others on this machine may read",
        "disk: ", "truth: everybody on this machine may read", "truth: truth must be outside",
    ):  # fmt: skip
        assert expected in texts
    assert texts.count("modes: ") == 2
    assert texts.count("truth: everybody on this machine may read") == 3
    place = replace(place, benchmarks=(place.home.parent / "missing",))
    assert "benchmark must have" in str(_bad(place, engine))


def test_a_database_that_is_away_is_one_finding(place: Settings, engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("DROP TABLE outbox"))
    ((check, found),) = _bad(place, engine)
    assert check == "letters"
    assert found.startswith("database gave ")


def test_a_missing_archive_is_found(place: Settings, engine: Engine) -> None:
    blob_path(place, SHA256).unlink()
    assert "archives" in dict(_bad(place, engine))


def test_the_overview_lists_what_waits(place: Settings, engine: Engine) -> None:
    with transaction(engine) as session:
        account = add_account(session, is_approved=False, email="new@example.org")
        add_account(session, disabled_at=1, email="out@example.org")
        phase = add_phase(session)
        add_submission(session, phase, account, "failed", key="failed-key", blob_sha256=SHA256)
        add_submission(session, phase, account, "scored", key="scored-key")
    (line,) = overview.list_accounts(engine)
    assert "new@example.org" in line and "waits for approval" in line
    everyone = "\n".join(overview.list_accounts(engine, everything=True))
    assert "shut out" in everyone and "administrator" in everyone
    assert "failed-key" in "\n".join(overview.list_submissions(engine))
    assert "scored-key" not in "\n".join(overview.list_submissions(engine))
    assert "scored-key" in "\n".join(overview.list_submissions(engine, everything=True))
    (line,) = overview.list_shared_archives(engine)
    assert SHA256[:16] in line
