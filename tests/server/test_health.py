"""Health: what machines ask, and who may read the counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from peopleparse.server import accounts, health, passwords, signing, tokens
from peopleparse.server.database import now, transaction
from peopleparse.server.settings import Settings
from peopleparse.web.problems import Problem
from tests.server.rows import add_account, add_phase, add_submission


def _client(settings: Settings, engine: Engine, host: str = "127.0.0.1") -> TestClient:
    app = FastAPI()
    app.state.settings, app.state.engine = settings, engine
    app.include_router(health.router)

    @app.exception_handler(Problem)
    async def answer(request: Any, problem: Problem) -> Any:
        from starlette.responses import JSONResponse

        return JSONResponse(problem.to_dict(), problem.status)

    return TestClient(app, base_url=f"http://{host}:8000", client=(host, 5000))


def test_it_lives_and_is_ready(settings: Settings, engine: Engine) -> None:
    client = _client(settings, engine)
    assert client.get("/healthz").text == "ok\n"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": True, "schema": True, "disk": True}
    key = client.get("/.well-known/peopleparse-key").json()
    assert key["public_key"] == signing.public_text(signing.load_key(settings.keys))


def test_an_old_schema_or_a_full_disk_is_not_ready(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    answer = _client(settings, engine).get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "schema": False, "disk": False}
    engine.dispose()
    settings.home.joinpath("server.sqlite3").unlink(missing_ok=True)


def test_metrics_count_what_there_is(settings: Settings, engine: Engine) -> None:
    with transaction(engine) as session:
        account, phase = add_account(session), add_phase(session)
        late = now(session) - 90_000
        add_submission(session, phase, account, "queued", queued_at=late, method="secret-method")
        add_submission(session, phase, account, "running")
        add_submission(session, phase, account, "scored")
    client = _client(settings, engine)
    state: Any = client.app.state  # type: ignore[attr-defined]
    state.workers = SimpleNamespace(alive=2, restarts=3)
    state.requests = SimpleNamespace(open=1, uploaded=12, responses={n: n for n in range(1, 6)})
    answer = client.get("/metrics")
    lines = answer.text.splitlines()
    for line in (
        'peopleparse_submissions{state="queued"} 1', 'peopleparse_submissions{state="failed"} 0',
        "peopleparse_workers_busy 1", "peopleparse_workers_alive 2",
        "peopleparse_worker_restarts_total 3", 'peopleparse_responses_total{class="5xx"} 5',
        "peopleparse_received_bytes_total 12", "peopleparse_letters_waiting 0",
    ):  # fmt: skip
        assert line in lines
    (age,) = [line for line in lines if line.startswith("peopleparse_oldest_queued_seconds ")]
    assert int(age.split()[1]) >= 90
    assert "secret" not in answer.text and "0.5" not in answer.text


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("192.0.2.1", "localhost", {}),
        ("127.0.0.1", "evil.example.org", {}),
        ("127.0.0.1", "localhost", {"X-Forwarded-For": "192.0.2.1"}),
        ("127.0.0.1", "localhost", {"Authorization": "Bearer pp_nothing"}),
    ],
)
def test_metrics_are_for_this_machine(
    settings: Settings, engine: Engine, address: str, host: str, headers: dict[str, str]
) -> None:
    client = _client(settings, engine, address)
    answer = client.get("/metrics", headers={"Host": f"{host}:8000", **headers})
    expected = 200 if "Authorization" in headers else 404
    assert answer.status_code == expected


def test_metrics_are_for_administrators(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))
    codes = []
    for name, is_admin in (("admin", True), ("other", False)):
        made = accounts.register(
            engine, email=f"{name}@example.org", name=name, password="correct horse battery",
            is_approved=True, is_admin=is_admin,
        )  # fmt: skip
        assert made is not None
        _, token = tokens.make(engine, made, "t", "read")
        client = _client(settings, engine, "192.0.2.1")
        codes.append(
            client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code
        )
    assert codes == [200, 404]
