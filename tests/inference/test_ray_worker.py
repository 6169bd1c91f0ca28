"""A Ray worker's own part, without Ray: one shard in, one file out."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from peopleparse import __version__
from peopleparse.inference import ray_worker
from peopleparse.inference.parser import Parser
from peopleparse.inference.ray_worker import ShardWorker, make_rows
from peopleparse.inference.remote_files import StoreError, write_whole
from peopleparse.inference.shard_run import parse_to_shards
from peopleparse.inference.shards import Shard, encode_shard, plan_shards, read_shard, shard_name
from tests.fakes import FakeEngine
from tests.inference.drawn_photos import OPTIONS, write_photos


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos") / "in", 5)


def settings(out, **changes):
    found = {"out": str(out), "format": "webdataset", "scheme": None, "version": __version__}
    return found | {"cwd": os.getcwd(), "parser": {**OPTIONS, "threads": 1}} | changes


def batch(*shards: Shard):
    return {
        "index": np.array([shard.index for shard in shards]),
        "count": np.array([shard.count for shard in shards]),
        "photos": np.array([json.dumps(shard.photos) for shard in shards], object),
    }


@pytest.mark.parametrize("scheme", [None, "lip"])
def test_a_worker_writes_what_a_run_without_ray_writes(photos, tmp_path, scheme):
    shards = plan_shards(photos, 4)
    answer = ShardWorker(settings(tmp_path / "ray", scheme=scheme))(batch(*shards))
    parser = Parser(**OPTIONS, threads=2)  # results do not depend on threads
    report = parse_to_shards(parser, shards, tmp_path / "plain", "webdataset", scheme=scheme)
    for shard in shards:
        name = shard_name(shard, "webdataset")
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    assert answer["index"] == [0, 1] and answer["fault"] == ["", ""]
    assert sum(answer["people"]) == report.people > 0
    failed = [json.loads(text) for text in answer["failed"]]
    assert failed[0] | failed[1] == report.failed and len(report.failed) == 2


def test_results_do_not_depend_on_threads(photos):
    rows = [list(make_rows(Parser(**OPTIONS, threads=n), photos)) for n in (1, 2, 3)]
    assert encode_shard(rows[0], "webdataset") == encode_shard(rows[1], "webdataset")
    assert encode_shard(rows[0], "webdataset") == encode_shard(rows[2], "webdataset")


def test_a_photo_of_a_store_gives_the_row_of_one_on_disk(photos):
    pytest.importorskip("fsspec")
    parser = Parser(engine=FakeEngine())
    urls = [f"memory://rows{photo}" for photo in photos]
    for photo, url in zip(photos[:-1], urls[:-1], strict=True):
        with open(photo, "rb") as file:
            write_whole(url, file.read())
    remote, local = list(make_rows(parser, urls)), list(make_rows(parser, photos))
    for there, here, url, photo in zip(remote[:-1], local[:-1], urls, photos, strict=False):
        assert there == {**here, "photo": url, "error": there["error"]}
        if here["error"]:
            assert there["error"] == here["error"].replace(photo, url)
    assert "must exist, got none, at memory://" in remote[-1]["error"]


def test_relative_paths_are_those_of_the_driver(photos, tmp_path, monkeypatch):
    folder, name = os.path.split(photos[0])
    monkeypatch.chdir(tmp_path)
    answer = ShardWorker(settings(tmp_path, cwd=folder))(batch(Shard(0, 1, (name,))))
    assert answer["failed"] == ["{}"]
    rows = list(read_shard(tmp_path / "people-00000-of-00001.tar"))
    assert [row["photo"] for row in rows] == [name]


def test_what_stops_a_shard_is_one_line(photos, tmp_path, monkeypatch):
    shard = Shard(0, 1, tuple(photos))
    (tmp_path / "file").touch()

    def gone(*args):
        raise StoreError("the store is gone")

    def strange(*args):
        raise MemoryError("no room")

    def fault_of(**changes):
        return ShardWorker(settings(tmp_path / "out") | changes)(batch(shard))["fault"][0]

    other = fault_of(version="0.0.1")
    assert other.startswith("every machine must have peopleparse 0.0.1, got ")
    assert "output must be in a place" in fault_of(out=str(tmp_path / "file"))
    assert fault_of(parser={"threads": 1, "model": "none"}).count("\n") == 0
    monkeypatch.setattr(ray_worker, "make_rows", gone)
    assert fault_of() == "the store is gone"
    monkeypatch.setattr(ray_worker, "make_rows", strange)
    assert fault_of() == "unexpected MemoryError: no room."
    assert not (tmp_path / "out").exists()


def test_a_store_that_fails_is_no_photos_fault(monkeypatch):
    def gone(paths):
        raise StoreError("the store is gone")
        yield b""

    monkeypatch.setattr(ray_worker, "read_ahead", gone)
    with pytest.raises(StoreError, match="gone"):
        list(make_rows(Parser(engine=FakeEngine()), ["s3://bucket/a.jpg"]))


def test_a_strange_error_is_one_row(photos):
    def parse(source):
        raise KeyError("odd")

    (row,) = make_rows(parse, photos[:1])
    assert row["error"] == "unexpected KeyError: 'odd'" and row["persons"] == []
