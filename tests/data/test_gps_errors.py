"""What the GPS form refuses to write and to read, with the text that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.gps import (
    GpsDataset,
    read_annotation,
    read_image_ids,
    record_path,
    write_annotation,
)
from peopleparse.errors import DataError, InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation
from tests.datasets import draw_group, write_gps_folder

GPS = get_scheme("gps")


def _image(size: tuple[int, int] = (96, 160)) -> np.ndarray:
    return np.zeros((*size, 3), np.uint8)


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _write(tmp_path: Path, **options: Any) -> Path:
    group = options.pop("annotation", draw_group("x", 2))
    image = options.pop("image", _image())
    return write_annotation(
        tmp_path,
        group,
        image,
        options.pop("subset", None),
        options.pop("split", "train"),
        **options,
    )


def _tie_group() -> Annotation:
    return Annotation(np.full((1, 96, 160), 19, np.uint8), GPS, "x")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"annotation": draw_group("../x")}, r"image id must be letters, .+ got '\.\./x'. It bec"),
        ({"annotation": draw_group("")}, "image id must be letters, .+ got ''"),
        ({"annotation": draw_group(".x")}, "image id must be letters, .+ got '.x'"),
        ({"annotation": draw_group("x.")}, "image id must be letters, .+ got 'x.'"),
        ({"split": ""}, "split must be a name, got '', at image 'x'. Give train, val or test"),
        (
            {"subset": "outdor"},
            "subset must be one of indoor, outdoor or None, got 'outdor'. Did you mean 'outdoor'",
        ),
        (
            {"annotation": Annotation(np.zeros((0, 96, 160), np.uint8), get_scheme("lip"), "x")},
            "annotation must have the labels of gps, got scheme 'lip', at image 'x'. Translate",
        ),
        (
            {"annotation": _tie_group(), "subset": "outdoor"},
            r"ids of scheme 'gps-outdoor' or 255, got \[19\], at image 'x'",
        ),
        (
            {"image": np.zeros((96, 160), np.uint8)},
            r"image must be \(H, W, 3\) uint8 RGB, got \(96, 160\) uint8, at image 'x'. Convert",
        ),
        (
            {"image": _image((95, 160))},
            r"image must have the size of its masks \(96, 160\), got \(95, 160\), at image 'x'",
        ),
        ({"image": "x.tiff"}, "image must end in .jpg, .jpeg, .png, got '.tiff', at x.tiff"),
        (
            {"annotation": Annotation(draw_group("x", 2).parsings[::-1], GPS, "x")},
            r"persons must stand left to right, got box centres at x = \[\d+.\d, \d+.\d\], at ima",
        ),
        (
            {"persons": [{"click_xy": [9, 1]}, {"click_xy": [5, 1]}]},
            r"persons must stand left to right, got clicks at x = \[9.0, 5.0\], at image 'x'. Sort",
        ),
        (
            {"persons": [{}]},
            "persons must have one entry a person, got 1 for 2, at image 'x'. Give {} for",
        ),
        (
            {"persons": [{"area": 3}, {}]},
            r"further fields must have names of their own, got \['area'\], at person 1 of 'x'",
        ),
        (
            {"extra": {"image": 1, "labels": 2}},
            r"names of their own, got \['image', 'labels'\], at record of image 'x'. Leave",
        ),
        (
            {"persons": [{"status": "don"}, {}]},
            "status must be one of todo, doing, done, checked, got 'don', at person 1 of 'x'. Did",
        ),
        ({"extra": {"a": {1}}}, "further fields must be JSON values, got set. Turn them into"),
    ],
)
def test_bad_annotations_are_not_written(
    tmp_path: Path, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        _write(tmp_path, **options)
    assert _files(tmp_path) == []


def test_an_annotation_that_exists_is_not_replaced_unasked(tmp_path: Path) -> None:
    _write(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in _files(tmp_path)}
    with pytest.raises(InputError, match="annotation must be new, got one that exists, at .*x. Gi"):
        _write(tmp_path, annotation=draw_group("x", 3))
    assert {name: (tmp_path / name).read_bytes() for name in _files(tmp_path)} == before


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="output must be a place that can be written"):
        _write(tmp_path / "file")


def test_image_file_is_missing_broken_or_rotated(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    with pytest.raises(DataError, match="image must be a file, got none, at .*photo.jpg. Put it"):
        _write(tmp_path / "out", image=path)
    path.write_bytes(b"no image")
    with pytest.raises(DataError, match="image must be a readable JPEG or PNG, got 'cannot ident"):
        _write(tmp_path / "out", image=path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(_image()).save(path, exif=exif)
    with pytest.raises(DataError, match="image must be stored upright, got EXIF orientation 6, at"):
        _write(tmp_path / "out", image=path)
    assert not (tmp_path / "out").exists()


def _edit(folder: Path, **fields: Any) -> None:
    """Change fields of image x; a name like image__width reaches inside, None takes it out."""
    path = record_path(folder, "x")
    record = json.loads(path.read_text(encoding="utf-8"))
    for name, value in fields.items():
        outer, _, inner = name.partition("__")
        place = record[outer] if inner else record
        if value is None:
            del place[inner or outer]
        else:
            place[inner or outer] = value
    path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"schema": None}, "field 'schema' must be str, got none, at .*x.json. Write the annot"),
        ({"persons": "a"}, "field 'persons' must be list, got str, at"),
        ({"image__width": "9"}, "field 'image.width' must be int, got str, at"),
        ({"image__split": None}, "field 'image.split' must be str, got none, at"),
        ({"schema": "gps/9"}, "schema must be 'peopleparse-gps/1', got 'gps/9', at .* Use the ver"),
        (
            {"image__subset": "moon"},
            "image.subset must be one of indoor, outdoor or null, got 'moon', at .*x.json",
        ),
        ({"image__file": "../x.jpg"}, "image.file must be images/<name>, got '../x.jpg', at"),
        ({"image__file": "images/../x.jpg"}, "image.file must be images/<name>, got 'images/../x"),
        ({"n_persons": 3}, "n_persons must be the number of persons, got 3 for 2, at"),
        ({"image__height": 90}, "label PNG must be 160 x 90 like its image, got 160 x 96, at .*01"),
    ],
)
def test_bad_records(tmp_path: Path, fields: dict[str, Any], text: str) -> None:
    _write(tmp_path)
    _edit(tmp_path, **fields)
    with pytest.raises(DataError, match=text):
        read_annotation(tmp_path, "x")


def test_a_label_outside_the_scheme(tmp_path: Path) -> None:
    _write(tmp_path, annotation=_tie_group())
    _edit(tmp_path, image__subset="outdoor")
    with pytest.raises(
        DataError,
        match=r"ids of scheme 'gps-outdoor' or 255, got \[19\], at .*x_01_01.png. Correct the mask",
    ):
        read_annotation(tmp_path, "x")


def test_record_missing_or_broken(tmp_path: Path) -> None:
    _write(tmp_path)
    with pytest.raises(DataError, match="annotation must be a JSON file, got none, at .*z.json"):
        read_annotation(tmp_path, "z")
    for text in ("", "{", "[1]", "\udcff"):
        record_path(tmp_path, "x").write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(DataError, match=r"annotation must be JSON, got|'schema' must be str"):
            read_annotation(tmp_path, "x")


def test_no_gps_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="GPS folder must hold annotations/, got none, at .* Name"):
        GpsDataset(tmp_path / "no")


def test_unknown_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    with pytest.raises(
        DataError,
        match=r"split must be one that images have, got 'tran', at .* Did you mean 'train'\? Choi",
    ):
        read_image_ids(tmp_path, "tran")


def test_an_image_of_another_size(tmp_path: Path) -> None:
    _write(tmp_path)
    Image.fromarray(_image((90, 160))).save(tmp_path / "images" / "x.jpg")
    with pytest.raises(DataError, match="image must be 160 x 96 like its masks, got 160 x 90, at"):
        GpsDataset(tmp_path)[0]
