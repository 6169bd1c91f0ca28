"""Crashes, kills and full disks: the last whole revision is there, and nothing but it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peopleparse.data.gps_check import check_dataset
from peopleparse.studio import journal
from peopleparse.studio.annotation_store import AnnotationStore
from peopleparse.studio.person_list import put_persons, write_persons
from peopleparse.studio.project import open_project
from peopleparse.web.problems import Problem
from tests.conftest import REPO
from tests.studio.projects import (
    again,
    count,
    make_project,
    paint,
    person_at,
    snapshot,
)


@pytest.fixture
def store(tmp_path: Path) -> AnnotationStore:
    return make_project(tmp_path).store


class Died(BaseException):
    """The process ends here: nothing after it is done."""


def die_at(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Let everything that touches the disk from the n-th call on not happen."""
    calls = [0]

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls[0] += 1
            if calls[0] > number:
                raise Died
            return real(*args, **kwargs)

        return call

    for name in ("replace", "link", "fsync", "unlink", "rmdir", "mkdir"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    monkeypatch.setattr(Path, "write_bytes", dying(Path.write_bytes))
    return calls


def changes(store: AnnotationStore, uids: list[str]) -> list[Callable[[], Any]]:
    """Return a save, a renumbering that swaps two and adds one, and one that takes one out."""
    photo = store.photo("one")
    swapped = again(photo)
    swapped[0]["click"], swapped[1]["click"] = [58, 1], [1, 1]
    fewer = again(photo)[1:]
    return [
        lambda: store.save_labels("one", uids[1], person_at(33), 1, "Bob"),
        lambda: put_persons(store, "one", 1, [*swapped, {"uid": None, "click": (30, 1)}]),
        lambda: put_persons(store, "one", 1, swapped),
        lambda: put_persons(store, "one", 1, fewer),
        lambda: write_persons(store, "one", [person_at(8), person_at(2)], None, "Import"),
    ]


@pytest.mark.parametrize("which", range(5))
def test_a_crash_at_any_moment_leaves_the_old_revision_or_the_new_one(
    tmp_path: Path, which: int
) -> None:
    outcomes = set()
    for moment in range(200):
        folder = tmp_path / str(moment)
        store = make_project(folder).store
        uids = count(store, (10, 5), (20, 5), (40, 5))
        for n, uid in enumerate(uids):
            store.save_labels("one", uid, person_at(12 * n), 0, "Ann")
        before = snapshot(store)
        change = changes(store, uids)[which]
        with pytest.MonkeyPatch.context() as patch:
            calls = die_at(patch, moment)
            try:
                change()
            except Died:
                pass
        project = open_project(store.folder)
        after = snapshot(project.store)
        new = after != before
        if new:
            changed = {uid for uid in before if before.get(uid) != after.get(uid)}
            assert changed or set(after) != set(before)
        outcomes.add(new)
        assert check_dataset(store.folder) == []
        assert not list((store.folder / ".studio" / "journal").glob("*"))
        if calls[0] <= moment:  # it came to its end
            assert new
            break
    else:
        raise AssertionError("200 calls were not enough")
    assert outcomes == {False, True}


@pytest.mark.parametrize("first", ["read", "list", "status"])
def test_a_store_that_lives_on_after_a_full_disk_sees_the_new_revision(
    first: str, store: AnnotationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (uid,) = count(store, (10, 5))
    with monkeypatch.context() as patch:
        real, seen = os.replace, []

        def replace(source: Any, target: Any) -> None:
            if seen:
                raise OSError(28, "No space left on device")
            seen.append(str(target).endswith(journal.COMMIT) or None)
            if seen == [None]:
                seen.clear()
            real(source, target)

        patch.setattr(os, "replace", replace)
        with pytest.raises(Problem, match="got 'No space left on device'.* saved before is whole"):
            store.save_labels("one", uid, person_at(5), 0, "Ann")
    assert journal.is_pending(store.folder, "one")
    if first == "list":
        put_persons(store, "one", 1, [{"uid": uid, "click": (6, 6)}])
    elif first == "status":
        store.set_status("one", uid, "done")
    labels, revision = store.read_labels("one", uid)
    assert revision == 1 and (labels == person_at(5)).all()


CHILD = """
import sys
import numpy as np
from pathlib import Path
from peopleparse.studio.project import open_project
from tests.studio.projects import paint
store = open_project(Path(sys.argv[1])).store
uid = sys.argv[2]
revision = store.read_labels("one", uid)[1]
print("ready", flush=True)
while True:
    labels = paint((revision % 50, 3, revision % 50 + 8, 30, 1 + revision % 19))
    revision = store.save_labels("one", uid, labels, revision, "Ann")["revision"]
    print(revision, flush=True)
"""


def test_killed_while_saving_no_acknowledged_revision_is_lost(tmp_path: Path) -> None:
    store = make_project(tmp_path).store
    (uid,) = count(store, (10, 5))
    rng = random.Random(0)
    environment = {**os.environ, "PYTHONPATH": f"{REPO / 'src'}{os.pathsep}{REPO}"}
    last = 0
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(store.folder), uid],
            env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.02, 0.25))
        child.send_signal(signal.SIGKILL)
        told = [int(line) for line in child.stdout.read().split("\n")[:-1]]
        child.wait()
        last = max([last, *told])
        fresh = open_project(store.folder).store
        labels, revision = fresh.read_labels("one", uid)
        assert revision in (last, last + 1)
        n = revision - 1
        assert n < 0 or (labels == paint((n % 50, 3, n % 50 + 8, 30, 1 + n % 19))).all()
        assert check_dataset(store.folder) == []
        last = revision
    assert last > 5
