"""Signed results: they hold, and every change breaks them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine

from peopleparse.errors import InputError
from peopleparse.server import signing
from peopleparse.server.database import transaction
from peopleparse.server.tables import Benchmark
from tests.server.rows import add_account, add_phase, add_submission


def test_a_signature_holds_and_is_for_one_claim(tmp_path: Path) -> None:
    key = signing.load_key(tmp_path / "keys")
    result = signing.sign_result(key, {"benchmark": "b", "scores": {"score": 0.5}, "name": "Ä"})
    again = json.loads(json.dumps(result))
    assert signing.verify_result(again)["scores"] == {"score": 0.5}
    assert signing.verify_result(again, signing.public_text(key))
    again["claim"]["scores"]["score"] = 0.6
    with pytest.raises(InputError, match="signature must be that of key .*, got another"):
        signing.verify_result(again)


def test_a_key_of_somebody_else_is_seen(tmp_path: Path) -> None:
    mine, theirs = signing.load_key(tmp_path / "a"), signing.load_key(tmp_path / "b")
    result = signing.sign_result(theirs, {"score": 1.0})
    assert signing.verify_result(result) == {"score": 1.0}
    with pytest.raises(InputError, match="comes from another server"):
        signing.verify_result(result, signing.public_text(mine))


@pytest.mark.parametrize(
    "result", [None, [], {}, {"claim": 1, "public_key": "x", "signature": "?"}, "text"]
)
def test_what_is_no_result_is_said(result: object) -> None:
    with pytest.raises(InputError, match="result must be a signed one"):
        signing.verify_result(result)


def test_a_claim_that_is_no_object_is_refused(tmp_path: Path) -> None:
    result = {**signing.sign_result(signing.load_key(tmp_path), {}), "claim": [1]}
    with pytest.raises(InputError, match="claim must be an object"):
        signing.verify_result(result)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert signing.public_text(signing.load_key(keys)) == signing.public_text(
        signing.load_key(keys)
    )
    assert [path.name for path in keys.iterdir()] == [signing.KEY_FILE]
    assert stat.S_IMODE((keys / signing.KEY_FILE).stat().st_mode) == 0o600
    (keys / signing.KEY_FILE).write_bytes(b"short")
    with pytest.raises(InputError, match="key must be 32 bytes, got 5, at "):
        signing.load_key(keys)


@pytest.mark.parametrize("is_closed", [False, True])
def test_the_private_score_is_claimed_after_the_phase_alone(
    engine: Engine, is_closed: bool
) -> None:
    with transaction(engine) as session:
        phase = add_phase(session)
        submission = add_submission(
            session, phase, add_account(session), "scored", private_score=0.4321, is_new_best=True,
            private_scores={"miou": 0.4321},
        )  # fmt: skip
        benchmark = session.get_one(Benchmark, phase.benchmark_id)
        claim = signing.claim_of(benchmark, phase, submission, is_closed=is_closed)
    assert ("0.4321" in json.dumps(claim)) is is_closed
    assert claim["archive_sha256"] == submission.blob_sha256
    assert claim["accepted"] == submission.queued_at // 1000
