"""Whether the server lives, is ready, and what it does: for machines that watch it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from peopleparse.errors import PeopleparseError
from peopleparse.server import migrate, signing, tokens
from peopleparse.server.database import now, reading
from peopleparse.server.deps import engine_of, settings_of, viewer_of
from peopleparse.server.settings import Settings
from peopleparse.server.states import QUEUED, RUNNING, STATES
from peopleparse.server.tables import Letter, Submission
from peopleparse.web.problems import Problem, not_found

router = APIRouter(include_in_schema=False)
_NO_STORE = {"Cache-Control": "no-store"}
_LOOPBACK = ("127.0.0.1", "::1")
_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@router.get("/healthz")
def healthz() -> Response:
    """Answer while the process lives."""
    return PlainTextResponse("ok\n", headers=_NO_STORE)


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Answer 200 when work can be taken, 503 and what is missing otherwise."""
    checks = check_ready(settings_of(request), engine_of(request))
    status = 200 if all(checks.values()) else 503
    return JSONResponse({"ready": status == 200, **checks}, status, headers=_NO_STORE)


@router.get("/.well-known/peopleparse-key")
def public_key(request: Request) -> Response:
    """Return the key that signs results."""
    key = signing.load_key(settings_of(request).keys)
    return JSONResponse(
        {"algorithm": signing.ALGORITHM, "public_key": signing.public_text(key)},
        headers={"Cache-Control": "public, max-age=3600"},
    )


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Return counts for Prometheus, to this machine and to administrators."""
    if not (is_local(request) or _is_admin(request)):
        raise not_found()
    lines = [*count_rows(engine_of(request)), *_count_process(request.app.state)]
    text = "".join(f"{line}\n" for line in lines)
    return Response(text, media_type="text/plain; version=0.0.4", headers=_NO_STORE)


def check_ready(settings: Settings, engine: Engine) -> dict[str, bool]:
    """Return what must hold to take an upload, by name."""
    checks = {"database": False, "schema": False, "disk": False}
    try:
        with reading(engine) as session:
            now(session)
            session.scalar(select(func.count()).select_from(Submission).where(Submission.id == 0))
        checks["database"] = True
        migrate.check_current(engine)
        checks["schema"] = True
    except (SQLAlchemyError, PeopleparseError):
        pass  # which one is told by what stayed False
    try:
        checks["disk"] = shutil.disk_usage(settings.home).free > settings.upload_cap
    except OSError:
        pass
    return checks


def is_local(request: Request) -> bool:
    """Return whether a program on this machine asks, and no proxy asks for somebody else."""
    host = request.headers.get("host", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return (
        request.client is not None
        and request.client.host in _LOOPBACK
        and name in _LOOPBACK_HOSTS  # a page of a stranger's site reaches us by its own name
        and not any(header in request.headers for header in _FORWARDED)
    )


def _is_admin(request: Request) -> bool:
    given = request.headers.get("authorization")
    try:
        if given is not None:
            account, _ = tokens.find(engine_of(request), given)
            return bool(account.is_admin)
        return viewer_of(request).is_admin
    except Problem:
        return False


def count_rows(engine: Engine) -> Iterator[str]:
    """Yield lines about submissions and letters."""
    with reading(engine) as session:
        rows = session.execute(
            select(Submission.state, func.count()).group_by(Submission.state)
        ).all()
        time = now(session)
        oldest = session.scalar(
            select(func.min(Submission.queued_at)).where(Submission.state == QUEUED)
        )
        busy = session.scalar(
            select(func.count(func.distinct(Submission.worker))).where(
                Submission.state == RUNNING, Submission.lease_until > time
            )
        )
        letters = session.scalar(
            select(func.count()).select_from(Letter).where(Letter.sent_at.is_(None))
        )
    number = {state: count for state, count in rows}
    yield "# TYPE peopleparse_submissions gauge"
    for state in STATES:
        yield f'peopleparse_submissions{{state="{state}"}} {number.get(state, 0)}'
    age = 0 if oldest is None else max(0, time - oldest) // 1000
    yield from _gauge("peopleparse_oldest_queued_seconds", age)
    yield from _gauge("peopleparse_workers_busy", busy or 0)
    yield from _gauge("peopleparse_letters_waiting", letters or 0)


def _count_process(state: Any) -> Iterator[str]:
    """Yield lines about this process; `serve` puts its parts into the state."""
    workers, requests = getattr(state, "workers", None), getattr(state, "requests", None)
    if workers is not None:
        yield from _gauge("peopleparse_workers_alive", workers.alive)
        yield from _counter("peopleparse_worker_restarts_total", workers.restarts)
    if requests is not None:
        yield from _gauge("peopleparse_requests_open", requests.open)
        yield from _counter("peopleparse_received_bytes_total", requests.uploaded)
        yield "# TYPE peopleparse_responses_total counter"
        for hundred in range(1, 6):
            count = requests.responses[hundred]
            yield f'peopleparse_responses_total{{class="{hundred}xx"}} {count}'


def _gauge(name: str, value: int) -> tuple[str, str]:
    return f"# TYPE {name} gauge", f"{name} {value}"


def _counter(name: str, value: int) -> tuple[str, str]:
    return f"# TYPE {name} counter", f"{name} {value}"
