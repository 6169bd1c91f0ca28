"""A worker: jobs that end well, that do not, and a database that goes away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from peopleparse.server import worker
from peopleparse.server.blobs import blob_path
from peopleparse.server.database import transaction
from peopleparse.server.outcome import Outcome
from peopleparse.server.queue import read_submission
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Event, Phase, Submission
from tests.server.postgres import Postgres
from tests.server.rows import add_account, add_phase, add_submission

SCORED = Outcome("scored", public_score=0.6, private_score=0.5)
Score = Callable[[int, Callable[[], bool]], Outcome]


@pytest.fixture
def job(settings: Settings, engine: Engine) -> Submission:
    with transaction(engine) as session:
        row = add_submission(session, add_phase(session), add_account(session))
    path = blob_path(settings, row.blob_sha256 or "")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"archive")
    return row


def _run(settings: Settings, engine: Engine, score: Score, most: int = 1) -> list[Path]:
    """Let a worker score so often; return the folders that it was given."""
    stop, folders = threading.Event(), []

    def run_job(
        archive: Path, folder: Path, _: Settings, tick: Callable[[], bool], __: list[Path]
    ) -> Outcome:
        assert archive.read_bytes() == b"archive"
        folders.append(folder)
        try:
            return score(len(folders), tick)
        finally:
            if len(folders) == most:
                stop.set()  # what it has done is still written

    worker.run_worker(settings, engine, "w", stop, run_job)
    return folders


def _read(engine: Engine, row: Submission) -> tuple[Submission, list[str]]:
    with transaction(engine) as session:
        kinds = select(Event.kind).where(Event.submission_id == row.id).order_by(Event.id)
        return read_submission(session, row.id), list(session.scalars(kinds))


def test_a_job_is_scored(settings: Settings, engine: Engine, job: Submission) -> None:
    assert _run(settings, engine, lambda *_: SCORED) == [Path("benchmark")]
    found, kinds = _read(engine, job)
    assert (found.state, found.public_score) == ("scored", 0.6)
    assert kinds == ["running", "scored"]


def test_the_scoring_is_told_of_what_the_team_knows_scores_of(
    settings: Settings, engine: Engine, job: Submission
) -> None:
    with transaction(engine) as session:
        phase, account = session.get_one(Phase, job.phase_id), session.get_one(Account, 1)
        known = add_submission(session, phase, account, "scored")
        add_submission(session, phase, account, "rejected")
        add_submission(session, phase, account, "scored", blob_sha256=job.blob_sha256)
        add_submission(session, add_phase(session), account, "scored")
        add_submission(session, phase, add_account(session), "scored")
    stop, told = threading.Event(), []

    def run_job(*given: Any) -> Outcome:
        told.extend(given[4])
        stop.set()
        return SCORED

    worker.run_worker(settings, engine, "w", stop, run_job)
    assert told == [blob_path(settings, known.blob_sha256 or "")]


def test_the_folder_may_lie_elsewhere_on_this_machine(
    engine: Engine, settings: Settings, job: Submission
) -> None:
    there = Settings(home=settings.home, benchmarks=(Path("other"), Path("here/benchmark")))
    assert _run(there, engine, lambda *_: SCORED) == [Path("here/benchmark")]


def test_a_scoring_that_fails_is_tried_three_times(
    settings: Settings, engine: Engine, job: Submission
) -> None:
    def score(count: int, _: Any) -> Outcome:
        if count == 2:
            raise RuntimeError("secret.png is broken")
        return Outcome("failed", message="scoring ended by signal 9")

    assert len(_run(settings, engine, score, most=3)) == 3
    found, kinds = _read(engine, job)
    assert (found.state, found.message) == ("failed", "scoring ended by signal 9")
    assert kinds == ["running", "queued", "running", "error", "queued", "running", "failed"]
    with transaction(engine) as session:
        event = session.scalars(select(Event).where(Event.kind == "error")).one()
    assert event.detail["error"] == "RuntimeError: secret.png is broken"


def test_an_archive_that_is_gone_is_our_fault(
    settings: Settings, engine: Engine, job: Submission
) -> None:
    blob_path(settings, job.blob_sha256 or "").unlink()
    stop = threading.Event()
    one_try = Settings(home=settings.home, attempts=1)
    threading.Timer(0, _stop_when_failed, (engine, job, stop)).start()
    worker.run_worker(one_try, engine, "w", stop, lambda *_: SCORED)
    assert "secret" not in _read(engine, job)[0].message
    assert _read(engine, job)[0].state == "failed"


def _stop_when_failed(engine: Engine, job: Submission, stop: threading.Event) -> None:
    for _ in range(1000):
        if _read(engine, job)[0].state == "failed":
            break
        stop.wait(0.01)
    stop.set()


def test_a_job_that_was_lost_is_dropped(
    settings: Settings, engine: Engine, job: Submission
) -> None:
    def score(_: int, tick: Callable[[], bool]) -> Outcome:
        with transaction(engine) as session:  # another took it meanwhile, and ended it
            row = read_submission(session, job.id)
            row.state, row.worker, row.lease_until = "rejected", None, None
        assert tick() is False
        return SCORED

    _run(settings, engine, score)
    assert _read(engine, job)[0].state == "rejected"


def test_a_worker_that_stops_puts_its_job_back(
    settings: Settings, engine: Engine, job: Submission
) -> None:
    stop = threading.Event()

    def run_job(*given: Any) -> Outcome:
        assert given[3]() is True
        stop.set()
        assert given[3]() is False
        return Outcome("failed", message="killed")

    worker.run_worker(settings, engine, "w", stop, run_job)
    found, _ = _read(engine, job)
    assert (found.state, found.attempt) == ("queued", 0)


def test_a_result_outlives_a_restart_of_the_database(
    settings: Settings, engine: Engine, job: Submission, request: pytest.FixtureRequest
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite is no server")
    server: Postgres = request.getfixturevalue("postgres")

    def score(_: int, tick: Callable[[], bool]) -> Outcome:
        server.stop()
        assert tick() is True  # it works on, and sees what becomes of it
        threading.Thread(target=server.start).start()
        return SCORED

    stop = threading.Event()

    def run_job(*given: Any) -> Outcome:
        return score(1, given[3])

    def wait_and_stop() -> None:
        for _ in range(400):
            stop.wait(0.05)
            with suppress(OperationalError):  # not there yet
                if _read(engine, job)[0].state == "scored":
                    break
        stop.set()

    waiter = threading.Thread(target=wait_and_stop)
    waiter.start()
    worker.run_worker(settings, engine, "w", stop, run_job)
    waiter.join()
    assert _read(engine, job)[1] == ["running", "scored"]


def test_two_workers_of_one_name_are_told_apart(
    settings: Settings, engine: Engine, job: Submission
) -> None:
    names = []

    def score(_: int, __: Any) -> Outcome:
        names.append(_read(engine, job)[0].worker)
        return Outcome("failed")

    for _ in range(2):
        _run(settings, engine, score)
    assert len(set(names)) == 2
