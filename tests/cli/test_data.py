from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from scipy.io import savemat

from peopleparse.cli.data import data, hash_folder
from peopleparse.data.gps import GpsDataset, read_record
from peopleparse.data.gps_check import check_dataset
from peopleparse.data.splits import split_of
from peopleparse.data.statistics import measure_dataset
from peopleparse.data.whole_sets import open_whole
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme
from tests.data.label_folders import write_lines, write_png
from tests.data.map_folders import IDS, write_atr, write_lip_set, write_pascal, write_photo
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


def test_check_of_label_maps_names_every_fault(tmp_path: Path) -> None:
    root, maps, photos = tmp_path / "atr", "humanparsing/SegmentationClassAug", "JPEGImages"
    write_atr(root)
    first, second, third = (root / maps / f"{i}.png" for i in IDS)
    write_png(first, np.full((6, 5), 18, np.uint8))  # an id that the scheme has not
    write_png(second, np.zeros((6, 6, 3), np.uint8))  # colours
    write_photo(root / "humanparsing" / photos / f"{IDS[2]}.jpg", (9, 9))
    write_lines(root / "val_id.txt", [IDS[1], "gone"])
    result = _run("check", root)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    expected = [
        (f"{third}", "label map must be 9 x 9 like its photo, got 7 x 6", "never resize"),
        (f"{first}", "label ids must be ids of scheme 'atr' or 255, got [18]", "Check which"),
        (f"{second}", "label PNG must be 8-bit indexed or grey, got 8-bit RGB", "Save the label"),
        (f"{root}", "must be SegmentationClassAug/gone.png, got none for the list", "Fetch it"),
    ]
    for place, what, advice in expected:
        assert any(what in line and place in line and advice in line for line in lines), what
    assert f"{len(expected)} problems in {root}" in result.stderr
    assert "format atr, scheme atr" in result.stdout


def test_check_finds_palettes_that_number_colours_as_they_come(tmp_path: Path) -> None:
    write_atr(tmp_path)
    atr = get_scheme("atr")
    ids = np.tile(np.array([0, 4, 11, 12], np.uint8), (6, 1))
    place = tmp_path / "humanparsing/SegmentationClassAug" / f"{IDS[0]}.png"
    for table in (np.arange(256), np.searchsorted([0, 4, 11, 12], np.arange(256))):
        picture = Image.fromarray(table.astype(np.uint8)[ids], "P")
        colors = np.zeros((256, 3), np.uint8)
        for label_id in (0, 4, 11, 12):
            colors[table[label_id]] = atr.labels[label_id].color
        picture.putpalette(colors.ravel().tolist())
        picture.save(place)
        write_photo(tmp_path / "humanparsing/JPEGImages" / f"{IDS[0]}.jpg", ids.shape)
        result = _run("check", tmp_path)
        right = (table == np.arange(256)).all()
        assert result.exit_code == int(not right), result.output
        if not right:
            assert "palette PNG must hold label ids, got number 1 in the colour of" in result.stdout
            assert "(id 4) and 2 more like it" in result.stdout and str(place) in result.stdout


def test_check_of_good_sets_in_other_forms(tmp_path: Path) -> None:
    write_atr(tmp_path / "atr")
    write_pascal(tmp_path / "pascal")
    write_lip_set(tmp_path / "lip")
    result = _run("check", tmp_path / "atr", tmp_path / "pascal", tmp_path / "lip")
    assert result.exit_code == 0, result.output
    assert "Note: format lip-trainval, scheme lip" in result.stdout
    assert result.stdout.count("not the whole published set") == 3
    assert _run("check", tmp_path / "atr", "--format", "no").exit_code == 1


def test_sheet_of_two_sets(tmp_path: Path) -> None:
    write_atr(tmp_path / "atr")
    write_lip_set(tmp_path / "lip")
    out = tmp_path / "fig.png"
    result = _run("sheet", tmp_path / "atr", tmp_path / "lip", "--out", out, "--width", "800")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"5 images of 2 data sets: {out}\n"
    with Image.open(out) as picture:
        assert picture.width == 800
    write_png(tmp_path / "atr/humanparsing/SegmentationClassAug" / f"{IDS[0]}.png",
              np.zeros((6, 5, 3), np.uint8))  # fmt: skip
    result = _run("sheet", tmp_path / "atr", "--out", out)
    assert result.exit_code == 1 and "label PNG must be 8-bit" in result.stderr


def test_stats_know_the_splits_of_lists(tmp_path: Path) -> None:
    write_lip_set(tmp_path)
    found = measure_dataset(open_whole(tmp_path))
    assert found.splits == {"train": 1, "val": 1}
    assert measure_dataset(open_whole(tmp_path), split="val").images == 1
    with pytest.raises(DataError, match=r"split must be one that has labels, got 'test', at .*"):
        measure_dataset(open_whole(tmp_path), split="test")
