"""`peopleparse studio`: what it opens, prints and refuses, and how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from peopleparse.cli import extras, main
from peopleparse.cli import studio as studio_cli
from tests.meta.repo import REPO
from tests.studio.site import draw_people


def _run(*args: object) -> str:
    """Return what a command that fails says."""
    found = CliRunner().invoke(main, ["studio", *map(str, args)])
    assert found.exit_code != 0
    return " ".join(found.output.split())


@contextmanager
def _running(*args: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a studio in a process and the address that it printed."""
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    process = subprocess.Popen(
        [sys.executable, "-m", "peopleparse", "studio", *map(str, args), "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield process, line.removeprefix("Studio: ").strip()
    finally:
        process.kill()
        process.communicate()


def _get(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", _port(address), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def _port(address: str) -> int:
    found = re.search(r":(\d+)/", address)
    assert found is not None, address
    return int(found[1])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(draw_people(1, (40, 60)).image).save(path)
    return path


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_quietly(photo: Path, way: signal.Signals) -> None:
    with _running(photo) as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        status, body = _get(address, "/api/items")
        assert status == 200 and b'"a.png"' in body
        process.send_signal(way)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")


def test_opened_wider_it_prints_a_token_and_warns(photo: Path) -> None:
    with _running(photo, "--host", "0.0.0.0", "--port", "0") as (process, address):
        query = address.partition("?")[2]
        assert re.fullmatch(r"token=[\w-]{43}", query)
        assert _get(address, "/")[0] == 401
        assert _get(address, f"/?{query}")[0] == 303
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert "can see and change what is open here. The connection is not encrypted." in err
        assert query.removeprefix("token=") not in err


def test_a_port_in_use_is_passed_over_or_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = _run("--port", port, "--no-browser")
        assert f"port must be free, got 'Address already in use', at 127.0.0.1:{port}." in said
        assert "Leave --port out to take the next free one." in said
    with (
        studio_cli._listen("127.0.0.1", None) as first,
        studio_cli._listen("127.0.0.1", None) as second,
    ):
        ports = [found.getsockname()[1] for found in (first, second)]
        assert studio_cli.FIRST_PORT <= ports[0] < ports[1]


def test_without_a_free_port_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_cli, "_PORTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(studio_cli, "FIRST_PORT", taken.getsockname()[1])
        assert "address must have a free port from" in _run("--no-browser")


def test_an_address_that_is_none_of_ours_is_said() -> None:
    assert "port must be free, got" in _run("--host", "192.0.2.1", "--port", "0", "--no-browser")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "fastapi" else name)
    assert "pip install 'peopleparse[server]'" in _run()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nowhere.jpg"], "nowhere.jpg"),
        (["--scheme", "gsp"], "gsp"),
        (["--prot", "1"], "No such option"),
        (["open", "--port", "70000"], "70000"),
        (["--truth", "nowhere"], "nowhere"),
    ],
)
def test_wrong_use_is_refused(args: list[str], said: str) -> None:
    assert said in _run(*args)


def test_open_need_not_be_named() -> None:
    context = click.Context(studio_cli.studio)
    for args, name, rest in (
        (["a.jpg", "--port", "1"], "open", ["a.jpg", "--port", "1"]),
        (["--port", "1", "a.jpg"], "open", ["--port", "1", "a.jpg"]),
        (["open", "export"], "open", ["export"]),
        (["./export"], "open", ["./export"]),
        (["export", "p", "coco", "o"], "export", ["p", "coco", "o"]),
        (["import", "p", "coco", "i"], "import", ["p", "coco", "i"]),
    ):
        found = studio_cli.studio.resolve_command(context, list(args))
        assert (found[0], found[2]) == (name, rest)


def test_help_names_what_there_is() -> None:
    found = CliRunner().invoke(main, ["studio", "--help"]).output
    assert {"open", "export", "import"} <= set(found.split())
    found = CliRunner().invoke(main, ["studio", "open", "--help"]).output
    assert {"--truth", "--project", "--host", "--port", "--no-browser"} <= set(found.split())


def test_the_browser_is_opened_unless_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(studio_cli.webbrowser, "open", opened.append)
    monkeypatch.setattr(studio_cli.threading, "Thread", _Now)
    monkeypatch.setattr(studio_cli, "_serve", lambda found, listener: None)
    printed = CliRunner().invoke(main, ["studio"]).output
    assert [f"Studio: {address}" for address in opened] == printed.splitlines()
    assert CliRunner().invoke(main, ["studio", "--no-browser"]).exit_code == 0
    assert len(opened) == 1


class _Now:
    """Stands for a thread and runs at once."""

    def __init__(self, target: object, args: tuple[object, ...], daemon: bool) -> None:
        self.start = lambda: target(*args)  # type: ignore[operator]


def test_a_new_project_takes_the_photos_named(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[object] = []
    monkeypatch.setattr(studio_cli, "_serve", lambda found, listener: served.append(found.project))
    folder = tmp_path / "project"
    command = ["studio", str(photo), "--project", str(folder), "--no-browser"]
    for _ in range(2):  # made, then opened
        found = CliRunner().invoke(main, command)
        assert found.exit_code == 0, found.output
        assert "/#annotate" in found.output
    assert (folder / "project.json").is_file()
    assert [one.photo_ids() for one in served] == [["a"], ["a"]]  # type: ignore[attr-defined]
    missing = _run("--project", tmp_path / "none", "--no-browser")
    assert "project must be a folder with project.json, got none" in missing
