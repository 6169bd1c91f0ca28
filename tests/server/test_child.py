"""Processes that handle hostile bytes or the truth: what they cannot do, and what ends them."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import peopleparse
from peopleparse.data.image_labels import ImageLabels, RegionMap
from peopleparse.errors import DataError
from peopleparse.server import child
from peopleparse.server.archive import check_archive
from peopleparse.server.child import run_job
from peopleparse.server.frames import pack_labels, read_frame, unpack_labels
from peopleparse.server.settings import Settings
from tests.server.benchmarks import gps_zip, lip_zip, make_gps, make_lip
from tests.server.hostile_cases import LIP, all_cases, good_entries, writers

SOURCE = str(Path(peopleparse.__file__).resolve().parents[1])
ATTEMPTS = """
import os, socket, subprocess, sys
from peopleparse.server import sandbox
sandbox.die_with(os.getppid())
sandbox.limit_resources(1 << 30, 60)
before = os.open(sys.argv[1], os.O_RDONLY)
{lock}
assert os.read(before, 5) == b"truth"  # what is open stays open
def attempt(what, act):
    try:
        act()
    except (OSError, RuntimeError) as error:
        print(what, type(error).__name__)
    else:
        print(what, "worked")
attempt("open", lambda: open(sys.argv[1]))
attempt("os.open", lambda: os.open(sys.argv[1], os.O_RDONLY))
attempt("write", lambda: open(sys.argv[1] + ".x", "w").write("x" * 100000))
attempt("socket", socket.socket)
attempt("run", lambda: subprocess.run(["true"]))
attempt("fork", lambda: os.fork() or os._exit(0))
attempt("dup", lambda: os.dup(0))
"""


def run_code(code: str, *arguments: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split() for line in done.stdout.splitlines())


def test_who_reads_an_archive_can_open_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "truth"
    secret.write_text("truth")
    found = run_code(ATTEMPTS.format(lock="sandbox.forbid_opening()"), str(secret))
    assert set(found) == {"open", "os.open", "write", "socket", "run", "fork", "dup"}
    assert "worked" not in found.values()


def test_the_limit_of_open_files_holds_without_the_hook(tmp_path: Path) -> None:
    secret = tmp_path / "truth"
    secret.write_text("truth")
    lock = "import resource; sys.addaudithook = lambda hook: None; sandbox.forbid_opening()"
    found = run_code(ATTEMPTS.format(lock=lock), str(secret))
    assert found["open"] == found["socket"] == found["os.open"] == found["dup"] == "OSError"


def test_who_knows_the_truth_has_no_network_and_writes_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "truth"
    secret.write_text("truth")
    lock = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); sandbox.forbid_network()"
    found = run_code(ATTEMPTS.format(lock=lock), str(secret))
    assert found["open"] == "worked"
    assert {found[what] for what in ("socket", "run", "fork")} == {"PermissionError"}
    assert found["write"] == "OSError"


LOCKED = """
import io, json, sys
from pathlib import Path
from peopleparse.server import sandbox, validator
from peopleparse.server.archive import check_archive
from peopleparse.server.manifest import Manifest
cases = [
    (Manifest.from_dict(json.loads(path.with_suffix(".json").read_text())), path.read_bytes())
    for path in sorted(Path(sys.argv[1]).glob("*.zip"))
]
for manifest, _ in cases:
    validator.load_everything(manifest)
sandbox.limit_resources(1 << 30, 100)
sandbox.forbid_opening()
for manifest, data in cases:
    found = check_archive(io.BytesIO(data), manifest)
    print(json.dumps([str(fault) for fault in found]))
"""


def test_the_check_needs_nothing_that_it_cannot_open(tmp_path: Path) -> None:
    """In the locked process and outside of it every archive has the same faults."""
    gps = make_gps(tmp_path / "gps")
    expected = []
    archives = [(LIP, data) for _, data, _ in all_cases()]
    archives += [(LIP, data) for _, data in writers(good_entries())]
    for flat in (False, True):
        data = gps_zip(tmp_path / "x", gps.truth, flat).read_bytes()
        archives += [(gps.manifest, data), (dataclasses.replace(gps.manifest, persons=2), data)]
    (tmp_path / "all").mkdir()
    for n, (manifest, data) in enumerate(archives):
        (tmp_path / "all" / f"{n:04d}.zip").write_bytes(data)
        (tmp_path / "all" / f"{n:04d}.json").write_text(json.dumps(manifest.to_dict()))
        expected.append([str(fault) for fault in check_archive(io.BytesIO(data), manifest)])
    done = subprocess.run(
        [sys.executable, "-c", LOCKED, str(tmp_path / "all")],
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


def test_a_process_ends_with_its_parent() -> None:
    code = "import os; from peopleparse.server import sandbox; sandbox.die_with(os.getppid() + 1)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": SOURCE}, check=False
    )
    assert done.returncode == 3


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("job")
    return lip_zip(folder / "a.zip"), make_lip(folder / "made").folder


class _Clock:
    """Time that runs a second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_a_job_beats_and_stops_when_told(
    job: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child.time, "monotonic", _Clock())
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        child.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1]
    )
    beats: list[int] = []
    settings = Settings(home=tmp_path, child_seconds=10**6)
    outcome = run_job(*job, settings, lambda: beats.append(1) or True)
    assert outcome.state == "scored" and beats
    outcome = run_job(*job, settings, lambda: False)
    assert outcome.message == "Scoring was stopped."
    assert all(process.poll() is not None for process in started)


