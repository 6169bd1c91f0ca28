"""Keys for programs: shown once, stored as their hash."""

from __future__ import annotations

import hmac
import re
import secrets

from sqlalchemy import Engine, func, select, update

from peopleparse.server import events
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.logins import hash_secret
from peopleparse.server.names import clean_name
from peopleparse.server.settings import DAY_MS
from peopleparse.server.tables import Account, Token
from peopleparse.web.problems import Problem, not_found

SCOPES = ("read", "submit")
MOST_DAYS, MOST_TOKENS = 366, 20
_MARK = "pp_"  # tools that look for lost secrets know keys by their beginning
_PREFIX = 8
_FORM = re.compile(r"bearer pp_([A-Za-z0-9_-]{43})", re.IGNORECASE)
_TOUCH_MS = 60_000


def make(
    engine: Engine, account: Account, name: str, scope: str = "submit", days: int = 90
) -> tuple[Token, str]:
    """Return a new token and its text, which cannot be shown again.

    Args:
        scope: read or submit.
        days: until it ends.

    Raises:
        Problem: 422 for another scope, number of days or name; 409 for too many tokens.
    """
    name = clean_name(name, "name of a token")
    if scope not in SCOPES:
        raise Problem(422, "scope", f"scope must be read or submit, got '{scope[:20]}'.")
    if not 1 <= days <= MOST_DAYS:
        raise Problem(422, "days", f"days must be 1 to {MOST_DAYS}, got {days}.")
    secret = secrets.token_urlsafe(32)
    with transaction(engine) as session:
        at = now(session)
        alive = (Token.revoked_at.is_(None)) & (Token.expires_at > at)
        count = select(func.count()).where(Token.account_id == account.id, alive)
        if (session.scalar(count) or 0) >= MOST_TOKENS:
            raise Problem(
                409, "too-many-tokens",
                f"tokens must be at most {MOST_TOKENS}, got one more. Revoke one.",
            )  # fmt: skip
        token = Token(
            account_id=account.id, name=name, prefix=secret[:_PREFIX],
            secret_sha256=hash_secret(secret), scope=scope, created_at=at,
            expires_at=at + days * DAY_MS,
        )  # fmt: skip
        session.add(token)
        events.record(session, "token-made", account_id=account.id, scope=scope, days=days)
    return token, _MARK + secret


def find(engine: Engine, authorization: str) -> tuple[Account, Token]:
    """Return whose token the header `Authorization` names, and notes that it was used.

    Raises:
        Problem: 401, the same for unknown, revoked and ended tokens.
    """
    form = _FORM.fullmatch(authorization.strip())
    if form is None:
        raise _refused()
    secret = form.group(1)
    wanted = hash_secret(secret)
    with reading(engine) as session:
        tokens = session.scalars(select(Token).where(Token.prefix == secret[:_PREFIX])).all()
        found = [one for one in tokens if hmac.compare_digest(one.secret_sha256, wanted)]
        account = session.get(Account, found[0].account_id) if found else None
        at = now(session)
    if account is None or account.disabled_at is not None:
        raise _refused()
    token = found[0]
    if token.revoked_at is not None or token.expires_at <= at:
        raise _refused()
    if token.used_at is None or token.used_at + _TOUCH_MS <= at:
        with transaction(engine) as session:
            session.execute(update(Token).where(Token.id == token.id).values(used_at=at))
    return account, token


def tokens_of(engine: Engine, account: Account) -> list[Token]:
    """Return the tokens of an account, newest first, revoked and ended ones too."""
    with reading(engine) as session:
        chosen = select(Token).where(Token.account_id == account.id).order_by(Token.id.desc())
        return list(session.scalars(chosen))


def revoke(engine: Engine, account: Account, token_id: int) -> None:
    """End a token of an account; twice is as good as once.

    Raises:
        Problem: 404 where the account has no such token.
    """
    with transaction(engine) as session:
        token = session.scalar(
            select(Token).where(Token.id == token_id, Token.account_id == account.id)
        )
        if token is None:
            raise not_found()
        alive = (Token.id == token.id) & Token.revoked_at.is_(None)
        session.execute(update(Token).where(alive).values(revoked_at=now(session)))
        events.record(session, "token-revoked", account_id=account.id)


def _refused() -> Problem:
    return Problem(
        401, "token-refused",
        "token must be a valid one as 'Authorization: Bearer pp_...', got another. "
        "Make a new one on the page of your account.",
    )  # fmt: skip
