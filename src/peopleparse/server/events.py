"""What happened, in order: rows are only added."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from peopleparse.server.database import now
from peopleparse.server.tables import Event

_LONGEST = 300


def record(
    session: Session,
    kind: str,
    *,
    submission_id: int | None = None,
    account_id: int | None = None,
    **detail: Any,
) -> Event:
    """Add a line to the log, in the transaction of what it tells.

    Args:
        kind: a word, such as the state that a submission takes.
        detail: what JSON can hold; never a secret, never a score of the private part.
    """
    event = Event(
        at=now(session),
        kind=kind,
        submission_id=submission_id,
        account_id=account_id,
        detail=clean(detail),
    )
    session.add(event)
    return event


def clean(value: Any, longest: int = _LONGEST) -> Any:
    """Return text, or what JSON can hold, as both engines can keep it and a page can show it.

    File names come from strangers: NUL ends a text in PostgreSQL, half a surrogate pair cannot be
    sent, and a name may have 60,000 characters.
    """
    if isinstance(value, str):
        text = value if len(value) <= longest else f"{value[: longest - 1]}…"
        return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    if isinstance(value, dict):
        return {clean(str(key), longest): clean(item, longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item, longest) for item in value]
    return value
