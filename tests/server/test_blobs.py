"""Archives on disk: whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from peopleparse.server import blobs
from peopleparse.server.settings import MEBIBYTE, Settings
from peopleparse.web.problems import Problem


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", upload_cap=4 * MEBIBYTE)


async def _chunks(*parts: bytes | Exception) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


def _receive(home: Settings, *parts: bytes | Exception, **values: Any) -> blobs.Blob:
    return asyncio.run(blobs.receive(_chunks(*parts), home, **values))


def _left(home: Settings) -> list[Path]:
    return [path for path in home.home.rglob("*") if path.is_file()]


def test_an_archive_is_kept_by_its_hash(home: Settings) -> None:
    seen: list[int] = []
    parts = [b"a" * 700_000] * 4
    blob = _receive(home, *parts, on_bytes=seen.append)
    whole = b"".join(parts)
    assert blob.sha256 == hashlib.sha256(whole).hexdigest() and blob.size == len(whole)
    assert blob.path == home.blobs / blob.sha256[:2] / blob.sha256[2:4] / blob.sha256
    with blobs.open_blob(home, blob.sha256) as file:
        assert file.read() == whole
    assert seen == [1_400_000, 2_800_000]
    assert _left(home) == [blob.path] and blob.path.stat().st_mode & 0o777 == 0o600


def test_the_same_bytes_are_kept_once_and_healed(home: Settings) -> None:
    blob = _receive(home, b"bytes")
    blob.path.write_bytes(b"rot")
    assert _receive(home, b"by", b"tes") == blob
    assert blob.path.read_bytes() == b"bytes" and _left(home) == [blob.path]


@pytest.mark.parametrize(
    ("parts", "status", "message"),
    [
        ([b"x" * MEBIBYTE] * 5, 413, "archive must be at most 4194304 bytes, got more"),
        ([], 400, "archive must be a zip file, got 0 bytes"),
    ],
)
def test_uploads_that_are_refused_leave_nothing(
    home: Settings, parts: list[bytes], status: int, message: str
) -> None:
    with pytest.raises(Problem, match=message) as caught:
        _receive(home, *parts)
    assert caught.value.status == status and _left(home) == []


def test_an_upload_that_breaks_off_leaves_nothing(home: Settings) -> None:
    with pytest.raises(ConnectionError, match="gone"):
        _receive(home, b"x" * MEBIBYTE, ConnectionError("gone"))
    assert _left(home) == []


def test_a_lost_lease_ends_the_upload(home: Settings) -> None:
    async def renew(size: int) -> None:
        raise Problem(409, "wrong-state", "lost")

    with pytest.raises(Problem, match="lost"):
        _receive(home, b"x" * MEBIBYTE, b"y", on_bytes=renew)
    assert _left(home) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_nothing(
    home: Settings, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(blobs, "_sync", fail)
    with pytest.raises(Problem, match="disk of the server must have room") as caught:
        _receive(home, b"x")
    assert caught.value.status == 507 and _left(home) == []


def test_a_full_device_is_said(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setattr(blobs, "_create", lambda _: open("/dev/full", "wb"))
    with pytest.raises(Problem, match="got a full one"):
        _receive(home, b"x" * MEBIBYTE * 2)


def test_another_fault_of_the_disk_is_not_hidden(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(blobs, "_sync", fail)
    with pytest.raises(OSError, match="broken"):
        _receive(home, b"x")
    assert _left(home) == []


@pytest.mark.parametrize("name", ["", "../" * 10 + "etc/passwd", "A" * 64, "a" * 64 + "\n"])
def test_only_a_hash_is_a_place(home: Settings, name: str) -> None:
    with pytest.raises(ValueError, match="sha256 must be 64 hex digits"):
        blobs.blob_path(home, name)


def test_what_killed_uploads_left_is_swept(home: Settings) -> None:
    home.quarantine.mkdir(parents=True)
    old, new = home.quarantine / "old.part", home.quarantine / "new.part"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))
    assert blobs.sweep_quarantine(home) == 1
    assert _left(home) == [new]
