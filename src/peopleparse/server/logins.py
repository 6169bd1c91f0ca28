"""Browsers that are logged in: the cookie holds a secret, the table its hash."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import Engine, delete, select, update
from starlette.responses import Response

from peopleparse.server import passwords
from peopleparse.server.database import now, reading, transaction
from peopleparse.server.names import typed_email
from peopleparse.server.settings import DAY_MS, Settings
from peopleparse.server.tables import Account, Login
from peopleparse.web.problems import Problem

IDLE_MS = 2 * DAY_MS  # unused for so long, a login ends
_TOUCH_MS = 60_000  # a page is no reason to write more often


def cookie_name(settings: Settings) -> str:
    """Return the name of the cookie; browsers refuse the prefix __Host- from other sites."""
    return "__Host-peopleparse" if settings.secure_cookies else "peopleparse"


def log_in(
    engine: Engine, settings: Settings, email: str, password: str, old_secret: str | None = None
) -> tuple[Account, str]:
    """Return the account and the secret of a new login; the browser's old one ends.

    Args:
        email, password: as they were typed.
        old_secret: cookie that came with the form.

    Raises:
        Problem: 401, the same for every reason and after the same work.
    """
    with reading(engine) as session:
        account = session.scalar(select(Account).where(Account.email == typed_email(email)))
    good = passwords.is_password(password, account.password if account else None)
    if account is None or not good or account.disabled_at is not None:
        raise Problem(
            401, "wrong-login",
            "e-mail and password must be those of an account, got others. "
            "Try again, or ask an administrator for a new password.",
        )  # fmt: skip
    secret = secrets.token_urlsafe(32)
    with transaction(engine) as session:
        at = now(session)
        gone = (Login.expires_at <= at) | (Login.secret_sha256 == hash_secret(old_secret or ""))
        session.execute(delete(Login).where(Login.account_id == account.id, gone))
        session.add(
            Login(
                account_id=account.id,
                secret_sha256=hash_secret(secret),
                created_at=at,
                used_at=at,
                expires_at=at + settings.session_ms,
            )  # fmt: skip
        )
    return account, secret


def find(engine: Engine, secret: str) -> tuple[Account, Login] | None:
    """Return who is logged in with a cookie, and notes that it was used."""
    with reading(engine) as session:
        login = session.scalar(select(Login).where(Login.secret_sha256 == hash_secret(secret)))
        if login is None:
            return None
        account, at = session.get(Account, login.account_id), now(session)
    ended = login.expires_at <= at or login.used_at + IDLE_MS <= at
    if account is None or account.disabled_at is not None or ended:
        return None
    if login.used_at + _TOUCH_MS <= at:
        with transaction(engine) as session:
            session.execute(update(Login).where(Login.id == login.id).values(used_at=at))
    return account, login


def log_out(engine: Engine, login: Login) -> None:
    """End one login."""
    with transaction(engine) as session:
        session.execute(delete(Login).where(Login.id == login.id))


def log_out_everywhere(engine: Engine, account_id: int) -> int:
    """End all logins of an account; return how many there were."""
    with transaction(engine) as session:
        ended = session.execute(delete(Login).where(Login.account_id == account_id))
        return int(getattr(ended, "rowcount", 0))


def set_cookie(response: Response, settings: Settings, secret: str) -> None:
    """Give the cookie of a login to a browser."""
    response.set_cookie(
        cookie_name(settings), secret, max_age=settings.session_ms // 1000, path="/",
        httponly=True, samesite="lax", secure=settings.secure_cookies,
    )  # fmt: skip


def clear_cookie(response: Response, settings: Settings) -> None:
    """Take the cookie of a login from a browser."""
    response.delete_cookie(
        cookie_name(settings), path="/", httponly=True, samesite="lax",
        secure=settings.secure_cookies,
    )  # fmt: skip


def local_path(address: str | None, otherwise: str = "/") -> str:
    """Return where to go after a login: a path of this server, never another site."""
    path = address or ""
    good = path.startswith("/") and not path.startswith(("//", "/\\"))
    # Browsers drop tabs and line ends from addresses before they read them.
    return path if good and path.isprintable() and "\\" not in path else otherwise


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
