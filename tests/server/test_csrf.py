"""Forms: only from our own pages, in the browser they were made for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from peopleparse.server import csrf
from peopleparse.server.settings import Settings
from peopleparse.web.problems import Problem

VISITOR = "v" * 43


def ask(secure: bool = False, **headers: str) -> Request:
    settings = Settings(home=None, secure_cookies=secure)  # type: ignore[arg-type]
    given = {"host": "bench.example", **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/login", "state": {},
        "app": SimpleNamespace(state=SimpleNamespace(settings=settings)),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }  # fmt: skip
    return Request(scope)


def test_a_stranger_gets_a_cookie_and_a_token_for_it() -> None:
    first = ask()
    token = csrf.form_token(first)
    assert csrf.form_token(first) == token, "one page, one token"
    response = Response()
    csrf.set_visitor(first, response, first.app.state.settings)
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    csrf.check_form(ask(cookie=cookie.partition(";")[0]), token)
    with pytest.raises(Problem, match="form_token must be that of this browser's page, got"):
        csrf.check_form(ask(cookie=f"peopleparse-visitor={VISITOR}"), token)


def test_a_known_browser_gets_no_new_cookie() -> None:
    request, response = ask(cookie=f"peopleparse-visitor={VISITOR}"), Response()
    csrf.form_token(request)
    csrf.set_visitor(request, response, request.app.state.settings)
    assert "set-cookie" not in response.headers


def test_the_token_changes_with_the_login() -> None:
    stranger = ask(cookie=f"peopleparse-visitor={VISITOR}")
    known = ask(cookie=f"peopleparse-visitor={VISITOR}; peopleparse={'l' * 43}")
    assert csrf.form_token(stranger) != csrf.form_token(known)
    assert "l" * 43 not in csrf.form_token(known)


@pytest.mark.parametrize("token", [None, "", "x", "\u00e9", "0" * 64])
def test_wrong_tokens(token: str | None) -> None:
    for request in (ask(), ask(cookie=f"peopleparse-visitor={VISITOR}")):
        with pytest.raises(Problem, match="form_token must be that of this browser's page"):
            csrf.check_form(request, token)


def test_cookies_of_another_form_are_none() -> None:
    request = ask(cookie="peopleparse-visitor=short")
    csrf.form_token(request)
    assert len(request.state.new_visitor) == 43


@pytest.mark.parametrize(
    "headers",
    [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"sec_fetch_site": "none"},
     {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "https://bench.example:8"},
     {"origin": "http://[x"}, {"origin": ""}],
)  # fmt: skip
def test_other_origins(headers: dict[str, str]) -> None:
    request = ask(cookie=f"peopleparse-visitor={VISITOR}", **headers)
    with pytest.raises(Problem, match="form must come from this site, got another origin"):
        csrf.check_form(request, csrf.form_token(request))


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "https://bench.example"}, {"sec_fetch_site": "same-origin"}]
)
def test_our_own_origin(headers: dict[str, str]) -> None:
    request = ask(cookie=f"peopleparse-visitor={VISITOR}", **headers)
    csrf.check_form(request, csrf.form_token(request))


def test_over_https_browsers_guard_the_name_of_the_cookie() -> None:
    request, response = ask(secure=True), Response()
    csrf.form_token(request)
    csrf.set_visitor(request, response, request.app.state.settings)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-peopleparse-visitor=") and "Secure" in cookie
