"""The server as a real process: register, submit, be scored; killed in the middle, all the same."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from peopleparse.data.formats import open_labels
from peopleparse.evaluation import Options, evaluate
from peopleparse.server.benchmark_folder import read_benchmark
from peopleparse.server.database import open_database, reading
from peopleparse.server.states import QUEUED, RECEIVING
from peopleparse.server.tables import Submission
from tests.server.postgres import Postgres
from tests.server.tiny import SEED, make_archive, make_benchmark

PASSWORD = "planted-password-of-ada"
EMAIL = "ada@planted.example.org"
PATIENCE = 60.0  # seconds; only a fault takes them
TICK = threading.Event()


class Server:
    """A `peopleparse serve` and what it says."""

    def __init__(self, home: Path, benchmark: Path, database: str = "", *more: str) -> None:
        self.home, self.lines = home, [""]
        command = [sys.executable, "-m", "peopleparse", "serve", "--port", "0", "--lease", "2"]
        command += ["--home", str(home), "--benchmark", str(benchmark), "--open-registration"]
        self.process = subprocess.Popen(
            [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PEOPLEPARSE_DATABASE": database},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.greeting = self.process.stdout.readline()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        found = re.search(r"http://\S+", self.greeting)
        assert found, self.greeting + self.log()
        self.url = found.group()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)

    def log(self) -> str:
        return "".join(self.lines)

    def worker_pids(self) -> list[int]:
        lines = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [line["pid"] for line in lines if line["event"] == "worker started"]

    def kill(self) -> None:
        """End the server and its workers at once, with no chance to tidy up."""
        for pid in (self.process.pid, *self.worker_pids()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


def wait_for(found: Callable[[], Any], tick: float = 0.05) -> Any:
    """Return what is found, asking until it is there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        TICK.wait(tick)
    raise AssertionError("it did not come")


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    return make_benchmark(tmp_path / "walkers", tmp_path / "planted-truth")


