"""Who may ask and how much: the address asked for, the page that asks, the token, the body.

A studio reads and writes files of its user, so a page of another site must not reach it: not by a
form (Origin), not by a name that it lets point here (Host), not by guessing (token).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import secrets
import socket
import traceback
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peopleparse.web.headers import ALWAYS
from peopleparse.web.problems import Problem

API = "/api/"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
JSON_CAP = 4 << 20
BODY_SECONDS = 300
# Browsers tell of an answer only when their body was taken; so much more is read and dropped.
_DRAIN_BYTES, _DRAIN_SECONDS = 1 << 30, 30
_READS = frozenset({"GET", "HEAD"})
_FAULT = "studio must be able to answer, got a fault of its own. Its terminal says more."
_LOG = logging.getLogger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self'; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS = {**ALWAYS, "content-security-policy": POLICY}


def make_token() -> str:
    """Return a secret of 256 bits for an address."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach a listening address.

    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def answer(request: Request, problem: Problem) -> Response:
    """Return a problem: for programs below /api/, as one line of text elsewhere."""
    if request.url.path.startswith(API):
        return JSONResponse(
            problem.to_dict(), problem.status, media_type="application/problem+json"
        )
    return PlainTextResponse(f"{problem}\n", problem.status)


class Guard:
    """ASGI middleware around the studio: refuses strangers, caps bodies, adds headers."""

    def __init__(self, app: ASGIApp, host: str, token: str | None, max_bytes: int) -> None:
        """Remember the application.

        Args:
            host: the address that is listened on.
            token: what the first request must carry; None where only this machine can ask.
            max_bytes: of a body that is no JSON.
        """
        self.app, self.token, self.max_bytes = app, token, max_bytes
        self.hosts = {*LOOPBACK, host.lower()}
        self.is_wide = not is_loopback(host)
        if self.is_wide:
            name = socket.gethostname().lower()
            self.hosts |= {name, f"{name}.local", socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        body = _Body(receive, request, self.max_bytes)
        try:
            welcome = self._check(request)
            if welcome is None:
                body.check_length()
                await self.app(scope, await body.open(), send_guarded)
            else:
                await welcome(scope, receive, send_guarded)
        except Problem as problem:
            await body.drain()
            if not started:
                await answer(request, problem)(scope, receive, send_guarded)
        except Exception as error:
            _note(error)
            if not started:
                fault = answer(request, Problem(500, "fault", _FAULT))
                await fault(scope, receive, send_guarded)

    def _check(self, request: Request) -> Response | None:
        """Refuse who may not ask; return the answer to who came with the token in the address."""
        if not self._is_known(request.headers.get("host", "")):
            raise Problem(
                421, "other-host",
                "studio must be asked for by the address that it printed, got another name. "
                "Open that address.",
            )  # fmt: skip
        if request.method not in _READS and not _is_own_page(request):
            raise Problem(
                403, "other-origin",
                "changes must come from the studio's own page, got a request of another site.",
            )  # fmt: skip
        return None if self.token is None else self._check_token(request, self.token)

    def _is_known(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self.hosts:
            return True
        try:
            # Nobody can let an address of numbers point elsewhere.
            return self.is_wide and bool(ipaddress.ip_address(name))
        except ValueError:
            return False

    def _check_token(self, request: Request, token: str) -> Response | None:
        cookie = cookie_name(request.scope)
        given = QueryParams(request.url.query).get("token", "")
        if request.method in _READS and _same(given, token):
            rest = [(k, v) for k, v in parse_qsl(request.url.query) if k != "token"]
            path = "/" + request.url.path.lstrip("/\\")  # never another host's
            response = RedirectResponse(path + (f"?{urlencode(rest)}" if rest else ""), 303)
            response.set_cookie(cookie, token, path="/", httponly=True, samesite="strict")
            return response
        if _same(request.cookies.get(cookie, ""), token):
            return None
        raise Problem(
            401, "token",
            "address must have the token that the studio printed, got none or another. "
            "Open the address that its terminal shows, or load the page again.",
        )  # fmt: skip


def cookie_name(scope: Scope) -> str:
    """Return the name of the cookie: studios on several ports of a machine share cookies."""
    server = scope.get("server") or ("", 0)
    return f"peopleparse_studio_{server[1] or 0}"


def _same(first: str, second: str) -> bool:
    return hmac.compare_digest(first.encode(errors="replace"), second.encode())


def _is_own_page(request: Request) -> bool:
    """Return whether our own page sent this; programs send neither header and hold no cookie."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
        return parts.scheme == request.url.scheme and (
            parts.netloc.lower() == request.headers.get("host", "").lower() != ""
        )
    except ValueError:
        return False


class _Body:
    """Passes a body on while it is within its cap and its time."""

    def __init__(self, receive: Receive, request: Request, max_bytes: int) -> None:
        self._receive, self._headers = receive, Headers(scope=request.scope)
        kind = self._headers.get("content-type", "").split(";")[0].strip().lower()
        self._is_json = kind == "application/json"
        self.cap = min(JSON_CAP, max_bytes) if self._is_json else max_bytes
        self._taken, self._more = 0, request.method not in _READS
        self._end = asyncio.get_running_loop().time() + BODY_SECONDS

    def check_length(self) -> None:
        """Refuse a body that says itself that it is too large."""
        length = self._headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.cap:
            raise self._too_large()

    async def open(self) -> Receive:
        """Return what gives the body to the application: JSON whole, all else piece by piece."""
        if not self._is_json:
            return self.receive
        # What reads JSON in a route would turn our refusals into its own.
        body = bytearray()
        while self._more:
            body += (await self.receive()).get("body", b"")
        given = False

        async def receive_again() -> Message:
            nonlocal given
            if given:
                return await self._receive()
            given = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        return receive_again

    async def receive(self) -> Message:
        """Return the next piece."""
        if not self._more:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408, "too-slow", f"body must come within {BODY_SECONDS} s, got less. Send it again."
            ) from None
        self._taken += len(message.get("body", b""))
        self._more = bool(message.get("more_body", False))
        if self._taken > self.cap:
            await self.drain()
            raise self._too_large()
        return message

    async def drain(self) -> None:
        """Read on and drop it, within reason."""
        length = self._headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _DRAIN_BYTES:
            return
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self._more and self._taken <= _DRAIN_BYTES:
                    message = await self._receive()
                    self._taken += len(message.get("body", b""))
                    self._more = bool(message.get("more_body", False))
        except TimeoutError:
            return

    def _too_large(self) -> Problem:
        return Problem(
            413, "body-too-large",
            f"file must have at most {self.cap / (1 << 20):g} MiB, got more. "
            "Make it smaller, or start the studio with a greater --max-mib.",
        )  # fmt: skip


def _note(error: Exception) -> None:
    places = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("fault while answering: %s: %s\n%s", type(error).__name__, error, places)
