"""The processes of the crash test, and what must hold when all is over."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import Any

import alembic
import sqlalchemy
from sqlalchemy import Engine, func, select

from benchmarks.harness import RESULTS, describe_machine
from peopleparse.server import blobs, submissions
from peopleparse.server.database import now, open_database, reading, transaction
from peopleparse.server.outcome import Outcome
from peopleparse.server.quota import read_allowance
from peopleparse.server.settings import DAY_MS, Settings
from peopleparse.server.states import COSTS_ATTEMPT, QUEUED, RECEIVING, RUNNING, SCORED
from peopleparse.server.tables import Account, Benchmark, Event, Letter, Phase, Submission, Team
from peopleparse.server.worker import run_worker
from peopleparse.web.problems import Problem

_MOST_WAITING = 40  # the server takes more only then: it is still busy when it is killed
_SLOW_SHARE, _SLOW_SECONDS, _QUICK_SECONDS = 0.01, 2.5, 0.04  # slow: longer than the lease


def archive_of(number: int) -> bytes:
    """Return the bytes of one submission."""
    return b"archive %d " % number * 200


def score_of(archive: bytes) -> float:
    """Return what the stand-in scores: a number that only these bytes have."""
    return int.from_bytes(hashlib.sha256(archive).digest()[:6], "big") / 2**48


def make_rows(engine: Engine) -> None:
    """Make a team, its account and a phase with room for all."""
    with transaction(engine) as session:
        at = now(session)
        session.add(Team(id=1, name="Team", name_key="team", created_at=at))
        session.add(Benchmark(id=1, slug="b", folder=".", manifest_sha256="0" * 64, read_at=at))
        session.flush()
        session.add(
            Account(
                id=1, email="a@example.org", name="A", password="", is_approved=True, team_id=1,
                created_at=at,
            )
        )  # fmt: skip
        session.add(
            Phase(
                id=1, benchmark_id=1, slug="p", opens_at=at - DAY_MS, closes_at=at + DAY_MS,
                attempts_a_day=10**6, scores_a_day=10**6, scores_in_all=10**6, ladder_step=0.002,
            )
        )  # fmt: skip


def serve_web(settings: Settings, count: int) -> None:
    """Send all submissions; one that was killed begins at the first again, as clients would."""
    engine = open_database(settings.database_url)
    for number in range(count):
        while _count_waiting(engine) > _MOST_WAITING:
            time.sleep(0.05)
        while not _send(engine, settings, number):
            pass  # its lease ended: a client would try again


def _send(engine: Engine, settings: Settings, number: int) -> bool:
    with transaction(engine) as session:
        phase, account = session.get_one(Phase, 1), session.get_one(Account, 1)
        submission = submissions.begin(
            session, phase, account, method=f"Method {number}",
            idempotency_key=f"key {number}", lease_ms=settings.lease_ms,
        )  # fmt: skip
    if submission.state != RECEIVING:
        return True
    blob = asyncio.run(blobs.receive(_chunks(archive_of(number)), settings))
    try:
        with transaction(engine) as session:
            submissions.accept(session, submission.id, blob.sha256, blob.size)
    except Problem:
        return False
    return True


def serve_worker(settings: Settings) -> None:
    """Work until killed."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine = open_database(settings.database_url)
    run_worker(settings, engine, f"pid-{os.getpid()}", stop, score_in_child)


def score_in_child(
    archive: Path, _: Path, settings: Settings, tick: Callable[[], bool], __: list[Path]
) -> Outcome:
    """Score in a process of its own; some take longer than a lease, so that beats matter."""
    reader, writer = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        score = score_of(archive.read_bytes())
        is_slow = random.Random(score).random() < _SLOW_SHARE
        time.sleep(_SLOW_SECONDS if is_slow else _QUICK_SECONDS)
        writer.send(score)
        os._exit(0)
    writer.close()
    try:
        while not wait([reader], timeout=settings.lease_ms / 10_000):
            if not tick():
                os.kill(child, signal.SIGKILL)
                return Outcome("failed", message="dropped")
        score = reader.recv()
    finally:
        reader.close()
        os.waitpid(child, 0)
    return Outcome("scored", public_score=score, private_score=1 - score, scorer="stand-in")


