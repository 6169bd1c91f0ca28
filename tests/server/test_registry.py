"""Benchmarks in the tables: as their folders say, and steady while somebody is scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from peopleparse.errors import DataError, InputError
from peopleparse.server.database import reading, transaction
from peopleparse.server.registry import open_benchmarks
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Benchmark, Phase
from tests.server.rows import add_account, add_submission
from tests.server.web import write_benchmark

OVER = "2021-01-01T00:00:00Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_benchmark(tmp_path / "park")


def sync(settings: Settings, engine: Engine, folder: Path) -> list[Phase]:
    found = open_benchmarks(replace(settings, benchmarks=(folder,)), engine)
    with reading(engine) as session:
        row = session.scalars(select(Benchmark)).one()
        assert row.manifest_sha256 == found["park"].manifest_sha256
        assert row.folder == str(folder)
        return list(session.scalars(select(Phase).order_by(Phase.id)))


def submit(engine: Engine, state: str) -> None:
    with transaction(engine) as session:
        phase = session.scalars(select(Phase)).one()
        add_submission(session, phase, add_account(session), state)


def test_a_folder_becomes_rows_once(settings: Settings, engine: Engine, folder: Path) -> None:
    [phase] = sync(settings, engine, folder)
    assert (phase.slug, phase.scores_in_all, phase.ladder_step) == ("spring", 100, 0.002)
    [again] = sync(settings, engine, folder)
    assert again.id == phase.id


def test_rules_may_change_before_the_first_score(
    settings: Settings, engine: Engine, folder: Path
) -> None:
    sync(settings, engine, folder)
    submit(engine, "rejected")
    write_benchmark(folder, closes="2110-01-01T00:00:00Z")
    [phase] = sync(settings, engine, folder)
    assert phase.closes_at < 4_500_000_000_000


def test_rules_stay_while_a_phase_with_scores_runs(
    settings: Settings, engine: Engine, folder: Path
) -> None:
    sync(settings, engine, folder)
    submit(engine, "scored")
    sync(settings, engine, folder)
    write_benchmark(folder, rules="Texts and dates may change.", closes="2121-01-01T00:00:00Z")
    sync(settings, engine, folder)
    write_benchmark(folder, step="0.004")
    with pytest.raises(InputError, match="must be as it was when phase 'spring' scored 1 sub"):
        sync(settings, engine, folder)


def test_rules_may_change_after_the_end(settings: Settings, engine: Engine, folder: Path) -> None:
    write_benchmark(folder, closes=OVER)
    sync(settings, engine, folder)
    submit(engine, "scored")
    write_benchmark(folder, closes=OVER, step="0.004")
    sync(settings, engine, folder)
    write_benchmark(folder)
    with pytest.raises(InputError, match="phase 'spring' .* must stay closed, got a later end"):
        sync(settings, engine, folder)


def test_a_phase_with_submissions_stays(settings: Settings, engine: Engine, folder: Path) -> None:
    sync(settings, engine, folder)
    write_benchmark(folder, phase="summer")
    assert [phase.slug for phase in sync(settings, engine, folder)] == ["summer"]
    submit(engine, "rejected")
    write_benchmark(folder, phase="autumn")
    with pytest.raises(InputError, match="phase 'summer' of benchmark 'park' must stay, got a"):
        sync(settings, engine, folder)


def test_slugs_are_unique(settings: Settings, engine: Engine, folder: Path) -> None:
    both = replace(settings, benchmarks=(folder, folder))
    with pytest.raises(InputError, match=r"benchmarks must have slugs of their own, got \['park'"):
        open_benchmarks(both, engine)


def test_a_folder_without_truth_is_said_at_the_start(
    settings: Settings, engine: Engine, folder: Path
) -> None:
    (folder.parent / "canary-truth-here").rmdir()
    with pytest.raises(DataError, match="truth must be a folder or file, got none"):
        sync(settings, engine, folder)
