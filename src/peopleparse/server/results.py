"""From an outcome to the columns of a submission: finite scores, and the Ladder's answer."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from peopleparse.server.events import clean
from peopleparse.server.ladder import next_shown
from peopleparse.server.outcome import MOST_FAULTS, Outcome
from peopleparse.server.quota import lock_team
from peopleparse.server.states import FAILED, REJECTED, SCORED
from peopleparse.server.tables import Phase, Submission

_LONGEST_MESSAGE = 2000


def check_outcome(outcome: Outcome) -> Outcome:
    """Return an outcome that can be kept: one that cannot becomes a failed one that says why."""
    if outcome.state in (REJECTED, FAILED):
        return outcome
    if outcome.state != SCORED:
        return _fail(f"scoring must end scored, rejected or failed, got '{outcome.state}'.")
    for name in ("public_score", "private_score"):
        score = getattr(outcome, name)
        if not _is_number(score) or not 0 <= score <= 1:
            # The number itself stays untold: it may be of the private part.
            got = "no number" if not _is_number(score) else "one outside"
            return _fail(f"the score must be a number in [0, 1], got {got}.")
    if not _is_finite([outcome.public_scores, outcome.private_scores]):
        return _fail("scores must be finite numbers, got one that is not.")
    return outcome


def result_values(
    session: Session, phase_id: int, team_id: int, outcome: Outcome
) -> dict[str, Any]:
    """Return the columns of a checked outcome; for a scored one the team is locked."""
    values: dict[str, Any] = {
        "faults": clean([asdict(fault) for fault in outcome.faults[:MOST_FAULTS]]),
        "message": clean(outcome.message, _LONGEST_MESSAGE),
        "scorer": outcome.scorer,
    }
    if outcome.state != SCORED:
        return values
    assert outcome.public_score is not None
    lock_team(session, phase_id, team_id)
    best = session.scalar(
        select(func.max(Submission.shown_score)).where(
            Submission.phase_id == phase_id,
            Submission.team_id == team_id,
            Submission.state == SCORED,
        )
    )
    step = session.scalar(select(Phase.ladder_step).where(Phase.id == phase_id)) or 0.0
    shown = next_shown(best, outcome.public_score, step)
    if shown is None and best is not None:
        stays = f"No significant improvement: the best stays {100 * best:.6g} %."
        values["message"] = " ".join(filter(None, (values["message"], stays)))
    return values | {
        "public_score": outcome.public_score,
        "private_score": outcome.private_score,
        "public_scores": outcome.public_scores,
        "private_scores": outcome.private_scores,
        "shown_score": best if shown is None else shown,
        "is_new_best": shown is not None,
    }


def _fail(why: str) -> Outcome:
    return Outcome(
        FAILED, message=f"Our scoring went wrong: {why} Nothing is counted; tell the organisers."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_finite(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
