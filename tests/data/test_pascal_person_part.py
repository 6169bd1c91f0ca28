from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.formats import open_labels
from peopleparse.data.map_check import check_counts, check_maps
from peopleparse.data.map_labels import MapLabels
from peopleparse.data.statistics import measure_dataset
from peopleparse.errors import DataError
from tests.data.label_folders import write_lines, write_png
from tests.data.map_folders import IDS, write_pascal

GT = "pascal_person_part/pascal_person_part_gt"


def test_maps_and_lists(tmp_path: Path) -> None:
    maps = write_pascal(tmp_path)
    source = open_labels(tmp_path)
    assert isinstance(source, MapLabels)
    assert source.format == source.scheme.name == "pascal-person-part"
    assert source.splits == {"train": IDS[:2], "val": IDS[2:]}  # not VOC's own list
    assert check_maps(source) == []
    for image_id, parsing in maps.items():
        labels = source.read(image_id)
        assert labels.persons is None
        np.testing.assert_array_equal(labels.parsing, parsing)
    assert measure_dataset(source).categories == 7


def test_lists_of_bare_ids(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    for split, ids in (("train", IDS[:1]), ("val", IDS[1:])):
        write_lines(tmp_path / f"{split}_id.txt", list(ids))
    source = open_labels(tmp_path)
    assert isinstance(source, MapLabels)
    assert source.splits == {"train": IDS[:1], "val": IDS[1:]}


def test_the_other_name_of_the_folder(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    (tmp_path / GT).rename(tmp_path / "pascal_person_part" / "SegmentationPart")
    source = open_labels(tmp_path)
    assert isinstance(source, MapLabels) and source.format == "pascal-person-part"
    assert check_maps(source) == []


def test_persons_where_somebody_numbered_them(tmp_path: Path) -> None:
    maps = write_pascal(tmp_path, owners=True)
    source = open_labels(tmp_path)
    assert source.format == "pascal-person-part" and isinstance(source, MapLabels)
    assert check_maps(source) == []
    for image_id, parsing in maps.items():
        labels = source.read(image_id)
        assert isinstance(labels.persons, tuple)
        expected = np.where(parsing > 0, 1, 0)
        expected[:, :2][parsing[:, :2] > 0] = 2
        np.testing.assert_array_equal(labels.persons[1], expected)
    assert measure_dataset(source).persons == 6
    assert len(source.files_of(IDS[0])) == 2
    write_png(
        tmp_path / "pascal_person_part/Human_ids" / f"{IDS[0]}.png", np.eye(2, dtype=np.uint8)
    )
    (tmp_path / "pascal_person_part/Human_ids" / f"{IDS[1]}.png").unlink()
    first, second = check_maps(open_labels(tmp_path))
    assert first.startswith("map must be 5 x 6 like 'pascal_person_part/pascal_person_part_gt/2008")
    assert second.startswith("labels must be a file, got none, at ")


def test_greys_in_place_of_ids_are_named(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    write_png(
        tmp_path / GT / f"{IDS[0]}.png", np.array([[0, 38, 75, 113]], np.uint8), indexed=False
    )
    write_png(tmp_path / GT / f"{IDS[1]}.png", np.array([[0, 7, 75]], np.uint8))
    with pytest.raises(
        DataError,
        match=r"part' or 255, got \[38, 75, 113\], at .* These are the brightness of the VOC",
    ):
        open_labels(tmp_path).read(IDS[0])
    with pytest.raises(
        DataError, match=r"got \[7, 75\], at .* Check which scheme the map was made"
    ):
        open_labels(tmp_path).read(IDS[1])
    assert "brightness" not in open_labels(tmp_path).faults_of(IDS[1])[0]


def test_published_counts(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    source = open_labels(tmp_path)
    assert isinstance(source, MapLabels)
    with pytest.raises(
        DataError, match="Person-Part must have 1,716 images in split 'train', got 2"
    ):
        check_counts(source)
    source.splits = {"train": ("x",) * 1716, "val": ("x",) * 1817}
    check_counts(source)
