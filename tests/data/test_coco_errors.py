"""What is wrong in a COCO file is said in one line: the annotation, what was expected and found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from peopleparse.data.formats import open_labels
from peopleparse.data.label_source import FileLabels
from peopleparse.errors import DataError
from tests.data.label_folders import coco_data, edit_json, make_scenes, write_lines, write_saved

GROUPS = make_scenes()
X = "0001"


def _open_coco(folder: Path, change: Callable[[dict], object], scheme: str | None) -> FileLabels:
    data = coco_data({X: GROUPS[X]})
    change(data)
    write_lines(folder / "labels.json", [json.dumps(data)])
    return open_labels(folder / "labels.json", scheme=scheme, side="prediction")


def _first(**values: object) -> Callable[[dict], object]:
    return lambda data: data["annotations"][0].update(values)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda d: d.pop("images"),
            "COCO file must hold 'images', a list of mappings, got none or",
        ),
        (lambda d: d.update(annotations=[3]), "must hold 'annotations', a list of mappings, got"),
        (
            lambda d: d.clear(),
            "COCO file must hold 'images', a list of mappings, got dict, at .*js",
        ),
        (
            lambda d: d["images"][0].pop("height"),
            r"a height and a width above 0, got \(None, \d+\), at image '0001' of .*labels.json",
        ),
        (
            lambda d: d["images"].append(d["images"][0] | {"id": 5}),
            "image must be in a COCO file once, got '0001' again, at .*labels.json. Remove one",
        ),
        (lambda d: d["images"].append(d["images"][0] | {"file_name": "b"}), "got 'b' again, at"),
        (
            _first(image_id=9),
            "image_id must be one of the file's, got 9, at annotation 1 of .*json",
        ),
        (_first(category_id=9), "category_id must be one of the file's, got 9, at annotation 1 of"),
        (_first(id=2), "annotation ids must be in a COCO file once, got 2 again, at .*labels.json"),
        (
            lambda d: d["categories"].pop(),
            "must be the labels of a scheme, got others, at .*. Name t",
        ),
        # faults of one image
        (
            _first(person_id=None),
            "must name its person in 'person_id', .*, got none, at annotation 1",
        ),
        (_first(person_id=1.5), "annotation must name its person in"),
        (
            _first(score=float("nan")),
            "must be a finite number, got nan, at annotation 1 of .*labels",
        ),
        (lambda d: d["annotations"][0].pop("score"), "finite number, got none, at annotation 1 of"),
        (
            _first(score=9),
            r"scores of a person's parts must agree, got \[0.\d+, 9.0\], at annotation",
        ),
        (_first(iscrowd=1), "iscrowd must be 0, got 1, at annotation 1 of .* Leave crowds out"),
        (
            _first(segmentation=None),
            "segmentation must be run lengths or polygons .+ at annotation 1",
        ),
        (
            lambda d: (
                d["categories"][0].update(id=99)
                or d["annotations"][0].update(category_id=99)
                or d["categories"][0].update(name="horn")
            ),
            "category must be a label of scheme 'lip' or 'person', got 'horn', at annotation 1 of",
        ),
    ],
)
def test_coco_errors(tmp_path: Path, change: Callable[[dict], object], text: str) -> None:
    scheme = "lip" if "'horn'" in text else None
    with pytest.raises(DataError, match=text):
        _open_coco(tmp_path, change, scheme).read(X)


def test_a_bare_list_of_results(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "results.json", ["[]"])
    with pytest.raises(DataError, match="must hold 'images', a list of mappings, got list, at"):
        open_labels(path)
    write_lines(path, ["{"])
    with pytest.raises(DataError, match="labels must be JSON, got '.+', at .*results.json. Write"):
        open_labels(path)


def test_a_broken_file_among_coco_files(tmp_path: Path) -> None:
    write_saved(tmp_path, GROUPS)
    for path in tmp_path.iterdir():
        if not path.name.endswith("_coco.json"):
            path.unlink()
    for image_id in GROUPS:
        path = tmp_path / f"{image_id}_coco.json"
        edit_json(path, lambda d, i=image_id: d["images"][0].update(file_name=f"{i}.jpg"))
    (tmp_path / "0002_coco.json").write_text("{")
    source = open_labels(tmp_path, side="prediction")
    assert source.ids == tuple(GROUPS)
    assert [len(source.faults_of(i)) for i in GROUPS] == [0, 1, 0]
    with pytest.raises(DataError, match="labels must be JSON, got '.+', at .*0002_coco.json"):
        source.read("0002")
    (tmp_path / "b.json").write_text((tmp_path / "0001_coco.json").read_text())
    with pytest.raises(
        DataError, match="must be in COCO files once, got '0001' again, at .*b.json"
    ):
        open_labels(tmp_path, side="prediction")
