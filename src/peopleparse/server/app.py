"""The server as one ASGI application."""

from __future__ import annotations

import logging
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from peopleparse import __version__
from peopleparse.server import api, health, pages, registry, upload
from peopleparse.server.deps import API
from peopleparse.server.headers import Guard
from peopleparse.server.settings import Settings
from peopleparse.web.problems import Problem, not_found

_LOG = logging.getLogger(__name__)


def make_app(settings: Settings, engine: Engine) -> FastAPI:
    """Return the application; `app.state` has settings, engine and benchmarks by slug.

    Raises:
        InputError: a benchmark folder is not as it must be, or changed in a running phase.
    """
    app = FastAPI(
        title="peopleparse benchmark server", version=__version__, openapi_url=None,
        docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.settings, app.state.engine = settings, engine
    app.state.uploads = {}  # which upload has which submission
    app.state.benchmarks = registry.open_benchmarks(settings, engine)
    for room in (api, upload, health, pages):
        app.include_router(room.router)
    app.add_middleware(Guard, settings=settings, upload_end=upload.PATH_END, answer=answer)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(OperationalError, _on_database)
    for kind in (DataError, OverflowError):
        app.add_exception_handler(kind, _on_value)
    return app


def answer(request: Request, problem: Problem) -> Response:
    """Return a problem as programs (below /api/) or people read it."""
    headers = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if request.url.path.startswith(API):
        if problem.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(
            problem.to_dict(), problem.status, headers, media_type="application/problem+json"
        )
    if problem.status == 401 and request.method == "GET":
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path, safe='/')}", 303)
    response = pages.render_problem(request, problem)
    response.headers.update(headers)
    return response


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(request, error)


async def _on_http(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses: no such route, no such method, a form that is none."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return answer(request, not_found())
    code = {405: "method-not-allowed"}.get(error.status_code, "bad-request")
    response = answer(request, Problem(error.status_code, code, f"{error.detail}."))
    response.headers.update(error.headers or {})
    return response


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"][1:]), "expected": fault["msg"]}
        for fault in error.errors()[:20]
    ]
    first = faults[0]
    detail = f"{first['field'] or 'body'} must be as described, got another: {first['expected']}."
    return answer(request, Problem(422, "invalid", detail, faults=faults))


async def _on_database(request: Request, error: Exception) -> Response:
    _LOG.error("database does not answer: %s", type(error).__name__)
    detail = "database must answer, got nothing. Try again soon."
    return answer(request, Problem(503, "database-away", detail, retry_after=5))


async def _on_value(request: Request, error: Exception) -> Response:
    """Answer numbers that no column can hold, and text with NUL."""
    detail = "values must be such as a database can hold, got others. Correct them."
    return answer(request, Problem(422, "invalid", detail))
