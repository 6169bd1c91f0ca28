"""Writing and reading the GPS form, and what happens when a write breaks off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from peopleparse.data import gps as gps_module
from peopleparse.data.files import hash_bytes
from peopleparse.data.gps import (
    GpsDataset,
    read_annotation,
    read_image_ids,
    read_record,
    record_path,
    write_annotation,
)
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.gps_record import count_overlaps
from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation
from tests.datasets import draw_group, paint, write_gps_folder

GPS = get_scheme("gps")


def _image(size: tuple[int, int] = (96, 160)) -> np.ndarray:
    return np.zeros((*size, 3), np.uint8)


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_layout(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    names = [name for name in _files(tmp_path) if "/b" in name or "/d" in name]
    assert names == [
        "annotations/b/b.json",
        "annotations/b/b_02_01.png",
        "annotations/b/b_02_02.png",
        "annotations/d/d.json",
        "images/b.jpg",
        "images/d.jpg",
    ]
    assert check_dataset(tmp_path) == []


def test_round_trip(tmp_path: Path) -> None:
    group = draw_group("x", 3, overlap=True)
    image = paint(group.flatten()[0], GPS, np.random.default_rng(0))
    folder = write_annotation(tmp_path, group, image, "indoor", "train")
    assert folder == tmp_path / "annotations" / "x"
    found = read_annotation(tmp_path, "x")
    np.testing.assert_array_equal(found.parsings, group.parsings)
    assert found.scheme == GPS and found.image_id == "x"
    dataset = GpsDataset(tmp_path)
    assert len(dataset) == 1
    read, again = dataset[0]
    assert read.shape == image.shape and read.dtype == np.uint8
    assert np.abs(read.astype(int) - image).mean() < 8  # JPEG
    np.testing.assert_array_equal(again.parsings, group.parsings)


@given(
    data=st.data(),
    count=st.integers(0, 4),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_any_masks_round_trip_and_pass_the_check(
    data: st.DataObject,
    count: int,
    size: tuple[int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ids = st.sampled_from([0, *GPS.ids, 255])
    parsings = data.draw(hnp.arrays(np.uint8, (count, *size), elements=ids))
    parsings = parsings[[bool(mask.any()) for mask in Annotation(parsings, GPS).masks]]
    boxes = Annotation(parsings, GPS).boxes
    parsings = parsings[np.argsort(boxes[:, 0] + boxes[:, 2], kind="stable")]
    folder = tmp_path_factory.mktemp("gps")
    write_annotation(folder, Annotation(parsings, GPS, "x"), _image(size), None, "train")
    np.testing.assert_array_equal(read_annotation(folder, "x").parsings, parsings)
    assert check_dataset(folder) == []


def test_record_has_every_field(tmp_path: Path) -> None:
    group = draw_group("x", 2, overlap=True)
    write_annotation(tmp_path, group, _image(), "indoor", "val")
    record = json.loads(record_path(tmp_path, "x").read_text(encoding="utf-8"))
    assert list(record) == [
        "schema", "image", "labels", "n_persons", "order", "persons", "overlaps", "flatten_rule",
    ]  # fmt: skip
    assert record["schema"] == "peopleparse-gps/1"
    assert record["image"] == {
        "file": "images/x.jpg",
        "sha256": hash_bytes((tmp_path / "images" / "x.jpg").read_bytes()),
        "width": 160,
        "height": 96,
        "subset": "indoor",
        "split": "val",
    }
    assert record["labels"][19] == {"id": 19, "name": "tie", "color": list(GPS.palette[19])}
    assert (record["n_persons"], record["order"]) == (2, "left_to_right")
    shared = int((group.masks[0] & group.masks[1]).sum())
    assert record["overlaps"] == [{"a": 1, "b": 2, "pixels": shared}] and shared > 0
    person = record["persons"][1]
    ys, xs = np.nonzero(group.masks[1])
    assert person["index"] == 2 and person["uid"] == "x-2"
    assert person["bbox"] == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    assert person["area"] == len(xs) == sum(person["part_areas"].values())
    assert person["part_areas"]["hair"] == int((group.parsings[1] == 2).sum())
    assert person["centroid_x"] == pytest.approx(xs.mean() + 0.5, abs=0.01)
    assert person["mask_sha256"] == hash_bytes(group.parsings[1].tobytes())
    assert {name: person[name] for name in list(person)[7:]} == {
        "click_xy": None, "occluded": None, "truncated": None, "status": "done",
        "annotator": None, "revision": 1, "seconds": None,
    }  # fmt: skip


def test_further_fields(tmp_path: Path) -> None:
    persons = [
        {"uid": "p9", "click_xy": [5, 6], "occluded": True, "age": np.int64(3)},
        {"click_xy": np.array([9, 6]), "status": "checked"},
    ]
    extra = {"source": {"photo": "0007", "licence": "Apache-2.0"}, "z_order": [2, 1]}
    write_annotation(tmp_path, draw_group("x", 2), _image(), None, "train", extra, persons)
    record = read_record(tmp_path, "x")
    assert record["source"] == {"photo": "0007", "licence": "Apache-2.0"}
    assert record["image"]["subset"] is None
    assert record["persons"][0]["uid"] == "p9" and record["persons"][0]["age"] == 3
    assert record["persons"][1]["click_xy"] == [9, 6]
    assert record["persons"][1]["uid"] == "x-2"
    assert check_dataset(tmp_path) == []


def test_same_input_same_bytes(tmp_path: Path) -> None:
    write_gps_folder(tmp_path / "one")
    write_gps_folder(tmp_path / "two")
    names = _files(tmp_path / "one")
    assert names == _files(tmp_path / "two")
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_image_file_is_copied_as_it_is(tmp_path: Path) -> None:
    Image.fromarray(_image()).save(tmp_path / "photo.PNG")
    write_annotation(tmp_path / "out", draw_group("x"), tmp_path / "photo.PNG", None, "train")
    copied = tmp_path / "out" / "images" / "x.png"
    assert copied.read_bytes() == (tmp_path / "photo.PNG").read_bytes()
    write_annotation(tmp_path / "out", draw_group("x", 2), copied, None, "val", overwrite=True)
    assert len(read_annotation(tmp_path / "out", "x")) == 2
    assert check_dataset(tmp_path / "out") == []


def test_grey_images_are_read_as_rgb(tmp_path: Path) -> None:
    Image.fromarray(_image()[..., 0]).save(tmp_path / "photo.jpg")
    write_annotation(tmp_path, draw_group("x"), tmp_path / "photo.jpg", None, "train")
    assert GpsDataset(tmp_path)[0][0].shape == (96, 160, 3)


def test_ids_and_splits(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    assert read_image_ids(tmp_path) == ["a", "b", "c", "d", "e"]
    assert read_image_ids(tmp_path, "val") == ["c", "d"]
    assert GpsDataset(tmp_path, "train").ids == ["a", "b", "e"]
    assert [len(truth) for _, truth in GpsDataset(tmp_path)] == [3, 2, 1, 0, 4]
    with pytest.raises(IndexError):
        GpsDataset(tmp_path)[5]


def test_outdoors_reads_without_tie(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    assert read_annotation(tmp_path, "b").scheme.name == "gps-outdoor"
    assert read_annotation(tmp_path, "a").scheme.name == "gps"
    assert len(read_record(tmp_path, "b")["labels"]) == 19


def test_overwrite_replaces_all_of_it(tmp_path: Path) -> None:
    write_annotation(tmp_path, draw_group("x", 3), _image(), None, "train")
    write_annotation(tmp_path, draw_group("x", 1), _image(), None, "train", overwrite=True)
    assert _files(tmp_path / "annotations") == ["x/x.json", "x/x_01_01.png"]


def test_a_write_that_breaks_off_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_annotation(tmp_path, draw_group("x", 2), _image(), None, "train")
    before = _files(tmp_path)
    calls = []

    def fail_second(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(gps_module, "write_label_png", fail_second)
    for image_id in ("x", "y"):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            group = draw_group(image_id, 3)
            write_annotation(tmp_path, group, _image(), None, "train", overwrite=True)
        assert len(calls) == 2
    assert _files(tmp_path) == sorted([*before, "images/y.jpg"])
    assert len(read_annotation(tmp_path, "x")) == 2
    assert read_image_ids(tmp_path) == ["x"]


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peopleparse.data import files

    write_annotation(tmp_path, draw_group("x", 2), _image(), None, "train")
    real = files.os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target).name == "x" and (Path(source) / "x_01_01.png").exists():
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    with pytest.raises(InputError, match="can be written, got 'No space left on device', at"):
        write_annotation(tmp_path, draw_group("x", 1), _image(), None, "train", overwrite=True)
    assert len(read_annotation(tmp_path, "x")) == 2
    assert read_image_ids(tmp_path) == ["x"]
    assert all(not path.name.startswith(".") for path in tmp_path.rglob("*"))


def test_count_overlaps_is_the_slow_loop(rng: np.random.Generator) -> None:
    masks = rng.random((5, 8, 9)) < 0.3
    slow = [
        {"a": a + 1, "b": b + 1, "pixels": int((masks[a] & masks[b]).sum())}
        for a in range(5)
        for b in range(a + 1, 5)
        if (masks[a] & masks[b]).any()
    ]
    assert count_overlaps(masks) == slow


def test_unfinished_persons_may_be_empty(tmp_path: Path) -> None:
    parsings = draw_group("x", 3).parsings.copy()
    parsings[1] = 0
    status = [{"status": "todo" if n == 1 else "done"} for n in range(3)]
    truth = Annotation(parsings, GPS, "x")
    write_annotation(tmp_path, truth, _image(), None, "train", persons=status)
    person = read_record(tmp_path, "x")["persons"][1]
    assert (person["bbox"], person["centroid_x"], person["area"]) == (None, None, 0)
    assert check_dataset(tmp_path) == []
