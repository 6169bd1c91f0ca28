"""The page's own files, each with its type, asked for anew unless nothing changed."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from peopleparse.data.files import hash_bytes
from peopleparse.web.problems import Problem

WEB = Path(__file__).parent / "web"
# Named here because machines disagree, and nosniff makes browsers refuse a wrong type.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"])
def get_page(request: Request) -> Response:
    """Answer with the page."""
    return _send(request, "index.html")


@router.api_route("/{name}", methods=["GET", "HEAD"])
def get_file(request: Request, name: str) -> Response:
    """Answer with one of the files that the page consists of."""
    return _send(request, name)


def _send(request: Request, name: str) -> Response:
    # The name is looked up among those that are there; it never becomes a path.
    path = next((file for file in WEB.iterdir() if file.name == name), None)
    if path is None or path.suffix not in TYPES:
        raise Problem(404, "not-found", "page must be one of the studio's, got another address.")
    data = path.read_bytes()
    encodings = request.headers.get("accept-encoding", "").replace(" ", "").split(",")
    if path.suffix == ".png" or "gzip" not in encodings:
        answer = send_bytes(request, data, TYPES[path.suffix])
    else:
        answer = send_bytes(request, _pack(data), TYPES[path.suffix])
        answer.headers["content-encoding"] = "gzip"
    answer.headers["vary"] = "accept-encoding"
    return answer


@lru_cache(64)
def _pack(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def send_bytes(request: Request, data: bytes, media_type: str, tag: str | None = None) -> Response:
    """Answer with bytes, or with 304 where the browser has them.

    Args:
        tag: what changes when they do; None takes their hash.
    """
    tag = f'"{(tag or hash_bytes(data))[:32]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    known = [mark.strip().removeprefix("W/") for mark in _marks(request)]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def _marks(request: Request) -> list[str]:
    return request.headers.get("if-none-match", "").split(",")
