"""A worker: takes a job, has it scored in a process of its own, writes the result, takes the next.

It beats from outside the scoring process, so that a scorer that keeps its processor busy is not
taken for dead. Whatever happens to a worker, the database decides whose result counts.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, exists, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from peopleparse.server import queue
from peopleparse.server.blobs import blob_path, sweep_quarantine
from peopleparse.server.database import reading, transaction
from peopleparse.server.events import record
from peopleparse.server.outcome import Outcome
from peopleparse.server.settings import Settings
from peopleparse.server.states import FAILED, QUEUED, SCORED
from peopleparse.server.tables import Benchmark, Phase, Submission

# (archive, benchmark folder, settings, tick, scored archives of the team) -> outcome; tick is
# called about every second and says False when the job is to be dropped.
RunJob = Callable[[Path, Path, Settings, Callable[[], bool], list[Path]], Outcome]
Answer = TypeVar("Answer")

_IDLE_SECONDS = 0.5
_LONGEST_WAIT = 5.0  # seconds between tries to reach the database
_DOWN = (OperationalError, InterfaceError)
_log = logging.getLogger(__name__)


def run_worker(
    settings: Settings,
    engine: Engine,
    name: str,
    stop: threading.Event,
    run_job: RunJob | None = None,
) -> None:
    """Score submissions until told to stop; a job at hand is then put back, at no cost.

    Args:
        settings: as the server's; `home` may be a folder that several machines share.
        name: shown to administrators; it is made unique, as two workers must never share one.
        run_job: scores one archive; another is given in tests.
    """
    if run_job is None:
        from peopleparse.server.child import run_job as run_job_in_child

        run_job = run_job_in_child
    unique = f"{name[:60]}-{secrets.token_hex(4)}"
    worker = _Worker(settings, engine, unique, stop, run_job)
    sweep_at = 0.0
    _log.info("worker starts", extra={"worker": unique})
    try:
        while not stop.is_set():
            if time.monotonic() >= sweep_at:
                _sweep(worker)
                sweep_at = time.monotonic() + settings.lease_ms / 3000
            if not _work(worker):
                stop.wait(min(_IDLE_SECONDS, settings.lease_ms / 3000))
    except _Stopped:
        pass
    _log.info("worker ends", extra={"worker": unique})


@dataclass(frozen=True)
class _Worker:
    settings: Settings
    engine: Engine
    name: str
    stop: threading.Event
    run_job: RunJob


class _Stopped(Exception):
    """Told to stop while the database was away."""


def _work(worker: _Worker) -> bool:
    """Do one job; False where there is none."""
    lease_ms = worker.settings.lease_ms
    if not _persist(worker, _is_waiting, reads=True):
        return False
    job = _persist(worker, lambda session: queue.claim(session, worker.name, lease_ms))
    if job is None:
        return False
    beat = _Beat(worker, job)
    outcome = _score(worker, job, beat)
    if beat.lost:
        _log.warning("job lost to another worker", extra={"submission": job.id})
    elif worker.stop.is_set() and beat.told_to_drop:
        message = "The worker was told to stop."
        _persist(
            worker,
            lambda session: queue.release(
                session, job.id, worker.name, job.attempt, message, counts=False
            ),
        )
    else:
        _persist(worker, lambda session: _end(session, worker, job, outcome, beat.error))
    return True


def _score(worker: _Worker, job: Submission, beat: _Beat) -> Outcome:
    try:
        assert job.blob_sha256 is not None
        archive = blob_path(worker.settings, job.blob_sha256)
        if not archive.is_file():
            raise FileNotFoundError(f"archive must be kept until it is scored, got none: {archive}")
        folder = _persist(worker, lambda session: _find_folder(session, job), reads=True)
        hashes = _persist(worker, lambda session: _find_scored(session, job), reads=True)
        earlier = [blob_path(worker.settings, sha256) for sha256 in hashes]
        place = _choose_folder(worker.settings, folder)
        return worker.run_job(archive, place, worker.settings, beat, earlier)
    except _Stopped:
        raise
    except Exception as error:  # whatever goes wrong here is no fault of the archive
        _log.exception("job failed", extra={"submission": job.id})
        beat.error = f"{type(error).__name__}: {error}"
        return Outcome(FAILED, message="Our scoring went wrong. The organisers can see why.")


class _Beat:
    """What the scoring calls now and then: renews the lease a few times in its length."""

    def __init__(self, worker: _Worker, job: Submission) -> None:
        self._worker, self._job = worker, job
        self._next = 0.0
        self.lost = self.told_to_drop = False
        self.error = ""

    def __call__(self) -> bool:
        lease_ms = self._worker.settings.lease_ms
        if not self.lost and time.monotonic() >= self._next:
            self._next = time.monotonic() + lease_ms / 6000
            try:
                with transaction(self._worker.engine) as session:
                    self.lost = not queue.heartbeat(
                        session, self._job.id, self._worker.name, self._job.attempt, lease_ms
                    )
            except _DOWN as error:  # the work goes on: the fence decides when it is back
                _log.warning("no heartbeat: %s", type(error).__name__)
        self.told_to_drop = self.lost or self._worker.stop.is_set()
        return not self.told_to_drop


def _end(session: Session, worker: _Worker, job: Submission, outcome: Outcome, error: str) -> None:
    """Write the end of a job; one that failed is tried again while it has attempts."""
    held = (job.id, worker.name, job.attempt)
    if error:  # for administrators: it may name what its owner must not see
        record(session, "error", submission_id=job.id, error=error, attempt=job.attempt)
    if outcome.state == FAILED and job.attempt < worker.settings.attempts:
        queue.release(session, *held, outcome.message)
    else:
        queue.finish(session, *held, outcome)


def _sweep(worker: _Worker) -> None:
    settings = worker.settings
    changed = _persist(
        worker, lambda session: queue.sweep(session, settings.lease_ms, settings.attempts)
    )
    if changed:
        _log.warning("leases ended", extra={"submissions": changed})
    sweep_quarantine(settings)


def _persist(worker: _Worker, act: Callable[[Session], Answer], *, reads: bool = False) -> Answer:
    """Do it in a transaction, again and again while the database is away.

    It may be done twice where the answer to a commit is lost: each act is fenced, and the second
    one changes nothing.
    """
    wait = 0.05
    while True:
        try:
            with (reading if reads else transaction)(worker.engine) as session:
                return act(session)
        except _DOWN as error:
            _log.warning("database is away: %s", type(error).__name__)
            if worker.stop.wait(wait):
                raise _Stopped from error
            wait = min(2 * wait, _LONGEST_WAIT)


def _is_waiting(session: Session) -> bool:
    return bool(session.scalar(select(exists().where(Submission.state == QUEUED))))


def _find_folder(session: Session, job: Submission) -> Path:
    statement = select(Benchmark.folder).join(Phase).where(Phase.id == job.phase_id)
    return Path(session.scalars(statement).one())


def _find_scored(session: Session, job: Submission) -> list[str]:
    """Return what the team has learnt scores of in this phase; a near copy of one is a probe."""
    statement = select(Submission.blob_sha256).where(
        Submission.phase_id == job.phase_id,
        Submission.team_id == job.team_id,
        Submission.state == SCORED,
        Submission.blob_sha256 != job.blob_sha256,
    )
    return [sha256 for sha256 in session.scalars(statement.order_by(Submission.id)) if sha256]


def _choose_folder(settings: Settings, folder: Path) -> Path:
    """Return this machine's folder of a benchmark: it may lie elsewhere than on the server."""
    named = [path for path in settings.benchmarks if path.name == folder.name]
    return named[0] if named else folder
