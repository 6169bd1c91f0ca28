"""Bodies of labels: read with a limit, unpacked with a limit, packed for browsers that take it."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from peopleparse.studio.session import MAX_BYTES
from peopleparse.web.problems import Problem

_SMALL = 1024  # bytes that are not worth packing
MAX_ARCHIVE = 2 << 30


async def read_body(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        Problem: it is too large (413).
    """
    return b"".join([chunk async for chunk in _chunks(request, MAX_BYTES)])


async def save_body(request: Request) -> AsyncIterator[Path]:
    """Give the body of a request as a file, which goes when the answer is sent.

    Raises:
        Problem: it is too large (413).
    """
    folder = Path(tempfile.mkdtemp(prefix="peopleparse-"))
    try:
        path = folder / "archive.zip"
        with path.open("wb") as file:
            async for chunk in _chunks(request, MAX_ARCHIVE):
                file.write(chunk)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise Problem(
                413,
                "too-large",
                f"body must have at most {limit >> 20} MiB, got more. Send it in pieces.",
            )
        yield chunk


def inflate(request: Request, body: bytes, size: int) -> bytes:
    """Return a body unpacked as its Content-Encoding says, and at most one byte above `size`.

    Raises:
        Problem: it is broken (422) or packed in another way (415).
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return body
    windows = {"deflate": zlib.MAX_WBITS, "gzip": 16 + zlib.MAX_WBITS}
    if encoding not in windows:
        raise Problem(
            415,
            "unknown-encoding",
            f"Content-Encoding must be deflate or gzip or none, got '{encoding[:40]}'.",
        )
    unpacker = zlib.decompressobj(windows[encoding])
    try:
        data = unpacker.decompress(body, size + 1)
        if len(data) <= size and not unpacker.eof:
            raise zlib.error("it ends too early")
    except zlib.error as error:
        raise Problem(
            422, "bad-labels", f"labels must be whole {encoding} data, got '{error}'. Send again."
        ) from error
    return data


def pack(request: Request, data: bytes, headers: dict[str, str]) -> Response:
    """Return bytes as an answer, packed by gzip where the browser takes it."""
    headers = {"cache-control": "no-store", "vary": "accept-encoding"} | headers
    accepted = request.headers.get("accept-encoding", "")
    if "gzip" in accepted and len(data) > _SMALL:
        data = gzip.compress(data, compresslevel=1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(data, media_type="application/octet-stream", headers=headers)