def test_who_takes_too_long_is_blamed(
    job: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, child_seconds=0)
    outcome = run_job(*job, settings, lambda: True)
    assert outcome.state == "failed"  # nobody had said that it was ready


@pytest.mark.parametrize(
    ("module", "ending", "state"),
    [
        ("validator", "os.abort()", "rejected"),
        ("validator", "bytes(1 << 40)", "rejected"),
        ("validator", "sys.exit(1)", "rejected"),
        ("grader", "os.abort()", "failed"),
        ("grader", "bytes(1 << 40)", "failed"),
        ("grader", "sys.exit(0)", "failed"),
    ],
)
def test_who_dies_is_blamed(
    job: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    ending: str,
    state: str,
) -> None:
    """The process is run with a function that ends it in the middle of its work."""
    target = {"validator": "read_images", "grader": "grade_images"}[module]
    run = {"validator": "main", "grader": "run"}[module]
    code = (
        f"import os, sys\nfrom peopleparse.server import {module}\n"
        f"def end(*_):\n    {ending}\n{module}.{target} = end\n"
        f"sys.exit({module}.{run}(sys.argv[1:]))"
    )
    popen = subprocess.Popen

    def start(command: list[str], **streams: object) -> object:
        if command[3].endswith(module) and "--pack" not in command:
            command = [*command[:2], "-c", code, *command[4:]]
        return popen(command, **streams)  # type: ignore[call-overload]

    monkeypatch.setattr(child.subprocess, "Popen", start)
    outcome = run_job(*job, Settings(home=tmp_path), lambda: True)
    assert outcome.state == state, outcome
    if state == "rejected":
        assert [fault.code for fault in outcome.faults] == ["limits"]
        assert outcome.message.startswith("The archive could not be read within the limits")


def test_no_process_gets_more_of_the_environment_than_it_needs(
    job: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    popen, seen = subprocess.Popen, list[tuple[list[str], dict[str, str]]]()

    def start(command: list[str], **streams: object) -> object:
        seen.append((command, streams["env"]))  # type: ignore[arg-type]
        return popen(command, **streams)  # type: ignore[call-overload]

    monkeypatch.setattr(child.subprocess, "Popen", start)
    run_job(*job, Settings(home=tmp_path), lambda: True)
    assert all("DATABASE_PASSWORD" not in environment for _, environment in seen)
    (validator,) = [command for command, _ in seen if "peopleparse.server.validator" in command]
    assert not any("made" in word for word in validator)  # it is not told where the benchmark is


def test_frames_keep_labels_as_they_are() -> None:
    rng = np.random.default_rng(0)
    parsing = rng.integers(0, 9, (5, 7), np.uint8)
    owners = rng.integers(0, 3, (5, 7), np.uint16)
    regions = RegionMap(owners, np.array([3, 4]), np.array([0.5, 1 / 3]))
    for labels in (
        None,
        ImageLabels(None, parsing=parsing),
        ImageLabels(np.stack([parsing, parsing]), np.array([0.1, 0.2])),
        ImageLabels(np.zeros((0, 5, 7), np.uint8), np.zeros(0)),
        ImageLabels((parsing, owners), np.array([0.1, 0.2]), parsing, regions),
    ):
        frame = read_frame(io.BytesIO(b"".join(pack_labels("a", labels, {}))))
        assert frame is not None
        found = unpack_labels(*frame)
        assert (found is None) == (labels is None)
        again = b"".join(pack_labels("a", found, {}))
        assert again == b"".join(pack_labels("a", labels, {}))


def test_frames_that_lie_are_refused() -> None:
    head = {"arrays": {"parsing": ["uint8", 5, 7]}}
    with pytest.raises(DataError, match="frame must hold its arrays"):
        unpack_labels(head, b"short")
    with pytest.raises(DataError, match="frame must have 35 bytes, got 36"):
        unpack_labels(head, bytes(36))
    with pytest.raises(DataError, match="frame must hold its arrays"):
        unpack_labels({"arrays": {"other": ["uint8", 1]}}, b"x")
    with pytest.raises(DataError, match="head must be at most"):
        read_frame(io.BytesIO(b"\xff" * 8))
    whole = b"".join(pack_labels("a", ImageLabels(None, parsing=np.zeros((2, 2), np.uint8)), {}))
    assert read_frame(io.BytesIO(whole[:-1])) is None
    assert json.loads(json.dumps(head)) == head
