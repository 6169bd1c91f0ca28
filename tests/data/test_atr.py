"""ATR in its own folders, and what the check of every set of label maps finds."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.formats import FORMATS, open_labels
from peopleparse.data.map_check import check_counts, check_maps
from peopleparse.data.map_labels import MapLabels
from peopleparse.data.statistics import measure_dataset
from peopleparse.errors import DataError
from tests.data.label_folders import pack, write_lines, write_png
from tests.data.map_folders import IDS, write_atr, write_lip_set, write_photo

MAPS, PHOTOS = "humanparsing/SegmentationClassAug", "humanparsing/JPEGImages"


def _open(path: Path, format: str | None = None) -> MapLabels:
    source = open_labels(path, format)
    assert isinstance(source, MapLabels)
    return source


def test_atr(tmp_path: Path) -> None:
    maps = write_atr(tmp_path / "set")
    source = _open(tmp_path / "set")
    assert (source.format, source.scheme.name, source.ids) == ("atr", "atr", tuple(sorted(IDS)))
    assert source.splits == {"train": IDS[:1], "val": IDS[1:2], "test": IDS[2:]}
    assert [source.split_of(i) for i in (*IDS, "x")] == ["train", "val", "test", None]
    assert check_maps(source) == []
    packed = _open(pack(tmp_path / "set", tmp_path / "set.zip", "somewhere"))
    for image_id, parsing in maps.items():
        for one in (source, packed):
            labels = one.read(image_id)
            assert labels.persons is None
            np.testing.assert_array_equal(labels.parsing, parsing)
        assert list(source.files_of(image_id)) == [f"{MAPS}/{image_id}.png"]
    assert check_maps(packed) == []
    assert source.read_photo("x") is None


def test_statistics(tmp_path: Path) -> None:
    maps = write_atr(tmp_path)
    found = measure_dataset(open_labels(tmp_path))
    assert (found.images, found.maps, found.categories) == (3, 3, 18)
    assert found.part_pixels["face"] == sum(int((m == 11).sum()) for m in maps.values())


def test_predictions_are_pngs_in_one_folder(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.eye(3, dtype=np.uint8))
    write_lines(tmp_path / "train_id.txt", ["b"])  # of the truth only
    source = open_labels(tmp_path, "atr", side="prediction")
    assert source.ids == ("a",) and source.faults_of("a") == []


def test_all_faults(tmp_path: Path) -> None:
    write_atr(tmp_path)
    write_png(tmp_path / MAPS / "2500_97.png", np.full((6, 6), 18, np.uint8))
    write_png(tmp_path / MAPS / "dataset10k_12.png", np.zeros((6, 7, 3), np.uint8))
    write_photo(tmp_path / PHOTOS / "2008_000008.jpg", (6, 4))
    write_png(tmp_path / MAPS / "stray.png", np.eye(3, dtype=np.uint8))
    write_photo(tmp_path / PHOTOS / "stray.jpg", (3, 3)).write_bytes(b"x")
    write_png(tmp_path / MAPS / "other.png", np.eye(3, dtype=np.uint8))
    write_lines(tmp_path / "val_id.txt", ["2500_97.jpg", "2500_97", "gone", "dataset10k_12"])
    expected = [
        r"image must be in one list once, got '2500_97' in \['val', 'val'\], at .* Correct the",
        r"image must be in one list once, got 'dataset10k_12' in \['val', 'test'\], at",
        r"label map must be of an image of a list, got 'other' of none, at .*other.png. Remove it",
        r"label map must be of an image of a list, got 'stray' of none, at .*stray.png",
        r"label map must be 4 x 6 like its photo, got 5 x 6, at .*2008_000008.png. Fetch both",
        r"label ids must be ids of scheme 'atr' or 255, got \[18\], at .*2500_97.png. Check which",
        r"label PNG must be 8-bit indexed or grey, got 8-bit RGB, at .*dataset10k_12.png. Save",
        r"label map must be SegmentationClassAug/gone.png, got none for the list of split 'val'",
        r"photo must be JPEGImages/other.jpg, got none, at .* Fetch it, or correct the list",
        r"photo must be a readable JPEG, got '.*', at .*stray.jpg. Fetch it again",
    ]
    found = check_maps(_open(tmp_path))
    assert len(found) == len(expected)
    for line, pattern in zip(found, expected, strict=True):
        assert re.match(pattern, line), line
        assert str(tmp_path) in line and line.endswith(".") and "\n" not in line
    with pytest.raises(DataError, match="label map must be SegmentationClassAug/gone.png"):
        open_labels(tmp_path).read("gone")


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    write_lines(tmp_path / "a" / "x.txt", [""])
    with pytest.raises(
        DataError, match="ATR must hold label maps SegmentationClassAug/<id>.png, g"
    ):
        open_labels(tmp_path / "a", "atr")
    write_atr(tmp_path / "b")
    write_lines(tmp_path / "b" / "more" / "val_id.txt", ["x"])
    with pytest.raises(
        DataError, match=r"list of split 'val' must be one file, got \['more/val_id"
    ):
        open_labels(tmp_path / "b")
    (tmp_path / "b" / "more" / "val_id.txt").unlink()
    write_png(tmp_path / "b" / "more/SegmentationClassAug/2500_97.png", np.eye(2, dtype=np.uint8))
    with pytest.raises(
        DataError, match="image must have one file, got 'humanparsing/Seg.* and 'mo"
    ):
        open_labels(tmp_path / "b")


def test_published_counts(tmp_path: Path) -> None:
    write_atr(tmp_path)
    source = _open(tmp_path)
    counts = {"train": 16_000, "val": 700, "test": 1_000}
    assert source.layout.counts == counts
    with pytest.raises(DataError, match="ATR must have 16,000 images in split 'train', got 1, at"):
        check_counts(source)
    source.splits = {split: ("x",) * count for split, count in counts.items()}
    check_counts(source)
    source.splits = {}
    with pytest.raises(DataError, match="ATR must have 17,706 maps, got 3, at .* Fetch it again"):
        check_counts(source)
    source.layout = dataclasses.replace(source.layout, total=3)
    check_counts(source)


def test_the_whole_of_lip(tmp_path: Path) -> None:
    maps = write_lip_set(tmp_path)
    source = _open(tmp_path, "lip-trainval")
    assert (source.format, source.scheme.name) == ("lip-trainval", "lip")
    assert source.ids == tuple(sorted(maps))  # no annotation of the test images
    assert source.splits == {
        "train": ("77_471474",),
        "val": ("100034_483681",),
        "test": ("100_10",),
    }
    assert check_maps(source) == []
    for image_id, parsing in maps.items():
        np.testing.assert_array_equal(source.read(image_id).parsing, parsing)
    assert source.layout.counts == {"train": 30_462, "val": 10_000, "test": 10_000}
    with pytest.raises(DataError, match="LIP must have 30,462 images in split 'train', got 1"):
        check_counts(source)
    source.splits = {split: ("x",) * count for split, count in source.layout.counts.items()}
    check_counts(source)
    # The format lip is what it was: what its evaluator scores.
    assert open_labels(tmp_path, "lip").ids == ("100034_483681",)
    next(tmp_path.rglob("100_10.jpg")).unlink()
    (fault,) = check_maps(_open(tmp_path, "lip-trainval"))
    assert fault.startswith("photo must be train_images/100_10.jpg or val_images/100_10.jpg or te")


def test_formats() -> None:
    assert FORMATS[6:10] == ("lip-trainval", "atr", "fashionista", "pascal-person-part")
