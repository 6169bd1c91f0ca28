"""How often a team may submit: its rows are counted, under a lock of the team in the phase."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from peopleparse.server.database import now
from peopleparse.server.settings import DAY_MS
from peopleparse.server.states import COSTS_ATTEMPT, COSTS_SCORE
from peopleparse.server.tables import Phase, Quota, Submission


@dataclass(frozen=True)
class Allowance:
    """What a team has used in a phase, and what it may use.

    Attributes:
        attempts, scores: counted in the last 24 hours.
        scores_ever: counted since the phase began.
        attempts_a_day, scores_a_day, scores_in_all: the limits.
        retry_after: seconds until the next submission may begin; 0 is now, None is never.
    """

    attempts: int
    scores: int
    scores_ever: int
    attempts_a_day: int
    scores_a_day: int
    scores_in_all: int
    retry_after: int | None

    @property
    def is_open(self) -> bool:
        """Whether one more may begin now."""
        return self.retry_after == 0

    @property
    def left_today(self) -> int:
        """How many more may begin now, if each is scored."""
        left = (
            self.attempts_a_day - self.attempts,
            self.scores_a_day - self.scores,
            self.scores_in_all - self.scores_ever,
        )
        return max(0, min(left))


def lock_team(session: Session, phase_id: int, team_id: int) -> None:
    """Hold the one lock of a team in a phase until the transaction ends.

    What is counted after it stays true. It is taken before any row of a submission is changed, so
    that two transactions cannot wait for each other.
    """
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    row = insert(Quota).values(phase_id=phase_id, team_id=team_id, taken=1)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["phase_id", "team_id"], set_={"taken": Quota.__table__.c.taken + 1}
        )
    )


def read_allowance(session: Session, phase: Phase, team_id: int) -> Allowance:
    """Count a team's submissions in a phase; the count is binding under `lock_team` only."""
    at = now(session)
    of_team = (Submission.phase_id == phase.id, Submission.team_id == team_id)
    recent = session.execute(
        select(Submission.created_at, Submission.state)
        .where(*of_team, Submission.created_at > at - DAY_MS, Submission.state.in_(COSTS_ATTEMPT))
        .order_by(Submission.created_at)
    ).all()
    attempts = [created_at for created_at, _ in recent]
    scores = [created_at for created_at, state in recent if state in COSTS_SCORE]
    ever = session.scalar(
        select(func.count()).where(*of_team, Submission.state.in_(COSTS_SCORE))
    )  # fmt: skip
    scores_ever = int(ever or 0)
    waits = [
        0 if scores_ever < phase.scores_in_all else None,
        _wait(attempts, phase.attempts_a_day, at),
        _wait(scores, phase.scores_a_day, at),
    ]
    known = [wait for wait in waits if wait is not None]
    return Allowance(
        attempts=len(attempts),
        scores=len(scores),
        scores_ever=scores_ever,
        attempts_a_day=phase.attempts_a_day,
        scores_a_day=phase.scores_a_day,
        scores_in_all=phase.scores_in_all,
        retry_after=max(known) if len(known) == len(waits) else None,
    )


def _wait(times: list[int], limit: int, at: int) -> int | None:
    """Return the seconds until fewer than `limit` of these times are within the last day."""
    if len(times) < limit:
        return 0
    if limit < 1:
        return None
    leaves_at = times[len(times) - limit] + DAY_MS
    return max(1, ceil((leaves_at - at) / 1000))
