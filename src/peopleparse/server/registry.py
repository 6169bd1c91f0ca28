"""Benchmarks that a server serves: folders on disk, their identity and phases in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from peopleparse.errors import InputError
from peopleparse.server.benchmark_folder import BenchmarkFolder, read_benchmark
from peopleparse.server.database import now, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Benchmark, Phase, Submission

_RULES = ("opens_at", "closes_at", "attempts_a_day", "scores_a_day", "scores_in_all")


def open_benchmarks(settings: Settings, engine: Engine) -> dict[str, BenchmarkFolder]:
    """Return the benchmarks of a server by slug, after the tables know them.

    Raises:
        InputError: a folder is not as it must be, two have one slug, or one changed after scores.
    """
    folders = [read_benchmark(path) for path in settings.benchmarks]
    by_slug = {folder.slug: folder for folder in folders}
    if len(by_slug) != len(folders):
        raise InputError(
            f"benchmarks must have slugs of their own, got {[folder.slug for folder in folders]}. "
            "Rename one."
        )
    with transaction(engine) as session:
        sync_benchmarks(session, folders)
    return by_slug


def sync_benchmarks(session: Session, folders: Sequence[BenchmarkFolder]) -> None:
    """Write folders into the tables benchmark and phase.

    Raises:
        InputError: the rules of a running phase changed although something was scored by them, or
            a phase that has submissions is gone or opens again.
    """
    for folder in folders:
        row = session.scalar(select(Benchmark).where(Benchmark.slug == folder.slug))
        if row is not None and row.manifest_sha256 != folder.manifest_sha256:
            _check_unscored(session, row)
        values = {
            "folder": str(folder.folder), "manifest_sha256": folder.manifest_sha256,
            "read_at": now(session),
        }  # fmt: skip
        if row is None:
            row = Benchmark(slug=folder.slug, **values)
            session.add(row)
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        _sync_phases(session, row, folder)


def _sync_phases(session: Session, row: Benchmark, folder: BenchmarkFolder) -> None:
    known = {
        phase.slug: phase
        for phase in session.scalars(select(Phase).where(Phase.benchmark_id == row.id))
    }
    for rules in folder.phases:
        values = {name: getattr(rules, name) for name in _RULES}
        values["ladder_step"] = folder.ladder_step
        phase = known.pop(rules.slug, None)
        if phase is None:
            session.add(Phase(benchmark_id=row.id, slug=rules.slug, **values))
            continue
        if phase.closes_at <= now(session) < rules.closes_at and _scored(session, phase.id):
            raise InputError(
                f"phase '{phase.slug}' of benchmark '{row.slug}' must stay closed, got a later "
                "end: its private scores were shown. Add a new phase."
            )
        for name, value in values.items():
            setattr(phase, name, value)
    for gone in known.values():
        if _count(session, Submission.phase_id == gone.id):
            raise InputError(
                f"phase '{gone.slug}' of benchmark '{row.slug}' must stay, got a folder without "
                "it: it has submissions. Put it back."
            )
        session.delete(gone)


def _check_unscored(session: Session, row: Benchmark) -> None:
    """Refuse other rules for those who are not through with theirs."""
    running = (Phase.benchmark_id == row.id) & (Phase.closes_at > now(session))
    for phase in session.scalars(select(Phase).where(running)):
        scored = _scored(session, phase.id)
        if scored:
            raise InputError(
                f"benchmark '{row.slug}' must be as it was when phase '{phase.slug}' scored "
                f"{scored} submissions, got another manifest. Put the old one back until the "
                "phase has closed, or give the new one another slug."
            )


def _scored(session: Session, phase_id: int) -> int:
    return _count(session, Submission.phase_id == phase_id, Submission.state == SCORED)


def _count(session: Session, *conditions: Any) -> int:
    return session.scalar(select(func.count(Submission.id)).where(*conditions)) or 0
