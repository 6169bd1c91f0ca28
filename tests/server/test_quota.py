"""The quota: what counts, for how long, and 200 that ask for the last slot at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select

from peopleparse.server import submissions
from peopleparse.server.database import now, transaction
from peopleparse.server.quota import Allowance, lock_team, read_allowance
from peopleparse.server.settings import DAY_MS
from peopleparse.server.states import STATES
from peopleparse.server.tables import Account, Phase, Quota, Submission
from peopleparse.web.problems import Problem
from tests.server.rows import LEASE_MS, add_account, add_phase, add_submission

AT = 1_700_000_000_000
Freeze = Callable[[int], None]


@pytest.fixture
def freeze(monkeypatch: pytest.MonkeyPatch) -> Freeze:
    """Set the time of the database."""

    def set_time(at: int) -> None:
        for module in ("quota", "submissions", "queue", "events", "letters"):
            monkeypatch.setattr(f"peopleparse.server.{module}.now", lambda _: at)
        monkeypatch.setattr("tests.server.rows.now", lambda _: at)

    set_time(AT)
    return set_time


def _make(engine: Engine, **limits: int) -> tuple[Phase, Account]:
    with transaction(engine) as session:
        return add_phase(session, **limits), add_account(session)


def _read(engine: Engine, phase: Phase, account: Account) -> Allowance:
    with transaction(engine) as session:
        assert account.team_id is not None
        return read_allowance(session, phase, account.team_id)


def _begin(engine: Engine, phase: Phase, account: Account) -> Submission:
    with transaction(engine) as session:
        return submissions.begin(session, phase, account, method="m", lease_ms=LEASE_MS)


def test_what_each_state_costs(engine: Engine, freeze: Freeze) -> None:
    phase, account = _make(engine)
    costs = {}
    for state in STATES:
        before = _read(engine, phase, account)
        with transaction(engine) as session:
            add_submission(session, phase, account, state)
        after = _read(engine, phase, account)
        costs[state] = (
            after.attempts - before.attempts,
            after.scores - before.scores,
            after.scores_ever - before.scores_ever,
        )
    assert costs == {
        "receiving": (1, 1, 1),
        "queued": (1, 1, 1),
        "running": (1, 1, 1),
        "scored": (1, 1, 1),
        "rejected": (1, 0, 0),
        "failed": (0, 0, 0),
        "withdrawn": (0, 0, 0),
    }


def test_others_are_not_counted(engine: Engine, freeze: Freeze) -> None:
    phase, account = _make(engine)
    with transaction(engine) as session:
        add_submission(session, phase, add_account(session))
        add_submission(session, add_phase(session), account)
    assert _read(engine, phase, account).attempts == 0


@pytest.mark.parametrize("limit", ["attempts_a_day", "scores_a_day"])
def test_the_window_rolls(engine: Engine, freeze: Freeze, limit: str) -> None:
    phase, account = _make(engine, **{limit: 2})
    with transaction(engine) as session:
        for age in (DAY_MS, DAY_MS - 1, 1000):
            add_submission(session, phase, account, "scored", created_at=AT - age)
    with pytest.raises(Problem, match="at most 2.*Try again in 1 seconds.") as caught:
        _begin(engine, phase, account)
    assert (caught.value.status, caught.value.retry_after) == (429, 1)
    freeze(AT + 1)
    assert _read(engine, phase, account).left_today == 1
    _begin(engine, phase, account)
    with pytest.raises(Problem) as caught:
        _begin(engine, phase, account)
    assert caught.value.retry_after == DAY_MS // 1000 - 1


def test_all_scores_are_counted_for_ever(engine: Engine, freeze: Freeze) -> None:
    phase, account = _make(engine, scores_in_all=2)
    with transaction(engine) as session:
        for _ in range(2):
            add_submission(session, phase, account, "scored", created_at=AT - 90 * DAY_MS)
        add_submission(session, phase, account, "rejected", created_at=AT - 90 * DAY_MS)
    with pytest.raises(Problem, match="all scores at most 2.*takes no more") as caught:
        _begin(engine, phase, account)
    assert (caught.value.status, caught.value.retry_after) == (429, None)


def test_a_limit_of_none_is_never_open(engine: Engine, freeze: Freeze) -> None:
    phase, account = _make(engine, attempts_a_day=0)
    assert _read(engine, phase, account).retry_after is None


def test_each_lock_is_counted(engine: Engine) -> None:
    phase, account = _make(engine)
    for _ in range(3):
        with transaction(engine) as session:
            lock_team(session, phase.id, account.team_id or 0)
    with transaction(engine) as session:
        assert session.scalars(select(Quota.taken)).all() == [3]


def test_200_ask_for_the_last_slot_and_one_gets_it(engine: Engine) -> None:
    phase, account = _make(engine, scores_a_day=2)
    _begin(engine, phase, account)
    start = threading.Barrier(200)

    def ask(_: int) -> int:
        start.wait(60)
        try:
            _begin(engine, phase, account)
        except Problem as problem:
            assert problem.retry_after and problem.retry_after <= DAY_MS // 1000
            return problem.status
        return 202

    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(ask, range(200)))
    assert sorted(answers) == [202] + [429] * 199
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(Submission)) == 2
        assert session.scalars(select(Quota.taken)).all() == [2]  # refused ones leave nothing
        assert now(session) > AT
