"""The API as programs meet it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from peopleparse.server import headers, limits
from peopleparse.server.database import reading
from peopleparse.server.settings import Settings
from peopleparse.server.signing import verify_result
from peopleparse.server.tables import Event
from tests.server.web import World, closing, form_header, make_world

PROBLEM = "application/problem+json"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def world(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from closing(make_world(settings, engine, monkeypatch))


def test_me(world: World) -> None:
    found = world.program("read").get("/api/v1/me")
    assert found.json() == {
        "name": "Own", "email": "own@example.org", "team": "Foxes", "scope": "read",
        "is_approved": True,
    }  # fmt: skip
    assert world.client("own").get("/api/v1/me").json()["scope"] == "session"


def test_strangers_and_wrong_tokens(world: World) -> None:
    client = world.client()
    for given in ({}, {"Authorization": "Bearer pp_x"}):
        found = client.get("/api/v1/me", headers=given)
        assert found.status_code == 401 and found.headers["content-type"] == PROBLEM
        assert found.headers["www-authenticate"] == "Bearer"
    # A token in an address is no token.
    found = client.get(f"/api/v1/me?token={world.secrets['read']}")
    assert found.status_code == 401
    # A wrong token is refused although a cookie is there, and where none is needed.
    browser = world.client("own")
    found = browser.get("/api/v1/benchmarks", headers={"Authorization": "Bearer pp_x"})
    assert found.status_code == 401 and found.json()["code"] == "token-refused"


def test_a_token_opens_no_page(world: World) -> None:
    found = world.program("submit").get("/account")
    assert found.status_code == 303 and found.headers["location"] == "/login?next=/account"


def test_benchmarks(world: World) -> None:
    [found] = world.client().get("/api/v1/benchmarks").json()
    assert (found["slug"], found["title"]) == ("park", "People in a park")
    [phase] = found["phases"]
    assert phase["state"] == "open" and phase["opens_at"] == "2020-01-01T00:00:00Z"


def test_a_submission_and_its_place_in_the_queue(world: World) -> None:
    first, second = world.submission(), world.submission()
    client = world.program("read")
    found = client.get(f"/api/v1/submissions/{second.key}").json()
    assert (found["state"], found["position"], found["scores"]) == ("queued", 2, None)
    assert TIME.fullmatch(found["created_at"]) and found["finished_at"] is None
    listed = client.get("/api/v1/submissions").json()
    assert [one["key"] for one in listed] == [second.key, first.key]
    assert client.get("/api/v1/submissions?limit=1&skip=1").json()[0]["key"] == first.key
    assert world.program("admin").get("/api/v1/submissions").json() == []


@pytest.mark.parametrize("who", ["other", "admin"])
def test_programs_see_their_team_only(world: World, who: str) -> None:
    one = world.submission()
    found = world.program(who).get(f"/api/v1/submissions/{one.key}")
    assert found.status_code == 404
    missing = world.program(who).get(f"/api/v1/submissions/{one.key[:-1]}x")
    assert found.json() == missing.json(), "not there and not yours are alike"
    assert world.client("admin").get(f"/api/v1/submissions/{one.key}").status_code == 200


def test_the_private_score_comes_after_the_end(world: World) -> None:
    one = world.submission(
        "scored", public_score=0.51234, private_score=0.43219, shown_score=0.512,
        public_scores={"mean_iou": 0.51234}, private_scores={"mean_iou": 0.43219},
        is_new_best=True,
    )  # fmt: skip
    client = world.program("read")
    found = client.get(f"/api/v1/submissions/{one.key}")
    assert found.json()["scores"]["score"] == 0.512
    assert "0.51234" not in found.text and "0.432" not in found.text
    board = client.get("/api/v1/leaderboards/park/spring.json")
    assert board.json()["entries"][0]["score"] == 0.512 and "0.432" not in board.text
    world.close_phase()
    found = client.get(f"/api/v1/submissions/{one.key}").json()
    assert found["scores"]["score"] == pytest.approx(0.4322)
    assert found["scores"]["public"] == 0.512


def test_faults_are_told(world: World) -> None:
    fault = {"code": "png-size", "file": "a.png", "expected": "4 x 3", "found": "5 x 3"}
    one = world.submission("rejected", faults=[fault])
    found = world.program("read").get(f"/api/v1/submissions/{one.key}").json()
    assert found["faults"] == [fault] and found["state"] == "rejected"


def test_a_scored_submission_is_signed(world: World) -> None:
    one = world.submission(
        "scored", public_score=0.51234, private_score=0.43219, shown_score=0.512,
        public_scores={"mean_iou": 0.51234}, private_scores={"mean_iou": 0.43219},
        is_new_best=True,
    )  # fmt: skip
    client = world.program("read")
    found = client.get(f"/api/v1/submissions/{one.key}/signed")
    claim = verify_result(found.json())
    assert claim["submission"] == one.key and claim["phase"] == "spring"
    assert claim["scores"]["score"] == 0.512
    assert "0.51234" not in found.text and "0.432" not in found.text
    waiting = client.get(f"/api/v1/submissions/{world.submission().key}/signed")
    assert waiting.status_code == 409
    assert "submission must be scored to be signed, got queued" in waiting.json()["detail"]


def test_withdraw(world: World) -> None:
    one, running = world.submission(), world.submission("running")
    path = f"/api/v1/submissions/{one.key}/withdraw"
    assert world.program("read").post(path).json()["code"] == "scope-too-small"
    assert world.program("other").post(path).status_code == 404
    assert world.read(one).state == "queued"
    found = world.program("submit").post(path)
    assert (found.status_code, found.json()["state"]) == (200, "withdrawn")
    again = world.program("submit").post(f"/api/v1/submissions/{running.key}/withdraw")
    assert again.status_code == 409 and "must be receiving or queued" in again.json()["detail"]
    with reading(world.engine) as session:
        events = session.scalars(select(Event).where(Event.submission_id == one.id)).all()
    assert events[-1].account_id == world.people["own"].id


def test_visibility(world: World) -> None:
    one = world.submission("scored", is_new_best=True)
    path, client = f"/api/v1/submissions/{one.key}", world.program("submit")
    assert client.patch(path, json={"visibility": "hidden"}).json()["visibility"] == "hidden"
    assert world.client().get("/api/v1/leaderboards/park/spring.json").json()["entries"] == []
    for body in ({"visibility": "x"}, {}, {"visibility": "public", "state": "scored"}, [], None):
        found = client.patch(path, json=body)
        assert found.status_code == 422 and found.json()["code"] == "invalid", body
    assert world.program("read").patch(path, json={"visibility": "public"}).status_code == 403


def test_a_browser_must_say_that_the_page_was_ours(world: World) -> None:
    one = world.submission()
    client, path = world.client("own"), f"/api/v1/submissions/{one.key}/withdraw"
    assert client.post(path).json()["code"] == "form-token"
    token = form_header(client)
    for given in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert client.post(path, headers=token | given).json()["code"] == "other-origin"
    assert world.read(one).state == "queued"
    fine = token | {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
    assert client.post(path, headers=fine).status_code == 200


def test_boards(world: World) -> None:
    world.submission("scored", is_new_best=True, method="=HYPERLINK(1)", link="https://x.example")
    client = world.client()
    found = client.get("/api/v1/leaderboards/park/spring.csv")
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert "'=HYPERLINK(1)" in found.text and 'filename="park-spring.csv"' in str(found.headers)
    assert client.get("/api/v1/leaderboards/park/spring.json").json()["benchmark"] == "park"
    for place in ("park/autumn", "nowhere/spring", "park/%00", "%00/x", "park/..", "x" * 50 + "/y"):
        found = client.get(f"/api/v1/leaderboards/{place}.json")
        assert found.status_code in (404, 422), place
        assert found.headers["content-type"] == PROBLEM
    assert client.get("/api/v1/leaderboards/park/spring.json?sort=x").status_code == 422


def test_too_many_calls(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATES", limits.RATES | {"api": (2, 2, 10**7)})
    client = world.client()
    # Guessing tokens counts as well.
    for _ in range(2):
        assert client.get("/api/v1/me", headers={"Authorization": "x"}).status_code == 401
    found = client.get("/api/v1/me", headers={"Authorization": "x"})
    assert found.status_code == 429 and int(found.headers["retry-after"]) > 0


def test_bodies_have_a_cap(world: World) -> None:
    client = world.program("submit")
    one = world.submission()
    path = f"/api/v1/submissions/{one.key}"
    found = client.patch(path, content=b"x" * (headers.BODY_CAP + 1))
    assert found.status_code == 413 and found.headers["content-type"] == PROBLEM
    found = client.patch(path, content=(b"x" * 1024 for _ in range(80)))
    assert found.status_code == 413 and found.json()["code"] == "body-too-large"
    assert "default-src 'none'" in found.headers["content-security-policy"]


def test_methods_and_paths_that_are_not_there(world: World) -> None:
    client = world.client()
    found = client.delete("/api/v1/me")
    assert found.status_code == 405 and found.headers["allow"] == "GET"
    assert found.headers["content-type"] == PROBLEM
    assert client.get("/api/v2/me").json()["code"] == "not-found"
    assert client.get("/nowhere").headers["content-type"].startswith("text/html")


def test_the_document_is_there_without_a_login(world: World) -> None:
    found = world.client().get("/api/v1/openapi.json").json()
    assert "/api/v1/phases/{benchmark}/{phase}/submissions" in found["paths"]
    assert all(path.startswith("/api/v1/") for path in found["paths"])
    assert "HTTPValidationError" not in str(found)
