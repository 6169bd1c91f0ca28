"""Downloads, opened again: every label id is what the item shows."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.image_labels import ImageLabels
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation
from peopleparse.studio.downloads import KINDS, flatten, make_download, safe_stem
from peopleparse.studio.photo_bytes import encode_photo
from peopleparse.studio.shown import Shown, show_labels, show_result
from peopleparse.viz import draw_overlay
from peopleparse.web.problems import Problem
from tests.studio.site import draw_overlapping, draw_people

GPS = get_scheme("gps")


def _take(kind: str, shown: Shown) -> bytes:
    return make_download(kind, shown, "a photo.jpg")[0]


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.array(image)


@pytest.fixture(scope="module")
def overlapping() -> np.ndarray:
    persons = draw_overlapping(5, seed=3)
    persons[2] = 0  # counted, and wholly hidden
    return persons


@pytest.fixture(scope="module")
def truth(overlapping: np.ndarray) -> Shown:
    return show_labels(ImageLabels(overlapping), GPS, "a")


@pytest.fixture(scope="module")
def result() -> Any:
    return draw_people(4, (80, 120), seed=2)


@pytest.fixture(scope="module")
def shown(result: Any) -> Shown:
    return show_result(result, encode_photo(result.image))


def test_every_kind_has_its_type_and_name(shown: Shown) -> None:
    found = [make_download(kind, shown, "dir/ä b.jpg")[1:] for kind in KINDS]
    assert found == [
        ("image/png", "ä_b_indexed.png"),
        ("image/png", "ä_b_colored.png"),
        ("image/png", "ä_b_overlay.png"),
        ("application/zip", "ä_b_persons.zip"),
        ("application/json", "ä_b_coco.json"),
        ("application/json", "ä_b_people.json"),
    ]


def test_the_indexed_png_holds_the_ids_and_the_colours_of_the_scheme(
    shown: Shown, result: Any
) -> None:
    with Image.open(io.BytesIO(_take("indexed.png", shown))) as image:
        assert image.mode == "P"
        assert np.array_equal(np.array(image), result.parsing)
        assert np.array_equal(np.array(image.convert("RGB")), GPS.palette[result.parsing])


def test_where_persons_share_pixels_the_left_one_is_in_the_indexed_png(
    truth: Shown, overlapping: np.ndarray
) -> None:
    parsing, instances, lost = Annotation(overlapping, GPS).flatten()
    assert lost > 0 and len(truth.results) > 1
    assert np.array_equal(_pixels(_take("indexed.png", truth)), parsing)
    assert np.array_equal(flatten(truth)[1], instances)


def test_the_coloured_png_is_the_palette_of_the_ids(shown: Shown, result: Any) -> None:
    assert np.array_equal(_pixels(_take("colored.png", shown)), GPS.palette[result.parsing])


def test_the_overlay_is_that_of_the_library(shown: Shown, result: Any) -> None:
    assert np.array_equal(_pixels(_take("overlay.png", shown)), draw_overlay(result))


def test_the_zip_has_one_exact_map_a_person_under_the_names_of_gps(
    truth: Shown, overlapping: np.ndarray
) -> None:
    with zipfile.ZipFile(io.BytesIO(_take("persons.zip", truth))) as archive:
        assert archive.namelist() == [f"a_photo_05_{n:02d}.png" for n in range(1, 6)]
        maps = [_pixels(archive.read(name)) for name in archive.namelist()]
    assert np.array_equal(np.stack(maps), overlapping)
    assert _take("persons.zip", truth) == _take("persons.zip", truth)


def _decode(entry: dict[str, Any]) -> np.ndarray:
    mask = pytest.importorskip("pycocotools.mask")
    return mask.decode(entry).astype(bool)


def test_coco_has_every_part_of_every_person_exactly(truth: Shown, overlapping: np.ndarray) -> None:
    found = json.loads(_take("coco.json", truth))
    again = np.zeros_like(overlapping)
    for entry in found["annotations"]:
        if entry["category_id"] != GPS.num_ids:
            again[entry["group_id"] - 1][_decode(entry["segmentation"])] = entry["category_id"]
    assert np.array_equal(again, overlapping)
    assert [entry["id"] for entry in found["annotations"]] == list(
        range(1, len(found["annotations"]) + 1)
    )
    assert not any("score" in entry for entry in found["annotations"])
    assert found["images"][0]["height"] == overlapping.shape[1]


def test_coco_of_a_result_is_that_of_the_library(shown: Shown, result: Any) -> None:
    assert json.loads(_take("coco.json", shown)) == result.to_coco()


def test_people_json_of_a_result_is_that_of_the_library(shown: Shown, result: Any) -> None:
    assert json.loads(_take("people.json", shown)) == result.to_dict()


def test_people_json_of_overlapping_persons_is_exact(truth: Shown, overlapping: np.ndarray) -> None:
    found = json.loads(_take("people.json", truth))
    again = np.zeros_like(overlapping)
    for person in found["people"]:
        for part in person["parts"]:
            again[person["index"] - 1][_decode(part["rle"])] = part["label_id"]
    assert np.array_equal(again, overlapping)


def test_another_kind_is_refused(shown: Shown) -> None:
    with pytest.raises(Problem, match="download must be one of indexed.png, .*got another") as told:
        make_download("../x", shown, "a")
    assert told.value.status == 404


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b\\c.png", "c"),
        ('x"; y\r\n.jpg', "x___y__"),
        ("<img src=x onerror=alert(1)>.jpg", "_img_src_x_onerror_alert_1__"),
        ("nul.png", "_nul"),
        ("..", "photo"),
        ("", "photo"),
        ("w" * 300 + ".jpg", "w" * 80),
    ],
)
def test_names_of_files_are_safe_everywhere(name: str, stem: str) -> None:
    assert safe_stem(name) == stem