def read_faults(engine: Engine, settings: Settings, count: int) -> dict[str, Any]:
    """Return what must be empty, and what the log counts."""
    with reading(engine) as session:
        rows = session.scalars(select(Submission)).all()
        ends = Counter(session.scalars(select(Event.submission_id).where(Event.kind == SCORED)))
        starts = session.scalar(select(func.count()).where(Event.kind == RUNNING)) or 0
        letters = session.scalar(select(func.count()).select_from(Letter)) or 0
        allowance = read_allowance(session, session.get_one(Phase, 1), 1)
        phase_ladder = _check_ladder(rows, ends, session)
    scored = {row.method: row for row in rows if row.state == SCORED}
    expected = {f"Method {number}": score_of(archive_of(number)) for number in range(count)}
    counted = sum(row.state in COSTS_ATTEMPT for row in rows)
    return {
        "lost": sorted(set(expected) - set(scored)),
        "scored_twice": [row.key for row in scored.values() if ends[row.id] != 1]
        + [row.key for row in rows if row.state == SCORED and scored[row.method] is not row],
        "stuck": [row.key for row in rows if row.state in (RECEIVING, QUEUED, RUNNING)],
        "wrong_score": [
            name for name, row in scored.items()
            if (row.public_score, row.private_score) != (expected[name], 1 - expected[name])
        ] + phase_ladder,
        "wrong_quota": [] if allowance.attempts == counted == count else [allowance.attempts],
        "letters": letters,
        "jobs_given_out": starts,
        "uploads_broken_off": sum(row.state == "withdrawn" for row in rows),
        "most_attempts": max((row.attempt for row in rows), default=0),
        "scores_sha256": _digest(scored),
    }  # fmt: skip


def _check_ladder(rows: Any, ends: Any, session: Any) -> list[str]:
    """Go up the Ladder again, in the order of the log."""
    from peopleparse.server.ladder import next_shown

    order = session.scalars(
        select(Event.submission_id).where(Event.kind == SCORED).order_by(Event.id)
    ).all()
    by_id, best, wrong = {row.id: row for row in rows}, None, []
    for submission_id in order:
        row = by_id[submission_id]
        shown = next_shown(best, row.public_score, 0.002)
        best = best if shown is None else shown
        if (row.shown_score, row.is_new_best) != (best, shown is not None):
            wrong.append(f"shown {row.key}")
    return wrong


def _digest(scored: dict[str, Submission]) -> str:
    """Return a hash of all scores: both engines must have the same."""
    scores = [[name, row.public_score, row.private_score] for name, row in sorted(scored.items())]
    return hashlib.sha256(json.dumps(scores).encode()).hexdigest()


def write_result(result: dict[str, Any], engine: Engine, out: Path | None) -> None:
    """Write the result with its machine and versions, and print it."""
    with reading(engine) as session:
        query = (
            "SELECT sqlite_version()" if engine.dialect.name == "sqlite" else "SHOW server_version"
        )
        version = session.scalar(sqlalchemy.text(query))
    versions = {
        "python": sys.version.split()[0],
        "sqlalchemy": sqlalchemy.__version__,
        "alembic": alembic.__version__,
        engine.dialect.name: version,
    }
    when = datetime.now(UTC).isoformat(timespec="seconds")
    whole = {"when": when, "machine": describe_machine(), "versions": versions, **result}
    text = json.dumps(whole, indent=1) + "\n"
    path = out or RESULTS / f"server_crash_{engine.dialect.name}.json"
    path.write_text(text, encoding="utf-8")
    print(text, end="")


def _count_waiting(engine: Engine) -> int:
    with reading(engine) as session:
        return int(session.scalar(select(func.count()).where(Submission.state == QUEUED)) or 0)


async def _chunks(archive: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(archive), 1000):
        yield archive[start : start + 1000]
