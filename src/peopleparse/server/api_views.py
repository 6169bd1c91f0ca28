"""What the API shows, and what it says in its document."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request

from peopleparse.server.board import shown_scores
from peopleparse.server.board_export import format_time
from peopleparse.server.csrf import HEADER, check_form
from peopleparse.server.database import now
from peopleparse.server.deps import (
    Viewer,
    address_of,
    engine_of,
    submitter_of,
    viewer_of,
)
from peopleparse.server.limits import check_rate
from peopleparse.server.queue import read_position
from peopleparse.server.states import SCORED, STATES
from peopleparse.server.tables import VISIBILITIES, Benchmark, Phase, Submission
from peopleparse.web.problems import not_found

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")

Visibility = Literal["public", "anonymous", "hidden"]
Slug = Annotated[str, Path(max_length=40)]
Key = Annotated[str, Path(max_length=40, description="of a submission, as its Location ends")]


class ProblemView(BaseModel):
    """A refusal, as RFC 9457 has it; some have more members."""

    model_config = ConfigDict(extra="allow")
    type: str
    code: str = Field(description="a word for programs")
    status: int
    detail: str = Field(description="what must be, what was found, and what to do")


class FaultView(BaseModel):
    """One thing that is wrong with an archive."""

    code: str
    file: str = Field(description="a member of the archive, empty for the archive")
    expected: str
    found: str


class ScoresView(BaseModel):
    """Fractions, as the board shows them."""

    score: float | None = Field(
        description="ranks: by the Ladder while the phase is open, then the private one"
    )
    public: float | None = Field(description="the public one by the Ladder")
    metrics: dict[str, float]
    subsets: dict[str, dict[str, float]]


class SubmissionView(BaseModel):
    """A submission, to its team and to administrators."""

    key: str
    benchmark: str
    phase: str
    method: str
    description: str
    link: str
    visibility: str = Field(description=f"one of {', '.join(VISIBILITIES)}")
    state: str = Field(description=f"one of {', '.join(STATES)}")
    position: int | None = Field(description="in the queue, 1 is next; null when not queued")
    message: str
    faults: list[FaultView]
    is_new_best: bool
    scores: ScoresView | None
    archive_sha256: str | None
    archive_bytes: int | None
    created_at: str
    queued_at: str | None
    started_at: str | None
    finished_at: str | None


class PhaseView(BaseModel):
    """A time in which archives are taken."""

    slug: str
    state: str = Field(description="soon, open or closed")
    opens_at: str
    closes_at: str
    attempts_a_day: int
    scores_a_day: int
    scores_in_all: int
    ladder_step: float


class BenchmarkView(BaseModel):
    """A benchmark and its phases."""

    slug: str
    title: str
    phases: list[PhaseView]


class MeView(BaseModel):
    """Who asks."""

    name: str
    email: str
    team: str | None
    scope: str = Field(description="read or submit; session in a browser")
    is_approved: bool


class VisibilityChange(BaseModel):
    """Who sees an entry."""

    model_config = ConfigDict(extra="forbid")
    visibility: Visibility


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the refusals of a route, for the document."""
    return {
        status: {
            "description": _WORDS[status],
            "content": {"application/problem+json": {"schema": _PROBLEM_SCHEMA}},
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in (*statuses, 400, 408, 413, 429, 503)
    }


_PROBLEM_SCHEMA = {"$ref": "#/components/schemas/ProblemView"}
_RETRY = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait"}}
_WORDS = {
    400: "cannot be read",
    401: "needs a valid token",
    403: "may not",
    404: "is not there, or not yours to see",
    408: "came too slowly",
    409: "does not fit the state",
    413: "is too large",
    415: "is no ZIP archive",
    422: "is not as described",
    429: "too often, or no attempt is left",
    503: "database is away",
    507: "no room on the server",
}


def caller_of(request: Request) -> Viewer:
    """Return who calls, and count the call, of refused tokens too."""
    viewer = None
    try:
        viewer = viewer_of(request)
    finally:
        account = viewer.account.id if viewer and viewer.account else None
        check_rate(engine_of(request), "api", address_of(request), account)
    return viewer


def changer_of(request: Request, viewer: Annotated[Viewer, Depends(caller_of)]) -> Viewer:
    """Return who may change something; a browser must say that the page was ours.

    Raises:
        Problem: 401, 403.
    """
    submitter_of(viewer)
    if viewer.scope == "session":
        check_form(request, request.headers.get(HEADER))
    return viewer


def find_phase(session: Session, request: Request, benchmark: str, phase: str) -> Phase:
    """Return a phase of a benchmark that is served.

    Raises:
        Problem: 404.
    """
    if benchmark not in request.app.state.benchmarks or not _SLUG.fullmatch(phase):
        raise not_found()
    of_benchmark = select(Phase).join(Benchmark, Benchmark.id == Phase.benchmark_id)
    found = session.scalar(of_benchmark.where(Benchmark.slug == benchmark, Phase.slug == phase))
    if found is None:
        raise not_found()
    return found


def find_submission(session: Session, key: str, viewer: Viewer) -> Submission:
    """Return a submission of the viewer's team, or any to an administrator in a browser.

    Raises:
        Problem: 404.
    """
    found = None
    if _KEY.fullmatch(key):
        found = session.scalar(select(Submission).where(Submission.key == key))
    if found is None or not (viewer.is_admin or found.team_id == viewer.team_id):
        raise not_found()
    return found


def show_submission(session: Session, submission: Submission) -> SubmissionView:
    """Return what the team may know of its submission."""
    phase = session.get_one(Phase, submission.phase_id)
    benchmark = session.get_one(Benchmark, phase.benchmark_id)
    is_closed = now(session) >= phase.closes_at
    before = read_position(session, submission)
    scores = None
    if submission.state == SCORED:
        scores = ScoresView(**shown_scores(submission, phase, is_closed=is_closed))
    return SubmissionView(
        key=submission.key, benchmark=benchmark.slug, phase=phase.slug,
        method=submission.method, description=submission.description, link=submission.link,
        visibility=submission.visibility, state=submission.state,
        position=None if before is None else before + 1,
        message=submission.message, faults=[FaultView(**fault) for fault in submission.faults],
        is_new_best=submission.is_new_best, scores=scores,
        archive_sha256=submission.blob_sha256, archive_bytes=submission.blob_bytes,
        created_at=format_time(submission.created_at // 1000),
        queued_at=_time(submission.queued_at), started_at=_time(submission.started_at),
        finished_at=_time(submission.finished_at),
    )  # fmt: skip


def show_phase(phase: Phase, at: int) -> PhaseView:
    """Return the rules of a phase in figures."""
    state = "soon" if at < phase.opens_at else "open" if at < phase.closes_at else "closed"
    return PhaseView(
        slug=phase.slug, state=state, opens_at=format_time(phase.opens_at // 1000),
        closes_at=format_time(phase.closes_at // 1000), attempts_a_day=phase.attempts_a_day,
        scores_a_day=phase.scores_a_day, scores_in_all=phase.scores_in_all,
        ladder_step=phase.ladder_step,
    )  # fmt: skip


def _time(ms: int | None) -> str | None:
    return None if ms is None else format_time(ms // 1000)
