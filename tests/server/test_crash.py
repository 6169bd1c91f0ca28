"""Workers and the server are killed while they work: nothing is lost, nothing is done twice."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine

from benchmarks.server_crash import LEASE_MS, run
from peopleparse.server.settings import Settings


def test_kills_lose_nothing(settings: Settings, engine: Engine) -> None:
    short = replace(settings, lease_ms=LEASE_MS // 2, attempts=20)
    result = run(short, engine, submissions=10, kills=3, stall_seconds=20)
    found = {name: result[name] for name in ("lost", "scored_twice", "stuck", "wrong_score")}
    assert found == {"lost": [], "scored_twice": [], "stuck": [], "wrong_score": []}
    assert result["wrong_quota"] == [] and result["scored"] == result["letters"] == 10
    assert result["killed_workers"] + result["killed_servers"] == 3
