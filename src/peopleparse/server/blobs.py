"""Archives on disk: received into quarantine under a cap, kept by their SHA-256, never unpacked."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import inspect
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from peopleparse.server.settings import MEBIBYTE, Settings
from peopleparse.web.problems import Problem

_PART = ".part"
_HOUR = 3600.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Blob:
    """A kept archive."""

    sha256: str
    size: int
    path: Path


async def receive(
    chunks: AsyncIterator[bytes],
    settings: Settings,
    on_bytes: Callable[[int], Any] | None = None,
) -> Blob:
    """Keep what comes in, whole or not at all: nothing of a broken upload stays.

    Args:
        chunks: bytes as they come.
        on_bytes: called with the bytes so far, about once a mebibyte; may be a coroutine. What it
            raises ends the upload: so a lost lease stops it.

    Raises:
        Problem: 413 over the cap, 400 for no bytes, 507 for a full disk.
    """
    part = settings.quarantine / f"{secrets.token_hex(16)}{_PART}"
    try:
        _make_folder(settings.quarantine)
        with _create(part) as file:
            sha256, size = await _write(chunks, file, settings.upload_cap, on_bytes)
            await asyncio.to_thread(_sync, file)
        path = blob_path(settings, sha256)
        await asyncio.to_thread(_keep, part, path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise Problem(
            507, "disk-full",
            "disk of the server must have room for an archive, got a full one. Nothing is counted; "
            "tell the organisers and try again later.",
        ) from error  # fmt: skip
    finally:
        part.unlink(missing_ok=True)
    return Blob(sha256, size, path)


def blob_path(settings: Settings, sha256: str) -> Path:
    """Return where the archive of this hash is, or would be.

    Raises:
        ValueError: it is no hash: never a path.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"sha256 must be 64 hex digits, got {sha256!r}.")
    return settings.blobs / sha256[:2] / sha256[2:4] / sha256


def open_blob(settings: Settings, sha256: str) -> BinaryIO:
    """Open a kept archive for reading."""
    return blob_path(settings, sha256).open("rb")


def sweep_quarantine(settings: Settings, older_than: float = _HOUR) -> int:
    """Delete what killed uploads left; return how many.

    Args:
        older_than: seconds since the last byte was written.
    """
    count = 0
    for part in settings.quarantine.glob(f"*{_PART}"):
        try:
            if part.lstat().st_mtime < time.time() - older_than:
                part.unlink()
                count += 1
        except FileNotFoundError:
            pass  # its upload ended just now
    return count


async def _write(
    chunks: AsyncIterator[bytes],
    file: BinaryIO,
    cap: int,
    on_bytes: Callable[[int], Any] | None,
) -> tuple[str, int]:
    digest, size, waiting = hashlib.sha256(), 0, bytearray()

    def flush() -> None:
        digest.update(waiting)
        file.write(waiting)
        waiting.clear()

    async for chunk in chunks:
        size += len(chunk)
        if size > cap:
            raise Problem(
                413, "too-large",
                f"archive must be at most {cap} bytes, got more. Send indexed PNGs, compressed.",
            )  # fmt: skip
        waiting += chunk
        if len(waiting) < MEBIBYTE:
            continue
        await asyncio.to_thread(flush)
        answer = on_bytes(size) if on_bytes else None
        if inspect.isawaitable(answer):
            await answer
    if size == 0:
        raise Problem(400, "empty", "archive must be a zip file, got 0 bytes. Send it as the body.")
    await asyncio.to_thread(flush)
    return digest.hexdigest(), size


def _create(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _keep(part: Path, path: Path) -> None:
    """Give a part its name, so that it is there after a power cut."""
    folders = [path.parent, path.parent.parent, path.parent.parent.parent]
    _make_folder(path.parent)
    os.replace(part, path)  # the same bytes may be there: then they are whole again
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
