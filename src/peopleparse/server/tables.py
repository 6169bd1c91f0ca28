"""The tables. Times are UTC milliseconds since 1970; secrets are kept as their SHA-256 alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from peopleparse.server.states import STATES

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
VISIBILITIES = ("public", "anonymous", "hidden")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}


class Team(Base):
    """Who takes part: one or more accounts; an account is in one team."""

    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(80), unique=True)  # folded: no look-alike twins
    invite_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)


class Account(Base):
    """A person."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(80))
    password: Mapped[str] = mapped_column(String(255))  # scrypt$n$r$p$salt$hash
    is_admin: Mapped[bool] = mapped_column(Boolean, default=False)
    is_approved: Mapped[bool] = mapped_column(Boolean, default=False)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"), index=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    disabled_at: Mapped[int | None] = mapped_column(BigInteger)


class Login(Base):
    """One browser that is logged in."""

    __tablename__ = "login"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)


class Token(Base):
    """One key for programs."""

    __tablename__ = "token"
    __table_args__ = (CheckConstraint(_one_of("scope", ("read", "submit")), name="scope"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(8), index=True)
    secret_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
    used_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)


class Benchmark(Base):
    """A benchmark folder that was read; the folder holds the rules, this row its identity."""

    __tablename__ = "benchmark"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    folder: Mapped[str] = mapped_column(Text)
    manifest_sha256: Mapped[str] = mapped_column(String(64))
    read_at: Mapped[int] = mapped_column(BigInteger)


class Phase(Base):
    """A time in which archives are taken, with its rules as they were read."""

    __tablename__ = "phase"
    __table_args__ = (
        UniqueConstraint("benchmark_id", "slug"),
        CheckConstraint("opens_at < closes_at", name="dates"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    benchmark_id: Mapped[int] = mapped_column(ForeignKey("benchmark.id"))
    slug: Mapped[str] = mapped_column(String(40))
    opens_at: Mapped[int] = mapped_column(BigInteger)
    closes_at: Mapped[int] = mapped_column(BigInteger)
    attempts_a_day: Mapped[int] = mapped_column(Integer)
    scores_a_day: Mapped[int] = mapped_column(Integer)
    scores_in_all: Mapped[int] = mapped_column(Integer)
    ladder_step: Mapped[float] = mapped_column(Float)  # a fraction, as scores are


class Quota(Base):
    """A lock for one team in one phase: whoever counts its submissions holds this row."""

    __tablename__ = "quota"
    phase_id: Mapped[int] = mapped_column(ForeignKey("phase.id"), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    taken: Mapped[int] = mapped_column(Integer, default=0)  # grows by one with each lock


class Submission(Base):
    """An uploaded archive, its job and its scores."""

    __tablename__ = "submission"
    __table_args__ = (
        CheckConstraint(_one_of("state", STATES), name="state"),
        CheckConstraint(_one_of("visibility", VISIBILITIES), name="visibility"),
        CheckConstraint("attempt >= 0 AND attempt <= 100", name="attempt"),
        CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name="running_has_a_worker"),
        CheckConstraint(
            "(state IN ('receiving', 'running')) = (lease_until IS NOT NULL)", name="lease"
        ),
        CheckConstraint(
            "(state = 'scored') = (public_score IS NOT NULL AND private_score IS NOT NULL)",
            name="scored_has_scores",
        ),
        # NaN is not BETWEEN anything in SQLite, but greatest of all in PostgreSQL: both refuse it.
        CheckConstraint("public_score BETWEEN 0 AND 1", name="public_score"),
        CheckConstraint("private_score BETWEEN 0 AND 1", name="private_score"),
        CheckConstraint("shown_score BETWEEN 0 AND 1", name="shown_score"),
        UniqueConstraint("team_id", "idempotency_key"),
        Index("ix_submission_jobs", "state", "lease_until"),
        Index("ix_submission_of_team", "phase_id", "team_id", "created_at"),
        Index("ix_submission_blob", "blob_sha256"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(22), unique=True)  # in addresses; cannot be guessed
    phase_id: Mapped[int] = mapped_column(ForeignKey("phase.id"))
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    idempotency_key: Mapped[str | None] = mapped_column(String(80))
    method: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(String(500), default="")
    visibility: Mapped[str] = mapped_column(String(12), default="public")
    anonymous_name: Mapped[str] = mapped_column(String(40))

    state: Mapped[str] = mapped_column(String(12))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    worker: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)
    queued_at: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[int | None] = mapped_column(BigInteger)
    finished_at: Mapped[int | None] = mapped_column(BigInteger)

    blob_sha256: Mapped[str | None] = mapped_column(String(64))
    blob_bytes: Mapped[int | None] = mapped_column(BigInteger)
    faults: Mapped[list[Any]] = mapped_column(default=list)  # {code, file, expected, found}
    message: Mapped[str] = mapped_column(Text, default="")  # a sentence for its owner

    public_score: Mapped[float | None] = mapped_column(Float)
    private_score: Mapped[float | None] = mapped_column(Float)  # secret until the phase ends
    public_scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    private_scores: Mapped[dict[str, Any]] = mapped_column(default=dict)
    shown_score: Mapped[float | None] = mapped_column(Float)  # the Ladder's answer
    is_new_best: Mapped[bool] = mapped_column(Boolean, default=False)
    scorer: Mapped[str | None] = mapped_column(String(80))
    signature: Mapped[str | None] = mapped_column(Text)


class Event(Base):
    """What happened, in order; rows are only added."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, index=True)
    kind: Mapped[str] = mapped_column(String(40))
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Letter(Base):
    """An e-mail to be sent; written in the transaction that gives reason for it."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[int] = mapped_column(BigInteger)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    error: Mapped[str] = mapped_column(Text, default="")


class Hit(Base):
    """How often a caller did something in one window of time, for rate limits."""

    __tablename__ = "hit"
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
