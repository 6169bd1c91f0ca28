"""The life of a submission: which state may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RECEIVING = "receiving"  # bytes come in; the attempt is taken
QUEUED = "queued"  # whole, waiting for a worker
RUNNING = "running"  # a worker has it, for as long as its lease
SCORED = "scored"
REJECTED = "rejected"  # the archive is not as the rules ask
FAILED = "failed"  # our fault; the attempt is given back
WITHDRAWN = "withdrawn"  # by its owner, or an upload that broke off

FOLLOWERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        RECEIVING: frozenset({QUEUED, REJECTED, FAILED, WITHDRAWN}),
        QUEUED: frozenset({RUNNING, FAILED, WITHDRAWN}),
        # Back to the queue when its worker died.
        RUNNING: frozenset({QUEUED, SCORED, REJECTED, FAILED}),
        SCORED: frozenset(),
        REJECTED: frozenset(),
        FAILED: frozenset({QUEUED}),  # an administrator lets it try again
        WITHDRAWN: frozenset(),
    }
)
STATES = tuple(FOLLOWERS)
# What counts against the rolling window of attempts, and against those of scores.
COSTS_ATTEMPT = (RECEIVING, QUEUED, RUNNING, SCORED, REJECTED)
COSTS_SCORE = (RECEIVING, QUEUED, RUNNING, SCORED)


def may_follow(state: str, following: str) -> bool:
    """Return whether a submission may go from one state to another."""
    return following in FOLLOWERS[state]
