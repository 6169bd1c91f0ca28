"""A folder run in a process of its own, killed and asked to end at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.folder_kill import compare_runs, finished_photos
from peopleparse.inference.journal import JOURNAL_NAME
from tests.inference.test_folder import names_in, write_photo
from tests.meta.repo import REPO

pytestmark = pytest.mark.slow

PHOTOS, KILLS = 24, 6
CHILD = """
import sys, time
from peopleparse import cli, inference
from tests.fakes import FakeEngine

class Slow(FakeEngine):
    def trunk(self, image):
        time.sleep(0.05)
        return super().trunk(image)

make = inference.Parser
inference.Parser = lambda model, **options: make(model, engine=Slow(), **options)
cli.main(["parse", sys.argv[1], "--out", sys.argv[2], "--detail", "fast"])
"""


def start(photos: Path, out: Path) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(REPO), str(REPO / "src")])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(photos), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def wait_for_lines(process: subprocess.Popen[str], out: Path, count: int) -> None:
    while process.poll() is None and len(finished_photos(out)) < count:
        time.sleep(0.002)


@pytest.fixture
def photos(tmp_path) -> Path:
    for number in range(PHOTOS):
        write_photo(tmp_path / "in" / f"{number:02}.png", 1 + number % 2)
    return tmp_path / "in"


def test_killed_again_and_again(photos, tmp_path):
    plain = start(photos, tmp_path / "plain")
    assert plain.communicate(timeout=120)[0].startswith("36 people in 24 photos")
    moments, out = random.Random(0), tmp_path / "out"
    for kill in range(KILLS):
        process = start(photos, out)
        wait_for_lines(process, out, 3 * kill + moments.randint(1, 3))
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.communicate()
    before = len(finished_photos(out))
    words = start(photos, out).communicate(timeout=120)[0]
    assert f" {before} were finished before" in words and "36 people in 24 photos" in words
    found = compare_runs(tmp_path / "plain", out, PHOTOS)
    assert found == {
        "photos": PHOTOS,
        "files": 4 * PHOTOS,
        "missing": [],
        "besides": [],
        "different": [],
        "photos_finished_once": PHOTOS,
        "photos_finished_more_than_once": 0,
    }


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_end(photos, tmp_path, number, code):
    out = tmp_path / "out"
    process = start(photos, out)
    wait_for_lines(process, out, 3)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    finished = len(finished_photos(out))
    assert process.returncode == code and not stdout and 3 <= finished < PHOTOS
    assert stderr == (
        f"Stopped: {finished} of {PHOTOS} photos are done, what is finished is kept in {out}. "
        "The same command goes on there.\n"
    )
    assert len(names_in(out)) == 4 * finished + 1 and JOURNAL_NAME in names_in(out)
    words = start(photos, out).communicate(timeout=120)[0]
    assert f" {finished} were finished before" in words and "24 photos" in words


def test_a_second_run_while_the_first_is_at_work(photos, tmp_path):
    first = start(photos, tmp_path / "out")
    wait_for_lines(first, tmp_path / "out", 1)
    second = start(photos, tmp_path / "out")
    stdout, stderr = second.communicate(timeout=60)
    first.kill()
    first.communicate()
    assert second.returncode == 1 and not stdout
    assert stderr.startswith(
        f"Error: output folder must be in use by one run, got another (process {first.pid})"
    )
    assert len(stderr.splitlines()) == 1
