"""The studio as one ASGI application."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from peopleparse import __version__
from peopleparse.errors import PeopleparseError
from peopleparse.studio import static_files, view_routes
from peopleparse.studio.security import API, Guard, answer
from peopleparse.studio.session import Studio
from peopleparse.web.problems import Problem

_PROJECT_ROUTES = "peopleparse.studio.project_routes"


def make_app(studio: Studio) -> FastAPI:
    """Return the application; `app.state.studio` is the studio."""
    app = FastAPI(
        title="peopleparse studio", version=__version__, openapi_url=None, docs_url=None,
        redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.studio = studio
    app.include_router(view_routes.router)
    if find_spec(_PROJECT_ROUTES):
        app.include_router(import_module(_PROJECT_ROUTES).router)
    app.include_router(static_files.router)
    app.add_middleware(
        Guard, host=studio.host, token=studio.token, max_bytes=studio.max_bytes
    )  # fmt: skip
    app.add_exception_handler(PeopleparseError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    return app


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return answer(request, error)
    return answer(request, Problem(422, "invalid", str(error)))


async def _on_http(request: Request, error: Exception) -> Response:
    """Answer what no route takes."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        what = "request" if request.url.path.startswith(API) else "page"
        detail = f"{what} must be one that the studio knows, got another address."
        return answer(request, Problem(404, "not-found", detail))
    if error.status_code == 405:
        detail = f"request must be of a method that this address takes, got {request.method}."
        response = answer(request, Problem(405, "method-not-allowed", detail))
    else:
        response = answer(request, Problem(error.status_code, "bad-request", f"{error.detail}."))
    response.headers.update(error.headers or {})
    return response


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or "body"
    detail = f"{field} must be as described, got another: {first['msg']}."
    return answer(request, Problem(422, "invalid", detail))
