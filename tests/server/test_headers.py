"""What every answer carries, of pages, files, refusals and faults alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from peopleparse.server import headers
from peopleparse.server.settings import Settings
from peopleparse.web.problems import Problem
from tests.server.web import call, each

SETTINGS = Settings(home=None)  # type: ignore[arg-type]


def answer(request: Request, problem: Problem) -> Response:
    return PlainTextResponse(str(problem), problem.status)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    if scope["path"] == "/fault":
        raise RuntimeError("".join(["secret", " ", "words"]))
    if scope["path"] == "/own":
        await Response("x", headers={"Cache-Control": "public"})(scope, receive, send)
        return
    await PlainTextResponse(await request.body())(scope, receive, send)


def ask(path: str, *chunks: Any, settings: Settings = SETTINGS, **given: str) -> Any:
    app: Any = headers.Guard(echo, settings, "/submissions", answer)
    return asyncio.run(call(app, "POST", path, given, each(*chunks)))


@pytest.mark.parametrize("path", ["/", "/fault", "/a/submissions"])
def test_every_answer_is_guarded(path: str) -> None:
    _, found, _ = ask(path, b"x")
    policy = found["content-security-policy"]
    for part in ("default-src 'none'", "style-src 'self'", "script-src 'self'",
                 "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):  # fmt: skip
        assert part in policy
    assert "unsafe" not in policy and "*" not in policy
    assert found["x-content-type-options"] == "nosniff"
    assert found["cross-origin-opener-policy"] == "same-origin"
    assert found["cache-control"] == "no-store"
    assert "strict-transport-security" not in found


def test_a_fault_is_noted_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    status, _, body = ask("/fault", b"x")
    assert status == 500 and b"a fault of its own" in body
    assert "RuntimeError" in caplog.text and "secret words" not in caplog.text


def test_what_may_be_kept_says_so() -> None:
    assert ask("/own", b"x")[1]["cache-control"] == "public"


def test_over_https_it_stays_https() -> None:
    found = ask("/", b"x", settings=replace(SETTINGS, secure_cookies=True))[1]
    assert found["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("given", [{"content-length": "65537"}, {"content-length": "-1"},
                                   {"content-length": "x"}, {"content-length": "²"}])  # fmt: skip
def test_a_length_that_says_too_much(given: dict[str, str]) -> None:
    status, _, body = ask("/", b"x", **given)
    assert status == 413 and b"body must be at most 65536 bytes, got more" in body


def test_chunks_that_come_to_too_much() -> None:
    assert ask("/", *[b"x" * 1024] * 64)[0] == 200
    assert ask("/", *[b"x" * 1024] * 64, b"x")[0] == 413
    assert ask("/a/submissions", *[b"x" * 1024] * 65)[0] == 200


def test_a_body_that_comes_too_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "BODY_SECONDS", -1)

    async def never() -> Any:
        await asyncio.Event().wait()
        yield b""

    app: Any = headers.Guard(echo, SETTINGS, "/submissions", answer)
    status, _, body = asyncio.run(call(app, "POST", "/", {}, never))
    assert status == 408 and b"body must come within -1 s, got less" in body


def test_other_protocols_pass() -> None:
    seen = []

    async def app(scope: Any, *_: Any) -> None:
        seen.append(scope["type"])

    guard: Any = headers.Guard(app, SETTINGS, "/submissions", answer)
    asyncio.run(guard({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
