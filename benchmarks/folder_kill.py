"""A folder run that is killed again and again: every photo once, every file as if undisturbed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import REPO, BenchmarkError
from peopleparse.inference.journal import JOURNAL_NAME


def kill_and_resume(
    command: Sequence[str], out: Path, kills: int, seconds: float, seed: int
) -> dict[str, Any]:
    """Start a run again and again, kill all but the last, and return how it went.

    Args:
        command: of the run, without its output folder.
        out: output folder.
        kills: runs that are killed, each at a random moment.
        seconds: that an undisturbed run takes.
        seed: of the moments.

    Raises:
        BenchmarkError: the last run fails.
    """
    moments, finished, early = random.Random(seed), [], 0
    for _ in range(kills):
        process = start_run(command, out)
        try:
            process.wait(0.2 + moments.uniform(0, 1.5 * seconds / (kills + 1)))
            early += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finished.append(len(finished_photos(out)))
    if start_run(command, out).wait():
        raise BenchmarkError("the last run must end well, got an error. It stands above.")
    return {"kills": kills - early, "ended_before_the_kill": early, "finished_after_each": finished}


def start_run(command: Sequence[str], out: Path) -> subprocess.Popen[bytes]:
    """Start a run over photos in a process of its own."""
    paths = [str(REPO), str(REPO / "src"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.Popen(
        [sys.executable, *command, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        env=environment,
    )


def timed_run(command: Sequence[str], out: Path) -> float:
    """Do a run undisturbed and return its seconds.

    Raises:
        BenchmarkError: it fails.
    """
    start = time.perf_counter()
    if start_run(command, out).wait():
        raise BenchmarkError("the undisturbed run must end well, got an error. It stands above.")
    return time.perf_counter() - start


def finished_photos(out: Path) -> Counter[str]:
    """Return how many lines of a journal say of each photo that it is finished."""
    path = out / JOURNAL_NAME
    found: Counter[str] = Counter()
    for text in path.read_bytes().split(b"\n") if path.exists() else []:
        try:
            line = json.loads(text)
        except ValueError:  # torn
            continue
        if line["state"] == "finished":
            found[line["photo"]] += 1
    return found


def hash_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file but the journal, by name; hidden files too."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.iterdir())
        if path.name != JOURNAL_NAME
    }


def compare_runs(plain: Path, killed: Path, photos: int) -> dict[str, Any]:
    """Return what differs between an undisturbed folder and one of killed runs."""
    wanted, found = hash_files(plain), hash_files(killed)
    lines = finished_photos(killed)
    return {
        "photos": photos,
        "files": len(found),
        "missing": sorted(set(wanted) - set(found)),
        "besides": sorted(set(found) - set(wanted)),
        "different": sorted(name for name in wanted if found.get(name, "") != wanted[name]),
        "photos_finished_once": sum(count == 1 for count in lines.values()),
        "photos_finished_more_than_once": sum(count > 1 for count in lines.values()),
    }
