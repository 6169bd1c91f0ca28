"""Kill workers and the server while submissions come in and are scored: what is lost?

`python -m benchmarks.server_crash --database URL --submissions 1000 --kills 100`, where URL is
`sqlite` (a temporary file), `postgresql` (a temporary server of its own) or an address of an empty
database. Half of the killed workers come back only after their lease, some never do. Writes
results/server_crash_<engine>.json; ends with 1 where anything was lost, scored twice or stuck.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from benchmarks.server_crash_parts import (
    RESULTS,
    make_rows,
    read_faults,
    serve_web,
    serve_worker,
    write_result,
)
from peopleparse.server.database import open_database, reading
from peopleparse.server.migrate import upgrade
from peopleparse.server.settings import Settings
from peopleparse.server.states import SCORED
from peopleparse.server.tables import Submission

LEASE_MS = 1500
_WORKERS, _LEAST_WORKERS, _NEVER_BACK = 6, 2, 4
STALL_SECONDS = 60.0  # no submission was scored for so long: the rest is stuck


@dataclass
class Crash:
    """One run: its processes and what was done to them."""

    settings: Settings
    submissions: int
    kills: int
    generator: random.Random
    context: Any = field(default_factory=lambda: multiprocessing.get_context("forkserver"))
    web: BaseProcess | None = None
    workers: list[BaseProcess] = field(default_factory=list)
    back_at: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("workers", "at_work", "servers", "never_back"), 0)
    )


def run(
    settings: Settings,
    engine: Engine,
    submissions: int,
    kills: int,
    seed: int = 0,
    stall_seconds: float = STALL_SECONDS,
) -> dict[str, Any]:
    """Make the rows, run and kill; return what was found."""
    make_rows(engine)
    crash = Crash(settings, submissions, kills, random.Random(seed))
    crash.context.set_forkserver_preload(["benchmarks.server_crash_parts"])
    started = time.monotonic()
    try:
        _start_web(crash)
        for _ in range(_WORKERS):
            _start_worker(crash)
        scored = _go_on(crash, engine, stall_seconds)
    finally:
        for process in [*crash.workers, *filter(None, [crash.web])]:
            process.kill()
            process.join()
    faults = read_faults(engine, settings, submissions)
    return {
        "engine": engine.dialect.name,
        "submissions": submissions,
        "scored": scored,
        "killed_workers": crash.counts["workers"],
        "killed_at_work": crash.counts["at_work"],
        "killed_servers": crash.counts["servers"],
        "workers_never_back": crash.counts["never_back"],
        "lease_ms": settings.lease_ms,
        "seed": seed,
        "seconds": round(time.monotonic() - started, 1),
        **faults,
    }


def _go_on(crash: Crash, engine: Engine, stall_seconds: float) -> int:
    """Kill one process each time so many more are scored, until all are; return how many are."""
    done, last_at, killed = 0, time.monotonic(), 0
    while done < crash.submissions and time.monotonic() - last_at < stall_seconds:
        alive = [process.sentinel for process in [*crash.workers, *filter(None, [crash.web])]]
        wait(alive, timeout=0.05)
        before, done = done, _count_scored(engine)
        if done > before:
            last_at = time.monotonic()
        _tidy(crash)
        # The last fifth is left in peace, so that all kills fall where there is work.
        while killed < crash.kills and done >= (killed + 1) * 0.8 * crash.submissions / crash.kills:
            _kill_one(crash, engine, of_web=killed % 5 == 1)
            killed += 1
            if done < crash.submissions // 2:
                break  # one a turn: a process must live to be killed
        _bring_back(crash)
    return done


def _kill_one(crash: Crash, engine: Engine, *, of_web: bool) -> None:
    if of_web and crash.web is not None:
        crash.web.kill()
        crash.web.join()
        crash.counts["servers"] += 1
        _start_web(crash)
        return
    if not crash.workers:
        _start_worker(crash)
    # Four of five die with a job in their hands.
    busy = _read_busy(engine) if crash.generator.random() < 0.8 else set()
    choices = [worker for worker in crash.workers if worker.pid in busy] or crash.workers
    victim = crash.generator.choice(choices)
    crash.workers.remove(victim)
    victim.kill()
    victim.join()
    crash.counts["workers"] += 1
    crash.counts["at_work"] += victim.pid in _read_busy(engine)
    total = len(crash.workers) + len(crash.back_at)
    if crash.counts["never_back"] < _NEVER_BACK and total >= _LEAST_WORKERS:
        crash.counts["never_back"] += 1
        return
    late = crash.generator.choice([0.0, 1.5 * crash.settings.lease_ms / 1000])
    crash.back_at.append(time.monotonic() + late)


def _bring_back(crash: Crash) -> None:
    due = [at for at in crash.back_at if at <= time.monotonic()]
    crash.back_at = [at for at in crash.back_at if at not in due]
    for _ in due:
        _start_worker(crash)


def _tidy(crash: Crash) -> None:
    """Let go of a server that has sent all; a process that ended by itself with an error is one."""
    ended = [process for process in crash.workers if process.exitcode is not None]
    if crash.web is not None and crash.web.exitcode is not None:
        ended += [crash.web] if crash.web.exitcode else []
        crash.web = None
    if ended:
        raise RuntimeError(f"process must run until it is killed, got {ended[0].exitcode}.")


def _start_web(crash: Crash) -> None:
    crash.web = crash.context.Process(target=serve_web, args=(crash.settings, crash.submissions))
    crash.web.start()


def _start_worker(crash: Crash) -> None:
    worker = crash.context.Process(target=serve_worker, args=(crash.settings,))
    worker.start()
    crash.workers.append(worker)


def _count_scored(engine: Engine) -> int:
    with reading(engine) as session:
        scored = select(func.count()).where(Submission.state == SCORED)
        return int(session.scalar(scored) or 0)


def _read_busy(engine: Engine) -> set[int]:
    """Return the processes that hold a job."""
    with reading(engine) as session:
        names = session.scalars(select(Submission.worker).where(Submission.worker.is_not(None)))
        return {int(name.split("-")[1]) for name in names if name}


@contextmanager
def open_settings(database: str) -> Iterator[Settings]:
    """Give a home of its own, and the database that was asked for."""
    with tempfile.TemporaryDirectory(prefix="crash") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        settings = {"home": home, "lease_ms": LEASE_MS, "attempts": 20}
        if database != "postgresql":
            yield Settings(**settings, database="" if database == "sqlite" else database)
            return
        from tests.server.postgres import run_postgres

        with run_postgres(durable=True) as server:
            yield Settings(**settings, database=server.copy("crash", "template0"))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql or an address")
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help=f"file instead of {RESULTS.name}/")
    given = parser.parse_args(words)
    with open_settings(given.database) as settings:
        engine = open_database(settings.database_url)
        upgrade(engine)
        result = run(settings, engine, given.submissions, given.kills, given.seed)
        write_result(result, engine, given.out)
        engine.dispose()
    wrong = [name for name in ("lost", "scored_twice", "stuck", "wrong_score", "wrong_quota")
             if result[name]]  # fmt: skip
    for name in wrong:
        print(f"Error: {name}: {result[name]}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
