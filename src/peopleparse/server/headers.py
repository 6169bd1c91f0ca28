"""What every answer carries, and what no request may exceed."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from peopleparse.server.csrf import set_visitor
from peopleparse.server.settings import Settings
from peopleparse.web.headers import ALWAYS
from peopleparse.web.problems import Problem

BODY_CAP = 64 * 1024  # of everything that is no upload
BODY_SECONDS = 30
_FAULT = "server must be able to answer, got a fault of its own; it was noted. Try again."
_LOG = logging.getLogger(__name__)
Answer = Callable[[Request, Problem], Response]


class Guard:
    """ASGI middleware: headers on every answer, a cap on every body but uploads'."""

    def __init__(self, app: ASGIApp, settings: Settings, upload_end: str, answer: Answer) -> None:
        """Remember the application.

        Args:
            upload_end: end of the paths that take uploads and have caps of their own.
            answer: makes the response to a problem.
        """
        self.app, self.settings, self.upload_end, self.answer = app, settings, upload_end, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(scope, message)
            await send(message)

        try:
            if scope["method"] != "POST" or not scope["path"].endswith(self.upload_end):
                receive = await _read_body(Headers(scope=scope), receive)
            await self.app(scope, receive, send_guarded)
        except Problem as problem:
            await self.answer(Request(scope), problem)(scope, receive, send_guarded)
        except Exception as error:
            _note(error)
            if not started:
                fault = Problem(500, "fault", _FAULT)
                await self.answer(Request(scope), fault)(scope, receive, send_guarded)

    def _add_headers(self, scope: Scope, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in ALWAYS.items():
            headers[name] = value
        headers.setdefault("cache-control", "no-store")
        if self.settings.secure_cookies:
            headers["strict-transport-security"] = "max-age=31536000"
        cookies = Response()
        set_visitor(Request(scope), cookies, self.settings)
        for cookie in cookies.headers.getlist("set-cookie"):
            headers.append("set-cookie", cookie)


async def _read_body(headers: Headers, receive: Receive) -> Receive:
    """Read a body whole, within its cap and its time; return what gives it to the application."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_CAP:
        raise _too_large()
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > BODY_CAP:
                    raise _too_large()
    except TimeoutError:
        raise Problem(
            408, "too-slow", f"body must come within {BODY_SECONDS} s, got less. Send it again."
        ) from None
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return receive_again


def _too_large() -> Problem:
    return Problem(
        413, "body-too-large", f"body must be at most {BODY_CAP} bytes, got more. Send less."
    )


def _note(error: Exception) -> None:
    """Log where it broke; the text of an error may hold what somebody typed."""
    places = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("fault while answering: %s\n%s", type(error).__name__, places)
