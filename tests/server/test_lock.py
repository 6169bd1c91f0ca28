"""Two servers on one SQLite file: the second is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from peopleparse.server.lock import only_server
from peopleparse.server.settings import Settings

_SCRIPT = """
import sys
from pathlib import Path
from peopleparse.errors import InputError
from peopleparse.server.lock import only_server
from peopleparse.server.settings import Settings
try:
    with only_server(Settings(home=Path(sys.argv[1]), database=sys.argv[2])):
        print("serves", flush=True)
        sys.stdin.read()
except InputError as error:
    print(error)
"""


def _start(home: Path, database: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(home), database],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("shares_home", [True, False])
def test_a_second_server_is_told_until_the_first_is_gone(tmp_path: Path, shares_home: bool) -> None:
    database = "" if shares_home else f"sqlite:///{tmp_path / 'elsewhere' / 'one.sqlite3'}"
    other = tmp_path / ("one" if shares_home else "two")
    with _start(tmp_path / "one", database) as first:
        assert _first_line(first) == "serves\n"
        with _start(other, database) as second:
            said = _first_line(second)
            assert f"must serve one server, got a second one: process {first.pid} has" in said
        first.kill()
    with only_server(Settings(home=other, database=database)):
        pass


def test_servers_on_postgresql_share_a_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database="postgresql://u@h/name")
    with only_server(settings), only_server(settings):
        assert list(tmp_path.iterdir()) == []
