"""Refusals, as pages and as JSON; faults and a database that is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from peopleparse.server import api, pages_account
from peopleparse.server.settings import Settings
from tests.server.web import World, closing, make_world


@pytest.fixture
def world(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    yield from closing(make_world(settings, engine, monkeypatch))


def test_a_private_page_sends_to_the_login_and_back(world: World) -> None:
    found = world.client().get("/submissions?before=3&x=%2F%2Fevil.example")
    assert found.status_code == 303
    assert found.headers["location"].startswith("/login?next=/submissions%3Fbefore%3D3")


@pytest.mark.parametrize("number", ["9" * 30, "-1", "x", "%00"])
def test_numbers_that_no_column_holds(world: World, number: str) -> None:
    found = world.client("own").get(f"/submissions?before={number}")
    assert found.status_code in (200, 422) and "Traceback" not in found.text


def test_a_database_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("SELECT secret", {}, Exception("secret words"))

    monkeypatch.setattr(api, "account_of", away)
    monkeypatch.setattr(pages_account, "account_of", away)
    for path in ("/api/v1/me", "/account"):
        found = world.client("own").get(path)
        assert (found.status_code, found.headers["retry-after"]) == (503, "5")
        assert "secret" not in found.text


def test_a_fault_of_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any) -> Any:
        raise RuntimeError("".join(["secret", " words"]))

    monkeypatch.setattr(api, "account_of", fault)
    monkeypatch.setattr(pages_account, "account_of", fault)
    for path, kind in (("/api/v1/me", "application/problem+json"), ("/account", "text/html")):
        found = world.client("own").get(path)
        assert found.status_code == 500 and found.headers["content-type"].startswith(kind)
        assert "secret words" not in found.text
        assert "default-src 'none'" in found.headers["content-security-policy"]


def test_no_page_of_the_framework_is_there(world: World) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert world.client().get(path).status_code == 404


def test_a_page_loads_nothing_from_elsewhere(world: World) -> None:
    for path in ("/", "/api", "/login", "/benchmarks/park"):
        text = world.client().get(path).text
        assert "<script>" not in text and " style=" not in text and "<style" not in text
        assert 'src="http' not in text and 'rel="stylesheet" href="http' not in text
