"""What owners, uploads and administrators do with submissions."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select

from peopleparse.server import queue, submissions
from peopleparse.server.database import now, transaction
from peopleparse.server.outcome import Fault
from peopleparse.server.settings import DAY_MS
from peopleparse.server.tables import Account, Event, Phase, Submission
from peopleparse.web.problems import Problem
from tests.server.rows import LEASE_MS, add_account, add_phase, add_submission

SHA = "a" * 64
Base = tuple[Phase, Account]


@pytest.fixture
def base(engine: Engine) -> Base:
    with transaction(engine) as session:
        return add_phase(session), add_account(session)


def _begin(engine: Engine, base: Base, **values: Any) -> Submission:
    with transaction(engine) as session:
        given = {"method": "A method", "lease_ms": LEASE_MS} | values
        return submissions.begin(session, *base, **given)


def _accept(engine: Engine, row: Submission, sha256: str = SHA) -> tuple[Submission, bool]:
    with transaction(engine) as session:
        return submissions.accept(session, row.id, sha256, 10)


def _read(engine: Engine, row: Submission) -> Submission:
    with transaction(engine) as session:
        return queue.read_submission(session, row.id)


def test_an_upload_is_begun_and_accepted(engine: Engine, base: Base) -> None:
    row = _begin(engine, base, description="two\nlines", link="https://example.org")
    assert (row.state, row.attempt, len(row.key)) == ("receiving", 0, 22)
    found, is_repeat = _accept(engine, row)
    assert (found.id, found.state, is_repeat) == (row.id, "queued", False)
    assert (found.blob_sha256, found.blob_bytes, found.lease_until) == (SHA, 10, None)
    with transaction(engine) as session:
        assert list(session.scalars(select(Event.kind))) == ["receiving", "queued"]


def test_two_of_a_team_cannot_be_told_to_be_of_one(engine: Engine, base: Base) -> None:
    one, other = _begin(engine, base), _begin(engine, base)
    assert one.anonymous_name != other.anonymous_name and one.key != other.key


@pytest.mark.parametrize(
    ("opens", "closes"), [(1000, DAY_MS), (-DAY_MS, -1), (-DAY_MS, 0)]
)  # fmt: skip
def test_a_phase_that_is_not_open_says_when_it_is(
    engine: Engine, base: Base, opens: int, closes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 1_700_000_000_000
    monkeypatch.setattr(submissions, "now", lambda _: at)
    base[0].opens_at, base[0].closes_at = at + opens, at + closes
    with pytest.raises(Problem, match="must be open, got 2023-11-14T22:13:20Z. It takes") as caught:
        _begin(engine, base)
    assert (caught.value.status, caught.value.code) == (403, "phase-not-open")
    assert set(caught.value.extra) == {"opens_at", "closes_at"}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"is_approved": False}, "not-approved"),
        ({"disabled_at": 1}, "not-approved"),
        ({"team_id": None}, "no-team"),
    ],
)
def test_accounts_that_may_not_take_part(
    engine: Engine, base: Base, values: dict[str, Any], code: str
) -> None:
    with transaction(engine) as session:
        account = add_account(session, **values)
    with pytest.raises(Problem, match="account must be") as caught:
        _begin(engine, (base[0], account))
    assert (caught.value.status, caught.value.code) == (403, code)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "  "}, "method must be a name, got none"),
        ({"method": "x" * 81}, "method must be at most 80 characters, got 81"),
        ({"method": "a\u202eb"}, r"method must be text that can be seen, got U\+202E"),
        ({"method": "a\nSubject: b"}, r"method must be text that can be seen, got U\+000A"),
        ({"description": "a\0"}, r"description must be text that can be seen, got U\+0000"),
        ({"link": "javascript:alert(1)"}, "link must be an https"),
        ({"visibility": "publc"}, "must be one of its choices, got 'publc'. Did you mean 'public'"),
    ],
)
def test_words_that_are_refused(
    engine: Engine, base: Base, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(Problem, match=message) as caught:
        _begin(engine, base, **values)
    assert caught.value.status == 422


def test_a_repeated_key_gives_the_same_submission(engine: Engine, base: Base) -> None:
    row = _begin(engine, base, idempotency_key="k")
    assert _begin(engine, base, idempotency_key="k").id == row.id
    _accept(engine, row)
    base[0].closes_at = base[0].opens_at + 1  # what was taken stays taken
    again = _begin(engine, base, idempotency_key="k")
    assert (again.id, again.state) == (row.id, "queued")


def test_a_key_of_another_phase_is_refused(engine: Engine, base: Base) -> None:
    _begin(engine, base, idempotency_key="k")
    with transaction(engine) as session:
        other = add_phase(session)
    with pytest.raises(Problem, match="must be new or of this phase") as caught:
        _begin(engine, (other, base[1]), idempotency_key="k")
    assert caught.value.status == 409


def test_an_aborted_upload_may_be_begun_again(engine: Engine, base: Base) -> None:
    row = _begin(engine, base, idempotency_key="k")
    with transaction(engine) as session:
        assert submissions.abort(session, row.id, "The upload broke off.")
    assert _begin(engine, base, idempotency_key="k").id != row.id
    with transaction(engine) as session:
        assert not submissions.renew_upload(session, row.id, LEASE_MS)


@pytest.mark.parametrize("state", ["queued", "running", "scored", "rejected"])
def test_the_same_bytes_again_cost_nothing(engine: Engine, base: Base, state: str) -> None:
    with transaction(engine) as session:
        earlier = add_submission(session, *base, state, blob_sha256=SHA)
    row = _begin(engine, base)
    found, is_repeat = _accept(engine, row)
    assert (found.id, is_repeat) == (earlier.id, True)
    row = _read(engine, row)
    assert row.state == "withdrawn" and earlier.key in row.message


def test_the_same_bytes_count_where_they_have_no_result(engine: Engine, base: Base) -> None:
    with transaction(engine) as session:
        add_submission(session, *base, "failed", blob_sha256=SHA)
        add_submission(session, base[0], add_account(session), "scored", blob_sha256=SHA)
        add_submission(session, add_phase(session), base[1], "scored", blob_sha256=SHA)
    assert _accept(engine, _begin(engine, base))[1] is False


def test_bytes_that_come_twice_under_one_key(engine: Engine, base: Base) -> None:
    row = _begin(engine, base)
    _accept(engine, row)
    assert _accept(engine, row)[0].id == row.id
    with pytest.raises(Problem, match="must be waiting for its bytes, got queued") as caught:
        _accept(engine, row, "b" * 64)
    assert caught.value.status == 409


def test_a_rejected_upload_lists_what_is_wrong(engine: Engine, base: Base) -> None:
    row = _begin(engine, base)
    with transaction(engine) as session:
        assert submissions.reject(session, row.id, [Fault("not-zip", "", "a zip", "HTML")] * 30)
    found = _read(engine, row)
    assert (found.state, len(found.faults)) == ("rejected", 20)


def test_only_what_no_worker_has_is_withdrawn(engine: Engine, base: Base) -> None:
    row = _begin(engine, base)
    _accept(engine, row)
    with transaction(engine) as session:
        assert submissions.withdraw(session, row.id, base[1].id).state == "withdrawn"
    with transaction(engine) as session:
        running = add_submission(session, *base, "running")
        with pytest.raises(Problem, match="must be receiving or queued, got running"):
            submissions.withdraw(session, running.id)


def test_a_failed_one_is_tried_again_with_all_its_attempts(engine: Engine, base: Base) -> None:
    with transaction(engine) as session:
        row = add_submission(session, *base, "failed", attempt=3, message="went wrong")
        again = submissions.retry(session, row.id, base[1].id)
        assert (again.state, again.attempt, again.message) == ("queued", 0, "")
        assert again.queued_at and again.queued_at <= now(session) and again.finished_at is None
        lost = add_submission(session, *base, "failed", blob_sha256=None)
        with pytest.raises(Problem, match="must be failed, with its archive, got failed"):
            submissions.retry(session, lost.id)


def test_an_owner_says_who_sees_it(engine: Engine, base: Base) -> None:
    row = _begin(engine, base)
    with transaction(engine) as session:
        submissions.set_visibility(session, row.id, "anonymous", base[1].id)
        with pytest.raises(Problem, match="must be one of its choices, got 'x'"):
            submissions.set_visibility(session, row.id, "x")
    assert _read(engine, row).visibility == "anonymous"
