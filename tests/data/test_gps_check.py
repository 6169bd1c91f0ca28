"""A good folder has no problem; each way to break one gives its own line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peopleparse.data.gps import read_record, record_path, write_annotation
from peopleparse.data.gps_check import check_dataset, check_image, note_dataset
from peopleparse.data.png import read_label_png, write_label_png
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from tests.datasets import draw_group, write_gps_folder

PALETTE = get_scheme("gps").palette
Record = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_gps_folder(tmp_path / "set", overlap=True)


def _edit(change: Callable[[Record], Any], image_id: str = "a") -> Callable[[Path], None]:
    def break_it(folder: Path) -> None:
        record = read_record(folder, image_id)
        change(record)
        record_path(folder, image_id).write_text(json.dumps(record), encoding="utf-8")

    return break_it


def _paint(value: int, rows: slice = slice(None), image_id: str = "a_03_02") -> Callable:
    def break_it(folder: Path) -> None:
        path = folder / "annotations" / image_id[0] / f"{image_id}.png"
        parsing = read_label_png(path)
        parsing[rows] = value
        write_label_png(path, parsing, PALETTE)

    return break_it


def _swap_persons(folder: Path) -> None:
    first, second = (folder / "annotations" / "a" / f"a_03_0{n}.png" for n in (1, 2))
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)


def _resize_png(folder: Path) -> None:
    path = folder / "annotations" / "a" / "a_03_03.png"
    write_label_png(path, read_label_png(path)[:90], PALETTE)


def _rgb_png(folder: Path) -> None:
    path = folder / "annotations" / "a" / "a_03_01.png"
    Image.open(path).convert("RGB").save(path)


def _resize_image(folder: Path) -> None:
    Image.new("RGB", (80, 48)).save(folder / "images" / "a.jpg")


def _rename_n(folder: Path) -> None:
    for number in (1, 2, 3):
        path = folder / "annotations" / "a" / f"a_03_0{number}.png"
        path.rename(path.with_name(f"a_04_0{number}.png"))


def _break_json(folder: Path) -> None:
    (folder / "annotations/a/a.json").write_text("{")
    (folder / "annotations/a/a_03_02.png").unlink()


def _copy_image(folder: Path) -> None:
    record = read_record(folder, "b")
    record["image"]["sha256"] = read_record(folder, "a")["image"]["sha256"]
    shutil.copy(folder / "images" / "a.jpg", folder / "images" / "b.jpg")
    record_path(folder, "b").write_text(json.dumps(record), encoding="utf-8")


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing PNG": (
        lambda f: (f / "annotations/a/a_03_02.png").unlink(),
        "label PNG must be a file, got none, at {}/annotations/a/a_03_02.png.",
    ),
    "extra PNG": (
        lambda f: shutil.copy(f / "annotations/a/a_03_01.png", f / "annotations/a/a_03_04.png"),
        "annotation must hold its JSON and 3 PNGs only, got 'a_03_04.png' too, at {}/annotations/a",
    ),
    "PNG of another image": (
        lambda f: shutil.copy(f / "annotations/a/a_03_01.png", f / "annotations/a/b_03_01.png"),
        "annotation must hold its JSON and 3 PNGs only, got 'b_03_01.png' too, at {}/annotations/a",
    ),
    "N in the name": (
        _rename_n,
        "N in the name of a PNG must be the number of persons in the JSON, 3, got 4 in "
        "'a_04_02.png', at {}/annotations/a. Rename the PNGs, or put the missing persons back.",
    ),
    "N in the JSON": (
        _edit(lambda r: r.update(n_persons=4)),
        "n_persons must be the number of persons, got 4 for 3, at {}/annotations/a/a.json.",
    ),
    "N of a PNG whose JSON is broken": (
        _break_json,
        "N in the name of a PNG must be the number of PNGs, 2, got 3 in 'a_03_03.png', at",
    ),
    "person entry missing": (
        _edit(lambda r: (r["persons"].pop(), r.update(n_persons=2))),
        "N in the name of a PNG must be the number of persons in the JSON, 2, got 3 in "
        "'a_03_03.png', at {}/annotations/a. ",
    ),
    "size of a PNG": (_resize_png, "label PNG must be 160 x 96 like its image, got 160 x 90, at"),
    "RGB": (_rgb_png, "label PNG must be 8-bit indexed or grey, got 8-bit RGB, at"),
    "hash of a mask": (
        _edit(lambda r: r["persons"][0].update(mask_sha256="0")),
        "mask_sha256 of person 1 must be ",
    ),
    "changed mask": (_paint(0, slice(50, 60)), "area of person 2 must be "),
    "label outside the scheme": (
        _paint(77),
        "label ids must be ids of scheme 'gps' or 255, got [77]",
    ),
    "tie outdoors": (
        _paint(19, slice(20, 22), "b_02_01"),
        "label ids must be ids of scheme 'gps-outdoor' or 255, got [19], at {}/annotations/b/b_02",
    ),
    "order": (_swap_persons, "persons must stand left to right, got box centres at x = ["),
    "empty person": (_paint(0), "person 2 must have a labelled pixel, got none, at"),
    "only ignored": (_paint(255), "person 2 must have a labelled pixel, got none, at"),
    "two persons claim a pixel": (
        _edit(lambda r: r["overlaps"].pop()),
        "pixels that persons 2 and 3 both claim must be the 0 that overlaps lists, got ",
    ),
    "overlap count": (
        _edit(lambda r: r["overlaps"][0].update(pixels=1)),
        "pixels that persons 1 and 2 both claim must be the 1 that overlaps lists, got ",
    ),
    "overlap of nobody": (
        _edit(lambda r: r["overlaps"].append({"a": 1, "b": 9, "pixels": 4})),
        "pixels that persons 1 and 9 both claim must be the 4 that overlaps lists, got 0 in ",
    ),
    "overlap entry": (
        _edit(lambda r: r["overlaps"].append([1, 2])),
        "overlaps must be a, b and pixels of each pair once, got [1, 2], at",
    ),
    "image missing": (
        lambda f: (f / "images/a.jpg").unlink(),
        "image must be a file, got none, at {}/images/a.jpg.",
    ),
    "image size": (_resize_image, "image must be 160 x 96 as its JSON says, got 80 x 48, at"),
    "image hash": (_resize_image, "image must have the sha256 of its JSON, "),
    "image of another name": (
        _edit(lambda r: r["image"].update(file="images/b.jpg")),
        "image must be named like its annotation 'a', got {}/images/b.jpg.",
    ),
    "two images of one id": (
        lambda f: shutil.copy(f / "images/a.jpg", f / "images/a.png"),
        "image must be named by its JSON, got another, at {}/images/a.png.",
    ),
    "image without annotation": (
        lambda f: shutil.copy(f / "images/a.jpg", f / "images/z.jpg"),
        "image must have an annotation, got none, at {}/images/z.jpg.",
    ),
    "image twice": (_copy_image, "image must be in the data set once, got 'b' equal to 'a', at"),
    "JSON missing": (
        lambda f: (f / "annotations/a/a.json").unlink(),
        "annotation must be a JSON file, got none, at {}/annotations/a/a.json.",
    ),
    "JSON broken": (
        lambda f: (f / "annotations/a/a.json").write_text("{"),
        "annotation must be JSON, got ",
    ),
    "index": (
        _edit(lambda r: r["persons"][2].update(index=7)),
        "index of person 3 must be 3 as its PNG says, got 7, at",
    ),
    "box": (
        _edit(lambda r: r["persons"][0].pop("bbox")),
        "bbox of person 1 must be [",
    ),
    "clicks": (
        _edit(lambda r: [p.update(click_xy=[9 - p["index"], 0]) for p in r["persons"]]),
        "persons must stand left to right, got clicks at x = [8.0, 7.0, 6.0], at",
    ),
    "status": (
        _edit(lambda r: r["persons"][0].update(status="maybe")),
        "status of person 1 must be one of todo, doing, done, checked, got 'maybe', at",
    ),
    "uid": (
        _edit(lambda r: r["persons"][1].update(uid="a-1")),
        "uid must be a person's own, got ['a-1'] more than once, at",
    ),
    "person entry": (
        _edit(lambda r: r["persons"].__setitem__(1, 5)),
        "persons must be mappings, got other values for persons [2], at",
    ),
    "labels": (
        _edit(lambda r: r["labels"].pop()),
        "labels must be those of scheme 'gps', got others, at",
    ),
    "order word": (
        _edit(lambda r: r.update(order="by_size")),
        "order must be 'left_to_right', got 'by_size', at",
    ),
    "flatten rule": (
        _edit(lambda r: r.update(flatten_rule="any")),
        "flatten_rule must be 'the left person wins', got 'any', at",
    ),
    "rest of a write": (
        lambda f: (f / "annotations" / ".x.1234.part").mkdir(),
        "write must have ended, got a rest of one, at {}/annotations/.x.1234.part. Delete it.",
    ),
    "stray file": (
        lambda f: (f / "annotations" / "notes.txt").write_text(""),
        "annotations/ must hold one folder an image, got the file {}/annotations/notes.txt.",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_each_fault_is_found(folder: Path, case: str) -> None:
    assert check_dataset(folder) == []
    break_it, text = BROKEN[case]
    break_it(folder)
    problems = check_dataset(folder)
    assert any(line.startswith(text.replace("{}", folder.as_posix())) for line in problems), (
        problems
    )
    assert all("\n" not in line for line in problems)


@pytest.mark.parametrize("case", BROKEN)
def test_each_fault_names_a_file_and_a_remedy(folder: Path, case: str) -> None:
    BROKEN[case][0](folder)
    for line in check_dataset(folder):
        assert str(folder) in line
        assert len(line.split(". ")) > 1 and line.endswith("."), line


def test_all_faults_of_an_image_are_listed(folder: Path) -> None:
    _rgb_png(folder)
    _paint(77)(folder)
    _resize_png(folder)
    _resize_image(folder)
    _edit(lambda r: r.update(order="by_size"))(folder)
    starts = [line.split(" must ")[0] for line in check_image(folder, "a")]
    assert starts == ["order", "image", "image", "label PNG", "label ids", "label PNG"]


def test_the_right_order_is_told(folder: Path) -> None:
    _swap_persons(folder)
    lines = [line for line in check_image(folder, "a") if "left to right" in line]
    assert len(lines) == 1
    assert lines[0].endswith(
        "Their order is a_03_02.png, a_03_01.png, a_03_03.png: rename them so, and write the "
        "annotation again."
    )


def test_one_picture_in_two_splits(folder: Path) -> None:
    _copy_image(folder)
    _edit(lambda r: r["image"].update(split="val"), "b")(folder)
    assert any("got 'b' equal to 'a' (train and val), at" in line for line in check_dataset(folder))


def test_a_fault_in_one_image_is_not_one_of_another(folder: Path) -> None:
    _resize_png(folder)
    assert check_image(folder, "a") and check_image(folder, "b") == []


def test_clicks_settle_the_order(tmp_path: Path) -> None:
    group = draw_group("x", 2)
    group = type(group)(group.parsings[::-1].copy(), group.scheme, "x")
    clicks = [{"click_xy": [3, 5]}, {"click_xy": [4, 5]}]
    image = np.zeros((96, 160, 3), np.uint8)
    write_annotation(tmp_path, group, image, None, "train", persons=clicks)
    assert check_dataset(tmp_path) == []


def test_notes(folder: Path) -> None:
    _edit(lambda r: r["persons"][0].update(status="todo"))(folder)
    assert note_dataset(folder) == [
        "1 of 5 images show nobody.",
        "1 of 5 images show one person, not a group.",
        "1 persons are not finished (todo, doing).",
    ]


def test_notes_pass_over_broken_images(folder: Path) -> None:
    (folder / "annotations/d/d.json").write_text("{")
    assert note_dataset(folder) == ["1 of 4 images show one person, not a group."]


def test_progress_sees_each_image_once(folder: Path) -> None:
    seen: list[str] = []
    check_dataset(folder, lambda ids: (seen.append(i) or i for i in ids))
    assert seen == ["a", "b", "c", "d", "e"]


def test_no_gps_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="GPS folder must hold annotations/, got none, at"):
        check_dataset(tmp_path)
