"""Ray: every photo once whoever dies, the bytes of a run without Ray, and one line for each fault.

Ray starts many processes. One small cluster serves all tests that do not need one of their own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from peopleparse.errors import InputError
from peopleparse.inference import ray_cluster, ray_run
from peopleparse.inference.parser import Parser
from peopleparse.inference.ray_cluster import connected
from peopleparse.inference.ray_run import parse_shards
from peopleparse.inference.shard_run import parse_to_shards
from peopleparse.inference.shards import (
    Shard,
    encode_shard,
    plan_shards,
    read_shard,
    row_to_people,
    shard_name,
)
from tests.conftest import REPO
from tests.inference.drawn_photos import OPTIONS, write_photos
from tests.inference.test_remote_files import s3, s3_server  # noqa: F401

IDENTITY = {"model": "shipped", **OPTIONS}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos") / "in")


@pytest.fixture(scope="module")
def shards(photos):
    return plan_shards(photos, 2)  # 12 photos, 6 shards


@pytest.fixture(scope="module")
def plain(shards, tmp_path_factory):
    """What a run without Ray writes."""
    folder = tmp_path_factory.mktemp("plain")
    parser = Parser(**OPTIONS)
    report = parse_to_shards(parser, shards, folder, identity=IDENTITY)
    return folder, report


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("ray.data")
    pytest.importorskip("pyarrow")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ["PYTHONPATH"] = os.pathsep.join((str(REPO / "src"), str(REPO)))
    with connected("local", 2, 1):
        yield


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run(shards, out, **changes):
    given = {"workers": 2, "parser_options": OPTIONS, "identity": IDENTITY}
    return parse_shards(shards, out, **(given | changes))


def workers_below() -> list[int]:
    """Return the actors that this test's own cluster runs."""
    psutil = pytest.importorskip("psutil")
    below = psutil.Process().children(recursive=True)
    return [p.pid for p in below if p.is_running() and "MapWorker" in (p.cmdline() or [""])[0]]


@pytest.mark.slow
def test_a_killed_worker_costs_no_photo_and_changes_no_byte(cluster, shards, plain, tmp_path):
    killed: list[int] = []
    seen: list[Shard] = []

    def kill_one(shard: Shard) -> None:
        seen.append(shard)
        if not killed:
            killed.append(workers_below()[0])
            os.kill(killed[0], signal.SIGKILL)

    report = run(shards, tmp_path, on_shard=kill_one)
    folder, wanted = plain
    assert len(killed) == 1
    assert contents(tmp_path) == contents(folder)  # nothing else is there, either
    assert sorted(shard.index for shard in seen) == [shard.index for shard in shards]
    assert (report.photos, report.people) == (wanted.photos, wanted.people)
    assert report.failed == wanted.failed and len(report.failed) == 2
    rows = [row for s in shards for row in read_shard(tmp_path / shard_name(s, "parquet"))]
    assert [row["photo"] for row in rows] == [photo for s in shards for photo in s.photos]
    assert sum(len(row_to_people(row)) for row in rows if not row["error"]) == report.people > 0


@pytest.mark.slow
def test_a_rerun_does_what_is_missing_and_only_that(cluster, shards, plain, tmp_path):
    folder, _ = plain
    kept = [shard_name(shard, "parquet") for shard in shards[:4]]
    for name in ("people.json", *kept):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / ".people-00004-of-00006.parquet.0a1b.part").write_bytes(b"half")
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in kept}
    report = run(shards, tmp_path)
    assert [len(report.skipped), len(report.written)] == [4, 2]
    assert contents(tmp_path) == contents(folder)
    assert before == {name: (tmp_path / name).stat().st_mtime_ns for name in kept}
    with pytest.raises(InputError, match="same options as those already there.*--again"):
        run(shards, tmp_path, identity={**IDENTITY, "threshold": 0.5})
    again = run(shards[:1], tmp_path, again=True)
    assert len(again.written) == 1 and again.skipped == []
    assert set(contents(tmp_path)) == {"people.json", kept[0]}


@pytest.mark.slow
def test_a_photo_that_kills_its_workers_is_named_and_all_else_is_kept(
    cluster, shards, tmp_path, monkeypatch
):
    class Deadly(ray_run.ShardWorker):
        def _do(self, shard):
            if shard.index == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return super()._do(shard)

    monkeypatch.setattr(ray_run, "ShardWorker", Deadly)
    monkeypatch.setattr(ray_run, "TASK_RETRIES", 1)
    with pytest.raises(InputError, match=r"2 that died over people-00001-of-00006, .*5 of 6 sh"):
        run(shards, tmp_path)
    assert len(contents(tmp_path)) == 6  # five shards and the plan


@pytest.mark.slow
def test_what_no_worker_can_do_ends_in_one_line(cluster, shards, tmp_path):
    with pytest.raises(InputError, match=r"model must be .*0 of 6 shards were written") as error:
        run(shards, tmp_path, parser_options={"model": "none"})
    assert "\n" not in str(error.value)
    assert set(contents(tmp_path)) == {"people.json"}


