"""Pages of administrators: accounts, submissions with what happened to them, shared evidence."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Any

from fastapi import APIRouter, Form
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from peopleparse.server import accounts, csrf, submissions
from peopleparse.server.api_views import find_submission
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.deps import admin_of, engine_of, viewer_of
from peopleparse.server.pages_common import render
from peopleparse.server.pages_submissions import PAGE_ROWS, read_rows
from peopleparse.server.states import STATES
from peopleparse.server.tables import Account, Event, Submission, Team
from peopleparse.web.problems import Problem

router = APIRouter(prefix="/admin", include_in_schema=False)
Word = Annotated[str, Form()]
_CHANGES = {
    "approve": (accounts.approve, "The account is approved."),
    "disable": (accounts.disable, "The account is disabled; its logins and tokens have ended."),
    "enable": (accounts.enable, "The account is enabled again."),
}
_RETRIED = "The submission is in the queue again."


@router.get("")
def show_accounts(request: Request, done: str = "") -> HTMLResponse:
    """Show who waits for approval, and all accounts."""
    admin_of(viewer_of(request))
    engine = engine_of(request)
    known = accounts.accounts_of(engine)
    with reading(engine) as session:
        teams = {team.id: team.name for team in session.scalars(select(Team))}
    waiting = [one for one in known if _waits(one)]
    return render(
        request, "admin.html", waiting=waiting, teams=teams,
        accounts=[one for one in known if not _waits(one)],
        done=_CHANGES[done][1] if done in _CHANGES else None,
    )  # fmt: skip


@router.post("/accounts/{account_id}/{change}")
def change_account(
    request: Request, account_id: int, change: str, form_token: Word = ""
) -> Response:
    """Approve, disable or enable an account."""
    admin = admin_of(viewer_of(request))
    csrf.check_form(request, form_token)
    if change not in _CHANGES:
        raise Problem(
            404, "not-found", f"change must be one of {', '.join(_CHANGES)}, got another."
        )
    if account_id == admin.id and change == "disable":
        raise Problem(
            409, "own-account", "account must be another's, got your own. Ask an administrator."
        )
    _CHANGES[change][0](engine_of(request), account_id)
    return RedirectResponse(f"/admin?done={change}", 303)


@router.get("/submissions")
def list_all(
    request: Request, state: str = "", before: int | None = None, done: str = ""
) -> HTMLResponse:
    """Show all submissions and what happened to them."""
    admin_of(viewer_of(request))
    with reading(engine_of(request)) as session:
        numbers = dict(
            session.execute(select(Submission.state, func.count()).group_by(Submission.state)).all()
        )
        chosen = select(Submission)
        if state in STATES:
            chosen = chosen.where(Submission.state == state)
        rows = read_rows(session, request, chosen, before, now(session))
        _add_stories(session, rows)
    return render(
        request, "admin_submissions.html", rows=rows, state=state if state in STATES else "",
        counts=[(name, numbers[name]) for name in STATES if name in numbers],
        older=rows[-1]["id"] if len(rows) == PAGE_ROWS else None,
        done=_RETRIED if done else None,
    )  # fmt: skip


@router.post("/submissions/{key}/retry")
def retry(request: Request, key: str, form_token: Word = "") -> Response:
    """Let a failed submission try again."""
    viewer = viewer_of(request)
    admin = admin_of(viewer)
    csrf.check_form(request, form_token)
    with transaction(engine_of(request)) as session:
        found = find_submission(session, key, viewer)
        submissions.retry(session, found.id, admin.id)
    return RedirectResponse("/admin/submissions?done=retried", 303)


@router.get("/evidence")
def show_evidence(request: Request) -> HTMLResponse:
    """Show archives that more than one team has sent."""
    admin_of(viewer_of(request))
    with reading(engine_of(request)) as session:
        groups = read_evidence(session)
    return render(request, "admin_evidence.html", groups=groups)


def read_evidence(session: Session) -> list[dict[str, Any]]:
    """Return the archives that more than one team has sent, with the submissions of each."""
    shared = (
        select(Submission.blob_sha256)
        .where(Submission.blob_sha256.is_not(None))
        .group_by(Submission.blob_sha256)
        .having(func.count(func.distinct(Submission.team_id)) > 1)
    )
    found = session.execute(
        select(Submission, Team.name)
        .join(Team, Team.id == Submission.team_id)
        .where(Submission.blob_sha256.in_(shared))
        .order_by(Submission.created_at, Submission.id)
    )
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for submission, team in found:
        row = {
            "key": submission.key, "method": submission.method, "state": submission.state,
            "at": submission.created_at // 1000, "team": team,
        }  # fmt: skip
        groups[str(submission.blob_sha256)].append(row)
    return [
        {"sha256": sha256, "rows": rows, "teams": list(dict.fromkeys(row["team"] for row in rows))}
        for sha256, rows in groups.items()
    ]


def _add_stories(session: Session, rows: list[dict[str, Any]]) -> None:
    ids = [row["id"] for row in rows]
    events = defaultdict(list)
    for event in session.scalars(
        select(Event).where(Event.submission_id.in_(ids)).order_by(Event.id)
    ):
        events[event.submission_id].append({"at": event.at, "kind": event.kind})
    told = session.execute(
        select(Submission.id, Submission.message, Team.name)
        .join(Team, Team.id == Submission.team_id)
        .where(Submission.id.in_(ids))
    )
    stories = {number: (message, team) for number, message, team in told}
    for row in rows:
        row["message"], row["team"] = stories[row["id"]]
        row["events"] = events[row["id"]]


def _waits(account: Account) -> bool:
    return not account.is_approved and not account.is_admin and account.disabled_at is None
