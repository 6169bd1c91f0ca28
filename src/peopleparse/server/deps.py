"""Who asks: a stranger, somebody logged in, or a program with a token."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine
from starlette.requests import Request

from peopleparse.server import logins, tokens
from peopleparse.server.database import reading
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Account, Login, Team
from peopleparse.web.problems import Problem

API = "/api/"


@dataclass(frozen=True)
class Viewer:
    """Who asks.

    Attributes:
        account: None for a stranger.
        team: None for who is in none.
        scope: session (a browser that is logged in), read or submit (a token), None (a stranger).
        login: of the browser.
    """

    account: Account | None = None
    team: Team | None = None
    scope: str | None = None
    login: Login | None = None

    @property
    def is_admin(self) -> bool:
        """Whether it is an administrator in a browser: a token never is."""
        return self.scope == "session" and self.account is not None and self.account.is_admin

    @property
    def team_id(self) -> int | None:
        """The team, as submissions name it."""
        return self.team.id if self.team else None


STRANGER = Viewer()


def viewer_of(request: Request) -> Viewer:
    """Return who asks. It may be called often and reads once.

    A token counts below /api/ only, and goes before a cookie.

    Raises:
        Problem: 401 for a token that is not valid (any more).
    """
    found: Viewer | None = getattr(request.state, "viewer", None)
    if found is None:
        found = _read_viewer(request)
        request.state.viewer = found
    return found


def account_of(viewer: Viewer) -> Account:
    """Return the account of a viewer.

    Raises:
        Problem: 401 for a stranger.
    """
    if viewer.account is None:
        raise Problem(401, "login-needed", "viewer must be logged in, got a stranger. Log in.")
    return viewer.account


def admin_of(viewer: Viewer) -> Account:
    """Return the account of an administrator.

    Raises:
        Problem: 401 for a stranger, 403 for others.
    """
    account = account_of(viewer)
    if not viewer.is_admin:
        raise Problem(
            403, "administrator-needed",
            "viewer must be an administrator in a browser, got another. Ask one.",
        )  # fmt: skip
    return account


def submitter_of(viewer: Viewer) -> Account:
    """Return the account of who may change something: a browser, or a token of scope submit.

    Raises:
        Problem: 401 for a stranger, 403 for a token that may only read.
    """
    account = account_of(viewer)
    if viewer.scope == "read":
        raise Problem(
            403, "scope-too-small",
            "scope of the token must be submit, got read. Make a token that may submit.",
        )  # fmt: skip
    return account


def settings_of(request: Request) -> Settings:
    """Return the settings of the server."""
    settings: Settings = request.app.state.settings
    return settings


def engine_of(request: Request) -> Engine:
    """Return the database of the server."""
    engine: Engine = request.app.state.engine
    return engine


def address_of(request: Request) -> str:
    """Return the address that asks; behind a proxy, uvicorn puts the real one there."""
    return request.client.host if request.client else "-"


def _read_viewer(request: Request) -> Viewer:
    engine, settings = engine_of(request), settings_of(request)
    given = request.headers.get("authorization")
    if given is not None and request.url.path.startswith(API):
        account, token = tokens.find(engine, given)
        return Viewer(account, _team(engine, account), token.scope)
    secret = request.cookies.get(logins.cookie_name(settings))
    known = logins.find(engine, secret) if secret else None
    if known is None:
        return STRANGER
    account, login = known
    return Viewer(account, _team(engine, account), "session", login)


def _team(engine: Engine, account: Account) -> Team | None:
    if account.team_id is None:
        return None
    with reading(engine) as session:
        return session.get(Team, account.team_id)
