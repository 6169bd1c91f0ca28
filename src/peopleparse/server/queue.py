"""The row of a submission is its job: a worker holds it by a lease that it must renew.

Every write of a worker names itself and the attempt it was given, so that one that was silent too
long and comes back changes nothing. The same statements serve both engines: SQLite ignores
`FOR UPDATE SKIP LOCKED`, and its transactions hold the only write lock from their start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, func, select, tuple_, update
from sqlalchemy.orm import Session

from peopleparse.server import states
from peopleparse.server.database import now
from peopleparse.server.events import clean, record
from peopleparse.server.letters import tell_owner
from peopleparse.server.outcome import Outcome
from peopleparse.server.results import check_outcome, result_values
from peopleparse.server.states import FAILED, QUEUED, RECEIVING, RUNNING, WITHDRAWN
from peopleparse.server.tables import Submission


def move(
    session: Session,
    submission_id: int,
    before: Sequence[str],
    after: str,
    *conditions: ColumnElement[bool],
    account_id: int | None = None,
    detail: dict[str, Any] | None = None,
    **values: Any,
) -> bool:
    """Change the state in one statement and log it; False where the row was in no such state.

    Args:
        before: states to leave.
        conditions: what else must hold of the row.
        values: more columns to set. Lease and worker are let go of with the states that need them.
    """
    wrong = [state for state in before if not states.may_follow(state, after)]
    if wrong:
        raise ValueError(f"state must be one that '{after}' may follow, got '{wrong[0]}'.")
    at = now(session)
    columns: dict[str, Any] = {"state": after}
    if after != RUNNING:
        columns |= {"worker": None, "lease_until": None}
        columns["finished_at"] = None if after == QUEUED else at
    statement = update(Submission).where(
        Submission.id == submission_id, Submission.state.in_(before), *conditions
    )
    if not _change_one(session, statement.values(columns | values)):
        return False
    record(session, after, submission_id=submission_id, account_id=account_id, **(detail or {}))
    return True


def claim(session: Session, worker: str, lease_ms: int) -> Submission | None:
    """Give a worker the next job, or None where there is none.

    Those tried least come first: a job that kills its workers does not hold up the others.
    """
    queued = (
        select(Submission.id, Submission.attempt)
        .where(Submission.state == QUEUED)
        .order_by(Submission.attempt, Submission.queued_at, Submission.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.execute(queued).first()
    if row is None:
        return None
    at = now(session)
    given = move(
        session, row.id, [QUEUED], RUNNING, Submission.attempt == row.attempt,
        detail={"worker": worker, "attempt": row.attempt + 1},
        worker=worker, attempt=row.attempt + 1, lease_until=at + lease_ms, started_at=at,
    )  # fmt: skip
    return read_submission(session, row.id) if given else None


def heartbeat(
    session: Session, submission_id: int, worker: str, attempt: int, lease_ms: int
) -> bool:
    """Renew a worker's lease; False where it has lost the job and must drop it."""
    held = update(Submission).where(
        Submission.id == submission_id, Submission.state == RUNNING, *_held(worker, attempt)
    )
    return _change_one(session, held.values(lease_until=now(session) + lease_ms))


def finish(
    session: Session, submission_id: int, worker: str, attempt: int, outcome: Outcome
) -> bool:
    """Write what scoring came to, with its letter; False, and nothing, where the job was lost.

    A scored outcome without scores in [0, 1] becomes a failed one.
    """
    job = session.execute(
        select(Submission.phase_id, Submission.team_id).where(
            Submission.id == submission_id, Submission.state == RUNNING, *_held(worker, attempt)
        )
    ).first()
    if job is None:
        return False
    outcome = check_outcome(outcome)
    values = result_values(session, job.phase_id, job.team_id, outcome)
    if not move(
        session, submission_id, [RUNNING], outcome.state, *_held(worker, attempt),
        detail={"worker": worker, "attempt": attempt}, **values,
    ):  # fmt: skip
        return False
    tell_owner(session, read_submission(session, submission_id))
    return True


def release(
    session: Session,
    submission_id: int,
    worker: str,
    attempt: int,
    message: str = "",
    *,
    counts: bool = True,
) -> bool:
    """Put a job back that its worker cannot end; False where the job was lost.

    Args:
        message: how the scoring process ended.
        counts: whether this was one of its attempts; not where the worker was told to stop.
    """
    return move(
        session, submission_id, [RUNNING], QUEUED, *_held(worker, attempt),
        detail={"worker": worker, "attempt": attempt, "message": message},
        message=clean(message), attempt=attempt if counts else attempt - 1,
    )  # fmt: skip


def sweep(session: Session, lease_ms: int, attempts: int) -> list[int]:
    """Take jobs from workers that were silent too long, and end uploads that broke off.

    Args:
        lease_ms: a lease that ends later than this from now was made before the clock went back;
            it is shortened to this.
        attempts: how often a job is given out before it fails.

    Returns:
        The submissions whose state changed.
    """
    at = now(session)
    leased = Submission.state.in_((RECEIVING, RUNNING))
    session.execute(
        update(Submission)
        .where(leased, Submission.lease_until > at + lease_ms)
        .values(lease_until=at + lease_ms)
        .execution_options(synchronize_session=False)
    )
    late = session.scalars(
        select(Submission)
        .where(leased, Submission.lease_until <= at)
        .order_by(Submission.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    return [row.id for row in late if _take_back(session, row, attempts)]


def read_position(session: Session, submission: Submission) -> int | None:
    """Return how many jobs are given out before a queued one, or None where it is not queued."""
    if submission.state != QUEUED:
        return None
    order = tuple_(Submission.attempt, Submission.queued_at, Submission.id)
    before = order < (submission.attempt, submission.queued_at, submission.id)
    return session.scalar(select(func.count()).where(Submission.state == QUEUED, before))


def read_submission(session: Session, submission_id: int) -> Submission:
    """Return a submission as it is in the database, not as the session remembers it."""
    return session.get_one(Submission, submission_id, populate_existing=True)


def _take_back(session: Session, row: Submission, attempts: int) -> bool:
    if row.state == RECEIVING:
        return move(
            session, row.id, [RECEIVING], WITHDRAWN, detail={"reason": "upload broke off"},
            idempotency_key=None,  # nothing was taken under it: the client may try again
            message="The upload broke off. Nothing is counted; upload the archive again.",
        )  # fmt: skip
    assert row.worker is not None
    held = _held(row.worker, row.attempt)
    detail = {"reason": "worker was silent", "worker": row.worker, "attempt": row.attempt}
    if row.attempt < attempts:
        return move(session, row.id, [RUNNING], QUEUED, *held, detail=detail)
    last = f" The last word of one was: {row.message}" if row.message else ""
    message = (
        f"Scoring must end, got {row.attempt} workers that stopped while they scored this archive. "
        f"Nothing is counted; the organisers were told.{last}"
    )
    failed = move(session, row.id, [RUNNING], FAILED, *held, detail=detail, message=message)
    if failed:
        tell_owner(session, read_submission(session, row.id))
    return failed


def _held(worker: str, attempt: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Submission.worker == worker, Submission.attempt == attempt


def _change_one(session: Session, statement: Any) -> bool:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", done).rowcount == 1
