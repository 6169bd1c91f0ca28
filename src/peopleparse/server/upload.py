"""Uploads: an archive goes to the quarantine as it comes, and to the queue when it is whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from peopleparse.server.api_views import (
    Slug,
    SubmissionView,
    Visibility,
    caller_of,
    find_phase,
    problems,
    show_submission,
)
from peopleparse.server.csrf import FIELD, HEADER, check_form
from peopleparse.server.database import reading
from peopleparse.server.deps import (
    API,
    Viewer,
    account_of,
    address_of,
    engine_of,
    settings_of,
    submitter_of,
    viewer_of,
)
from peopleparse.server.limits import check_rate
from peopleparse.server.multipart import read_form
from peopleparse.server.tables import Account, Submission
from peopleparse.server.taking import Words, take_archive
from peopleparse.web.problems import Problem

PATH_END = "/submissions"
CHUNK_SECONDS = 20  # without a byte; less than a lease
UPLOAD_SECONDS = 3600
_DRAIN_SECONDS = 10
_RAW = ("application/zip", "application/octet-stream", "application/x-zip-compressed")
_FORM = "multipart/form-data"
_BODY = {
    "required": True,
    "content": {
        "application/zip": {"schema": {"type": "string", "format": "binary"}},
        _FORM: {
            "schema": {
                "type": "object", "required": ["archive"],
                "properties": {
                    "method": {"type": "string"}, "description": {"type": "string"},
                    "link": {"type": "string"}, "visibility": {"type": "string"},
                    "archive": {"type": "string", "format": "binary"},
                },
            }
        },
    },
}  # fmt: skip

router = APIRouter()


@router.post(
    f"{API}v1/phases/{{benchmark}}/{{phase}}{PATH_END}",
    status_code=202,
    tags=["v1"],
    response_model=SubmissionView,
    responses={
        200: {"model": SubmissionView, "description": "your team sent this archive before"},
        202: {"headers": {"Location": {"schema": {"type": "string"}}}},
        **problems(401, 403, 404, 409, 415, 422, 507),
    },
    openapi_extra={"requestBody": _BODY},
)
async def submit(
    request: Request,
    benchmark: Slug,
    phase: Slug,
    method: Annotated[str, Query(max_length=80, description="name of the method")] = "",
    description: Annotated[str, Query(max_length=4000)] = "",
    link: Annotated[str, Query(max_length=500, description="https:// address of a paper")] = "",
    visibility: Annotated[Visibility, Query()] = "public",
    idempotency_key: Annotated[str | None, Header(max_length=80)] = None,
) -> Response:
    """Submit an archive.

    The body is the archive, or a form with the fields first and the file `archive` last; fields go
    before the words of the address. With the same Idempotency-Key it may be sent again safely.
    """
    words = Words(method, description, link, visibility, idempotency_key)

    async def work(body: AsyncIterator[bytes]) -> tuple[Submission, bool]:
        viewer = await run_in_threadpool(caller_of, request)
        account = submitter_of(viewer)
        if viewer.scope == "session":
            check_form(request, request.headers.get(HEADER))
        fields, archive = await _open_body(request, body)
        return await _take(request, account, benchmark, phase, words.updated(fields), archive)

    submission, is_known = await _guarded(request, work)
    view = await run_in_threadpool(_show, request, submission)
    place = f"{API}v1/submissions/{submission.key}"
    return JSONResponse(view.model_dump(), 200 if is_known else 202, {"Location": place})


@router.post("/benchmarks/{benchmark}/{phase}" + PATH_END, include_in_schema=False)
async def submit_form(request: Request, benchmark: str, phase: str) -> Response:
    """Take the form of a page: `form_token` first, `archive` last; then show the submission."""

    async def work(body: AsyncIterator[bytes]) -> tuple[Submission, bool]:
        viewer: Viewer = await run_in_threadpool(viewer_of, request)
        account = account_of(viewer)
        fields, archive = await _open_body(request, body)
        check_form(request, fields.get(FIELD))
        words = Words().updated(fields)
        return await _take(request, account, benchmark, phase, words, archive)

    submission, _ = await _guarded(request, work)
    return RedirectResponse(f"/submissions/{submission.key}", 303)


async def _guarded(
    request: Request, work: Callable[[AsyncIterator[bytes]], Any]
) -> tuple[Submission, bool]:
    """Do the work with the body in time; a refused sender may finish, so that it can listen."""
    body = _timely(request)
    try:
        found: tuple[Submission, bool] = await work(body)
    except Problem as problem:
        if problem.status != 408 and "expect" not in request.headers:
            await _drain(body)
        raise
    except ClientDisconnect:
        raise Problem(
            400, "broke-off", "archive must come whole, got a part of it. Send it again."
        ) from None
    return found


async def _take(
    request: Request, account: Account, benchmark: str, phase: str, words: Words,
    archive: AsyncIterator[bytes],
) -> tuple[Submission, bool]:  # fmt: skip
    engine, settings = engine_of(request), settings_of(request)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > settings.upload_cap + 64 * 1024:
        raise Problem(
            413, "archive-too-large",
            f"archive must be at most {settings.upload_cap} bytes, got {length}. Compress it.",
        )  # fmt: skip

    def prepare() -> Any:
        check_rate(engine, "upload", address_of(request), account.id)
        with reading(engine) as session:
            return find_phase(session, request, benchmark, phase)

    found = await run_in_threadpool(prepare)
    holders = request.app.state.uploads
    return await take_archive(settings, engine, holders, found, account, words, archive)


async def _open_body(
    request: Request, body: AsyncIterator[bytes]
) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    given = request.headers.get("content-type", "")
    kind = given.partition(";")[0].strip().lower()
    if kind == _FORM:
        return await read_form(given, body)
    if kind in _RAW and request.url.path.startswith(API):
        return {}, body
    raise Problem(
        415, "content-type",
        f"Content-Type must be application/zip or {_FORM}, got '{kind[:80]}'. Name it so.",
    )  # fmt: skip


async def _timely(request: Request) -> AsyncIterator[bytes]:
    """Yield the body; who sends nothing for a while, or takes too long in all, is cut off."""
    stream = request.stream()
    end = time.monotonic() + UPLOAD_SECONDS
    while (left := end - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(min(CHUNK_SECONDS, left)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            break
        if chunk:
            yield chunk
    raise Problem(
        408, "too-slow",
        f"archive must come within {UPLOAD_SECONDS} s and without a pause of {CHUNK_SECONDS} s, "
        "got less. Send it again.",
    )  # fmt: skip


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read what still comes, for a moment: a connection cut at once loses the answer, too."""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in body:
                pass
    except (TimeoutError, ClientDisconnect, Problem):
        pass


def _show(request: Request, submission: Submission) -> SubmissionView:
    with reading(engine_of(request)) as session:
        return show_submission(session, submission)
