from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.gps import read_image_ids, read_record, record_path, write_annotation
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.gps_split import check_apart, check_lists, split_dataset
from peopleparse.errors import DataError, InputError
from tests.data.people_folders import folder_bytes
from tests.datasets import draw_group, write_gps_folder


def _write(folder: Path, count: int = 15, copies: int = 2) -> Path:
    """Write photos of soft shapes, and of the first one copies of other sizes and qualities."""
    for number in range(count):
        seed = 0 if number <= copies else number
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        size = (96 + 8 * (number % 3), 160 + 4 * (number % 3))
        photo = np.array(coarse.resize(size[::-1], Image.Resampling.BICUBIC))
        subset = "indoor" if number < 10 else "outdoor"
        group = draw_group(f"{number:03d}", 1 + number % 3, size, subset)
        write_annotation(folder, group, photo, subset, "none")
    return folder


def _splits(folder: Path) -> dict[str, str]:
    return {i: read_record(folder, i)["image"]["split"] for i in read_image_ids(folder)}


def test_a_folder_is_split(tmp_path: Path) -> None:
    folder = _write(tmp_path / "set")
    report = split_dataset(folder)
    assert report.groups == [["000", "001", "002"]] and report.changed == 15
    assert report.sizes == {
        ("indoor", "train"): 6, ("indoor", "val"): 2, ("indoor", "test"): 2,
        ("outdoor", "train"): 3, ("outdoor", "val"): 1, ("outdoor", "test"): 1,
    }  # fmt: skip
    found = _splits(folder)
    assert found["000"] == found["001"] == found["002"] == "train"
    assert check_dataset(folder) == []
    for split in ("train", "val", "test"):
        listed = (folder / "splits" / f"{split}.txt").read_text().split()
        assert listed == [i for i in found if found[i] == split]


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    folder = _write(tmp_path / "set")
    first = split_dataset(folder)
    before = folder_bytes(folder)
    again = split_dataset(folder)
    assert (again.sizes, again.changed) == (first.sizes, 0)
    assert folder_bytes(folder) == before


def test_only_the_split_changes_in_the_json(tmp_path: Path) -> None:
    folder = _write(tmp_path / "set", count=5)
    before = {i: record_path(folder, i).read_text() for i in read_image_ids(folder)}
    split_dataset(folder)
    for image_id, text in before.items():
        split = _splits(folder)[image_id]
        assert record_path(folder, image_id).read_text() == text.replace('"none"', f'"{split}"')


def test_names_counts_and_distance(tmp_path: Path) -> None:
    folder = _write(tmp_path / "set", count=8)
    report = split_dataset(folder, counts={"fit": 6, "held-out": 2}, max_distance=0)
    assert Counter(_splits(folder).values()) == {"fit": 6, "held-out": 2}
    assert report.groups == []
    split_dataset(folder, {"all": 1})  # lists of former splits go
    assert [path.name for path in (folder / "splits").iterdir()] == ["all.txt"]
    assert check_dataset(folder) == []


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="GPS folder must hold annotations/, got none, at"):
        split_dataset(tmp_path)
    folder = _write(tmp_path / "set", count=3)
    with pytest.raises(InputError, match=r"split must be a name of letters, .*, got \['../x'\]"):
        split_dataset(folder, {"train": 1, "../x": 1})
    (folder / "images" / "001.jpg").unlink()
    with pytest.raises(DataError, match="image must be a file, got none, at"):
        split_dataset(folder)
    assert set(_splits(folder).values()) == {"none"} and not (folder / "splits").exists()


def _edit_list(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def break_it(folder: Path) -> None:
        path = folder / "splits" / f"{name}.txt"
        path.write_text(change(path.read_text() if path.exists() else ""))

    return break_it


def _move(folder: Path) -> None:
    record = read_record(folder, "a")
    record["image"]["split"] = "val"
    record_path(folder, "a").write_text(json.dumps(record))


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "in two splits": (
        _edit_list("val", lambda text: f"{text}a\n"),
        "image must be in one split, got 'a' in train.txt and val.txt, at {}. Run `peopleparse dat",
    ),
    "twice in a list": (
        _edit_list("train", lambda text: f"{text}a\n"),
        "image must be in its list once, got 'a' in train.txt and train.txt, at {}. Run",
    ),
    "no annotation": (
        _edit_list("val", lambda text: f"{text}zz\n"),
        "listed image must have an annotation, got none for 'zz' of val.txt, at {}. Run",
    ),
    "in no list": (
        _edit_list("train", lambda text: text.replace("a\n", "")),
        "image must be in the list of its JSON's split train.txt, got 'a' in no list, at {}. Run",
    ),
    "another split in the JSON": (
        _move,
        "image must be in the list of its JSON's split val.txt, got 'a' in train.txt, at {}. Run",
    ),
    "no text": (
        lambda f: (f / "splits" / "val.txt").write_bytes(b"\xff"),
        "list of ids must be a text file, got '",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_fault_of_the_lists_is_found(tmp_path: Path, case: str) -> None:
    folder = write_gps_folder(tmp_path / "set")
    split_dataset(folder, {"train": 1, "val": 0})
    assert check_dataset(folder) == []
    break_it, text = BROKEN[case]
    break_it(folder)
    faults = check_dataset(folder)
    text = text.replace("{}", str(folder / "splits"))
    assert any(line.startswith(text) for line in faults), faults


def test_no_lists_no_faults(tmp_path: Path) -> None:
    assert check_lists(tmp_path, {"a": "train"}) == []


def test_folders_side_by_side(tmp_path: Path) -> None:
    first = write_gps_folder(tmp_path / "one")
    second = tmp_path / "two"
    shutil.copytree(first, second)
    assert check_apart([first, second]) == []  # the same images in the same splits
    for image_id, new in (("a", "a"), ("b", "z")):
        record = read_record(second, image_id)
        record["image"]["split"] = "test"
        record_path(second, image_id).write_text(json.dumps(record))
        home = second / "annotations"
        (home / image_id).rename(home / new)
        (home / new / f"{image_id}.json").rename(home / new / f"{new}.json")
    (second / "annotations" / "c" / "c.json").write_text("{")
    assert check_apart([first, second]) == [
        f"id must be in one split, got 'a' in train at {first} and 'a' in test at {second}. "
        "Take one of them out.",
        f"picture must be in one split, got 'a' in train at {first} and 'a' in test at {second}. "
        "Take one of them out.",
        f"picture must be in one split, got 'b' in train at {first} and 'z' in test at {second}. "
        "Take one of them out.",
    ]
