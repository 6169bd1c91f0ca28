"""Who may do what: every route times everybody, and nothing of the secrets in any answer."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from httpx import Response
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient

from peopleparse.server import accounts, tokens
from peopleparse.server.benchmark_folder import read_benchmark
from peopleparse.server.csrf import FIELD, HEADER
from peopleparse.server.database import open_database, reading, transaction
from peopleparse.server.migrate import upgrade
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Event, Letter, Phase, Token
from tests.server.web import (
    BASE,
    PASSWORD,
    SEED,
    TRUTH,
    World,
    closing,
    make_world,
    make_zip,
    token_of,
)

# Who asks: nobody; browsers of another team, of the owner's, of an administrator; tokens of the
# owner that may read, and submit.
COLUMNS = ("stranger", "other", "own", "admin", "read", "submit")
ALL = (200,) * 6
LOGIN = (303, 200, 200, 200, 303, 303)  # a page for people: strangers and tokens are sent to /login
OWNER = (401, 404, 200, 200, 200, 200)
CHANGE = (401, 404, 200, 200, 403, 200)
FORM = (401, 303, 303, 303, 401, 401)
FORM_OWNER = (401, 404, 303, 303, 401, 401)
ADMIN = (303, 403, 403, 200, 303, 303)
ADMIN_FORM = (401, 403, 403, 303, 401, 401)

ROUTES: dict[str, tuple[int, ...]] = {
    "GET /": ALL,
    "GET /.well-known/peopleparse-key": ALL,
    "GET /account": LOGIN,
    "POST /account/invite": (401, 200, 200, 409, 401, 401),  # the administrator has no team
    "POST /account/join": (401, 422, 422, 422, 401, 401),  # with a wrong code
    "POST /account/password": FORM,
    "POST /account/team": (401, 422, 422, 422, 401, 401),  # without a name
    "POST /account/tokens": (401, 200, 200, 200, 401, 401),
    "POST /account/tokens/{token_id}/revoke": (401, 404, 303, 404, 401, 401),
    "GET /admin": ADMIN,
    "POST /admin/accounts/{account_id}/{change}": ADMIN_FORM,
    "GET /admin/evidence": ADMIN,
    "GET /admin/submissions": ADMIN,
    "POST /admin/submissions/{key}/retry": ADMIN_FORM,
    "GET /api": ALL,
    "GET /api/v1/benchmarks": ALL,
    "GET /api/v1/leaderboards/{benchmark}/{phase}.csv": ALL,
    "GET /api/v1/leaderboards/{benchmark}/{phase}.json": ALL,
    "GET /api/v1/me": (401, 200, 200, 200, 200, 200),
    "GET /api/v1/openapi.json": ALL,
    "POST /api/v1/phases/{benchmark}/{phase}/submissions": (401, 202, 202, 403, 403, 202),
    "GET /api/v1/submissions": (401, 200, 200, 200, 200, 200),
    "GET /api/v1/submissions/{key}": OWNER,
    "PATCH /api/v1/submissions/{key}": CHANGE,
    "GET /api/v1/submissions/{key}/signed": OWNER,
    "POST /api/v1/submissions/{key}/withdraw": CHANGE,
    "GET /benchmarks/{benchmark}": ALL,
    "GET /benchmarks/{benchmark}/images.csv": ALL,
    "GET /benchmarks/{benchmark}/public.zip": ALL,
    "GET /benchmarks/{benchmark}/{phase}": ALL,
    "POST /benchmarks/{benchmark}/{phase}/submissions": (401, 303, 303, 403, 401, 401),
    "GET /benchmarks/{benchmark}/{phase}/submit": LOGIN,
    "GET /entries/{key}": (404, 404, 200, 200, 404, 404),  # hidden by its team
    "GET /healthz": ALL,
    "GET /login": (200, 303, 303, 303, 200, 200),
    "POST /login": (303,) * 6,
    "POST /logout": (303,) * 6,
    "GET /metrics": (404, 404, 404, 200, 404, 404),
    "GET /readyz": ALL,
    "GET /register": ALL,
    "POST /register": ALL,
    "GET /static/{name}": ALL,
    "GET /submissions": LOGIN,
    "GET /submissions/{key}": (303, 404, 200, 200, 303, 303),
    "POST /submissions/{key}/visibility": FORM_OWNER,
    "POST /submissions/{key}/withdraw": FORM_OWNER,
}
STATES = {"withdraw": "queued", "retry": "failed"}  # else scored
VISITOR = "v" * 43
# Scores of ours that are in the database and nowhere else while the phase is open.
PRIVATE, PUBLIC = 0.7319371925, 0.6123456789
SCORED: dict[str, Any] = {
    "public_score": PUBLIC, "private_score": PRIVATE, "shown_score": 0.612, "is_new_best": True,
    "public_scores": {"mean_iou": PUBLIC, "per_image": [PUBLIC]},
    "private_scores": {"mean_iou": PRIVATE, "subsets": {"canary-subset": {"mean_iou": PRIVATE}}},
    "visibility": "hidden",
}  # fmt: skip
TRUTH_BYTES = b"canary: these are the labels"
_number = itertools.count()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    engine = open_database(settings.database_url)
    upgrade(engine)
    with pytest.MonkeyPatch.context() as patch:
        made = make_world(settings, engine, patch)
        (settings.home / "folders" / TRUTH / "a.png").write_bytes(TRUTH_BYTES)
        with transaction(engine) as session:
            caps = {"attempts_a_day": 9999, "scores_a_day": 9999, "scores_in_all": 9999}
            session.execute(update(Phase).values(caps))
        yield from closing(made)
    engine.dispose()


@pytest.fixture(scope="module")
def answers() -> list[Response]:
    """All answers of this module, for the canaries."""
    return []


def list_routes(world: World) -> list[str]:
    return [
        f"{method} {route.path}"
        for route in iter_route_contexts(world.app.routes)
        for method in sorted(getattr(route, "methods", None) or ())
        if method not in ("HEAD", "OPTIONS")
    ]


def ask(world: World, route: str, who: str) -> Response:
    """Ask as somebody, in a way that would do it for one who may."""
    method, path = route.split(" ")
    client, secret = _client(world, who)
    action = path.rpartition("/")[2]
    with transaction(world.engine) as session:
        session.execute(delete(Token).where(Token.account_id == world.people["own"].id))
    if who in ("read", "submit"):
        _, text = tokens.make(world.engine, world.people["own"], who, who)
        client.headers["Authorization"] = f"Bearer {text}"
    mine, _ = tokens.make(world.engine, world.people["own"], "to revoke")
    state = STATES.get(action, "scored")
    submission = world.submission(state, **(SCORED if state == "scored" else {}))
    number = next(_number)
    places = {
        "benchmark": "park", "phase": "spring", "key": submission.key, "name": "server.css",
        "token_id": mine.id, "account_id": world.people["mate"].id, "change": "approve",
    }  # fmt: skip
    fields = {
        FIELD: token_of(secret), "email": f"p{number}@example.org", "name": "P",
        "password": PASSWORD, "old": PASSWORD, "new": PASSWORD, "token_name": "t",
        "visibility": "hidden", "method": "Ours", "scope": "read", "days": "9",
    }  # fmt: skip
    if path == "/login":
        fields["email"] = "own@example.org"
    given: dict[str, Any] = {"headers": {HEADER: token_of(secret)}}
    if path.startswith("/api/") and action == "submissions" and method == "POST":
        given |= {"content": make_zip(f"{number}"), "params": {"method": "Ours"}}
        given["headers"]["Content-Type"] = "application/zip"
    elif method == "POST" and action == "submissions":
        given |= {"data": fields, "files": {"archive": make_zip(f"{number}")}}
    elif method == "POST":
        given["data"] = fields
    elif method == "PATCH":
        given["json"] = {"visibility": "hidden"}
    return client.request(method, path.format(**places), **given)


def _client(world: World, who: str) -> tuple[TestClient, str]:
    if who in world.people:
        client = world.client(who)
        return client, next(iter(client.cookies.values()))
    client = TestClient(world.app, base_url=BASE, follow_redirects=False)
    client.cookies.set("peopleparse-visitor", VISITOR)
    world.open_clients.append(client)
    return client, VISITOR


def test_every_route_has_a_row(world: World) -> None:
    assert sorted(list_routes(world)) == sorted(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_permissions(world: World, answers: list[Response], route: str) -> None:
    found = {}
    for who in COLUMNS:
        answer = ask(world, route, who)
        answers.append(answer)
        found[who] = answer.status_code
        sent_to_login = answer.headers.get("location", "").startswith("/login?next=")
        assert sent_to_login == (answer.status_code == 303 and who not in world.people
                                 and ROUTES[route] not in ((303,) * 6,)), who  # fmt: skip
    assert found == dict(zip(COLUMNS, ROUTES[route], strict=True))


def test_nobody_sees_the_secrets(world: World, answers: list[Response]) -> None:
    assert len(answers) == len(ROUTES) * len(COLUMNS), "this test needs the answers of all others"
    texts = [f"{one.url} {one.headers}\n{one.text}" for one in answers]
    with reading(world.engine) as session:
        texts += [f"{one.subject}\n{one.body}" for one in session.scalars(select(Letter))]
        texts += [f"{one.kind} {one.detail}" for one in session.scalars(select(Event))]
    folder = read_benchmark(world.settings.home / "folders" / "park")
    canaries = [
        TRUTH, SEED, str(world.settings.home), "canary", hashlib.sha256(TRUTH_BYTES).hexdigest(),
        "per_image", "private_scores", "scrypt$", world.people["own"].password,
        "0.7319", "73.19", "0.6123", "61.23",
        *(secret for secret in world.secrets.values()),
    ]  # fmt: skip
    for canary in canaries:
        hits = [text.splitlines()[0] for text in texts if canary in text]
        assert hits == [], canary
    # Which images are private: no answer names some of them and not the others.
    public, private = folder.split
    for text in texts:
        named = set(re.findall(r"(?m)^([abc]),\d", text))
        assert named in (set(), public | private)


def test_the_table_itself(world: World) -> None:
    """The canaries are where they could leak from."""
    folder = read_benchmark(world.settings.home / "folders" / "park")
    assert folder.truth == Path(world.settings.home / "folders" / TRUTH).resolve()
    assert accounts.find_by_email(world.engine, "own@example.org") is not None
