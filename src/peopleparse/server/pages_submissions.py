"""Pages of a team's submissions: the form, the list, and how one stands."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Form
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from peopleparse.server import csrf, states, submissions
from peopleparse.server.api_views import find_phase, find_submission
from peopleparse.server.board import shown_scores
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.deps import Viewer, account_of, engine_of, settings_of, viewer_of
from peopleparse.server.pages_common import (
    PhaseInfo,
    benchmark_of,
    describe_benchmark,
    describe_phase,
    render,
    score_table,
    size_words,
)
from peopleparse.server.queue import read_position
from peopleparse.server.quota import read_allowance
from peopleparse.server.tables import Phase, Submission

router = APIRouter(include_in_schema=False)
Word = Annotated[str, Form()]
PAGE_ROWS = 50
REFRESH_SECONDS = 3
_FINISHED = (states.SCORED, states.REJECTED, states.FAILED, states.WITHDRAWN)
_STEPS = ("Upload", "Queue", "Scoring", "Result")
_PLACES = {states.RECEIVING: 0, states.QUEUED: 1, states.RUNNING: 2}
_WORDS = {
    states.RECEIVING: "The archive is being uploaded.",
    states.QUEUED: "The archive is whole and waits for a worker.",
    states.RUNNING: "A worker checks and scores the archive.",
    states.SCORED: "The archive is scored.",
    states.REJECTED: "The archive is not as the rules ask. It cost an attempt, but no score.",
    states.FAILED: "Something went wrong on our side. It costs you nothing.",
    states.WITHDRAWN: "It was withdrawn. It costs nothing.",
}
_DONE = {"visibility": "The visibility is saved.", "withdrawn": "The submission is withdrawn."}


@router.get("/benchmarks/{benchmark}/{phase}/submit")
def show_form(request: Request, benchmark: str, phase: str) -> HTMLResponse:
    """Show the form that uploads an archive."""
    viewer = viewer_of(request)
    account = account_of(viewer)
    with reading(engine_of(request)) as session:
        found = find_phase(session, request, benchmark, phase)
        at = now(session)
        info = describe_phase(request, benchmark, found, at)
        allowance = read_allowance(session, found, viewer.team_id) if viewer.team_id else None
    obstacle = ""
    if not (account.is_approved or account.is_admin):
        obstacle = "An administrator has not approved your account yet."
    elif viewer.team_id is None:
        obstacle = "You are in no team yet. Make or join one on the page of your account."
    elif info.state != "open":
        obstacle = "This phase takes no archives now."
    elif allowance is not None and not allowance.is_open:
        obstacle = "Your team has to wait, as said above."
    return render(
        request, "submit.html", benchmark=describe_benchmark(request, benchmark), phase=info,
        allowance=allowance, obstacle=obstacle, now_s=at // 1000, named=False,
        cap=size_words(settings_of(request).upload_cap), once=secrets.token_urlsafe(16),
    )  # fmt: skip


@router.get("/submissions")
def list_submissions(request: Request, before: int | None = None) -> HTMLResponse:
    """Show the submissions of the viewer's team, and what it may still use."""
    viewer = viewer_of(request)
    account_of(viewer)
    rows: list[dict[str, Any]] = []
    allowances = []
    with reading(engine_of(request)) as session:
        at = now(session)
        if viewer.team_id is not None:
            chosen = select(Submission).where(Submission.team_id == viewer.team_id)
            rows = read_rows(session, request, chosen, before, at)
            for phase in _phases_in_use(session, request, viewer, at):
                slug = benchmark_of(session, phase)
                left = read_allowance(session, phase, viewer.team_id)
                title = describe_benchmark(request, slug).title
                allowances.append((describe_phase(request, slug, phase, at), left, title))
    older = rows[-1]["id"] if len(rows) == PAGE_ROWS else None
    return render(
        request, "submissions.html", rows=rows, allowances=allowances, older=older,
        now_s=at // 1000,
    )  # fmt: skip


