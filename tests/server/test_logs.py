"""Logs: what happened, and nothing that somebody typed."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from peopleparse.server import logs

SECRET = "planted-secret"


@pytest.fixture
def lines() -> Any:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    names = ("peopleparse", "uvicorn.error", "sqlalchemy.engine")
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.INFO)
        one.propagate = False
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for one, (level, propagate) in zip(loggers, before, strict=True):
        one.removeHandler(handler)
        one.setLevel(level)
        one.propagate = propagate


def _serve(path: str, template: str | None, app: Any = None, status: int = 200) -> logs.RequestLog:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if template is not None:
            scope["route"] = SimpleNamespace(path=template)
        account = SimpleNamespace(id=7, email=f"{SECRET}@example.org")
        scope["state"] = {"viewer": SimpleNamespace(account=account)}
        if app is not None:
            app()
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": SECRET.encode()}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    log = logs.RequestLog(answer, lambda: "r1")
    scope = {
        "type": "http", "method": SECRET.upper(), "path": path, "query_string": SECRET.encode(),
        "headers": [(b"cookie", SECRET.encode()), (b"authorization", SECRET.encode())],
    }  # fmt: skip
    asyncio.run(log(scope, receive, send))
    assert (b"x-request-id", b"r1") in sent[0]["headers"]
    return log


def test_a_request_is_known_by_the_template_of_its_route(lines: Any) -> None:
    log = _serve(f"/boards/{SECRET}", "/boards/{slug}")
    (line,) = lines()
    assert line.items() >= {"event": "request", "route": "/boards/{slug}", "status": 200}.items()
    assert line["account"] == 7
    assert line["method"] == "other"
    assert isinstance(line["ms"], int)
    assert SECRET not in json.dumps(lines())
    assert log.responses[2] == 1
    assert log.uploaded == len(SECRET)
    assert log.open == 0


@pytest.mark.parametrize("template", ["/submissions/{key}", None, "/api/v1/jobs"])
def test_times_near_scoring_are_whole_seconds(lines: Any, template: str | None) -> None:
    _serve("/x", template)
    (line,) = lines()
    assert line["seconds"] == 0
    assert "ms" not in line
    assert "T" in line["time"] and "." not in line["time"]


def test_an_error_is_its_type_and_its_places(lines: Any) -> None:
    def fail() -> None:
        raise ValueError(SECRET)

    with pytest.raises(IndexError):
        _serve("/x", "/x", lambda: [][1])
    try:
        fail()
    except ValueError:
        logging.getLogger("peopleparse.server.x").exception("broke")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n%s", SECRET)
        logging.getLogger("sqlalchemy.engine").error(f"INSERT {SECRET}", exc_info=True)
    found = lines()
    assert found[0]["status"] == 0
    assert found[1]["error"] == "ValueError"
    assert found[1]["places"][0].startswith("test_logs.py:")
    assert found[2]["event"] == "Exception in ASGI application"
    assert found[3]["event"].startswith("sqlalchemy.engine at test_logs:")
    assert SECRET not in json.dumps(found)


def test_unknown_fields_stay_out(lines: Any) -> None:
    log = logging.getLogger("peopleparse.server.x")
    log.info("done", extra={"submission": 3, "password": SECRET})
    assert lines()[0].items() >= {"event": "done", "submission": 3, "level": "info"}.items()
    assert SECRET not in json.dumps(lines())


def test_what_is_no_request_passes_through(lines: Any) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(logs.RequestLog(app, str)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
    assert lines() == []


def test_set_up_takes_over_all_handlers(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        logs.set_up()
        logging.getLogger("peopleparse.server.x").info("started")
        logging.getLogger("uvicorn.access").info("GET /?%s", SECRET)
        assert json.loads(capsys.readouterr().err)["event"] == "started"
    finally:
        root.handlers[:] = before
        root.setLevel(level)
