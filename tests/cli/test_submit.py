"""`peopleparse submit`, against the server itself and against servers that fail."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from peopleparse.cli import submit as module
from peopleparse.cli.submit import submit
from peopleparse.server import client
from peopleparse.server.database import open_database, transaction
from peopleparse.server.migrate import upgrade
from peopleparse.server.settings import Settings
from peopleparse.server.tables import Submission
from tests.server.web import World, closing, listening, make_world, make_zip, write_benchmark

DONE = {"key": "k", "state": "queued", "position": 1}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    settings = Settings(home=tmp_path / "home")
    engine = open_database(settings.database_url)
    upgrade(engine)
    yield from closing(make_world(settings, engine, monkeypatch))
    engine.dispose()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    path.write_bytes(make_zip())
    return path


def run(url: str, *words: str | Path, token: str = "pp_x", method: str = "Ours") -> Result:
    given = ["--server", url, "--phase", "park/spring", "--method", method]
    given += [str(word) for word in words]
    return CliRunner(env={"PEOPLEPARSE_TOKEN": token}).invoke(submit, given)


@contextmanager
def answering(*answers: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each connection its own answer, and notes the heads it got."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    heads.append(connection.recv(65536))
                    answer(connection)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads
        thread.join(10)


def say(status: int, body: Any, *headers: str) -> Callable[[socket.socket], None]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text)}", *headers, "", ""]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + text)


def hang_up(connection: socket.socket) -> None:
    """End without a word."""


def test_an_archive_is_sent_and_scored(
    world: World, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def score(_: float) -> None:
        with transaction(world.engine) as session:
            row = session.query(Submission).one()
            row.state, row.finished_at, row.is_new_best = "scored", row.created_at, True
            row.public_score, row.private_score, row.shown_score = 0.5123, 0.4, 0.512

    monkeypatch.setattr(module, "_sleep", score)
    with listening(world.app) as url:
        found = run(url, archive, "--wait", token=world.secrets["submit"])
    assert found.exit_code == 0, found.output
    assert "is queued, number 1 in the queue" in found.stderr
    assert "state      scored\nscore      51.2\n" in found.stdout


def test_the_token_may_come_from_a_file(world: World, archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(world.secrets["submit"] + "\n")
    with listening(world.app) as url:
        found = run(url, archive, "--token-file", file, "--visibility", "anonymous", token="")
    assert found.exit_code == 0 and "state      queued" in found.stdout
    missing = run("http://localhost", archive, "--token-file", tmp_path / "none")
    assert "--token-file must be a text file, got" in str(missing.exception)


def test_what_the_server_refuses(world: World, archive: Path) -> None:
    with listening(world.app) as url:
        read = run(url, archive, token=world.secrets["read"])
        wrong = run(url, archive, token="pp_wrong")
        archive.write_bytes(b"\x1f\x8b no zip")
        gzip = run(url, archive, token=world.secrets["submit"])
    assert "scope of the token must be submit, got read" in str(read.exception)
    assert "token must be a valid one" in str(wrong.exception)
    assert "archive must be a ZIP file, got gzip" in str(gzip.exception)
    assert {read.exit_code, wrong.exit_code, gzip.exit_code} == {1}


def test_a_rejected_archive(archive: Path) -> None:
    fault = {"code": "name", "file": "x.png", "expected": "a.png", "found": "x.png"}
    body = {"key": "k", "state": "rejected", "faults": [fault], "message": "It costs an attempt."}
    with answering(say(200, body)) as (url, _):
        found = run(url, archive)
    assert found.exit_code == 1 and "message    It costs an attempt." in found.stdout
    assert "name: expected a.png, found x.png, at x.png" in found.stderr


def test_a_broken_connection_is_tried_once_more_with_the_same_key(archive: Path) -> None:
    with answering(hang_up, say(202, DONE)) as (url, heads):
        found = run(url, archive)
    assert found.exit_code == 0 and "server must answer, got" in found.stderr
    keys = [
        line for head in heads for line in head.split(b"\r\n") if line.startswith(b"Idempotency")
    ]
    assert len(keys) == 2 and keys[0] == keys[1]
    with answering(hang_up, hang_up) as (url, _):
        found = run(url, archive)
    assert found.exit_code == 1 and "Try again" in str(found.exception)


def test_waiting_outlasts_a_server_that_is_away(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module, "_sleep", pauses.append)
    busy = say(429, {"detail": "slower"}, "Retry-After: 7")
    end = say(200, {"key": "k", "state": "withdrawn", "message": "Withdrawn."})
    with answering(say(202, DONE), busy, hang_up, end) as (url, _):
        found = run(url, archive, "--wait")
    assert found.exit_code == 1 and "state      withdrawn" in found.stdout
    assert pauses[:2] == [1.0, 7.0]
    with answering(say(202, DONE), say(403, {"detail": "no more"})) as (url, _):
        assert "no more" in str(run(url, archive, "--wait").exception)
    with answering(say(202, DONE), *[hang_up] * 5) as (url, _):
        assert "server must answer, got" in str(run(url, archive, "--wait").exception)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"\xff"])
def test_a_server_of_another_kind(archive: Path, body: bytes) -> None:
    with answering(say(404, body)) as (url, _):
        found = run(url, archive)
    assert "server must be a benchmark server, got status 404" in str(found.exception)


@pytest.mark.parametrize("url", ["example.org", "ftp://x", "http://", "http://u:p@x", "http://x?y"])
def test_addresses_that_are_none(archive: Path, url: str) -> None:
    found = run(url, archive)
    assert "server must be an address such as https://example.org, got" in str(found.exception)


def test_words_that_are_wrong(archive: Path, tmp_path: Path) -> None:
    none = run("http://localhost", archive, token="")
    assert "token must be in the variable PEOPLEPARSE_TOKEN or in --token-file" in str(
        none.exception
    )
    split = run("http://localhost", archive, token="pp x")
    assert "token must be one word, got another text" in str(split.exception)
    missing = run("http://127.0.0.1:9", tmp_path / "none.zip")
    assert "archive must be a file that can be read, got" in str(missing.exception)
    phase = CliRunner().invoke(
        submit, [str(archive), "--server", "http://x", "--phase", "park", "--method", "m"]
    )
    assert phase.exit_code == 2 and "phase must be BENCH/PHASE, got 'park'" in phase.output


def test_a_token_over_plain_http_is_warned_of() -> None:
    for url, private in (("https://x.example", True), ("http://localhost:8000", True),
                         ("http://x.example", False)):  # fmt: skip
        server = client.open_server(url, "pp_secret")
        assert client.is_private(server) is private and "pp_secret" not in repr(server)


def test_the_check_before(archive: Path, tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "folders" / "park")
    found = run("http://127.0.0.1:9", archive, "--check", folder)
    assert found.exit_code == 1 and "nothing was sent" in found.stderr
    gone = run("http://127.0.0.1:9", tmp_path / "none.zip", "--check", folder)
    assert "archive must be a file that can be read" in str(gone.exception)


def test_a_good_archive_passes_the_check(tmp_path: Path) -> None:
    import io
    import zipfile

    folder = write_benchmark(tmp_path / "folders" / "park")
    path = tmp_path / "good.zip"
    with zipfile.ZipFile(path, "w") as good:
        for name, width in (("a", 4), ("b", 5), ("c", 5)):
            file = io.BytesIO()
            Image.fromarray(np.zeros((3, width), np.uint8)).save(file, "PNG")
            good.writestr(f"{name}.png", file.getvalue())
    with answering(say(202, DONE)) as (url, _):
        assert run(url, path, "--check", folder).exit_code == 0
