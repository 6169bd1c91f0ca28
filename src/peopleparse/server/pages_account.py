"""Pages of a person: register, log in and out, account, team, tokens."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from peopleparse.server import accounts, csrf, logins, passwords, tokens
from peopleparse.server.database import now, reading
from peopleparse.server.deps import (
    Viewer,
    account_of,
    address_of,
    engine_of,
    settings_of,
    viewer_of,
)
from peopleparse.server.limits import check_rate
from peopleparse.server.pages_common import render
from peopleparse.server.tables import Account
from peopleparse.web.problems import Problem

router = APIRouter(include_in_schema=False)
Word = Annotated[str, Form()]
_DONE = {
    "joined": "You have joined the team.",
    "password": "The password is changed. All other logins have ended and all tokens are revoked.",
    "revoked": "The token is revoked.",
}


@router.get("/register")
def show_register(request: Request) -> HTMLResponse:
    """Show the form that makes an account."""
    viewer_of(request)
    return _register_page(request)


@router.post("/register")
def register(
    request: Request, email: Word = "", name: Word = "", password: Word = "", form_token: Word = ""
) -> Response:
    """Make an account; the answer is the same where the address has one already."""
    viewer_of(request)
    csrf.check_form(request, form_token)
    settings, engine = settings_of(request), engine_of(request)
    check_rate(engine, "register", address_of(request), email)
    try:
        accounts.register(
            engine, email=email, name=name, password=password,
            is_approved=settings.open_registration,
        )  # fmt: skip
    except Problem as problem:
        return _register_page(request, problem, email, name)
    lines = ["If the address had no account yet, it has one now; else its owner gets a letter."]
    if not settings.open_registration:
        lines.append("An administrator approves it before it may submit. You can log in already.")
    return render(
        request, "message.html", title="Registered", lines=lines, address="/login", name="Log in"
    )


@router.get("/login")
def show_login(request: Request, next: str = "/") -> Response:
    """Show the form that logs in."""
    if viewer_of(request).account is not None:
        return RedirectResponse(logins.local_path(next), 303)
    return render(request, "login.html", problem=None, email="", next=logins.local_path(next, "/"))


@router.post("/login")
def log_in(
    request: Request, email: Word = "", password: Word = "", next: Word = "/", form_token: Word = ""
) -> Response:
    """Log a browser in."""
    csrf.check_form(request, form_token)
    settings, engine = settings_of(request), engine_of(request)
    check_rate(engine, "login", address_of(request), email.strip().lower())
    old = request.cookies.get(logins.cookie_name(settings))
    address = logins.local_path(next)
    try:
        _, secret = logins.log_in(engine, settings, email, password, old)
    except Problem as problem:
        return render(
            request, "login.html", problem.status, problem=problem, email=email, next=address
        )
    response = RedirectResponse(address, 303)
    logins.set_cookie(response, settings, secret)
    return response


@router.post("/logout")
def log_out(request: Request, form_token: Word = "") -> Response:
    """Log a browser out."""
    viewer = viewer_of(request)
    csrf.check_form(request, form_token)
    if viewer.login is not None:
        logins.log_out(engine_of(request), viewer.login)
    response = RedirectResponse("/", 303)
    logins.clear_cookie(response, settings_of(request))
    return response


@router.get("/account")
def show_account(request: Request, done: str = "") -> HTMLResponse:
    """Show the viewer's account, team and tokens."""
    account_of(viewer_of(request))
    return _account_page(request, done=_DONE.get(done))


@router.post("/account/team")
def make_team(request: Request, team_name: Word = "", form_token: Word = "") -> Response:
    """Make a team."""
    account = _changer(request, form_token)
    try:
        _, invite = accounts.make_team(engine_of(request), account, team_name)
    except Problem as problem:
        return _account_page(request, problem, team_name=team_name)
    return _invite_page(request, invite)


@router.post("/account/join")
def join_team(request: Request, invite: Word = "", form_token: Word = "") -> Response:
    """Enter a team by its invite code."""
    account = _changer(request, form_token)
    engine = engine_of(request)
    check_rate(engine, "invite", address_of(request), account.id)
    try:
        accounts.join_team(engine, account, invite)
    except Problem as problem:
        return _account_page(request, problem)
    return RedirectResponse("/account?done=joined", 303)


@router.post("/account/invite")
def new_invite(request: Request, form_token: Word = "") -> Response:
    """Make a new invite code; the old one is void."""
    account = _changer(request, form_token)
    try:
        invite = accounts.new_invite(engine_of(request), account)
    except Problem as problem:
        return _account_page(request, problem)
    return _invite_page(request, invite)


@router.post("/account/tokens")
def make_token(
    request: Request, token_name: Word = "", scope: Word = "submit", days: Word = "90",
    form_token: Word = "",
) -> Response:  # fmt: skip
    """Make a token, and show it this once."""
    account = _changer(request, form_token)
    number = int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 0
    try:
        _, text = tokens.make(engine_of(request), account, token_name, scope, number)
    except Problem as problem:
        return _account_page(request, problem, token_name=token_name)
    hint = "Keep it where other secrets are kept; never put it into an address."
    return _account_page(request, secret=text, secret_name="Your new token.", secret_hint=hint)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(request: Request, token_id: int, form_token: Word = "") -> Response:
    """End a token."""
    account = _changer(request, form_token)
    tokens.revoke(engine_of(request), account, token_id)
    return RedirectResponse("/account?done=revoked", 303)


@router.post("/account/password")
def change_password(
    request: Request, old: Word = "", new: Word = "", form_token: Word = ""
) -> Response:
    """Change the password."""
    account = _changer(request, form_token)
    engine = engine_of(request)
    check_rate(engine, "login", address_of(request), account.email)
    try:
        accounts.change_password(engine, account, old, new, keep=viewer_of(request).login)
    except Problem as problem:
        return _account_page(request, problem)
    return RedirectResponse("/account?done=password", 303)


def _changer(request: Request, form_token: str) -> Account:
    account = account_of(viewer_of(request))
    csrf.check_form(request, form_token)
    return account


def _register_page(
    request: Request, problem: Problem | None = None, email: str = "", name: str = ""
) -> HTMLResponse:
    return render(
        request, "register.html", problem.status if problem else 200, problem=problem, email=email,
        name=name, is_open=settings_of(request).open_registration, least=passwords.LEAST,
    )  # fmt: skip


def _invite_page(request: Request, invite: str) -> HTMLResponse:
    hint = "Give it to the people of your team: with it they join on this page."
    name = "The invite code of your team."
    return _account_page(request, secret=invite, secret_name=name, secret_hint=hint)


def _account_page(
    request: Request,
    problem: Problem | None = None,
    *,
    done: str | None = None,
    secret: str = "",
    secret_name: str = "",
    secret_hint: str = "",
    **typed: str,
) -> HTMLResponse:
    engine = engine_of(request)
    request.state.viewer = None  # as it is after the change
    viewer: Viewer = viewer_of(request)
    account = account_of(viewer)
    members: list[Any] = accounts.accounts_of(engine, viewer.team_id) if viewer.team_id else []
    with reading(engine) as session:
        at = now(session)
    return render(
        request, "account.html", problem.status if problem else 200, problem=problem, done=done,
        secret=secret, secret_name=secret_name, secret_hint=secret_hint, members=members,
        tokens=tokens.tokens_of(engine, account), now_ms=at, least=passwords.LEAST,
        most_days=tokens.MOST_DAYS, typed={"team_name": "", "token_name": ""} | typed,
    )  # fmt: skip
