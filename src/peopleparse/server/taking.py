"""Take one archive: an attempt, the bytes, the queue; or a clear end of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from peopleparse.server import blobs, submissions
from peopleparse.server.database import transaction
from peopleparse.server.outcome import Fault
from peopleparse.server.settings import Settings
from peopleparse.server.states import RECEIVING
from peopleparse.server.tables import Account, Phase, Submission
from peopleparse.web.problems import Problem

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_KINDS = {
    b"\x1f\x8b": "gzip", b"<": "a page of HTML or XML", b"\x89PNG": "a PNG", b"7z\xbc\xaf": "7-Zip",
    b"Rar!": "RAR", b"{": "JSON", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
}  # fmt: skip


@dataclass(frozen=True)
class Words:
    """What is said of an archive."""

    method: str = ""
    description: str = ""
    link: str = ""
    visibility: str = "public"
    idempotency_key: str | None = None

    def updated(self, fields: dict[str, str]) -> Words:
        """Return these words with those of a form."""
        known = ("method", "description", "link", "visibility", "idempotency_key")
        return replace(self, **{name: fields[name] for name in known if fields.get(name)})


async def take_archive(
    settings: Settings,
    engine: Engine,
    holders: dict[int, object],
    phase: Phase,
    account: Account,
    words: Words,
    archive: AsyncIterator[bytes],
) -> tuple[Submission, bool]:
    """Return the submission that an archive became, and whether it was there before.

    Args:
        holders: which upload of this process has which submission; a client that lost its
            connection may be here again before the loss is noticed.
        archive: its bytes as they come.

    Raises:
        Problem: whatever `submissions.begin` refuses; 415 for what is no ZIP archive, 413 over the
            cap, 507 without room.
    """
    first = await _read_start(archive)

    def begin() -> Submission:
        with transaction(engine) as session:
            return submissions.begin(
                session, phase, account, method=words.method, description=words.description,
                link=words.link, visibility=words.visibility,
                idempotency_key=words.idempotency_key, lease_ms=settings.lease_ms,
            )  # fmt: skip

    submission = await run_in_threadpool(begin)
    if submission.state != RECEIVING:
        return submission, True
    cap, me = settings.upload_cap, object()
    holders[submission.id] = me
    try:
        chunks = _renewed(engine, settings, submission.id, _joined(first, archive))
        blob = await blobs.receive(chunks, settings)
    except BaseException as error:
        if holders.get(submission.id) is me:
            ending = asyncio.ensure_future(
                run_in_threadpool(_end, engine, cap, submission.id, error)
            )
            await asyncio.shield(ending)
        raise
    finally:
        if holders.get(submission.id) is me:
            del holders[submission.id]

    def accept() -> tuple[Submission, bool]:
        with transaction(engine) as session:
            return submissions.accept(session, submission.id, blob.sha256, blob.size)

    return await run_in_threadpool(accept)


async def _read_start(archive: AsyncIterator[bytes]) -> bytes:
    """Return the first bytes, refusing other kinds of file before an attempt is taken."""
    start = b""
    async for chunk in archive:
        start += chunk
        if len(start) >= 4:
            break
    if start.startswith(_ZIP):
        return start
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    known = [name for mark, name in _KINDS.items() if text.startswith(mark)]
    found = known[0] if known else "another kind of file" if start else "nothing"
    raise Problem(
        415, "no-zip", f"archive must be a ZIP file, got {found}. Pack the files with zip."
    )


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _renewed(
    engine: Engine, settings: Settings, submission_id: int, chunks: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield the bytes and keep the attempt alive; stop where it was taken away."""

    def renew() -> bool:
        with transaction(engine) as session:
            return submissions.renew_upload(session, submission_id, settings.lease_ms)

    pause = settings.lease_ms / 6000
    due = time.monotonic() + pause
    async for chunk in chunks:
        if time.monotonic() >= due:
            if not await run_in_threadpool(renew):
                raise Problem(
                    409, "wrong-state",
                    "submission must be receiving, got one that has ended. Submit again.",
                )  # fmt: skip
            due = time.monotonic() + pause
        yield chunk


def _end(engine: Engine, cap: int, submission_id: int, error: BaseException) -> None:
    """Give the attempt back, or count it where the archive is at fault."""
    with transaction(engine) as session:
        if isinstance(error, Problem) and error.status == 413:
            fault = Fault("archive-size", "", f"at most {cap} bytes", "more")
            submissions.reject(session, submission_id, [fault])
            error.extra["submission"] = _key_of(session, submission_id)
        else:
            submissions.abort(session, submission_id, "The upload broke off. Submit it again.")


def _key_of(session: Any, submission_id: int) -> str:
    return str(session.get_one(Submission, submission_id).key)
