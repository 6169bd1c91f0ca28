"""Talk to a benchmark server, with the standard library alone."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from peopleparse.errors import InputError

_API = "/api/v1"
_SECONDS = 60
_CHUNK = 256 * 1024
_MOST_ANSWER = 4 << 20


@dataclass(frozen=True)
class Server:
    """Where a server is, and who asks.

    Attributes:
        url: `https://host`, perhaps with a port and a path in front of /api.
        token: of the page of an account.
    """

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Server('{self.url}')"  # a token belongs in no log


class Refused(InputError):
    """An answer that is no success.

    Attributes:
        status: of HTTP.
        retry_after: seconds to wait, or None.
    """

    def __init__(self, status: int, text: str, retry_after: int | None) -> None:
        super().__init__(text)
        self.status, self.retry_after = status, retry_after


class Lost(InputError):
    """The connection broke before there was an answer."""


def open_server(url: str, token: str) -> Server:
    """Return a server that can be asked.

    Raises:
        InputError: the address or the token has another form.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise InputError(f"server must be an address such as https://example.org, got '{url}'.")
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise InputError("token must be one word, got another text. Copy it again.")
    return Server(url.rstrip("/"), token)


def is_private(server: Server) -> bool:
    """Return whether nobody on the way can read the token."""
    parts = urlsplit(server.url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def ask(server: Server, method: str, path: str) -> dict[str, Any]:
    """Return the answer to a request without a body.

    Args:
        path: behind /api/v1.

    Raises:
        Refused: the server said no.
        Lost: there was no answer.
    """
    return _send(server, method, path, {}, None)


def upload(
    server: Server, phase: str, archive: Path, words: dict[str, str], idempotency_key: str,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:  # fmt: skip
    """Submit an archive and return the submission.

    Args:
        phase: `benchmark/phase`.
        words: method, and perhaps description, link, visibility.
        idempotency_key: the same when it is sent again.
        progress: called with the bytes sent and all bytes.

    Raises:
        Refused: the server said no.
        Lost: there was no answer; sending it again with the same key is safe.
        InputError: the archive cannot be read.
    """
    place = "/".join(quote(part, safe="") for part in phase.split("/"))
    path = f"/phases/{place}/submissions?{urlencode(words)}"
    try:
        with archive.open("rb") as file:
            size = archive.stat().st_size
            headers = {
                "Content-Type": "application/zip", "Content-Length": str(size),
                "Idempotency-Key": idempotency_key,
            }  # fmt: skip
            return _send(server, "POST", path, headers, _chunks(file, size, progress))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputError(
            f"archive must be a file that can be read, got '{archive}': {error.strerror}."
        ) from None


def _send(
    server: Server, method: str, path: str, headers: dict[str, str], body: Iterator[bytes] | None
) -> dict[str, Any]:
    parts = urlsplit(server.url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_SECONDS)
    named = {**headers, "Authorization": f"Bearer {server.token}", "Accept": "application/json"}
    try:
        try:
            connection.request(method, f"{parts.path}{_API}{path}", body=body, headers=named)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may have said why before it hung up
        response = connection.getresponse()
        text = response.read(_MOST_ANSWER)
    except OSError as error:
        raise _lost(server, error) from None
    except http.client.HTTPException as error:
        raise _lost(server, error) from None
    finally:
        connection.close()
    return _read(response, text)


def _lost(server: Server, error: Exception) -> Lost:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return Lost(f"server must answer, got '{reason}', at {server.url}. Try again.")


def _read(response: http.client.HTTPResponse, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if response.status < 300 and isinstance(found, dict):
        return found
    wait = response.getheader("Retry-After", "")
    detail = found.get("detail") if isinstance(found, dict) else None
    if not isinstance(detail, str):
        detail = (
            f"server must be a benchmark server, got status {response.status} without its words. "
            "Check the address."
        )
    raise Refused(response.status, detail[:2000], int(wait) if wait.isdecimal() else None)


def _chunks(file: BinaryIO, size: int, progress: Callable[[int, int], None]) -> Iterator[bytes]:
    sent = 0
    progress(0, size)
    while chunk := file.read(_CHUNK):
        yield chunk
        sent += len(chunk)
        progress(sent, size)
