"""What may be wrong with a server, found before somebody suffers from it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from peopleparse.errors import PeopleparseError
from peopleparse.server import blobs, migrate, signing
from peopleparse.server.benchmark_folder import SETTINGS, read_benchmark
from peopleparse.server.database import now, reading
from peopleparse.server.settings import DAY_MS, Settings
from peopleparse.server.states import QUEUED, RECEIVING, RUNNING
from peopleparse.server.tables import Account, Letter, Submission

SAMPLE = 20
_STATIC = Path(__file__).parent / "static"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        level: ok, warning or error.
    """

    check: str
    level: str
    text: str


def examine(settings: Settings, engine: Engine, *, everything: bool = False) -> list[Finding]:
    """Return what every check found.

    Args:
        everything: read all archives, not the newest 20.
    """
    checks: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
        "database": lambda: _check_database(engine),
        "schema": lambda: _check_schema(engine),
        "submissions": lambda: _check_submissions(engine, settings),
        "archives": lambda: _check_archives(engine, settings, everything),
        "letters": lambda: _check_letters(engine),
        "administrator": lambda: _check_admin(engine),
        "keys": lambda: _check_keys(settings),
        "modes": lambda: _check_modes(settings),
        "disk": lambda: _check_disk(settings),
        "truth": lambda: _check_truth(settings),
    }
    findings = []
    for name, check in checks.items():
        try:
            found = [Finding(name, level, text) for level, text in check()]
        except SQLAlchemyError as error:
            found = [Finding(name, "error", f"database gave {type(error).__name__}")]
        except (PeopleparseError, OSError) as error:
            found = [Finding(name, "error", str(error))]
        findings += found or [Finding(name, "ok", "")]
    return findings


def _check_database(engine: Engine) -> Iterator[tuple[str, str]]:
    with reading(engine) as session:
        now(session)
    yield "ok", engine.dialect.name


def _check_schema(engine: Engine) -> Iterator[tuple[str, str]]:
    migrate.check_current(engine)
    yield "ok", "current"


def _check_submissions(engine: Engine, settings: Settings) -> Iterator[tuple[str, str]]:
    with reading(engine) as session:
        time = now(session)
        leased = Submission.state.in_((RECEIVING, RUNNING))
        # Two leases: the sweep had its turn and did not come.
        stuck = session.scalars(
            select(Submission.id).where(
                leased, Submission.lease_until < time - 2 * settings.lease_ms
            )
        ).all()
        waiting = session.scalars(
            select(Submission.id).where(
                Submission.state == QUEUED, Submission.queued_at < time - DAY_MS // 24
            )
        ).all()
    if stuck:
        yield "error", f"{len(stuck)} without a lease that nobody took back; is a worker running?"
    if waiting:
        yield "warning", f"{len(waiting)} queued for more than an hour; are there enough workers?"


def _check_archives(engine: Engine, settings: Settings, everything: bool) -> Iterator[
    tuple[str, str]
]:  # fmt: skip
    with reading(engine) as session:
        named = select(Submission.blob_sha256).where(Submission.blob_sha256.is_not(None))
        hashes = list(dict.fromkeys(session.scalars(named.order_by(Submission.id.desc()))))
    chosen = [sha256 for sha256 in hashes if sha256][: None if everything else SAMPLE]
    bad = 0
    for sha256 in chosen:
        fault = _fault_of(blobs.blob_path(settings, sha256), sha256)
        if fault:
            bad += 1
            yield "error", f"{fault}: {sha256}"
    if not bad:
        yield "ok", f"{len(chosen)} of {len(hashes)} read, hashes right"


def _fault_of(path: Path, sha256: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if digest.hexdigest() == sha256 else "has another hash"


def _check_letters(engine: Engine) -> Iterator[tuple[str, str]]:
    with reading(engine) as session:
        tried = select(func.count()).select_from(Letter).where(Letter.sent_at.is_(None))
        count = session.scalar(tried.where(Letter.attempts > 2)) or 0
    if count:
        yield "warning", f"{count} letters could not be sent three times or more"


def count_admins(engine: Engine) -> int:
    """Return how many administrators there are that may log in."""
    with reading(engine) as session:
        admins = select(func.count()).select_from(Account).where(Account.is_admin)
        return session.scalar(admins.where(Account.disabled_at.is_(None))) or 0


def _check_admin(engine: Engine) -> Iterator[tuple[str, str]]:
    count = count_admins(engine)
    if count:
        yield "ok", f"{count}"
    else:
        yield "warning", "there is none: peopleparse admin make EMAIL"


def _check_keys(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "ok", f"results are signed by {signing.public_text(signing.load_key(settings.keys))}"


def _check_modes(settings: Settings) -> Iterator[tuple[str, str]]:
    for path in (settings.home, settings.keys, settings.mail, settings.blobs):
        if path.exists() and _is_open(path):
            yield "warning", f"others on this machine may read {path}: chmod 700"
    for path in sorted(settings.keys.glob("*")) if settings.keys.exists() else ():
        if _is_open(path):
            yield "error", f"others on this machine may read {path}: chmod 600"


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _check_disk(settings: Settings) -> Iterator[tuple[str, str]]:
    free = shutil.disk_usage(settings.home).free
    fits = free // settings.upload_cap
    level = "error" if fits < 1 else "warning" if fits < 10 else "ok"
    yield level, f"{free >> 20} MiB free, room for {fits} archives of the greatest size"


def _check_truth(settings: Settings) -> Iterator[tuple[str, str]]:
    """Names of files are counted and not shown."""
    served = [settings.home.resolve(), _STATIC.resolve()]
    for folder in settings.benchmarks:
        benchmark = read_benchmark(folder)
        truth = benchmark.truth
        if not os.access(truth, os.R_OK | os.X_OK if truth.is_dir() else os.R_OK):
            yield "error", f"truth must be readable by this user, got none, at {truth}"
            continue
        if any(truth == place or place in truth.parents for place in served):
            yield "error", f"truth must be outside the home and every served folder, at {truth}"
        if truth.stat().st_mode & stat.S_IRWXO:
            yield "warning", f"everybody on this machine may read {truth}: chmod o-rwx"
        secret = folder / SETTINGS  # names the seed of the split
        if secret.stat().st_mode & stat.S_IRWXO:
            yield "warning", f"everybody on this machine may read {secret}: chmod o-rwx"
        files = [path for path in truth.rglob("*") if path.is_file()] if truth.is_dir() else []
        unreadable = sum(not os.access(path, os.R_OK) for path in files)
        if unreadable:
            yield "error", f"{unreadable} files of the truth cannot be read, at {truth}"
        yield "ok", f"{benchmark.slug}: readable"