@router.get("/submissions/{key}")
def show_submission(request: Request, key: str, done: str = "") -> HTMLResponse:
    """Show how a submission stands."""
    viewer = viewer_of(request)
    account_of(viewer)
    with reading(engine_of(request)) as session:
        submission = find_submission(session, key, viewer)
        phase = session.get_one(Phase, submission.phase_id)
        slug, at = benchmark_of(session, phase), now(session)
        position = read_position(session, submission)
    is_closed = at >= phase.closes_at
    shown = shown_scores(submission, phase, is_closed=is_closed)
    row = {
        **row_of(submission, describe_phase(request, slug, phase, at), shown),
        "description": submission.description, "link": submission.link,
        "blob_sha256": submission.blob_sha256, "blob_bytes": submission.blob_bytes,
        "scorer": submission.scorer, "faults": submission.faults, "message": submission.message,
        "finished_at": submission.finished_at and submission.finished_at // 1000,
        "anonymous_name": submission.anonymous_name, "position": position,
        "is_finished": submission.state in _FINISHED,
        "may_withdraw": submission.state in (states.RECEIVING, states.QUEUED),
        "may_show": submission.state not in (states.REJECTED, states.WITHDRAWN),
    }  # fmt: skip
    return render(
        request, "submission.html", row=row, phase=row["phase"], shown=shown, closed=is_closed,
        table=score_table(shown), headline=describe_benchmark(request, slug).headline,
        refresh_s=REFRESH_SECONDS, words=_WORDS[submission.state], steps=list_steps(submission),
        done=_DONE.get(done),
    )  # fmt: skip


@router.post("/submissions/{key}/withdraw")
def withdraw(request: Request, key: str, form_token: Word = "") -> Response:
    """Take a submission back."""
    viewer = viewer_of(request)
    account = account_of(viewer)
    csrf.check_form(request, form_token)
    with transaction(engine_of(request)) as session:
        found = find_submission(session, key, viewer)
        submissions.withdraw(session, found.id, account.id)
    return RedirectResponse(f"/submissions/{found.key}?done=withdrawn", 303)


@router.post("/submissions/{key}/visibility")
def set_visibility(
    request: Request, key: str, visibility: Word = "", form_token: Word = ""
) -> Response:
    """Say who sees the entry."""
    viewer = viewer_of(request)
    account = account_of(viewer)
    csrf.check_form(request, form_token)
    with transaction(engine_of(request)) as session:
        found = find_submission(session, key, viewer)
        submissions.set_visibility(session, found.id, visibility, account.id)
    return RedirectResponse(f"/submissions/{found.key}?done=visibility", 303)


def read_rows(
    session: Session, request: Request, chosen: Any, before: int | None, at: int
) -> list[dict[str, Any]]:
    """Return a page of submissions, newest first, as tables show them."""
    if before is not None:
        chosen = chosen.where(Submission.id < before)
    rows = []
    for submission in session.scalars(chosen.order_by(Submission.id.desc()).limit(PAGE_ROWS)):
        phase = session.get_one(Phase, submission.phase_id)
        info = describe_phase(request, benchmark_of(session, phase), phase, at)
        shown = shown_scores(submission, phase, is_closed=at >= phase.closes_at)
        rows.append(row_of(submission, info, shown))
    return rows


def row_of(submission: Submission, phase: PhaseInfo, shown: dict[str, Any]) -> dict[str, Any]:
    """Return what tables show of a submission; nothing of its own where it is no new best."""
    own = submission.is_new_best or phase.state == "closed"
    return {
        "id": submission.id, "key": submission.key, "method": submission.method, "phase": phase,
        "state": submission.state, "score": shown["score"] if own else None,
        "is_new_best": submission.is_new_best, "visibility": submission.visibility,
        "at": submission.created_at // 1000,
    }  # fmt: skip


def list_steps(submission: Submission) -> list[tuple[str, str]]:
    """Return each step of a submission's life, and how it looks now."""
    if submission.state not in _FINISHED:
        place = _PLACES[submission.state]
        looks = ["done"] * place + ["now"] + [""] * (3 - place)
        return list(zip(_STEPS, looks, strict=True))
    if submission.state == states.SCORED:
        return [(name, "done") for name in _STEPS]
    place = 2 if submission.started_at else 1 if submission.queued_at else 0
    looks = ["done"] * place + [""] * (3 - place) + ["end-bad"]
    return list(zip((*_STEPS[:3], submission.state.capitalize()), looks, strict=True))


def _phases_in_use(session: Session, request: Request, viewer: Viewer, at: int) -> list[Phase]:
    """Return open phases of served benchmarks in which the team has submitted."""
    used = select(Submission.phase_id).where(Submission.team_id == viewer.team_id)
    found = select(Phase).where(Phase.id.in_(used), Phase.opens_at <= at, Phase.closes_at > at)
    phases = session.scalars(found.order_by(Phase.closes_at)).all()
    served = request.app.state.benchmarks
    return [phase for phase in phases if benchmark_of(session, phase) in served]
