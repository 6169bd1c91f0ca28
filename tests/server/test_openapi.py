"""The OpenAPI document says what the server does: made-up requests find no surprise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from sqlalchemy import update

from peopleparse.server.database import open_database, transaction
from peopleparse.server.migrate import upgrade
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Phase
from tests.server.web import World, closing, make_world

load_all_checks()
CHECKED = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance",
     "response_headers_conformance", "response_schema_conformance", "unsupported_method"]
)  # fmt: skip
ROUTES = (
    "GET /api/v1/benchmarks",
    "GET /api/v1/leaderboards/{benchmark}/{phase}.csv",
    "GET /api/v1/leaderboards/{benchmark}/{phase}.json",
    "GET /api/v1/me",
    "POST /api/v1/phases/{benchmark}/{phase}/submissions",
    "GET /api/v1/submissions",
    "GET /api/v1/submissions/{key}",
    "PATCH /api/v1/submissions/{key}",
    "GET /api/v1/submissions/{key}/signed",
    "POST /api/v1/submissions/{key}/withdraw",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = Settings(home=tmp_path_factory.mktemp("home"))
    engine = open_database(home.database_url)
    upgrade(engine)
    with pytest.MonkeyPatch.context() as patch:
        made = make_world(home, engine, patch)
        with transaction(engine) as session:
            caps = {"attempts_a_day": 9999, "scores_a_day": 9999, "scores_in_all": 9999}
            session.execute(update(Phase).values(caps))
        yield from closing(made)
    engine.dispose()


@pytest.fixture(scope="module")
def document(world: World) -> Any:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", world.app)


@pytest.mark.parametrize("route", ROUTES)
def test_made_up_requests(world: World, document: Any, route: str) -> None:
    token = {"Authorization": f"Bearer {world.secrets['submit']}"}

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(case=find_operation(document, route).as_strategy())
    def check(case: Any) -> None:
        aim(world, case)
        case.call_and_validate(headers=token, checks=CHECKED)

    check()


@pytest.mark.parametrize("route", ROUTES)
def test_made_up_requests_of_strangers(world: World, document: Any, route: str) -> None:
    @settings(max_examples=5, suppress_health_check=list(HealthCheck))
    @given(case=find_operation(document, route).as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(checks=CHECKED)

    check()


def test_every_route_of_the_document_is_tried(document: Any) -> None:
    found = [result.ok() for result in document.get_all_operations()]
    assert sorted(f"{one.method.upper()} {one.path}" for one in found) == sorted(ROUTES)


def test_every_refusal_is_documented_as_a_problem(world: World) -> None:
    paths = world.client().get("/api/v1/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, route in methods.items():
            refusals = {code for code in route["responses"] if int(code) >= 400}
            assert {"400", "413", "429", "503"} <= refusals, (method, path)
            for code in refusals:
                kinds = list(route["responses"][code]["content"])
                assert kinds == ["application/problem+json"], (method, path, code)


def find_operation(document: Any, route: str) -> Any:
    method, path = route.split(" ")
    return document[path][method]


def aim(world: World, case: Any) -> None:
    """Let half of the requests meet something that is there."""
    places = case.path_parameters or {}
    if len(str(places)) % 2:
        return
    if "key" in places:
        places["key"] = world.submission().key
    if "benchmark" in places:
        places |= {"benchmark": "park", "phase": "spring"}
