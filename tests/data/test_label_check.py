"""The check without truth: every fault of an archive, one line each."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.formats import open_labels
from peopleparse.data.label_check import check_predictions, expect_images
from peopleparse.errors import InputError
from tests.data.label_folders import (
    make_scenes,
    pack,
    write_cihp_prediction,
    write_lines,
    write_lip,
    write_mhp_submission,
    write_png,
)

GROUPS = make_scenes()
SIZES = {image_id: scene.parsing.shape for image_id, scene in GROUPS.items()}


def _photos(folder: Path, ids: tuple[str, ...] = tuple(GROUPS)) -> Path:
    folder.mkdir()
    for image_id in ids:
        Image.new("RGB", SIZES[image_id][::-1]).save(folder / f"{image_id}.jpg")
    return folder


def _match(faults: list[str], *texts: str) -> None:
    assert len(faults) == len(texts), faults
    for fault, text in zip(faults, texts, strict=True):
        assert re.search(text, fault), fault
        assert "\n" not in fault


@pytest.mark.parametrize("write", [write_lip, write_cihp_prediction, write_mhp_submission])
def test_a_good_archive_has_no_fault(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    archive = pack(write(tmp_path / "set", GROUPS), tmp_path / "a.zip")
    photos = _photos(tmp_path / "photos")
    listed = write_lines(tmp_path / "ids.txt", list(GROUPS))
    for images in (None, photos, listed, list(GROUPS), SIZES, dict.fromkeys(GROUPS)):
        assert check_predictions(archive, images) == []
    assert check_predictions(open_labels(archive, side="prediction"), photos) == []


def test_every_fault_is_listed(tmp_path: Path) -> None:
    folder = write_cihp_prediction(tmp_path / "set", GROUPS)
    write_png(folder / "global_parsing" / "0001.png", np.ones((2, 2, 3), np.uint8))
    write_lines(folder / "instance_parsing" / "0001.txt", ["x .5", "5 nan", "5"])
    write_lines(folder / "instance_segmentation" / "0002.txt", ["0.5"])
    (folder / "instance_parsing" / "0002.png").unlink()
    for name in ("global_parsing", "instance_parsing", "instance_segmentation"):
        (folder / name / "0003.png").rename(folder / name / "9.png")
        text = folder / name / "0003.txt"
        if text.exists():
            text.rename(folder / name / "9.txt")
    archive = pack(folder, tmp_path / "a.zip", "results")
    seen: list[str] = []
    faults = check_predictions(
        archive,
        SIZES,
        track=lambda ids: [seen.append(i) or i for i in ids],  # type: ignore[func-returns-value]
    )
    assert seen == ["0001", "0002", "9"]
    _match(
        faults,
        "must lie at the top of what is handed in, got them in the folder 'results', at .*a.zip",
        "image '0003' must have a prediction, got none, at .*a.zip. It counts as one",
        "must be of one of the 3 images, got '9', at .*a.zip/results/global_parsing/9.png. Remove",
        "got 8-bit RGB, at .*global_parsing/0001.png",
        "label must be 1 to 19 of scheme 'cihp', got 'x', at line 1 of .*0001.txt",
        "score must be a finite number, got 'nan', at line 2 of .*0001.txt",
        "line must be 'label score', got '5', at line 3 of .*0001.txt",
        r"one line for each number of its PNG \(\d+\), got 3, at .*0001.txt",
        r"one line for each number of its PNG \(3\), got 1, at .*segmentation/0002.txt",
        "labels must be a file, got none, at .*instance_parsing/0002.png",
    )


def test_wrong_sizes_need_the_photos(tmp_path: Path) -> None:
    folder = write_lip(tmp_path / "set", GROUPS)
    write_png(folder / "0001.png", np.zeros((2, 3), np.uint8))
    assert check_predictions(folder) == check_predictions(folder, list(GROUPS)) == []
    _match(
        check_predictions(folder, _photos(tmp_path / "photos")),
        r"prediction must be \d+ x \d+ like its photo, got 3 x 2, at .*0001.png. Write it at the",
    )


def test_what_cannot_be_opened_is_the_one_fault(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    _match(
        check_predictions(tmp_path / "a.zip", SIZES), "zip archive or JSON file, got 'File is no"
    )


def test_the_photos_that_are_expected(tmp_path: Path) -> None:
    photos = _photos(tmp_path / "photos")
    assert expect_images(photos) == SIZES
    assert expect_images(["a", "b"]) == {"a": None, "b": None}
    (tmp_path / "none").mkdir()
    with pytest.raises(
        InputError, match="must be a folder of photos or a list of ids, got none, at"
    ):
        expect_images(tmp_path / "none")
    (photos / "0001.jpg").write_bytes(b"no photo")
    with pytest.raises(InputError, match="image must be a readable JPEG or PNG, got '.+', at"):
        expect_images(photos)
    with pytest.raises(
        InputError, match="list of images must be a text file, got '.+', at .*no.txt"
    ):
        check_predictions(tmp_path, tmp_path / "no.txt")
