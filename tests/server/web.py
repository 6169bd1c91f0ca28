"""A whole server in the test's process: people, teams, tokens, browsers, an open phase."""

from __future__ import annotations

import io
import socket
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, select
from starlette.testclient import TestClient

from peopleparse.server import accounts, limits, logins, passwords, tokens
from peopleparse.server.app import make_app
from peopleparse.server.csrf import HEADER
from peopleparse.server.database import reading, transaction
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Phase, Submission
from tests.server.rows import add_submission

PASSWORD = "correct horse battery"
CHEAP = (1 << 4, 8, 1)  # of scrypt
BASE = "http://testserver"
TRUTH, SEED = "canary-truth-here", "canary-seed-7361"
BENCHMARK = """
slug = "{slug}"
title = "{title}"
kind = "parsing"
format = "lip"
scheme = "lip"
headline = "mean_iou"
ladder_step = {step}
truth = "../{truth}"
truth_format = "lip"
[split]
public = 0.3
seed = "{seed}"
[[phases]]
slug = "{phase}"
title = "Spring"
opens = {opens}
closes = {closes}
attempts_a_day = 20
scores_a_day = 20
scores_in_all = 100
"""


def make_zip(name: str = "a.png", data: bytes = b"not checked here") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    return file.getvalue()


@dataclass
class World:
    """A server with people.

    Attributes:
        people: "own" and "mate" (one team), "other" (another team), "admin" (in no team).
        secrets: tokens by "read" and "submit" (of own), "other".
    """

    app: FastAPI
    settings: Settings
    engine: Engine
    people: dict[str, Account]
    secrets: dict[str, str]
    benchmark: str
    phase: Phase
    open_clients: list[TestClient] = field(default_factory=list)

    @property
    def upload_path(self) -> str:
        return f"/api/v1/phases/{self.benchmark}/{self.phase.slug}/submissions"

    def client(self, who: str | None = None) -> TestClient:
        """Return a browser of somebody, or of a stranger."""
        client = TestClient(self.app, base_url=BASE, follow_redirects=False)
        if who is not None:
            email = self.people[who].email
            _, secret = logins.log_in(self.engine, self.settings, email, PASSWORD)
            client.cookies.set(logins.cookie_name(self.settings), secret)
        self.open_clients.append(client)
        return client

    def program(self, token: str) -> TestClient:
        """Return a program with a token."""
        client = TestClient(self.app, base_url=BASE, follow_redirects=False)
        client.headers["Authorization"] = f"Bearer {self.secrets[token]}"
        self.open_clients.append(client)
        return client

    def submission(self, state: str = "queued", who: str = "own", **values: Any) -> Submission:
        with transaction(self.engine) as session:
            values.setdefault("key", f"{self._next():022d}")
            return add_submission(session, self.phase, self.people[who], state, **values)

    def read(self, submission: Submission) -> Submission:
        with reading(self.engine) as session:
            return session.get_one(Submission, submission.id)

    def close_phase(self) -> None:
        with transaction(self.engine) as session:
            phase = session.get_one(Phase, self.phase.id)
            phase.closes_at = phase.opens_at + 1

    def _next(self) -> int:
        self._count = getattr(self, "_count", 0) + 1
        return self._count


def form_header(client: TestClient) -> dict[str, str]:
    """Return the header that a script of our page sends."""
    return {HEADER: token_of(next(iter(client.cookies.values())))}


def token_of(secret: str) -> str:
    from peopleparse.server import csrf

    return csrf._make(secret)


def make_world(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(passwords, "COST", CHEAP)
    monkeypatch.setattr(limits, "RATES", {name: (10**6, 10**6, 1000) for name in limits.RATES})
    folder = write_benchmark(settings.home / "folders" / "park")
    settings = replace(settings, benchmarks=(folder,))
    people = {}
    for name in ("own", "mate", "other", "admin"):
        made = accounts.register(
            engine, email=f"{name}@example.org", name=name.title(), password=PASSWORD,
            is_approved=True, is_admin=name == "admin",
        )  # fmt: skip
        assert made is not None
        people[name] = made
    _, invite = accounts.make_team(engine, people["own"], "Foxes")
    accounts.join_team(engine, people["mate"], invite)
    accounts.make_team(engine, people["other"], "Hares")
    people = {name: accounts.find_by_email(engine, one.email) for name, one in people.items()}
    secrets = {
        "read": tokens.make(engine, people["own"], "r", "read")[1],
        "submit": tokens.make(engine, people["own"], "s", "submit")[1],
        "other": tokens.make(engine, people["other"], "o", "submit")[1],
        "admin": tokens.make(engine, people["admin"], "a", "submit")[1],
    }
    app = make_app(settings, engine)
    with reading(engine) as session:
        phase = session.scalars(select(Phase)).one()
    return World(app, settings, engine, people, secrets, "park", phase)


def write_benchmark(folder: Path, **changes: str) -> Path:
    """Write a benchmark of two images; its secrets are `SECRETS`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / TRUTH).mkdir(exist_ok=True)
    values = {"opens": "2020-01-01T00:00:00Z", "closes": "2120-01-01T00:00:00Z"} | changes
    values = {
        "step": "0.002",
        "slug": "park",
        "title": "People in a park",
        "phase": "spring",
    } | values
    values = {"seed": SEED, "rules": "# Rules\n\nBe **fair**.\n"} | values
    (folder / "benchmark.toml").write_text(
        BENCHMARK.format(truth=TRUTH, **values), encoding="utf-8"
    )
    (folder / "images.csv").write_text("name,width,height,subset\na,4,3,\nb,5,3,\nc,5,3,\n")
    (folder / "rules.md").write_text(values["rules"])
    return folder


async def call(
    app: FastAPI, method: str, path: str, headers: dict[str, str],
    chunks: Callable[[], AsyncIterator[Any]],
) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    """Ask an application directly; a chunk that is an exception type ends the connection."""
    incoming = chunks()
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        try:
            chunk = await anext(incoming)
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    place, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "asgi": {"version": "3.0"}, "method": method,
        "path": place, "raw_path": place.encode(), "query_string": query.encode(),
        "root_path": "", "scheme": "http", "server": ("testserver", 80),
        "client": ("192.0.2.1", 5), "state": {},
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in {"host": "testserver", **headers}.items()
        ],
    }  # fmt: skip
    await app(scope, receive, send)
    start = next(one for one in sent if one["type"] == "http.response.start")
    body = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, body


def each(*chunks: Any) -> Callable[[], AsyncIterator[Any]]:
    async def give() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    return give


def closing(world: World) -> Iterator[World]:
    yield world
    for client in world.open_clients:
        client.close()


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve an application on a port of this machine; give its address."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))  # connections wait until it accepts
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
