"""Logs as JSON lines without secrets: templates of routes, not what somebody typed."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FIELDS: tuple[str, ...] = (
    "request",
    "method",
    "route",
    "status",
    "ms",
    "seconds",
    "account",
    "submission",
    "submissions",
)
FIELDS += ("worker", "attempt", "state", "letter", "restarts", "pid", "count")
_OWN = "peopleparse"
# Its lines name an address and a process at most; those of other libraries may quote anything.
_TRUSTED = ("uvicorn.error",)
# Where the time of an answer may tell how long a score took, whole seconds do.
_COARSE = re.compile(r"submission|score|jobs?\b")
_MAX_TEXT = 500


class JsonLines(logging.Formatter):
    """One line a record: known fields only, and of an error its type and places, not its text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": _event_of(record)[:_MAX_TEXT],
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[1] is not None:
            line |= _describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)


def _event_of(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] == _OWN:
        return record.getMessage()
    if record.name in _TRUSTED:
        # The template alone: its values could be anything that a caller sent.
        return re.sub(r"%[a-z]", "...", str(record.msg).partition("\n")[0])
    return f"{record.name} at {record.module}:{record.lineno}"


def _describe(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__name__, "places": places}


def set_up(level: int = logging.INFO) -> None:
    """Send all logs of this process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        other = logging.getLogger(name)
        other.handlers.clear()
        other.propagate = name != "uvicorn.access"
        other.setLevel(level)


class RequestLog:
    """Logs and counts requests around an application, and gives each an id.

    Attributes:
        responses: how many there were, by hundreds of their status.
        open: requests that run.
        uploaded: bytes of bodies that came in.
    """

    def __init__(self, app: App, new_id: Callable[[], str]) -> None:
        self.app, self.new_id = app, new_id
        self.log = logging.getLogger(f"{_OWN}.server.requests")
        self.responses: Counter[int] = Counter()
        self.open = self.uploaded = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = 0, time.monotonic()
        request_id = self.new_id()

        async def count() -> Message:
            message = await receive()
            self.uploaded += len(message.get("body", b""))
            return message

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                mark = (b"x-request-id", request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), mark]}
            await send(message)

        self.open += 1
        try:
            await self.app(scope, count, note)
        finally:
            self.open -= 1
            # Nothing sent: the caller left, or the application broke before it could answer.
            self.responses[(status or 500) // 100] += 1
            self._write(scope, request_id, status, time.monotonic() - started)

    def _write(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = route_of(scope)
        fields: dict[str, Any] = {"request": request_id, "method": _method_of(scope)}
        fields |= {"route": route, "status": status}
        if route == "-" or _COARSE.search(route):
            fields["seconds"] = int(seconds)
        else:
            fields["ms"] = int(seconds * 1000)
        viewer = scope.get("state", {}).get("viewer")
        account = getattr(viewer, "account", None)
        if account is not None:
            fields["account"] = account.id
        self.log.info("request", extra=fields)


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered, "-" where there was none."""
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return str(template) if template else "-"


def _method_of(scope: Scope) -> str:
    method = str(scope.get("method", ""))
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
