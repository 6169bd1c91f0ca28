"""Shards: the same bytes every time, and read back to exactly what was found."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.inference import Parser, shard_files
from peopleparse.inference.shard_run import parse_to_shards
from peopleparse.inference.shards import (
    Shard,
    check_plan,
    check_shard_format,
    decode_rle,
    encode_shard,
    make_plan,
    make_row,
    plan_shards,
    read_shard,
    row_to_people,
)
from peopleparse.structures import ParsedPeople
from peopleparse.viz import draw_scene, result_to_dict
from peopleparse.viz.rle import encode_rle
from tests.fakes import FakeEngine
from tests.inference.test_folder import names_in, write_photo


@pytest.fixture(params=["parquet", "webdataset"])
def form(request) -> str:
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


def with_faces() -> ParsedPeople:
    parsing = np.zeros((9, 12), np.uint8)
    parsing[1:8, 1:4], parsing[2:7, 6:11], parsing[0] = 4, 11, 255
    instances = np.where(np.arange(12) < 5, 1, 2) * (parsing > 0)
    faces = [None, np.array([6.1, 2.2, 10.3, 6.7], np.float32)]
    return ParsedPeople.from_maps(parsing, instances, [0.1 + 0.2, 1 / 3], faces, source="a.jpg")


def same(one: ParsedPeople, other: ParsedPeople) -> None:
    assert (one.parsing == other.parsing).all() and (one.instances == other.instances).all()
    assert one.parsing.dtype == other.parsing.dtype and one.instances.dtype == other.instances.dtype
    assert one.scheme.name == other.scheme.name
    for mine, theirs in zip(one.people, other.people, strict=True):
        assert mine.score == theirs.score and (mine.box == theirs.box).all()
        assert (mine.face_box is None) == (theirs.face_box is None)
        assert mine.face_box is None or (mine.face_box == theirs.face_box).all()


def test_read_back_exactly(form):
    results = [with_faces(), *(draw_scene(n, (60, 80), n) for n in (0, 1, 12))]
    rows = [make_row(result, f"{n}.jpg", None) for n, result in enumerate(results)]
    rows.insert(1, make_row(None, "broken \udc80.jpg", "photo must hold an image"))
    data = encode_shard(rows, form)
    assert encode_shard(rows, form) == data
    found = list(read_shard(data))
    assert found == rows == json.loads(json.dumps(rows))
    assert found[1]["photo"] == "broken \\udc80.jpg" and found[1]["persons"] == []
    for row, result in zip([found[0], *found[2:]], results, strict=True):
        same(row_to_people(row), result)
    with pytest.raises(InputError, match="row must hold a result, got the error 'photo must hold"):
        row_to_people(found[1])


def test_parts_are_those_of_the_json_file():
    result = draw_scene(3, (60, 80), 0)
    parts = [p["parts"] for p in make_row(result, "a", None)["persons"]]
    wanted = [p["parts"] for p in result_to_dict(result)["people"]]
    assert [[p["rle"] for p in some] for some in parts] == [[p["rle"] for p in s] for s in wanted]
    assert [[p["name"] for p in some] for some in parts] == [[p["name"] for p in s] for s in wanted]


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_come_back(seed):
    rng = np.random.default_rng(seed)
    for size in ((1, 1), (3, 5), (40, 1), (30, 200)):
        mask = rng.random(size) < rng.random()
        assert (decode_rle(encode_rle(mask), size, "x") == mask).all()


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 2], "counts": ""},
        {"size": [2, 2], "counts": "5"},
        {"size": [2, 3], "counts": "04"},
        {"size": [2, 2], "counts": "\x7f"},
        {"size": [2, 2], "counts": "P"},
        {"size": [2, 2], "counts": "PPPPPPPPPPPPPPP0"},
        {"size": [2, 2], "counts": "ä"},
        {"size": [2, 2], "counts": "O5"},
    ],
)
def test_damaged_run_lengths(rle):
    with pytest.raises(
        InputError, match="run lengths must fill 2 x 2 pixels, got size .*, at photo"
    ):
        decode_rle(rle, (2, 2), "photo a")


def test_webdataset_is_a_tar_of_json():
    rows = [make_row(draw_scene(1, (30, 40), n), "a.b.jpg", None) for n in range(2)]
    with tarfile.open(fileobj=io.BytesIO(encode_shard(rows, "webdataset"))) as tar:
        entries = tar.getmembers()
        assert [e.name[:7] for e in entries] == ["000000-", "000001-"]
        assert all(e.name.endswith(".json") and e.name.count(".") == 1 for e in entries)
        assert {(e.mtime, e.uid, e.gid, e.mode) for e in entries} == {(0, 0, 0, 0o644)}
        assert json.load(tar.extractfile(entries[1])) == rows[1]


def test_damaged_shards(form, tmp_path):
    data = encode_shard([make_row(draw_scene(1, (30, 40), 0), "a", None)], form)
    path = tmp_path / "x"
    for broken in (data[: len(data) // 2], b"", b"nothing", b"PAR1"):
        path.write_bytes(broken)
        with pytest.raises(
            InputError, match="shard must be a whole Parquet or WebDataset file, got"
        ):
            list(read_shard(path))
    with pytest.raises(InputError, match="got '.*', at the bytes given. Delete it and run again"):
        list(read_shard(b"nothing"))
    with pytest.raises(
        InputError, match="shard must be a file that can be read, got 'No such file"
    ):
        list(read_shard(tmp_path / "no"))


def test_unknown_format_and_size(monkeypatch):
    with pytest.raises(InputError, match="shard format must be known, got 'parket'. Did you mean"):
        encode_shard([], "parket")
    with pytest.raises(InputError, match="shard size must be at least 1 photo, got 0"):
        plan_shards(["a"], 0)
    assert plan_shards([], 5) == []
    monkeypatch.setattr("peopleparse.inference.shards.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match="pyarrow must be installed for Parquet, got none. Install"
    ):
        check_shard_format("parquet")
    check_shard_format("webdataset")


def test_no_pyarrow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(
        InputError, match=r"pyarrow must be installed .* pip install 'peopleparse\[sca"
    ):
        list(shard_files.decode_rows(b"PAR1"))


def test_plans(form):
    plan = make_plan(plan_shards(["a", "b", "c"], 2), form, {"detail": "fast"})
    assert (plan["photos"], plan["shards"], plan["shard_size"]) == (3, 2, 2)
    read = json.loads(json.dumps(plan))
    check_plan(read, plan, "x")
    for photos, size, identity, words in (
        ("abd", 2, "fast", "the same photos as"),
        ("abc", 1, "fast", "the same shard size as those already there, got 1 and not 2, at x"),
        ("abc", 2, "fine", "the same options as .* got detail 'fine' and not 'fast', at x. Choose"),
    ):
        wanted = make_plan(plan_shards(list(photos), size), form, {"detail": identity})
        with pytest.raises(InputError, match=words):
            check_plan(read, wanted, "x")


def test_a_run_is_whole_resumable_and_the_same(form, tmp_path):
    parser = Parser(engine=FakeEngine(), detail="fast")
    photos = [str(write_photo(tmp_path / "in" / f"{n}.png", n % 3)) for n in range(5)]
    (tmp_path / "in" / "3.png").write_bytes(b"broken")
    shards, plain = plan_shards(photos, 2), tmp_path / "plain"
    report = parse_to_shards(parser, shards, plain, form, identity={"a": 1}, encoders=2)
    assert (report.written, report.photos, report.people) == (shards, 5, 4)
    assert list(report.failed) == [photos[3]] and "must be an image" in report.failed[photos[3]]
    files = {p.name: p.read_bytes() for p in plain.iterdir()}
    assert len(files) == 4 and "people.json" in files
    done = []

    def stop(photo):
        done.append(photo)
        if len(done) == 3:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        parse_to_shards(parser, shards, out, form, identity={"a": 1}, on_photo=stop)
    assert len(names_in(out)) in (2, 3)
    (out / ".people-00001-of-00003.tar.part").write_bytes(b"torn")
    skipped = []
    report = parse_to_shards(
        parser, shards, out, form, identity={"a": 1}, on_skipped=skipped.append
    )
    assert shards[0] in report.skipped and shards[2] in report.written and skipped[0] >= 2
    assert {p.name: p.read_bytes() for p in out.iterdir()} == files
    results = [row for name in sorted(files)[:-1] for row in read_shard(files[name])]
    assert [row["photo"] for row in results] == photos
    same(row_to_people(results[2]), parser(photos[2]))
    with pytest.raises(InputError, match="made with the same options as .* got a 2 and not 1"):
        parse_to_shards(parser, shards, out, form, identity={"a": 2})
    report = parse_to_shards(parser, shards[:], out, form, identity={"a": 2}, again=True)
    assert len(report.written) == 3


def test_shards_on_a_full_disk(tmp_path, monkeypatch):
    from pathlib import Path

    parser = Parser(engine=FakeEngine(), detail="fast")
    photos = [str(write_photo(tmp_path / "in" / f"{n}.png")) for n in range(3)]
    shards, write = plan_shards(photos, 1), Path.write_bytes

    def fill(self, data):
        if "00001" in self.name:
            write(self, data[:9])
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(
        InputError, match=r"\(No space left.* 1 finished shards are kept: run again"
    ):
        parse_to_shards(parser, shards, tmp_path / "out", "webdataset")
    left = names_in(tmp_path / "out")
    assert not [name for name in left if "00001" in name or name.startswith(".")]
    monkeypatch.undo()
    report = parse_to_shards(parser, shards, tmp_path / "out", "webdataset")
    assert shards[0] in report.skipped and shards[1] in report.written


def test_a_plan_that_is_no_json(tmp_path):
    (tmp_path / "people.json").write_text("{")
    with pytest.raises(InputError, match="plan of shards must be JSON, got .*people.json. Choose"):
        parse_to_shards(lambda photo: None, [Shard(0, 1, ("a",))], tmp_path, "webdataset")
