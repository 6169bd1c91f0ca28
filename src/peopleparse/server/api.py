"""The API, version 1: JSON for programs, refusals as application/problem+json."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.openapi.utils import get_openapi
from sqlalchemy import select
from starlette.responses import JSONResponse, Response

from peopleparse import __version__
from peopleparse.server import submissions
from peopleparse.server.api_views import (
    BenchmarkView,
    Key,
    MeView,
    ProblemView,
    Slug,
    SubmissionView,
    VisibilityChange,
    caller_of,
    changer_of,
    find_phase,
    find_submission,
    problems,
    show_phase,
    show_submission,
)
from peopleparse.server.board import read_board
from peopleparse.server.board_export import board_csv, board_json
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.deps import API, Viewer, account_of, engine_of
from peopleparse.server.signing import claim_of, load_key, sign_result
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Benchmark, Phase, Submission
from peopleparse.web.problems import Problem

router = APIRouter(prefix=f"{API}v1", tags=["v1"])
Caller = Annotated[Viewer, Depends(caller_of)]
Changer = Annotated[Viewer, Depends(changer_of)]


@router.get("/me", responses=problems(401))
def me(viewer: Caller) -> MeView:
    """Say whose token this is."""
    account = account_of(viewer)
    return MeView(
        name=account.name, email=account.email, team=viewer.team.name if viewer.team else None,
        scope=viewer.scope or "", is_approved=account.is_approved or account.is_admin,
    )  # fmt: skip


@router.get("/benchmarks", responses=problems(401))
def list_benchmarks(request: Request, viewer: Caller) -> list[BenchmarkView]:
    """List the benchmarks and their phases, first opened first."""
    with reading(engine_of(request)) as session:
        at = now(session)
        chosen = select(Benchmark.slug, Phase).join(Phase, Phase.benchmark_id == Benchmark.id)
        phases = session.execute(chosen.order_by(Phase.opens_at, Phase.id)).all()
    return [
        BenchmarkView(
            slug=slug, title=folder.title,
            phases=[show_phase(phase, at) for of, phase in phases if of == slug],
        )
        for slug, folder in request.app.state.benchmarks.items()
    ]  # fmt: skip


@router.get("/submissions", responses=problems(401, 422))
def list_submissions(
    request: Request,
    viewer: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[SubmissionView]:
    """List the submissions of your team, newest first."""
    account_of(viewer)
    if viewer.team_id is None:
        return []
    with reading(engine_of(request)) as session:
        chosen = select(Submission).where(Submission.team_id == viewer.team_id)
        chosen = chosen.order_by(Submission.id.desc()).limit(limit).offset(skip)
        return [show_submission(session, one) for one in session.scalars(chosen).all()]


@router.get("/submissions/{key}", responses=problems(401, 404, 422))
def get_submission(request: Request, viewer: Caller, key: Key) -> SubmissionView:
    """Say how a submission stands."""
    account_of(viewer)
    with reading(engine_of(request)) as session:
        return show_submission(session, find_submission(session, key, viewer))


@router.get("/submissions/{key}/signed", responses=problems(401, 404, 409, 422))
def sign_submission(request: Request, viewer: Caller, key: Key) -> dict[str, Any]:
    """Give what the board shows of a scored submission, signed: `peopleparse admin verify`."""
    account_of(viewer)
    with reading(engine_of(request)) as session:
        found = find_submission(session, key, viewer)
        if found.state != SCORED:
            raise Problem(
                409, "not-scored",
                f"submission must be scored to be signed, got {found.state}. Wait for its score.",
            )  # fmt: skip
        phase = session.get_one(Phase, found.phase_id)
        benchmark = session.get_one(Benchmark, phase.benchmark_id)
        is_closed = now(session) >= phase.closes_at
        claim = claim_of(benchmark, phase, found, is_closed=is_closed)
    return sign_result(load_key(request.app.state.settings.keys), claim)


@router.post("/submissions/{key}/withdraw", responses=problems(401, 403, 404, 409, 422))
def withdraw_submission(request: Request, viewer: Changer, key: Key) -> SubmissionView:
    """Take a submission back before it is scored."""
    with transaction(engine_of(request)) as session:
        found = find_submission(session, key, viewer)
        done = submissions.withdraw(session, found.id, account_of(viewer).id)
        return show_submission(session, done)


@router.patch("/submissions/{key}", responses=problems(401, 403, 404, 409, 422))
def change_submission(
    request: Request, viewer: Changer, key: Key, change: VisibilityChange
) -> SubmissionView:
    """Say who sees the entry."""
    with transaction(engine_of(request)) as session:
        found = find_submission(session, key, viewer)
        done = submissions.set_visibility(
            session, found.id, change.visibility, account_of(viewer).id
        )
        return show_submission(session, done)


Subset = Annotated[str | None, Query(max_length=80, description="a sub-data set")]
Sort = Annotated[str | None, Query(max_length=120, description="a column; - in front: least first")]


@router.get("/leaderboards/{benchmark}/{phase}.json", responses=problems(401, 404, 422))
def board_as_json(
    request: Request, viewer: Caller, benchmark: Slug, phase: Slug,
    subset: Subset = None, sort: Sort = None,
) -> dict[str, Any]:  # fmt: skip
    """Give the board of a phase."""
    with reading(engine_of(request)) as session:
        found = find_phase(session, request, benchmark, phase)
        headline = request.app.state.benchmarks[benchmark].headline
        board = read_board(
            session, found, viewer=viewer, subset=subset, sort=sort, headline=headline
        )
        return {"benchmark": benchmark, **board_json(board)}


@router.get(
    "/leaderboards/{benchmark}/{phase}.csv",
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **problems(401, 404, 422),
    },
    response_class=Response,
)
def board_as_csv(
    request: Request, viewer: Caller, benchmark: Slug, phase: Slug,
    subset: Subset = None, sort: Sort = None,
) -> Response:  # fmt: skip
    """Give the board of a phase as a table."""
    with reading(engine_of(request)) as session:
        found = find_phase(session, request, benchmark, phase)
        headline = request.app.state.benchmarks[benchmark].headline
        board = read_board(
            session, found, viewer=viewer, subset=subset, sort=sort, headline=headline
        )
    name = {"Content-Disposition": f'attachment; filename="{benchmark}-{phase}.csv"'}
    return Response(board_csv(board), media_type="text/csv; charset=utf-8", headers=name)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> JSONResponse:
    """Give this API's document."""
    return JSONResponse(make_document(request.app))


def make_document(app: Any) -> dict[str, Any]:
    """Return the OpenAPI document; pages are left out of it."""
    document = get_openapi(
        title="peopleparse benchmark server", version=__version__, routes=app.routes,
        description="Refusals are application/problem+json. Times are UTC, scores are fractions.",
    )  # fmt: skip
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["ProblemView"] = ProblemView.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "of your account's page"}
    }
    document["security"] = [{}, {"token": []}]
    return document
