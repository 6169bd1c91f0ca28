"""What an administrator should look at, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine, func, select

from peopleparse.server.accounts import accounts_of
from peopleparse.server.board_export import format_time
from peopleparse.server.database import reading
from peopleparse.server.states import FAILED, QUEUED, RECEIVING, RUNNING
from peopleparse.server.tables import Submission, Team


def list_accounts(engine: Engine, everything: bool = False) -> Iterator[str]:
    """Yield accounts that wait for approval, or all."""
    for account in accounts_of(engine):
        state = "waits for approval"
        if account.disabled_at is not None:
            state = "shut out"
        elif account.is_admin:
            state = "administrator"
        elif account.is_approved:
            state = "approved"
        if everything or state == "waits for approval":
            yield f"account     {account.email}  {account.name}  {state}"


def list_submissions(engine: Engine, everything: bool = False) -> Iterator[str]:
    """Yield submissions that have not ended or that failed, or all."""
    chosen = select(Submission, Team).join(Team, Team.id == Submission.team_id)
    if not everything:
        open_states = (RECEIVING, QUEUED, RUNNING, FAILED)
        chosen = chosen.where(Submission.state.in_(open_states))
    with reading(engine) as session:
        for submission, team in session.execute(chosen.order_by(Submission.id)):
            at = format_time(submission.created_at // 1000)
            place = f"attempt {submission.attempt}" if submission.attempt else ""
            yield (
                f"submission  {submission.key}  {submission.state}  {at}  {team.name}  {place}"
            ).rstrip()


def list_shared_archives(engine: Engine) -> Iterator[str]:
    """Yield archives that more than one team sent: perhaps one team under two names."""
    teams = func.count(func.distinct(Submission.team_id))
    with reading(engine) as session:
        shared = session.scalars(
            select(Submission.blob_sha256)
            .where(Submission.blob_sha256.is_not(None))
            .group_by(Submission.blob_sha256)
            .having(teams > 1)
        ).all()
        for sha256 in shared:
            names = session.scalars(
                select(Team.name)
                .join(Submission, Submission.team_id == Team.id)
                .where(Submission.blob_sha256 == sha256)
                .distinct()
                .order_by(Team.name)
            ).all()
            yield f"same archive  {str(sha256)[:16]}  {', '.join(names)}"