@pytest.fixture
def start(tmp_path: Path, benchmark: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def run(database: str = "", *more: str) -> Server:
        servers.append(Server(tmp_path / "home", benchmark, database, *more))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield server.copy("served", "template0")
    server.drop("served")


def take_part(url: str) -> str:
    """Register, log in, make a team and a token as a browser without scripts does."""
    with httpx.Client(base_url=url, follow_redirects=True) as browser:

        def send(path: str, form: str, **fields: str) -> str:
            page = browser.get(form).text
            found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
            assert found, page
            answer = browser.post(path, data={**fields, "form_token": found.group(1)})
            assert answer.status_code == 200, answer.text
            return answer.text

        send("/register", "/register", email=EMAIL, name="Ada", password=PASSWORD)
        send("/login", "/login", email=EMAIL, password=PASSWORD)
        send("/account/team", "/account", team_name="Foxes")
        page = send("/account/tokens", "/account", token_name="laptop", scope="submit", days="30")
    token = re.search(r"pp_[A-Za-z0-9_-]{43}", page)
    assert token, page
    return token.group()


def submit(server: Server, token: str, archive: bytes) -> dict[str, Any]:
    answer = httpx.post(
        f"{server.url}/api/v1/phases/walkers/first/submissions", params={"method": "Shifted"},
        content=archive, headers={"Authorization": f"Bearer {token}",
                                  "Content-Type": "application/zip"},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read_state(server: Server, token: str, key: str) -> str:
    answer = httpx.get(
        f"{server.url}/api/v1/submissions/{key}", headers={"Authorization": f"Bearer {token}"}
    )
    if answer.status_code == 429:
        TICK.wait(float(answer.headers["Retry-After"]))
        return ""
    return str(answer.json()["state"])


def test_from_nothing_to_a_score_that_the_offline_evaluator_gives(
    start: Callable[..., Server], database: str, benchmark: Path, tmp_path: Path
) -> None:
    server = start(database)
    token = take_part(server.url)
    (tmp_path / "planted-archive.zip").write_bytes(make_archive())
    done = subprocess.run(
        [sys.executable, "-m", "peopleparse", "submit", str(tmp_path / "planted-archive.zip"),
         "--server", server.url, "--phase", "walkers/first", "--method", "planted-method",
         "--wait"],
        env={**os.environ, "PEOPLEPARSE_TOKEN": token}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + server.log()
    metrics = httpx.get(f"{server.url}/metrics").text
    assert 'peopleparse_submissions{state="scored"} 1' in metrics
    assert "peopleparse_workers_alive 1" in metrics
    assert server.stop() == 0, server.log()

    engine = open_database(database or f"sqlite:///{server.home / 'server.sqlite3'}")
    with reading(engine) as session:
        row = session.scalars(select(Submission)).one()
    engine.dispose()
    public, private = read_benchmark(benchmark).split
    for ids, score in ((public, row.public_score), (private, row.private_score)):
        assert score == _evaluate(tmp_path, ids)
    assert f"{100 * (row.shown_score or 0):.6g}" in done.stdout

    log = server.log()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"/register", "/api/v1/submissions/{key}"} <= {line.get("route") for line in lines}
    score = str(row.private_score)[:6]
    secrets = (PASSWORD, EMAIL, token, token[3:], SEED, "planted-method", "planted-archive", score)
    for secret in (*secrets, row.key, "walker0", "form_token", "?"):
        assert secret not in log, secret
    for name in private:
        assert name not in log + done.stdout + done.stderr + metrics


def _evaluate(folder: Path, ids: frozenset[str]) -> float:
    names = folder / "ids.txt"
    names.write_text("\n".join(sorted(ids)))
    truth, mine = (
        open_labels(folder / name, "lip", "ids:5", side, names)  # type: ignore[arg-type]
        for name, side in (("planted-truth", "truth"), ("planted-archive.zip", "prediction"))
    )
    result = evaluate(truth, {"mine": mine}, options=Options(metrics=["pixels"]))
    return float(result.headlines("mine")["mean_iou"] or 0)


@pytest.mark.slow
def test_killed_in_the_middle_it_still_scores(start: Callable[..., Server], database: str) -> None:
    server = start(database)
    token = take_part(server.url)
    engine = open_database(database or f"sqlite:///{server.home / 'server.sqlite3'}")

    def state() -> str:
        with reading(engine) as session:
            return session.scalars(select(Submission.state)).one()

    key = submit(server, token, make_archive())["key"]
    wait_for(lambda: state() not in (RECEIVING, QUEUED), tick=0.01)
    server.kill()
    again = start(database)
    assert wait_for(lambda: read_state(again, token, key) == "scored", tick=0.5)
    with reading(engine) as session:
        rows = session.scalars(select(Submission)).all()
    engine.dispose()
    assert [row.state for row in rows] == ["scored"]
    assert again.stop() == 0


def test_a_second_server_and_a_taken_port_are_one_line(
    start: Callable[..., Server], benchmark: Path, tmp_path: Path
) -> None:
    server = start()
    command = [sys.executable, "-m", "peopleparse", "serve", "--benchmark", str(benchmark)]
    done = subprocess.run(
        [*command, "--home", str(server.home), "--port", "0"], capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: SQLite must serve one server, got a second one: process "
                                  f"{server.process.pid} has ")  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*command, "--home", str(tmp_path / "other"), "--port", port], capture_output=True,
            text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: address must be free and of this machine, got 'Address")
    assert len(done.stderr.splitlines()) == 1


def test_a_worker_that_is_killed_is_replaced_and_ends_with_its_server(
    start: Callable[..., Server],
) -> None:
    server = start()
    (first,) = wait_for(server.worker_pids)
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: [pid for pid in server.worker_pids() if pid != first])[0]
    wait_for(lambda: '"worker starts"' in server.log())
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not _is_running(second))


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
