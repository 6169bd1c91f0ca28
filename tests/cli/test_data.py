from __future__ import annotations

from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result
from scipy.io import savemat

from peopleparse.cli.data import data, hash_folder
from peopleparse.data.gps import GpsDataset, read_record
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.splits import split_of
from peopleparse.errors import DataError, InputError
from tests.datasets import write_ccp_folder, write_gps_folder


def _run(*words: str | Path) -> Result:
    return CliRunner().invoke(data, [str(word) for word in words])


def test_check_of_a_good_folder(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    result = _run("check", tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Note: 1 of 5 images show nobody.",
        "Note: 1 of 5 images show one person, not a group.",
        f"No problems in {tmp_path}",
    ]


def test_check_prints_problems_and_exits_1(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "annotations" / "b" / "b_02_01.png").unlink()
    result = _run("check", tmp_path)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("image must be a file, got none, at")
    assert lines[1].startswith("label PNG must be a file, got none, at")
    assert f"2 problems in {tmp_path}" in result.stderr


def test_no_gps_folder_is_an_error_of_the_family(tmp_path: Path) -> None:
    result = _run("check", tmp_path / "no")
    assert isinstance(result.exception, DataError)
    assert "GPS folder must hold annotations/" in str(result.exception)


def test_usage() -> None:
    assert _run("check").exit_code == 2
    assert _run("chek").exit_code == 2


def test_converted_photos_are_a_good_data_set(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=6, size=(60, 40))
    out = tmp_path / "out"
    result = _run("convert-ccp", root, out)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"6 of 6 photos converted: {out}",
        f"sha256 of all images and maps: {hash_folder(out)}",
    ]
    assert check_dataset(out) == []
    dataset = GpsDataset(out)
    assert dataset.ids == [f"{number:04d}" for number in range(1, 7)]
    for image_id in dataset.ids:
        record = read_record(out, image_id)
        assert record["image"]["split"] == split_of(image_id)
        assert record["image"]["subset"] is None
        assert record["source"] == {"data_set": "Clothing Co-Parsing", "id": image_id}
        copied = out / record["image"]["file"]
        assert copied.read_bytes() == (root / "photos" / f"{image_id}.jpg").read_bytes()
    _, annotation = dataset[0]
    assert {"face", "left shoe", "right arm"} <= set(record["persons"][0]["part_areas"])
    assert len(annotation) == 1


def test_one_split_and_a_limit(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=6, size=(60, 40))
    train = [f"{n:04d}" for n in range(1, 7) if split_of(f"{n:04d}") == "train"]
    _run("convert-ccp", root, tmp_path / "a", "--split", "train")
    assert GpsDataset(tmp_path / "a").ids == train
    _run("convert-ccp", root, tmp_path / "b", "--split", "train", "--limit", "2")
    assert GpsDataset(tmp_path / "b").ids == train[:2]


def test_broken_and_empty_maps_are_passed_over_and_named(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=3, size=(60, 40))
    maps = root / "annotations" / "pixel-level"
    savemat(maps / "0001.mat", {"groundtruth": np.zeros((60, 40), np.uint8)})
    (maps / "0002.mat").write_text("not MATLAB " * 50)
    result = _run("convert-ccp", root, tmp_path / "out")
    assert result.exit_code == 1
    assert "Left out, nobody in the map: 0001" in result.stdout
    assert "1 of 3 photos converted" in result.stdout
    assert "annotation must be a MATLAB file" in result.stderr and "0002.mat" in result.stderr
    assert GpsDataset(tmp_path / "out").ids == ["0003"]


def test_a_photo_of_another_size_than_its_map(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=2, size=(60, 40))
    maps = root / "annotations" / "pixel-level"
    savemat(maps / "0001.mat", {"groundtruth": np.full((50, 40), 19, np.uint8)})
    result = _run("convert-ccp", root, tmp_path / "out")
    assert result.exit_code == 1
    assert "image must have the size of its masks (50, 40), got (60, 40)" in result.stderr


def test_nothing_to_convert_leaves_nothing_behind(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=1, size=(60, 40))
    result = _run("convert-ccp", root, tmp_path / "out", "--split", "val")
    assert isinstance(result.exception, InputError)
    assert "must hold photos of split 'val', got none" in str(result.exception)
    empty = {"groundtruth": np.zeros((60, 40), np.uint8)}
    savemat(root / "annotations" / "pixel-level" / "0001.mat", empty)
    result = _run("convert-ccp", root, tmp_path / "out")
    assert isinstance(result.exception, InputError)
    assert "got 1 that cannot" in str(result.exception)
    assert "its map shows nobody" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["ccp"]


def test_a_conversion_overwrites_nothing(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path / "ccp", parsed=1, size=(60, 40))
    for place in (root, root / "label_list.mat"):
        result = _run("convert-ccp", root, place)
        assert isinstance(result.exception, InputError)
        assert "output must be a new or empty folder, got one with" in str(result.exception)
    (tmp_path / "out").mkdir()
    assert _run("convert-ccp", root, tmp_path / "out").exit_code == 0
