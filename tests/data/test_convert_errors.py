"""What cannot be converted: an argument that is wrong, or an image that costs only itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.convert import convert_labels
from peopleparse.data.formats import open_labels
from peopleparse.data.grey_png import encode_grey_png
from peopleparse.errors import DataError, InputError, SchemeError
from tests.data.label_folders import edit_json, write_png
from tests.data.people_folders import random_scenes, write_people


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_people(tmp_path / "set", random_scenes(3, least=2, most=2))


def test_unknown_format_and_subset(source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"format must be one that can be written, got 'mhp'\. Did you mean 'mhp-"
    ):
        convert_labels(source, tmp_path / "out", "mhp")
    with pytest.raises(InputError, match="subset must be known, got 'outdor'. Did you mean 'outd"):
        convert_labels(source, tmp_path / "out", "gps", subset="outdor")


def test_the_output_must_be_new(source: Path, tmp_path: Path) -> None:
    for place in (source, source / "images" / "0000.jpg"):
        with pytest.raises(InputError, match="output must be a new or empty folder, got one with"):
            convert_labels(source, place, "coco")


def test_a_split_that_nobody_has(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="source must hold images of split 'tran', got none, at"):
        convert_labels(source, tmp_path / "out", "coco", split="tran")
    write_png(tmp_path / "lip" / "a.png", np.ones((2, 2), np.uint8))
    with pytest.raises(DataError, match="source must hold images of split 'val', got none, at"):
        convert_labels(tmp_path / "lip", tmp_path / "out", "coco", split="val")


def test_labels_that_need_a_translation(tmp_path: Path) -> None:
    write_png(tmp_path / "lip" / "a.png", np.ones((2, 2), np.uint8))
    with pytest.raises(
        InputError,
        match="labels of the GPS form must be those of gps, got scheme 'lip'. Add --translate",
    ):
        convert_labels(tmp_path / "lip", tmp_path / "out", "gps")
    with pytest.raises(
        InputError, match="translation must lead to a format with a scheme of its own, got coco."
    ):
        convert_labels(tmp_path / "lip", tmp_path / "out", "coco", translate=True)
    with pytest.raises(
        SchemeError, match="labels must be of schemes that tables join, got ids:4 to cihp. Keep"
    ):
        convert_labels(tmp_path / "lip", tmp_path / "out", "cihp", scheme="ids:4", translate=True)
    assert not (tmp_path / "out").exists()


def test_photos_that_are_missing_or_another_size(source: Path, tmp_path: Path) -> None:
    photos = tmp_path / "set" / "images"
    (photos / "0000.jpg").unlink()
    write_png(photos / "0001.png", np.zeros((3, 3, 3), np.uint8))
    (photos / "0001.jpg").unlink()
    report = convert_labels(source, tmp_path / "out", "gps")
    assert report.images == 1
    first, second = report.problems
    assert first.startswith("image must have a photo in the GPS form, got none for '0000'. Name")
    assert second.startswith("photo must be ") and ", got 3 x 3, at " in second


def test_photos_elsewhere(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="photos must be in a folder, got none, at .*no. Name the"):
        convert_labels(source, tmp_path / "out", "gps", images=tmp_path / "no")
    write_png(source / "images" / "0001.png", np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(
        InputError, match="photo must be the only one of its id, got '0001.jpg' and '0001.png', at"
    ):
        convert_labels(source, tmp_path / "out", "gps")


def test_a_broken_image_costs_only_itself(source: Path, tmp_path: Path) -> None:
    (source / "annotations" / "0001" / "0001_02_01.png").write_bytes(b"no PNG")
    report = convert_labels(source, tmp_path / "out", "mhp-v2")
    assert report.images == 2 and open_labels(tmp_path / "out").ids == ("0000", "0002")
    assert len(report.problems) == 1
    assert report.problems[0].startswith("label map must be a PNG file, got 6 bytes")


def test_nothing_to_convert_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match="source must hold images that can be converted, got 3 that cannot, at .*set. Mend "
        "them, or choose a format that can hold them. Lost: images of several persons, left out: "
        "3; persons of images of several, left out: 6",
    ):
        convert_labels(source, tmp_path / "out", "lip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


def test_the_first_problem_is_told_where_nothing_can_be_converted(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="hold them. The first: image must have a photo in the GPS"):
        convert_labels(source, tmp_path / "out", "gps", images=source / "annotations")


def test_a_record_without_its_split_is_passed_over(source: Path, tmp_path: Path) -> None:
    (source / "annotations" / "0001" / "0001.json").write_text("{")
    report = convert_labels(source, tmp_path / "out", "coco", split="train")
    assert report.images == 1
    report = convert_labels(source, tmp_path / "all", "coco")
    assert report.images == 2 and report.problems[0].startswith("labels must be JSON, got ")


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.update(schema="other"),
        lambda note: note.pop("images"),
        lambda note: note.update(images=[1]),
        lambda note: note["images"]["0000"].update(persons=5),
    ],
)
def test_a_broken_note(source: Path, tmp_path: Path, change: object) -> None:
    convert_labels(source, tmp_path / "mhp", "mhp-v2")
    edit_json(tmp_path / "mhp" / "conversion" / "note.json", change)  # type: ignore[arg-type]
    with pytest.raises(
        DataError, match="note of a conversion must be of peopleparse-conversion/1, got '"
    ):
        convert_labels(tmp_path / "mhp", tmp_path / "out", "gps")


def test_a_note_that_is_no_json(source: Path, tmp_path: Path) -> None:
    convert_labels(source, tmp_path / "mhp", "mhp-v2")
    (tmp_path / "mhp" / "conversion" / "note.json").write_text("{")
    with pytest.raises(DataError, match="labels must be JSON, got "):
        convert_labels(tmp_path / "mhp", tmp_path / "out", "gps")


def test_a_tie_outdoors_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "m/parsing_annos/a_01_01.png", np.array([[19, 4]], np.uint8))
    write_png(tmp_path / "m/parsing_annos/b_01_01.png", np.array([[18, 4]], np.uint8))
    for image_id in "ab":
        write_png(tmp_path / f"m/images/{image_id}.png", np.zeros((1, 2, 3), np.uint8))
    report = convert_labels(tmp_path / "m", tmp_path / "out", "gps", scheme="gps", subset="outdoor")
    assert report.images == 1
    assert "'gps-outdoor'" in report.problems[0] and "[19]" in report.problems[0]


@pytest.mark.parametrize(
    "numbers", [np.zeros((0, 3), int), np.zeros(3, int), np.array([[-1]]), np.array([[65536]])]
)
def test_maps_that_no_grey_png_holds(numbers: np.ndarray) -> None:
    with pytest.raises(InputError, match="map must be .H, W. numbers from 0 to 65535, got"):
        encode_grey_png(numbers)


def test_a_note_is_json(source: Path, tmp_path: Path) -> None:
    convert_labels(source, tmp_path / "mhp", "mhp-v2")
    assert json.loads((tmp_path / "mhp/conversion/note.json").read_text())["losses"] == {}
