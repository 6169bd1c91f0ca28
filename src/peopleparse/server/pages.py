"""The pages that everyone may see: benchmarks, boards, entries, the API; and refusals."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peopleparse.server import (
    history,
    pages_account,
    pages_admin,
    pages_api,
    pages_rules,
    pages_submissions,
)
from peopleparse.server.api_views import find_phase
from peopleparse.server.benchmark_make import pack_public
from peopleparse.server.board import is_inside, is_own, may_see, name_team, read_board, shown_scores
from peopleparse.server.database import now, reading
from peopleparse.server.deps import Viewer, engine_of, viewer_of
from peopleparse.server.pages_common import (
    STATIC,
    benchmark_of,
    describe_benchmark,
    describe_phase,
    phases_of,
    read_static,
    render,
    score_table,
)
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Phase, Submission, Team
from peopleparse.web.problems import Problem, not_found

router = APIRouter(include_in_schema=False)
for room in (pages_account, pages_submissions, pages_admin, pages_api):
    router.include_router(room.router)
_TITLES = {
    400: "This cannot be read",
    401: "Log in first",
    403: "You may not do this",
    404: "Not found",
    405: "Not like this",
    409: "This does not fit",
    413: "Too large",
    415: "Another kind of file",
    422: "Not as asked",
    429: "Too soon",
    500: "Our fault",
    503: "Back in a moment",
    507: "No room",
}


@router.get("/")
def front(request: Request) -> HTMLResponse:
    """Show the benchmarks and their phases."""
    viewer_of(request)
    listed = []
    with reading(engine_of(request)) as session:
        at = now(session)
        for slug in request.app.state.benchmarks:
            about = describe_benchmark(request, slug)
            phases = [
                {**vars(describe_phase(request, slug, phase, at)), **_standing(session, phase, at)}
                for phase in phases_of(session, slug)
            ]
            listed.append({"slug": slug, "title": about.title, "phases": phases})
    return render(request, "front.html", benchmarks=listed)


@router.get("/benchmarks/{benchmark}")
def show_benchmark(request: Request, benchmark: str) -> HTMLResponse:
    """Show rules, phases and files of a benchmark, and how to submit."""
    viewer_of(request)
    folder = request.app.state.benchmarks.get(benchmark)
    if folder is None:
        raise not_found()
    with reading(engine_of(request)) as session:
        at = now(session)
        phases = [
            describe_phase(request, benchmark, phase, at) for phase in phases_of(session, benchmark)
        ]
    current = next((phase for phase in phases if phase.state == "open"), None) or phases[0]
    return render(
        request, "benchmark.html", benchmark=describe_benchmark(request, benchmark),
        phases=phases, rules=pages_rules.render_rules(folder.rules),
        place=f"{benchmark}/{current.slug}", base=base_of(request),
    )  # fmt: skip


@router.get("/benchmarks/{benchmark}/images.csv")
def images(request: Request, benchmark: str) -> Response:
    """Give the names and sizes of the images, which are public."""
    folder = request.app.state.benchmarks.get(benchmark)
    if folder is None:
        raise not_found()
    name = {"Content-Disposition": f'attachment; filename="{benchmark}-images.csv"'}
    return Response(
        (folder.folder / "images.csv").read_bytes(),
        media_type="text/csv; charset=utf-8",
        headers=name,
    )


@router.get("/benchmarks/{benchmark}/public.zip")
def public_part(request: Request, benchmark: str) -> Response:
    """Give what the checker needs: rules, images and sizes; no truth, nothing of the split."""
    folder = request.app.state.benchmarks.get(benchmark)
    if folder is None:
        raise not_found()
    name = {"Content-Disposition": f'attachment; filename="{benchmark}.zip"'}
    return Response(pack_public(folder), media_type="application/zip", headers=name)


@router.get("/benchmarks/{benchmark}/{phase}")
def show_board(
    request: Request, benchmark: str, phase: str, subset: str | None = None, sort: str | None = None
) -> HTMLResponse:
    """Show the leaderboard of a phase."""
    viewer = viewer_of(request)
    with reading(engine_of(request)) as session:
        found = find_phase(session, request, benchmark, phase)
        about = describe_benchmark(request, benchmark)
        board = read_board(
            session, found, viewer=viewer, subset=subset, sort=sort, headline=about.headline
        )
        records = history.read_history(session, found, viewer=viewer)
        curve = history.draw_curve(session, found, records)
        info = describe_phase(request, benchmark, found, now(session))

    def here(form: str = "", **words: str | None) -> str:
        path = f"/api/v1/leaderboards/{benchmark}/{phase}.{form}" if form else info.address
        given = {name: word for name, word in words.items() if word}
        return f"{path}?{urlencode(given)}" if given else path

    return render(
        request, "board.html", benchmark=about, phase=info,
        board=board, records=records, curve=curve, here=here,
    )  # fmt: skip


@router.get("/entries/{key}")
def show_entry(request: Request, key: str) -> HTMLResponse:
    """Show one entry of a board."""
    viewer = viewer_of(request)
    with reading(engine_of(request)) as session:
        submission, team = _find_entry(session, key, viewer)
        phase = session.get_one(Phase, submission.phase_id)
        slug, at = benchmark_of(session, phase), now(session)
    if slug not in request.app.state.benchmarks:
        raise not_found()
    is_closed = at >= phase.closes_at
    shown = shown_scores(submission, phase, is_closed=is_closed)
    masked = submission.visibility == "anonymous" and not is_inside(submission, viewer)
    entry = {
        "key": submission.key, "method": submission.method, "description": submission.description,
        "team": name_team(submission, team, viewer), "link": "" if masked else submission.link,
        "visibility": submission.visibility, "at": submission.created_at // 1000,
        "is_own": is_own(submission, viewer),
    }  # fmt: skip
    return render(
        request, "entry.html", benchmark=describe_benchmark(request, slug),
        phase=describe_phase(request, slug, phase, at), entry=entry, shown=shown, closed=is_closed,
        table=score_table(shown), base=base_of(request),
    )  # fmt: skip


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Give a file of the pages; its address changes with it, so browsers keep it."""
    if name not in STATIC:
        raise not_found()
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(read_static(name), media_type=STATIC[name], headers=kept)


def render_problem(request: Request, problem: Problem) -> HTMLResponse:
    """Return a refusal as a page."""
    # No look into the database: it may be what failed.
    wait = problem.retry_after
    return render(
        request, "problem.html", problem.status, problem=problem,
        title=_TITLES.get(problem.status, "This did not work"),
        again=None if wait is None else int(time.time()) + wait,
        faults=problem.extra.get("faults", ()),
    )  # fmt: skip


def base_of(request: Request) -> str:
    """Return the address of this server, as the browser has it."""
    return str(request.base_url).rstrip("/")


def _standing(session: Session, phase: Phase, at: int) -> dict[str, Any]:
    board = read_board(session, phase, viewer=None)
    ranked = [entry for entry in board.entries if entry.rank is not None]
    return {"best": ranked[0].scores["score"] if ranked else None, "teams": len(ranked)}


def _find_entry(session: Session, key: str, viewer: Viewer) -> tuple[Submission, Team]:
    found = session.execute(
        select(Submission, Team)
        .join(Team, Team.id == Submission.team_id)
        .where(Submission.key == key[:40], Submission.state == SCORED, Submission.is_new_best)
    ).first()
    if found is None or not may_see(found[0], viewer):
        raise not_found()
    return found[0], found[1]
