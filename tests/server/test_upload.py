"""Uploads: whole and queued, or a clear end; never half accepted."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from peopleparse.server import blobs, limits, logins, submissions, upload
from peopleparse.server.database import reading, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Submission
from tests.server.web import World, call, closing, each, make_world, make_zip, token_of

ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def world(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from closing(make_world(settings, engine, monkeypatch))


def rows(world: World) -> list[Submission]:
    with reading(world.engine) as session:
        return list(session.scalars(select(Submission).order_by(Submission.id)))


def files(world: World) -> list[str]:
    home = world.settings.home
    return [
        path.name for folder in ("blobs", "quarantine") for path in (home / folder).rglob("*")
        if path.is_file()
    ]  # fmt: skip


def bearer(world: World, token: str = "submit") -> dict[str, str]:
    return {"Authorization": f"Bearer {world.secrets[token]}"}


def send(world: World, *chunks: Any, **given: str) -> tuple[int, dict[str, str], bytes]:
    headers = ZIP | bearer(world) | given
    path = f"{world.upload_path}?method=Ours"
    return asyncio.run(call(world.app, "POST", path, headers, each(*chunks)))


def test_an_archive_is_queued(world: World) -> None:
    data = make_zip()
    words = {"method": "Ours", "description": "d", "link": "https://x.example"}
    found = world.program("submit").post(
        world.upload_path, params=words | {"visibility": "anonymous"}, content=data, headers=ZIP
    )
    assert found.status_code == 202
    body = found.json()
    assert found.headers["location"] == f"/api/v1/submissions/{body['key']}"
    assert (body["state"], body["position"], body["method"]) == ("queued", 1, "Ours")
    assert (body["visibility"], body["link"]) == ("anonymous", "https://x.example")
    [row] = rows(world)
    assert row.blob_sha256 == hashlib.sha256(data).hexdigest() and row.blob_bytes == len(data)
    assert files(world) == [row.blob_sha256] and world.app.state.uploads == {}


def test_a_form_of_a_program(world: World) -> None:
    found = world.program("submit").post(
        world.upload_path, data={"method": "Ours"}, files={"archive": ("../x", make_zip())}
    )
    assert found.status_code == 202 and found.json()["method"] == "Ours"


def test_the_same_bytes_give_the_earlier_submission(world: World) -> None:
    client, data = world.program("submit"), make_zip()
    first = client.post(world.upload_path, params={"method": "A"}, content=data, headers=ZIP)
    second = client.post(world.upload_path, params={"method": "B"}, content=data, headers=ZIP)
    assert second.status_code == 200 and second.json()["key"] == first.json()["key"]
    assert [row.state for row in rows(world)] == ["queued", "withdrawn"]


def test_the_same_key_gives_the_same_submission(world: World) -> None:
    client, given = world.program("submit"), {**ZIP, "Idempotency-Key": "k1"}
    words = {"method": "A"}
    first = client.post(world.upload_path, params=words, content=make_zip(), headers=given)
    second = client.post(world.upload_path, params=words, content=make_zip("b"), headers=given)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["key"] == second.json()["key"] and len(rows(world)) == 1


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"<!doctype html><p>Log in", "a page of HTML or XML"), (b"\x1f\x8b\x08\0", "gzip"),
     (b"\x89PNG\r\n", "a PNG"), (b"", "nothing"), (b"PK", "another kind"), (b"7z\xbc\xaf", "7-Zip"),
     (b"\n {", "JSON")],
)  # fmt: skip
def test_other_kinds_cost_nothing(world: World, data: bytes, found: str) -> None:
    answer = world.program("submit").post(
        world.upload_path, params={"method": "A"}, content=data, headers=ZIP
    )
    assert answer.status_code == 415
    assert f"archive must be a ZIP file, got {found}" in answer.json()["detail"]
    assert rows(world) == [] and files(world) == []


def test_a_broken_connection_costs_nothing(world: World) -> None:
    status, _, body = send(world, make_zip()[:60], None)
    assert status == 400 and b"archive must come whole, got a part of it" in body
    [row] = rows(world)
    assert (row.state, row.lease_until, files(world)) == ("withdrawn", None, [])
    assert world.app.state.uploads == {}


def test_over_the_cap_is_rejected_with_its_fault(world: World) -> None:
    world.app.state.settings = replace(world.settings, upload_cap=100)
    status, _, body = send(world, b"PK\x03\x04" + b"x" * 90, b"x" * 7)
    assert status == 413
    [row] = rows(world)
    assert (row.state, row.faults[0]["expected"]) == ("rejected", "at most 100 bytes")
    assert row.key.encode() in body and files(world) == []


def test_a_length_over_the_cap_is_refused_before(world: World) -> None:
    world.app.state.settings = replace(world.settings, upload_cap=100)
    status, _, body = send(world, make_zip(), **{"Content-Length": "70000"})
    assert status == 413 and b"archive must be at most 100 bytes, got 70000" in body
    assert rows(world) == []


def test_a_full_disk_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(blobs.os, "fsync", full)
    status, _, body = send(world, make_zip())
    assert status == 507 and b"disk-full" in body
    assert [row.state for row in rows(world)] == ["withdrawn"] and files(world) == []
    monkeypatch.undo()
    monkeypatch.setattr(limits, "RATES", {n: (99, 99, 1000) for n in limits.RATES})
    assert send(world, make_zip())[0] == 202


def test_a_fault_of_ours_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(blobs, "_keep", fault)
    status, headers, body = send(world, make_zip())
    assert status == 500 and b"secret" not in body and headers["x-frame-options"] == "DENY"
    assert [row.state for row in rows(world)] == ["withdrawn"] and files(world) == []


def test_who_sends_too_slowly_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck() -> Any:
        yield make_zip()[:50]
        await asyncio.Event().wait()

    monkeypatch.setattr(upload, "CHUNK_SECONDS", -1)
    path = f"{world.upload_path}?method=Ours"
    status, _, body = asyncio.run(call(world.app, "POST", path, ZIP | bearer(world), stuck))
    assert status == 408 and b"without a pause of -1 s" in body
    assert [row.state for row in rows(world)] == ["withdrawn"] and files(world) == []


def test_an_upload_that_takes_for_ever_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "UPLOAD_SECONDS", -1)
    status, _, body = send(world, make_zip())
    assert status == 408 and b"too-slow" in body and rows(world) == []


def test_a_lost_attempt_stops_the_upload(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.app.state.settings = replace(world.settings, lease_ms=0)
    monkeypatch.setattr(submissions, "renew_upload", lambda *_: False)
    status, _, body = send(world, make_zip()[:50], make_zip()[50:])
    assert status == 409 and b"submission must be receiving, got one that has ended" in body
    assert files(world) == []


def test_a_client_that_is_back_before_its_loss_was_seen(world: World) -> None:
    """The first connection hangs; the second, with the same key, brings everything."""
    data, path = make_zip(), f"{world.upload_path}?method=Ours"
    headers = ZIP | bearer(world) | {"Idempotency-Key": "k1"}

    async def both() -> tuple[Any, Any]:
        begun, done = asyncio.Event(), asyncio.Event()

        async def hanging() -> Any:
            yield data[:50]
            begun.set()
            await done.wait()
            yield None

        first = asyncio.create_task(call(world.app, "POST", path, headers, hanging))
        await begun.wait()
        while not world.app.state.uploads:
            await asyncio.sleep(0)
        second = await call(world.app, "POST", path, headers, each(data))
        done.set()
        return await first, second

    first, second = asyncio.run(both())
    assert (first[0], second[0]) == (400, 202)
    assert [row.state for row in rows(world)] == ["queued"] and world.app.state.uploads == {}


def test_who_may_not_is_told_so_before_the_bytes(world: World) -> None:
    for token, code in (("read", b"scope-too-small"), ("admin", b"no-team")):
        status, _, body = send(world, make_zip(), **bearer(world, token))
        assert status == 403 and code in body
    status, headers, _ = send(world, make_zip(), Authorization="Bearer x")
    assert status == 401 and headers["www-authenticate"] == "Bearer"
    status, _, body = send(world, make_zip(), **{"Content-Type": "text/plain"})
    assert status == 415 and b"Content-Type must be application/zip" in body
    world.close_phase()
    assert b"phase-not-open" in send(world, make_zip())[2]
    assert rows(world) == [] and files(world) == []


def test_uploads_have_a_rate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATES", limits.RATES | {"upload": (99, 1, 10**7)})
    assert send(world, make_zip())[0] == 202
    status, headers, _ = send(world, make_zip("b"))
    assert status == 429 and int(headers["retry-after"]) > 0


def test_a_browser_sends_its_form(world: World) -> None:
    client = world.client("own")
    path = f"/benchmarks/park/{world.phase.slug}/submissions"
    token = token_of(client.cookies[logins.cookie_name(world.settings)])
    file = {"archive": ("a.zip", make_zip(), "application/zip")}
    refused = client.post(path, data={"method": "Ours", "form_token": "x"}, files=file)
    assert refused.status_code == 403 and rows(world) == []
    other = client.post(
        path, data={"method": "Ours", "form_token": token}, files=file,
        headers={"Origin": "https://evil.example"},
    )  # fmt: skip
    assert other.status_code == 403 and rows(world) == []
    found = client.post(path, data={"method": "Ours", "form_token": token}, files=file)
    [row] = rows(world)
    assert found.status_code == 303 and found.headers["location"] == f"/submissions/{row.key}"
    raw = client.post(path, content=make_zip(), headers=ZIP)
    assert raw.status_code == 415 and raw.headers["content-type"].startswith("text/html")
    stranger = world.client().post(path, data={"method": "x"}, files=file)
    assert stranger.status_code == 401


def test_an_api_upload_with_a_cookie_needs_the_header(world: World) -> None:
    client = world.client("own")
    path = f"{world.upload_path}?method=Ours"
    assert client.post(path, content=make_zip(), headers=ZIP).json()["code"] == "form-token"
    token = token_of(client.cookies[logins.cookie_name(world.settings)])
    given = {**ZIP, "X-Form-Token": token}
    assert client.post(path, content=make_zip(), headers=given).status_code == 202


def test_the_last_attempt_is_taken_once(world: World) -> None:
    with transaction(world.engine) as session:
        phase = session.get_one(type(world.phase), world.phase.id)
        phase.scores_a_day = 1

    async def race() -> list[int]:
        path = f"{world.upload_path}?method=Ours"
        tasks = [
            call(world.app, "POST", path, ZIP | bearer(world), each(make_zip(f"{n}")))
            for n in range(8)
        ]
        return [status for status, _, _ in await asyncio.gather(*tasks)]

    statuses = asyncio.run(race())
    assert sorted(statuses) == [202] + [429] * 7
    with reading(world.engine) as session:
        assert session.scalar(select(func.count(Submission.id))) == 1
