"""The letter that tells of the end of a submission, put in the outbox with it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from peopleparse.server.database import now
from peopleparse.server.outcome import Fault
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Account, Letter, Submission


def tell_owner(session: Session, submission: Submission) -> None:
    """Write the letter of a submission that has ended; it says what its page says to its owner."""
    account = session.get_one(Account, submission.account_id)
    session.add(
        Letter(
            created_at=now(session),
            recipient=account.email,
            subject=f"Submission {submission.key}: {submission.state}",
            body="\n".join(_lines(submission)) + "\n",
        )
    )


def _lines(submission: Submission) -> list[str]:
    lines = [f"Your submission {submission.key} ({submission.method}) is {submission.state}."]
    if submission.state == SCORED and submission.shown_score is not None:
        what = "Public score" if submission.is_new_best else "Best public score, as before"
        lines.append(f"{what}: {100 * submission.shown_score:.6g} %")
    if submission.message:
        lines.append(submission.message)
    return lines + [str(Fault(**fault)) for fault in submission.faults]
