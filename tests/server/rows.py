"""Rows that most tests of the server need, made in one line."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy.orm import Session

from peopleparse.server.database import now
from peopleparse.server.settings import DAY_MS
from peopleparse.server.tables import Account, Benchmark, Phase, Submission, Team

_number = itertools.count(1)
LEASE_MS = 30_000


def add_team(session: Session, name: str = "") -> Team:
    name = name or f"Team {next(_number)}"
    return _add(session, Team(name=name, name_key=name.casefold(), created_at=now(session)))


def add_account(session: Session, team: Team | None = None, **values: Any) -> Account:
    """Add an approved account, in a team of its own where none is given."""
    number = next(_number)
    given: dict[str, Any] = {
        "email": f"person{number}@example.org",
        "name": f"Person {number}",
        "password": "",
        "is_approved": True,
        "team_id": (team or add_team(session)).id,
        "created_at": now(session),
    }
    return _add(session, Account(**given | values))


def add_phase(session: Session, **values: Any) -> Phase:
    """Add an open phase with a wide quota, of a benchmark of its own."""
    number = next(_number)
    at = now(session)
    benchmark = values.pop("benchmark", None) or _add(
        session,
        Benchmark(
            slug=f"benchmark-{number}",
            folder=values.pop("folder", "benchmark"),
            manifest_sha256="0" * 64,
            read_at=at,
        ),
    )
    given: dict[str, Any] = {
        "benchmark_id": benchmark.id,
        "slug": f"phase-{number}",
        "opens_at": at - DAY_MS,
        "closes_at": at + DAY_MS,
        "attempts_a_day": 20,
        "scores_a_day": 20,
        "scores_in_all": 100,
        "ladder_step": 0.002,
    }
    return _add(session, Phase(**given | values))


def add_submission(
    session: Session, phase: Phase, account: Account, state: str = "queued", **values: Any
) -> Submission:
    """Add a submission in any state, with the columns that the state asks for."""
    number = next(_number)
    at = now(session)
    given: dict[str, Any] = {
        "key": f"key-{number:018d}",
        "phase_id": phase.id,
        "team_id": account.team_id,
        "account_id": account.id,
        "method": f"Method {number}",
        "anonymous_name": f"anonymous-{number}",
        "state": state,
        "created_at": at,
        "queued_at": None if state == "receiving" else at,
        "blob_sha256": None if state == "receiving" else f"{number:064x}",
    }
    if state in ("receiving", "running"):
        given["lease_until"] = at + LEASE_MS
    if state == "running":
        given |= {"worker": "worker", "attempt": 1, "started_at": at}
    if state == "scored":
        given |= {"public_score": 0.5, "private_score": 0.5, "shown_score": 0.5}
        given |= {"public_scores": {"miou": 0.5}, "private_scores": {"miou": 0.5}}
    if state in ("scored", "rejected", "failed", "withdrawn"):
        given["finished_at"] = at
    return _add(session, Submission(**given | values))


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row
