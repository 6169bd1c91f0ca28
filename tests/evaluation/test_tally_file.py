"""Tallies to and from disk: exact, and whole however a run ended."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given

from peopleparse.errors import DataError, InputError
from peopleparse.evaluation.packing import Record, pack_record, packed_id, unpack_record
from peopleparse.evaluation.tally_file import TallyWriter, read_tally_file
from peopleparse.metrics.regions import Regions
from peopleparse.metrics.tally import make_tally
from tests.evaluation.fakes import NUM_IDS
from tests.metrics.scenes import make_scene, seeds

HEADER = {
    "scheme": "small", "labels": ["a", "b"], "ignore_id": 255,
    "truth": {"name": "t", "format": "gps", "images": 3, "ids_sha256": "12"},
    "system": {"name": "s", "format": "gps"}, "shard": [1, 1],
}  # fmt: skip


def make_record(seed: int, name: str = "photo é") -> Record:
    scene = make_scene(seed)
    regions = None
    if seed % 2:
        iou = np.random.default_rng(seed).random((2, 3))
        scores = np.array([-0.0, 0.1, 1 / 3]) if seed % 4 == 1 else None
        more = (np.array([2, 0, 1]), np.array([False, False, True])) if seed % 8 == 3 else ()
        regions = Regions(np.array([1, 2]), np.array([1, 2, 3]), iou, scores, *more)
    scores = scene.scores if seed % 3 else None
    tally = make_tally(name, scene.truth, scene.preds, scores, num_ids=NUM_IDS, regions=regions)
    return Record(name, "ab", "cd", tally, subset="indoor")


def same(first: object, second: object) -> bool:
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        pairs = ((getattr(first, name), getattr(second, name)) for name in names)
        return type(first) is type(second) and all(same(*pair) for pair in pairs)
    if isinstance(first, np.ndarray):
        assert isinstance(second, np.ndarray)
        return first.dtype == second.dtype and first.shape == second.shape and (
            first.tobytes() == second.tobytes()
        )  # fmt: skip
    return first == second


def write(path, *records: Record, **header: object):
    with TallyWriter(path, {**HEADER, **header}) as writer:
        for record in records:
            writer.append(record)
    return path


@given(seeds)
def test_a_record_comes_back_to_the_last_bit(seed):
    record = make_record(seed)
    data = pack_record(record)
    assert same(unpack_record(data), record) and packed_id(data) == "photo é"


def test_label_maps_and_broken_truth_come_back():
    tally = make_tally("a", None, None, num_ids=3, truth_parsing=[[0, 1]], parsing=[[1, 1]])
    for record in (Record("a", "1", "2", tally), Record("a", "1", "", None, "truth left out: é")):
        assert same(unpack_record(pack_record(record)), record)


def test_records_come_in_the_order_of_ids_and_the_later_one_counts(tmp_path):
    records = [make_record(seed, name) for seed, name in enumerate("bca")]
    again = Record("c", "new", "", None, "broken")
    found = read_tally_file(write(tmp_path / "new" / "t", *records, again))
    assert [record.image_id for record in found.records()] == ["a", "b", "c"]
    assert same(found.record("c"), again) and same(found.record("b"), records[0])
    assert found.header["definition"] == "tallies/1" and found.header["truth"]["images"] == 3


def test_wherever_a_run_is_killed_whole_records_are_kept(tmp_path):
    whole = write(tmp_path / "whole", *(make_record(seed, name) for seed, name in enumerate("abc")))
    data, places = whole.read_bytes(), read_tally_file(whole).places
    for length in range(len(data) + 1):
        path = tmp_path / "cut"
        path.write_bytes(data[:length])
        kept = [name for name in "abc" if length >= {**places, "d": len(data)}[chr(ord(name) + 1)]]
        write(path, make_record(9, "z"))
        found = read_tally_file(path)
        assert sorted(found.places) == [*kept, "z"], length
        assert len(list(found.records())) == len(kept) + 1


def test_a_last_record_of_wrong_bytes_is_torn(tmp_path):
    path = write(tmp_path / "t", make_record(1, "a"), make_record(2, "b"))
    data = path.read_bytes()
    path.write_bytes(data[:-3] + b"\0\0\0")
    assert list(read_tally_file(path).places) == ["a"]


@pytest.mark.parametrize("offset", [0, 9, 20])  # length, its checksum, contents
def test_a_broken_record_before_the_end_is_an_error(tmp_path, offset):
    path = write(tmp_path / "t", make_record(1, "a"), make_record(2, "b"))
    place = read_tally_file(path).places["a"]
    data = bytearray(path.read_bytes())
    data[place + offset] ^= 255
    path.write_bytes(data)
    text = f"tally file must hold whole records, got a broken one at byte {place}, at {path}"
    with pytest.raises(DataError, match=text):
        read_tally_file(path)
    with pytest.raises(DataError, match=text):
        write(path)
    assert path.read_bytes() == data


def test_a_file_changed_while_it_is_read_is_an_error(tmp_path):
    path = write(tmp_path / "t", make_record(1, "a"))
    found = read_tally_file(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="tally file must hold whole records"):
        found.record("a")


def test_other_files_are_never_written_over(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes of a year")
    with pytest.raises(DataError, match="tally file must begin with 'peopleparse tallies', got"):
        write(path)
    assert path.read_text() == "my notes of a year"


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(DataError, match="tally file must be a readable file, got 'No such file"):
        read_tally_file(tmp_path / "none")
    (tmp_path / "cut").write_bytes(b"peopleparse")
    with pytest.raises(DataError, match="tally file must hold a header, got a file that was cut"):
        read_tally_file(tmp_path / "cut")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="tally file must be a place that can be written, got"):
        write(tmp_path / "file" / "t")


def test_a_full_disk_is_one_line(tmp_path):
    with TallyWriter(tmp_path / "t", HEADER) as writer:
        writer._file.close()
        writer._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
        with pytest.raises(InputError, match="must be a place that can be written, got 'No space"):
            writer.append(make_record(1))


def test_another_definition_is_an_error(tmp_path):
    path = write(tmp_path / "t", definition="tallies/0")
    with pytest.raises(DataError, match="must be of definition tallies/1, got tallies/0"):
        read_tally_file(path)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"labels": ["a", "c"]}, "labels"),
        ({"ignore_id": 254}, "ignore_id"),
        ({"shard": [1, 2]}, "shard"),
        ({"truth": {**HEADER["truth"], "ids_sha256": "13"}}, "truth images"),
        ({"system": {"name": "s", "format": "mhp"}}, "prediction format"),
        ({"system": {"name": "r", "format": "gps"}}, "system name"),
    ],
)
def test_a_file_of_something_else_is_not_gone_on_with(tmp_path, change, name):
    path = write(tmp_path / "t", make_record(1, "a"))
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"got one with other {name}, at {path}. Name a new"):
        write(path, **change)
    assert path.read_bytes() == before
    renamed = {**HEADER["truth"], "name": "moved"}
    write(path, make_record(2, "b"), truth=renamed)
    assert json.dumps(read_tally_file(path).header["truth"]["name"]) == '"t"'
