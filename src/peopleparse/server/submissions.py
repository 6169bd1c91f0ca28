"""What an owner, an upload and an administrator do with a submission.

Each is one transaction of its caller. Who may ask is checked where the question comes in.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from peopleparse.errors import suggest
from peopleparse.server.database import now
from peopleparse.server.events import clean, record
from peopleparse.server.outcome import MOST_FAULTS, Fault
from peopleparse.server.queue import move, read_submission
from peopleparse.server.quota import Allowance, lock_team, read_allowance
from peopleparse.server.states import (
    FAILED,
    QUEUED,
    RECEIVING,
    REJECTED,
    RUNNING,
    SCORED,
    WITHDRAWN,
)
from peopleparse.server.tables import VISIBILITIES, Account, Phase, Submission
from peopleparse.web.problems import Problem

LONGEST = {"method": 80, "description": 4000, "link": 500, "idempotency_key": 80}


def begin(
    session: Session,
    phase: Phase,
    account: Account,
    *,
    method: str,
    description: str = "",
    link: str = "",
    visibility: str = "public",
    idempotency_key: str | None = None,
    lease_ms: int,
) -> Submission:
    """Take an attempt for an upload that is to follow.

    Asked again with the same idempotency key it gives the same submission. Only where that one is
    still `receiving` bytes are to be sent.

    Raises:
        Problem: 403 for an account that may not take part or a phase that is not open, 409 for a
            key that another phase has, 422 for words, 429 with `retry_after` for a quota.
    """
    team_id = _check_account(account)
    method = method.strip()
    _check_words(
        method=method, description=description, link=link, idempotency_key=idempotency_key or ""
    )
    _check_visibility(visibility)
    lock_team(session, phase.id, team_id)
    at = now(session)
    earlier = _find_repeated(session, phase, team_id, idempotency_key)
    if earlier is not None:
        if earlier.state == RECEIVING:
            renew_upload(session, earlier.id, lease_ms)
        return read_submission(session, earlier.id)
    _check_open(phase, at)
    _check_allowance(read_allowance(session, phase, team_id))
    submission = Submission(
        key=secrets.token_urlsafe(16),
        phase_id=phase.id,
        team_id=team_id,
        account_id=account.id,
        idempotency_key=idempotency_key or None,
        method=method,
        description=description,
        link=link,
        visibility=visibility,
        anonymous_name=f"anonymous-{secrets.token_hex(4)}",
        state=RECEIVING,
        lease_until=at + lease_ms,
        created_at=at,
    )
    session.add(submission)
    session.flush()
    record(session, RECEIVING, submission_id=submission.id, account_id=account.id)
    return submission


def renew_upload(session: Session, submission_id: int, lease_ms: int) -> bool:
    """Keep an upload alive while bytes come; False where it has ended and must stop."""
    done = session.execute(
        update(Submission)
        .where(Submission.id == submission_id, Submission.state == RECEIVING)
        .values(lease_until=now(session) + lease_ms)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", done).rowcount == 1


def accept(session: Session, submission_id: int, sha256: str, size: int) -> tuple[Submission, bool]:
    """Queue an upload that is whole and kept.

    Returns:
        The submission and False; or, where the team sent these very bytes before in this phase,
        that earlier submission and True: the new one is withdrawn and costs nothing.

    Raises:
        Problem: 409, the submission was not waiting for these bytes.
    """
    submission = read_submission(session, submission_id)
    lock_team(session, submission.phase_id, submission.team_id)
    submission = read_submission(session, submission_id)
    if submission.state != RECEIVING and submission.blob_sha256 == sha256:
        return submission, False  # a client that sent it twice under one key
    earlier = session.scalars(
        select(Submission)
        .where(
            Submission.phase_id == submission.phase_id,
            Submission.team_id == submission.team_id,
            Submission.blob_sha256 == sha256,
            Submission.id != submission_id,
            Submission.state.in_((QUEUED, RUNNING, SCORED, REJECTED)),
        )
        .order_by(Submission.id)
        .limit(1)
    ).first()
    blob: dict[str, Any] = {"blob_sha256": sha256, "blob_bytes": size}
    if earlier is None:
        done = move(session, submission_id, [RECEIVING], QUEUED, queued_at=now(session), **blob)
    else:
        message = f"The same archive as submission {earlier.key}, whose result stands."
        done = move(session, submission_id, [RECEIVING], WITHDRAWN, message=message, **blob)
    if not done:
        submission = read_submission(session, submission_id)
        raise _wrong_state(submission, "waiting for its bytes", "Submit the archive again.")
    return (read_submission(session, submission_id), False) if earlier is None else (earlier, True)


def abort(session: Session, submission_id: int, message: str) -> bool:
    """End an upload that broke off: it costs nothing, and its key may be used again."""
    return move(
        session, submission_id, [RECEIVING], WITHDRAWN,
        message=clean(message), idempotency_key=None,
    )  # fmt: skip


def reject(session: Session, submission_id: int, faults: Sequence[Fault]) -> bool:
    """End an upload that cannot be an archive of this benchmark: it costs an attempt."""
    listed = clean([asdict(fault) for fault in faults[:MOST_FAULTS]])
    return move(session, submission_id, [RECEIVING], REJECTED, faults=listed)


def fail(session: Session, submission_id: int, message: str) -> bool:
    """End a submission that no worker has, by our fault: it costs nothing."""
    return move(session, submission_id, [RECEIVING, QUEUED], FAILED, message=clean(message))


def withdraw(session: Session, submission_id: int, account_id: int | None = None) -> Submission:
    """Take a submission back before a worker has it: it costs nothing.

    Raises:
        Problem: 409, a worker has it or it has ended.
    """
    message = "Withdrawn by its owner."
    if not move(
        session, submission_id, [RECEIVING, QUEUED], WITHDRAWN,
        account_id=account_id, message=message,
    ):  # fmt: skip
        submission = read_submission(session, submission_id)
        raise _wrong_state(submission, "receiving or queued", "It cannot be withdrawn any more.")
    return read_submission(session, submission_id)


def retry(session: Session, submission_id: int, account_id: int | None = None) -> Submission:
    """Queue a failed submission again, with all its attempts; it is counted again.

    Raises:
        Problem: 409, it has not failed or its archive never came.
    """
    submission = read_submission(session, submission_id)
    lock_team(session, submission.phase_id, submission.team_id)
    # Attempts begin anew: a worker's name is its own for life, so the fence still holds.
    if not move(
        session, submission_id, [FAILED], QUEUED, Submission.blob_sha256.is_not(None),
        account_id=account_id, attempt=0, message="", faults=[], queued_at=now(session),
    ):  # fmt: skip
        raise _wrong_state(submission, "failed, with its archive", "Nothing is to be tried again.")
    return read_submission(session, submission_id)


def set_visibility(
    session: Session, submission_id: int, visibility: str, account_id: int | None = None
) -> Submission:
    """Say who sees the entry: `public`, `anonymous` or `hidden`.

    Raises:
        Problem: 422, it is none of these.
    """
    _check_visibility(visibility)
    submission = read_submission(session, submission_id)
    submission.visibility = visibility
    session.flush()
    record(
        session, "visibility",
        submission_id=submission_id, account_id=account_id, visibility=visibility,
    )  # fmt: skip
    return submission


def _check_account(account: Account) -> int:
    if account.disabled_at is not None or not (account.is_approved or account.is_admin):
        raise Problem(
            403, "not-approved",
            "account must be approved to submit, got one that is not. Ask the organisers.",
        )  # fmt: skip
    if account.team_id is None:
        raise Problem(
            403, "no-team", "account must be in a team to submit, got none. Make or join one first."
        )
    return account.team_id


def _check_words(**words: str) -> None:
    for name, text in words.items():
        if len(text) > LONGEST[name]:
            raise _wrong_word(name, f"at most {LONGEST[name]} characters", str(len(text)))
        # Marks that change the direction of text, NUL, and halves of characters.
        allowed = "\r\n\t" if name == "description" else ""
        hidden = [c for c in text if unicodedata.category(c)[0] == "C" and c not in allowed]
        if hidden:
            raise _wrong_word(name, "text that can be seen", f"U+{ord(hidden[0]):04X}")
    if not words["method"]:
        raise _wrong_word("method", "a name", "none")
    if words["link"] and not words["link"].startswith(("https://", "http://")):
        raise _wrong_word("link", "an https:// or http:// address", f"'{words['link']}'")


def _wrong_word(name: str, expected: str, got: str) -> Problem:
    detail = f"{name} must be {expected}, got {got}. Change it and submit again."
    return Problem(422, "wrong-word", detail, field=name)


def _check_visibility(visibility: str) -> None:
    if visibility not in VISIBILITIES:
        raise Problem(
            422, "wrong-word",
            f"visibility must be one of its choices, got '{clean(visibility)}'."
            f"{suggest(visibility, VISIBILITIES)}",
            field="visibility",
        )  # fmt: skip


def _check_open(phase: Phase, at: int) -> None:
    if phase.opens_at <= at < phase.closes_at:
        return
    opens, closes = _date(phase.opens_at), _date(phase.closes_at)
    raise Problem(
        403, "phase-not-open",
        f"phase must be open, got {_date(at)}. It takes archives from {opens} to {closes}.",
        opens_at=opens, closes_at=closes,
    )  # fmt: skip


def _check_allowance(allowance: Allowance) -> None:
    if allowance.is_open:
        return
    got = (
        f"attempts of 24 hours must be at most {allowance.attempts_a_day}, scores of 24 hours at "
        f"most {allowance.scores_a_day} and all scores at most {allowance.scores_in_all}, got "
        f"{allowance.attempts}, {allowance.scores} and {allowance.scores_ever} already."
    )
    wait = allowance.retry_after
    way_out = "This phase takes no more." if wait is None else f"Try again in {wait} seconds."
    raise Problem(429, "quota-reached", f"{got} {way_out}", retry_after=wait)


def _find_repeated(
    session: Session, phase: Phase, team_id: int, idempotency_key: str | None
) -> Submission | None:
    if not idempotency_key:
        return None
    found = session.scalars(
        select(Submission).where(
            Submission.team_id == team_id, Submission.idempotency_key == idempotency_key
        )
    ).first()
    if found is not None and found.phase_id != phase.id:
        raise Problem(
            409, "key-used",
            "idempotency key must be new or of this phase, got one of another. Make a new one.",
        )  # fmt: skip
    return found


def _wrong_state(submission: Submission, expected: str, way_out: str) -> Problem:
    return Problem(
        409, "wrong-state",
        f"submission must be {expected}, got {submission.state}. {way_out}",
        state=submission.state,
    )  # fmt: skip


def _date(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
