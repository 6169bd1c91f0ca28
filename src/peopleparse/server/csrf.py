"""Forms count only when they come from our own pages.

The token of a form is made from the secret of the cookie, so nothing is stored: who cannot read the
cookie cannot make the token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from peopleparse.server import logins
from peopleparse.server.deps import settings_of
from peopleparse.server.settings import Settings
from peopleparse.web.problems import Problem

FIELD = "form_token"
HEADER = "x-form-token"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def visitor_cookie(settings: Settings) -> str:
    """Return the name of the cookie of who is not logged in; browsers guard the prefix __Host-."""
    return "__Host-peopleparse-visitor" if settings.secure_cookies else "peopleparse-visitor"


def form_token(request: Request) -> str:
    """Return what a form on the answer to this request must carry in its field `form_token`.

    A stranger gets a cookie for it with the answer.
    """
    secret = _secret(request)
    if secret is None:
        secret = request.state.new_visitor = secrets.token_urlsafe(32)
    return _make(secret)


def check_form(request: Request, token: str | None) -> None:
    """Refuse a form that does not come from one of our pages in this browser.

    Args:
        token: the field `form_token`, or the header `X-Form-Token` of a script.

    Raises:
        Problem: 403.
    """
    if not is_same_origin(request):
        raise Problem(403, "other-origin", "form must come from this site, got another origin.")
    secret = _secret(request)
    good = secret is not None and hmac.compare_digest(
        _make(secret).encode(), (token or "").encode(errors="replace")
    )
    if not good:
        raise Problem(
            403, "form-token",
            "form_token must be that of this browser's page, got another or none. "
            "Load the page again and allow its cookie.",
        )  # fmt: skip


def is_same_origin(request: Request) -> bool:
    """Return whether the browser says that one of our own pages sent this.

    Programs send neither header; they have no cookie that could be misused.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    except ValueError:
        return False


def set_visitor(request: Request, response: Response, settings: Settings) -> None:
    """Give the cookie that `form_token` asked for."""
    secret = getattr(request.state, "new_visitor", None)
    if secret is not None:
        response.set_cookie(
            visitor_cookie(settings), secret, path="/", httponly=True, samesite="lax",
            secure=settings.secure_cookies,
        )  # fmt: skip


def _secret(request: Request) -> str | None:
    settings = settings_of(request)
    fresh = getattr(request.state, "new_visitor", None)
    for found in (
        request.cookies.get(logins.cookie_name(settings)),
        fresh,
        request.cookies.get(visitor_cookie(settings)),
    ):
        if found and _SECRET.fullmatch(found):
            return str(found)
    return None


def _make(secret: str) -> str:
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()
