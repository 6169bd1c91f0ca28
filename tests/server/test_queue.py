"""The queue: who gets a job, who may write its end, and which state may follow which."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from peopleparse.server import queue, submissions
from peopleparse.server.database import now, transaction
from peopleparse.server.outcome import Fault, Outcome
from peopleparse.server.states import FOLLOWERS, STATES
from peopleparse.server.tables import Account, Event, Letter, Phase, Submission
from peopleparse.web.problems import Problem
from tests.server.rows import LEASE_MS, add_account, add_phase, add_submission

SCORED = Outcome("scored", public_score=0.6013, private_score=0.5, scorer="test")
REJECTED = Outcome("rejected", faults=(Fault("png-size", "a.png", "2 x 2", "3 x 3"),))
FAILED = Outcome("failed", message="It went wrong.")


@pytest.fixture
def base(engine: Engine) -> tuple[Phase, Account]:
    with transaction(engine) as session:
        return add_phase(session), add_account(session)


Base = tuple[Phase, Account]


def _add(engine: Engine, base: Base, state: str = "queued", **values: Any) -> Submission:
    with transaction(engine) as session:
        return add_submission(session, *base, state, **values)


def _read(engine: Engine, row: Submission) -> Submission:
    with transaction(engine) as session:
        return queue.read_submission(session, row.id)


def _kinds(engine: Engine, row: Submission) -> list[str]:
    with transaction(engine) as session:
        kinds = select(Event.kind).where(Event.submission_id == row.id).order_by(Event.id)
        return list(session.scalars(kinds))


# What each function may do to a submission in any state.
ACTIONS: dict[str, Callable[[Session, Base, Submission], Any]] = {
    "claim": lambda s, _, row: queue.claim(s, "other", LEASE_MS),
    "heartbeat": lambda s, _, row: queue.heartbeat(s, row.id, "worker", 1, LEASE_MS),
    "finish scored": lambda s, _, row: queue.finish(s, row.id, "worker", 1, SCORED),
    "finish rejected": lambda s, _, row: queue.finish(s, row.id, "worker", 1, REJECTED),
    "finish failed": lambda s, _, row: queue.finish(s, row.id, "worker", 1, FAILED),
    "release": lambda s, _, row: queue.release(s, row.id, "worker", 1),
    "sweep": lambda s, _, row: queue.sweep(s, LEASE_MS, 3),
    "sweep, last attempt": lambda s, _, row: queue.sweep(s, LEASE_MS, 1),
    "renew_upload": lambda s, _, row: submissions.renew_upload(s, row.id, LEASE_MS),
    "accept": lambda s, _, row: submissions.accept(s, row.id, "f" * 64, 1),
    "abort": lambda s, _, row: submissions.abort(s, row.id, "broke off"),
    "reject": lambda s, _, row: submissions.reject(s, row.id, REJECTED.faults),
    "fail": lambda s, _, row: submissions.fail(s, row.id, "disk full"),
    "withdraw": lambda s, _, row: submissions.withdraw(s, row.id),
    "retry": lambda s, _, row: submissions.retry(s, row.id),
    "set_visibility": lambda s, _, row: submissions.set_visibility(s, row.id, "hidden"),
    "begin again": lambda s, base, row: submissions.begin(
        s, *base, method="m", idempotency_key="same", lease_ms=LEASE_MS
    ),
}


def test_every_change_is_an_allowed_one_and_every_allowed_one_can_be_made(
    engine: Engine, base: Base
) -> None:
    made = set()
    for state, name, is_late in itertools.product(STATES, ACTIONS, (False, True)):
        with transaction(engine) as session:
            values: dict[str, Any] = {"idempotency_key": f"same{name}"}
            if state in ("receiving", "running"):
                values["lease_until"] = now(session) + (-1 if is_late else LEASE_MS // 2)
            if name == "begin again":
                values["idempotency_key"] = "same"
            row = add_submission(session, *base, state, **values)
            try:
                ACTIONS[name](session, base, row)
            except Problem as problem:
                assert problem.status == 409
            session.expire_all()
            after = session.get_one(Submission, row.id).state
            session.rollback()
        if after != state:
            made.add((state, after))
            assert after in FOLLOWERS[state], f"{name} made {after} of {state}"
    allowed = {(state, after) for state, followers in FOLLOWERS.items() for after in followers}
    assert made == allowed


def test_a_change_that_is_not_allowed_is_a_mistake_of_ours(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "scored")
    with transaction(engine) as session:
        with pytest.raises(ValueError, match="'queued' may follow, got 'scored'"):
            queue.move(session, row.id, ["scored"], "queued")


def test_jobs_are_given_out_in_order_and_once(engine: Engine, base: Base) -> None:
    poison = _add(engine, base, queued_at=1, attempt=2)
    late = _add(engine, base, queued_at=20)
    early = _add(engine, base, queued_at=10)
    with transaction(engine) as session:
        rows = [queue.read_submission(session, row.id) for row in (early, late, poison)]
        assert [queue.read_position(session, row) for row in rows] == [0, 1, 2]
        given = [queue.claim(session, "w", LEASE_MS) for _ in range(4)]
    assert [row and row.id for row in given] == [early.id, late.id, poison.id, None]
    assert [row.attempt for row in given if row] == [1, 1, 3]
    with transaction(engine) as session:
        assert queue.read_position(session, queue.read_submission(session, late.id)) is None


def test_two_workers_at_once_get_two_jobs(engine: Engine, base: Base) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: the second waits")
    rows = [_add(engine, base) for _ in range(2)]
    with transaction(engine) as one, transaction(engine) as other:
        given = [queue.claim(session, "w", LEASE_MS) for session in (one, other)]
    assert {row.id for row in given if row} == {row.id for row in rows}


def test_a_beat_renews_the_lease_of_its_holder_alone(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "running", lease_until=1)
    with transaction(engine) as session:
        assert not queue.heartbeat(session, row.id, "other", 1, LEASE_MS)
        assert not queue.heartbeat(session, row.id, "worker", 2, LEASE_MS)
        assert queue.heartbeat(session, row.id, "worker", 1, LEASE_MS)
    assert (_read(engine, row).lease_until or 0) > 1


def test_a_worker_that_comes_back_changes_nothing(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "running", lease_until=1)
    with transaction(engine) as session:
        assert queue.sweep(session, LEASE_MS, 3) == [row.id]
    with transaction(engine) as session:
        taken = queue.claim(session, "new", LEASE_MS)
    assert taken is not None and (taken.worker, taken.attempt) == ("new", 2)
    with transaction(engine) as session:
        assert not queue.finish(session, row.id, "worker", 1, SCORED)
        assert not queue.release(session, row.id, "worker", 1)
        assert queue.finish(session, row.id, "new", 2, SCORED)
    with transaction(engine) as session:  # the answer to its commit was lost: it asks again
        assert not queue.finish(session, row.id, "new", 2, replace(SCORED, public_score=0.9))
    assert _read(engine, row).public_score == 0.6013
    assert _kinds(engine, row) == ["queued", "running", "scored"]


def test_a_scored_one_tells_its_owner(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "running")
    with transaction(engine) as session:
        queue.finish(session, row.id, "worker", 1, SCORED)
    with transaction(engine) as session:
        letter = session.scalars(select(Letter)).one()
        found = queue.read_submission(session, row.id)
    assert letter.recipient == base[1].email
    assert letter.subject == f"Submission {row.key}: scored"
    assert "Public score: 60.2 %" in letter.body and "0.5" not in letter.body
    assert (found.shown_score, found.is_new_best, found.worker) == (0.602, True, None)
    assert found.lease_until is None and found.finished_at is not None


def test_the_ladder_holds_back_a_small_gain(engine: Engine, base: Base) -> None:
    for score, shown, is_new in ((0.6, 0.6, True), (0.6019, 0.6, False), (0.602, 0.602, True)):
        row = _add(engine, base, "running")
        with transaction(engine) as session:
            queue.finish(session, row.id, "worker", 1, replace(SCORED, public_score=score))
        found = _read(engine, row)
        assert (found.shown_score, found.is_new_best) == (shown, is_new)
        assert ("No significant improvement: the best stays 60 %." == found.message) is not is_new
        assert found.public_score == score


def test_another_team_has_its_own_ladder(engine: Engine, base: Base) -> None:
    _add(engine, base, "scored", shown_score=0.9)
    with transaction(engine) as session:
        row = add_submission(session, base[0], add_account(session), "running")
        queue.finish(session, row.id, "worker", 1, SCORED)
    assert _read(engine, row).is_new_best


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"public_score": math.nan}, "must be a number in \\[0, 1\\], got no number"),
        ({"private_score": math.inf}, "must be a number in \\[0, 1\\], got no number"),
        ({"private_score": None}, "must be a number in \\[0, 1\\], got no number"),
        ({"public_score": True}, "must be a number in \\[0, 1\\], got no number"),
        ({"public_score": 1.0001}, "must be a number in \\[0, 1\\], got one outside"),
        ({"public_scores": {"subsets": [{"a": math.nan}]}}, "must be finite numbers"),
        ({"state": "running"}, "must end scored, rejected or failed, got 'running'"),
    ],
)
def test_a_score_that_is_none_is_our_fault(
    engine: Engine, base: Base, values: dict[str, Any], message: str
) -> None:
    row = _add(engine, base, "running")
    with transaction(engine) as session:
        assert queue.finish(session, row.id, "worker", 1, replace(SCORED, **values))
    found = _read(engine, row)
    assert (found.state, found.public_score, found.shown_score) == ("failed", None, None)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(found.message)


def test_hostile_names_are_kept_as_text(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "running")
    names = ("a\0b", "\ud800", "x" * 60_000)
    faults = tuple(Fault("name", name, "a listed name", name) for name in names * 10)
    with transaction(engine) as session:
        queue.finish(session, row.id, "worker", 1, Outcome("rejected", faults=faults))
    found = _read(engine, row)
    assert len(found.faults) == 20
    assert [fault["file"] for fault in found.faults[:2]] == ["a\\x00b", "\\ud800"]
    assert len(found.faults[2]["file"]) == 300


def test_a_silent_worker_loses_its_job_until_the_attempts_are_used(
    engine: Engine, base: Base
) -> None:
    row = _add(engine, base)
    for attempt in (1, 2, 3):
        with transaction(engine) as session:
            given = queue.claim(session, "w", -1)
            assert given is not None and given.attempt == attempt
            assert queue.sweep(session, LEASE_MS, 3) == [row.id]
    found = _read(engine, row)
    assert found.state == "failed" and "got 3 workers that stopped" in found.message
    assert _kinds(engine, row) == ["running", "queued"] * 2 + ["running", "failed"]
    with transaction(engine) as session:
        assert "is failed" in session.scalars(select(Letter)).one().body


def test_the_last_word_of_the_scoring_is_told(engine: Engine, base: Base) -> None:
    row = _add(engine, base)
    with transaction(engine) as session:
        queue.claim(session, "w", LEASE_MS)
        assert queue.release(session, row.id, "w", 1, "scoring ended by signal 9")
        queue.claim(session, "w", -1)
        queue.sweep(session, LEASE_MS, 2)
    assert _read(engine, row).message.endswith("scoring ended by signal 9")


def test_a_worker_that_is_told_to_stop_costs_no_attempt(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "running")
    with transaction(engine) as session:
        assert queue.release(session, row.id, "worker", 1, counts=False)
    assert (_read(engine, row).state, _read(engine, row).attempt) == ("queued", 0)


def test_a_clock_that_went_back_holds_nothing_up(engine: Engine, base: Base) -> None:
    rows = [_add(engine, base, state, lease_until=4 * 10**12) for state in ("receiving", "running")]
    with transaction(engine) as session:
        assert queue.sweep(session, LEASE_MS, 3) == []
        limit = now(session) + LEASE_MS
    assert all((_read(engine, row).lease_until or 0) <= limit for row in rows)


def test_an_upload_that_broke_off_is_given_back(engine: Engine, base: Base) -> None:
    row = _add(engine, base, "receiving", lease_until=1, idempotency_key="k")
    with transaction(engine) as session:
        assert queue.sweep(session, LEASE_MS, 3) == [row.id]
    found = _read(engine, row)
    assert (found.state, found.idempotency_key) == ("withdrawn", None)
    assert "upload broke off" in found.message