@pytest.mark.slow
def test_photos_and_results_in_s3(cluster, s3, plain, tmp_path):  # noqa: F811
    from peopleparse.inference.remote_files import list_names, list_photos, read_bytes, write_whole

    folder, _ = plain
    # Workers that run already do not see this test's environment: a user gives it to `ray start`.
    config = {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    environment = {name: os.environ[name] for name in sorted(config)}
    _, *rows = read_shard(folder / "people-00000-of-00006.parquet")
    for row in rows:
        write_whole(f"{s3}/in/{Path(row['photo']).name}", Path(row["photo"]).read_bytes())
    write_whole(f"{s3}/in/zz.jpg", b"broken")
    shards = plan_shards(list_photos([f"{s3}/in"]), 1)

    class Configured(ray_run.ShardWorker):
        def __init__(self, settings):
            os.environ.update(environment)
            super().__init__(settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_run, "ShardWorker", Configured)
        report = run(shards, f"{s3}/out", format="webdataset")
        rest = run(shards, f"{s3}/out", format="webdataset")
    assert len(report.written) == len(shards) == len(rest.skipped) == 2
    assert list_names(f"{s3}/out") == {
        "people.json",
        *(shard_name(s, "webdataset") for s in shards),
    }
    found = list(read_shard(read_bytes(f"{s3}/out/{shard_name(shards[0], 'webdataset')}")))
    local = {**rows[0], "photo": f"{s3}/in/{Path(rows[0]['photo']).name}"}
    assert encode_shard(found, "webdataset") == encode_shard([local], "webdataset")
    assert report.failed[f"{s3}/in/zz.jpg"].startswith("photo must be an image, got 6 bytes that")


@pytest.mark.slow
def test_the_command_gives_the_same_bytes(photos, tmp_path):
    pytest.importorskip("ray.data")
    pytest.importorskip("pyarrow")
    folder = str(Path(photos[0]).parent)
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    words = ["parse", folder, "--threshold", "0.1", "--shards", "parquet", "--shard-size", "4"]
    for name, more in (("plain", []), ("ray", ["--ray", "local", "--ray-workers", "2"])):
        done = subprocess.run(
            [sys.executable, "-m", "peopleparse", *words, "--out", str(tmp_path / name), *more],
            env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr  # the broken photo
        assert done.stderr.count("Error: ") == 1 and "Traceback" not in done.stderr
    assert contents(tmp_path / "ray") == contents(tmp_path / "plain")


def test_a_library_that_is_missing_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None if name == "ray" else object())
    with pytest.raises(InputError, match=r"must be installed, got no ray\. .*peopleparse\[scale\]"):
        parse_shards([Shard(0, 1, ("a.jpg",))], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_address_where_nobody_answers(monkeypatch, tmp_path):
    pytest.importorskip("ray")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        port = closed.getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
            with pytest.raises(InputError, match=rf"got '.+', at '{address}'\. Start it with"):
                parse_shards([Shard(0, 1, ("a.jpg",))], tmp_path, address=address)
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        with pytest.raises(InputError, match="must be one where a cluster answers"):
            parse_shards([Shard(0, 1, ("a.jpg",))], tmp_path, address="auto")


def test_an_address_that_takes_and_does_not_answer(monkeypatch, tmp_path):
    def wait(place, seconds):
        assert seconds == ray_cluster.CONNECT_SECONDS <= 10
        raise TimeoutError("timed out")

    pytest.importorskip("ray")
    monkeypatch.setattr(ray_cluster.socket, "create_connection", wait)
    with pytest.raises(InputError, match=r"got 'timed out', at '10\.0\.0\.1:6379'"):
        parse_shards([Shard(0, 1, ("a.jpg",))], tmp_path, address="10.0.0.1:6379")


@pytest.mark.parametrize("address", ["nowhere", "host:port", "ray://host:x"])
def test_an_address_that_is_none(tmp_path, address):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="must be local, auto, host:port or ray://host:port, got"):
        parse_shards([Shard(0, 1, ("a.jpg",))], tmp_path, address=address)


def test_arguments_and_folders_that_cannot_be(tmp_path):
    pytest.importorskip("ray")
    shard = [Shard(0, 1, ("a.jpg",))]
    with pytest.raises(InputError, match="ray workers must be at least 1, got 0"):
        parse_shards(shard, tmp_path, workers=0)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="output folder must be one that can be written to"):
        parse_shards(shard, tmp_path / "file")
    (tmp_path / "people.json").write_text("{")
    with pytest.raises(InputError, match="plan of shards must be JSON, got .*--again"):
        parse_shards(shard, tmp_path)


def test_nothing_to_do_starts_nothing(tmp_path, plain, shards, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(ray_run, "connected", None)
    folder, _ = plain
    before = contents(folder)
    report = run(shards, folder)
    assert len(report.skipped) == 6 and report.photos == 0
    assert contents(folder) == before
    assert json.loads(before["people.json"])["identity"] == IDENTITY
