"""Rates: counted in the database, by address and by account, over when the window is."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select

from peopleparse.server import limits
from peopleparse.server.database import reading
from peopleparse.server.tables import Hit
from peopleparse.web.problems import Problem

NOW = 1_800_000_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    times = [NOW + 400]
    monkeypatch.setattr(limits, "now", lambda _: times[0])
    monkeypatch.setattr(limits, "RATES", {"login": (3, 2, 60_000), "api": (3, 2, 60_000)})
    return times


def test_an_address_waits_for_the_next_window(engine: Engine, clock: list[int]) -> None:
    for _ in range(3):
        limits.check_rate(engine, "login", "192.0.2.1")
    with pytest.raises(Problem, match="login must be less often, got too many at once. Wait 60 s"):
        limits.check_rate(engine, "login", "192.0.2.1")
    limits.check_rate(engine, "login", "192.0.2.2")
    limits.check_rate(engine, "api", "192.0.2.1")
    clock[0] = NOW + 59_001
    with pytest.raises(Problem) as found:
        limits.check_rate(engine, "login", "192.0.2.1")
    assert (found.value.status, found.value.retry_after) == (429, 1)
    clock[0] = NOW + 60_000
    limits.check_rate(engine, "login", "192.0.2.1")


def test_an_account_has_its_own_count(engine: Engine, clock: list[int]) -> None:
    for last in (1, 2):
        limits.check_rate(engine, "login", f"192.0.2.{last}", "ada@example.org")
    with pytest.raises(Problem, match="login must be less often"):
        limits.check_rate(engine, "login", "192.0.2.3", "ada@example.org")
    limits.check_rate(engine, "login", "192.0.2.4", "bob@example.org")
    with reading(engine) as session:
        assert "ada" not in str([hit.key for hit in session.scalars(select(Hit))])


def test_a_network_of_version_6_is_one_caller(engine: Engine, clock: list[int]) -> None:
    for last in (1, 2, 3):
        limits.check_rate(engine, "login", f"2001:db8::{last}")
    with pytest.raises(Problem, match="login must be less often"):
        limits.check_rate(engine, "login", "2001:db8::ffff")


def test_old_counts_go(engine: Engine, clock: list[int]) -> None:
    limits.check_rate(engine, "login", "x" * 500)
    clock[0] += 25 * 60 * 60 * 1000
    limits.check_rate(engine, "login", "192.0.2.1")
    with reading(engine) as session:
        assert len(session.scalars(select(Hit)).all()) == 1
