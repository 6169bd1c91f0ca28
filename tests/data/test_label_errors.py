"""What is wrong in a file is said in one line: the file, what was expected, what was found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.formats import open_labels
from peopleparse.errors import DataError
from tests.data.label_folders import (
    Scenes,
    edit_json,
    make_scenes,
    write_cihp_prediction,
    write_cihp_truth,
    write_gps,
    write_lines,
    write_lip,
    write_mhp_persons,
    write_mhp_scores,
    write_mhp_submission,
    write_png,
    write_saved,
)

GROUPS = make_scenes()
PEOPLED = make_scenes(counts=(2, 3))
X = "0001"


def _mhp_scored(folder: Path, scenes: Scenes) -> Path:
    return write_mhp_scores(write_mhp_persons(folder, scenes, "annotations"), scenes)


def _put(name: str, values: object, **options: bool) -> Callable[[Path], object]:
    return lambda folder: write_png(folder / name, np.array(values, np.uint8), **options)


def _text(name: str, *lines: str) -> Callable[[Path], object]:
    return lambda folder: write_lines(folder / name, list(lines))


def _drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:70])


def _edit(name: str, change: Callable[[dict], object]) -> Callable[[Path], object]:
    return lambda folder: edit_json(folder / name, change)


WRITERS = {
    "gps truth": (write_gps, "truth", GROUPS),
    "gps": (write_gps, "prediction", GROUPS),
    "saved": (write_saved, "prediction", GROUPS),
    "lip truth": (write_lip, "truth", GROUPS),
    "lip": (write_lip, "prediction", GROUPS),
    "cihp truth": (write_cihp_truth, "truth", GROUPS),
    "cihp": (write_cihp_prediction, "prediction", GROUPS),
    "mhp truth": (_mhp_scored, "truth", PEOPLED),
    "mhp": (_mhp_scored, "prediction", PEOPLED),
    "submission": (write_mhp_submission, "prediction", GROUPS),
}
ANNOTATION = "annotations/0001/0001"
LINES = "line 1 of .*instance_parsing/0001.txt"

BROKEN = [
    ("lip truth", _put(f"{X}.png", [[20, 255]]), r"ids of scheme 'lip' or 255, got \[20\], at .*1"),
    ("lip", _put(f"{X}.png", [[20, 255]]), r"ids of scheme 'lip', got \[20, 255\], at .*0001.png"),
    (
        "lip",
        _put(f"{X}.png", np.ones((2, 2, 3))),
        "8-bit indexed or grey, got 8-bit RGB, at .*0001",
    ),
    (
        "lip",
        _cut(f"{X}.png"),
        "label PNG must be readable, got '.+', at .*0001.png. Write or fetch",
    ),
    (
        "lip",
        lambda f: (f / f"{X}.png").write_bytes(b""),
        "must be a PNG file, got 0 bytes that beg",
    ),
    # GPS
    ("gps", _drop(f"{ANNOTATION}.json"), "labels must be a file, got none, at .*0001.json. Check"),
    ("gps", _drop(f"{ANNOTATION}_02_01.png"), "labels must be a file, got none, at .*_02_01.png"),
    (
        "gps",
        _put(f"{ANNOTATION}_02_01.png", [[1]]),
        r"must be \d+ x \d+ like its image, got 1 x 1, ",
    ),
    (
        "gps",
        _put(f"{ANNOTATION}_02_01.png", [[20]]),
        r"ids of scheme 'gps', got \[20\], at .*01.png",
    ),
    ("gps truth", _put(f"{ANNOTATION}_02_01.png", [[20]]), "ids of scheme 'gps' or 255, got"),
    (
        "gps",
        _text(f"{ANNOTATION}.json", "{"),
        "labels must be JSON, got '.+', at .*0001.json. Write",
    ),
    (
        "gps",
        _edit(f"{ANNOTATION}.json", lambda d: d.pop("labels")),
        "field 'labels' must be list, ",
    ),
    (
        "gps",
        _edit(f"{ANNOTATION}.json", lambda d: d["persons"][1].pop("score")),
        "score must be a finite number, got none, at person 2 of .*0001.json. Repair the system",
    ),
    (
        "gps",
        _edit(f"{ANNOTATION}.json", lambda d: d["persons"][0].update(score=float("nan"))),
        "score must be a finite number, got nan, at person 1 of .*0001.json",
    ),
    (
        "gps",
        _edit(f"{ANNOTATION}.json", lambda d: d["persons"][0].update(score="0.5")),
        "score must be a finite number, got '0.5', at person 1 of",
    ),
    (
        "gps",
        _put(f"{ANNOTATION}_03_01.png", [[1]]),
        "must hold its JSON and 2 PNGs only, got '0001_03_01.png' too, at .*annotations/0001. Re",
    ),
    # what peopleparse saves
    ("saved", _drop(f"{X}_instances.png"), "labels must be a file, got none, at .*_instances.png"),
    ("saved", _drop(f"{X}_parsing.png"), "labels must be a file, got none, at .*0001_parsing.png"),
    ("saved", _drop(f"{X}.json"), "labels must be a file, got none, at .*0001.json"),
    (
        "saved",
        _put(f"{X}_instances.png", [[1]]),
        r"map must be \d+ x \d+ like '0001_parsing.png', g",
    ),
    (
        "saved",
        _edit(f"{X}.json", lambda d: d["people"].pop()),
        "people must be all 2 of 0001_instances.png, got 1, at .*0001.json. Parse the photo again",
    ),
    (
        "saved",
        _edit(f"{X}.json", lambda d: d["people"].reverse()),
        r"people must be a list of persons with index 1 to N, got \[2, 1\], at .*0001.json",
    ),
    ("saved", _text(f"{X}.json", "[]"), r"persons with index 1 to N, got \[\], at .*0001.json"),
    (
        "saved",
        _edit(f"{X}.json", lambda d: d["people"][0].update(score=None)),
        "score must be a finite number, got none, at person 1 of .*0001.json",
    ),
    (
        "saved",
        _edit("0002.json", lambda d: d.update(scheme="lip")),
        "scheme must be 'gps', got 'lip', at .*0002.json. Parse again with --scheme",
    ),
    # CIHP truth
    (
        "cihp truth",
        _drop(f"Human_ids/{X}.png"),
        "labels must be a file, got none, at .*Human_ids/0",
    ),
    (
        "cihp truth",
        _drop(f"Instance_ids/{X}.txt"),
        "labels must be a file, got none, at .*0001.txt",
    ),
    (
        "cihp truth",
        _put(f"Human_ids/{X}.png", [[1]]),
        "like 'Category_ids/0001.png', got 1 x 1, at",
    ),
    (
        "cihp truth",
        _text(f"Instance_ids/{X}.txt", "1 1 1"),
        r"region numbers of the PNG must have a line each, got \[.+\] without, at .*0001.txt. Fe",
    ),
    (
        "cihp truth",
        _text(f"Instance_ids/{X}.txt", "1 1"),
        "must be 'number label person', got '1 1'",
    ),
    (
        "cihp truth",
        _text(f"Instance_ids/{X}.txt", "5 5 1", "5 6 1"),
        "region numbers must be 1 and up, each once, got '5', at line 2 of .*Instance_ids/0001.txt",
    ),
    (
        "cihp truth",
        _text(f"Instance_ids/{X}.txt", "x 5 1"),
        "1 and up, each once, got 'x', at line 1",
    ),
    # CIHP predictions
    (
        "cihp",
        _drop(f"global_parsing/{X}.png"),
        "labels must be a file, got none, at .*global_parsing",
    ),
    ("cihp", _drop(f"instance_parsing/{X}.txt"), "labels must be a file, got none, at .*0001.txt"),
    (
        "cihp",
        _text(f"instance_parsing/{X}.txt", "5"),
        f"line must be 'label score', got '5', at {LINES}",
    ),
    ("cihp", _text(f"instance_parsing/{X}.txt", "", "5 1"), f"'label score', got '', at {LINES}"),
    (
        "cihp",
        _text(f"instance_parsing/{X}.txt", "0 .5"),
        f"label must be 1 to 19 of scheme 'cihp', got '0', at {LINES}. Check which scheme",
    ),
    ("cihp", _text(f"instance_parsing/{X}.txt", "20 .5"), f"scheme 'cihp', got '20', at {LINES}"),
    ("cihp", _text(f"instance_parsing/{X}.txt", "5 inf"), f"finite number, got 'inf', at {LINES}"),
    (
        "cihp",
        _text(f"instance_parsing/{X}.txt", "5 .5"),
        r"text must have one line for each number of its PNG \(\d+\), got 1, at .*parsing/0001.txt",
    ),
    (
        "cihp",
        _text(f"instance_segmentation/{X}.txt", ".5 0 0 1 1"),
        r"text must have one line for each number of its PNG \(2\), got 1, at .*segmentation/0001",
    ),
    (
        "cihp",
        _text(f"instance_segmentation/{X}.txt", "nan", "one"),
        "score must be a finite number, got 'nan', at line 1 of .*instance_segmentation/0001.txt",
    ),
    (
        "cihp",
        _text(f"instance_segmentation/{X}.txt", "", "1"),
        "score must be a finite number, got none, at line 1 of",
    ),
    # MHP, one PNG a person
    (
        "mhp",
        _drop("annotations/0002_03_02.png"),
        "scores must be of persons that have a PNG, got one of '0002_03_02', at .*scores.txt. Add",
    ),
    (
        "mhp truth",
        _drop("annotations/0002_03_02.png"),
        "persons of an image must be PNGs 03_01, 03_02, 03_03, got 03_01, 03_03, at .*0002_03_01",
    ),
    (
        "mhp",
        _put("annotations/0001_02_02.png", [[1]], indexed=False),
        "got 1 x 1, at .*0001_02_02.png",
    ),
    ("mhp", _put("annotations/0001_02_02.png", [[19]]), r"ids of scheme 'mhp-v1', got \[19\], at"),
    (
        "mhp",
        _text("scores.txt", "0001_02_01 0.5"),
        "score must be a finite number, got none, at '0001_02_02' of .*scores.txt. Repair",
    ),
    (
        "mhp",
        _text("scores.txt", "0001_02_01 x"),
        "finite number, got 'x', at '0001_02_01' of .*sco",
    ),
    # MHP, submission
    (
        "submission",
        _drop(f"global_tag/{X}.png"),
        "labels must be a file, got none, at .*global_tag/0",
    ),
    (
        "submission",
        _drop(f"global_seg/{X}.png"),
        "labels must be a file, got none, at .*global_seg/0",
    ),
    ("submission", _put(f"global_tag/{X}.png", [[1]]), "like 'global_seg/0001.png', got 1 x 1, at"),
    ("submission", _put(f"global_seg/{X}.png", [[59]]), r"ids of scheme 'mhp-v2', got \[59\], at"),
    ("submission", _text("results.txt", "0002"), "a line in results.txt, got none for '0001', at"),
    (
        "submission",
        _text("results.txt", f"{X} 1 0.5"),
        r"persons of global_tag must have a score in results.txt, got \[2\] without, at .*tag/0001",
    ),
    (
        "submission",
        _text("results.txt", f"{X} 1 0.5 2"),
        "line must be '<id> <person> <score> ...', got 3 values after the id, at line 1 of .*resul",
    ),
    (
        "submission",
        _text("results.txt", f"{X} 1 0.5 1 0.4"),
        "persons must be numbers 1 and up, each once, got '1', at line 1 of .*results.txt. Number",
    ),
    (
        "submission",
        _text("results.txt", f"{X} 0 0.5"),
        "1 and up, each once, got '0', at line 1 of",
    ),
    (
        "submission",
        _text("results.txt", f"{X} 1 nan"),
        "got 'nan', at person 1 of line 1 of .*resul",
    ),
]


@pytest.mark.parametrize(("kind", "spoil", "text"), BROKEN)
def test_a_broken_image_is_named_and_the_others_are_read(
    tmp_path: Path, kind: str, spoil: Callable[[Path], object], text: str
) -> None:
    write, side, scenes = WRITERS[kind]
    write(tmp_path, scenes)
    before = open_labels(tmp_path, side=side)
    spoil(tmp_path)
    source = open_labels(tmp_path, side=side)
    assert source.ids == before.ids
    spoilt = "0002" if "0002" in text else X
    with pytest.raises(DataError, match=text) as caught:
        source.read(spoilt)
    assert "\n" not in str(caught.value)
    assert source.faults_of(spoilt)[0] == str(caught.value)
    whole = [i for i in scenes if i != spoilt]
    if not ("mhp" in kind or "submission" in kind):
        assert [source.faults_of(i) for i in whole] == [[]] * len(whole)


NO_LAYOUT = [
    ("gps", "GPS folder must hold annotations/<id>/<id>.json, got none, at"),
    ("peopleparse", "results of peopleparse must be PNGs <id>_parsing.png, got none, at"),
    ("lip", "label maps must be PNGs <id>.png in one folder, got none, at"),
    ("cihp", r"CIHP truth must hold Category_ids/, got \['one'\], at"),
    ("mhp-v1", "MHP truth must be PNGs <id>_<persons>_<person>.png, got none, at"),
    ("coco", "COCO truth must be a JSON file, got none, at .* Name the file"),
]


@pytest.mark.parametrize(("format", "text"), NO_LAYOUT)
def test_a_named_format_that_is_not_there(tmp_path: Path, format: str, text: str) -> None:
    write_lines(tmp_path / "one" / "a.csv", [])
    write_lines(tmp_path / "b.csv", [])
    with pytest.raises(DataError, match=text):
        open_labels(tmp_path, format)


def test_half_a_layout(tmp_path: Path) -> None:
    write_png(tmp_path / "a" / "Category_ids" / "x.png", np.eye(2, dtype=np.uint8))
    with pytest.raises(DataError, match=r"CIHP truth must hold Human_ids/, got \['Category_ids'\]"):
        open_labels(tmp_path / "a")
    with pytest.raises(DataError, match=r"CIHP prediction must hold global_parsing/, got \['Categ"):
        open_labels(tmp_path / "a", side="prediction")
    write_png(tmp_path / "b" / "global_tag" / "x.png", np.eye(2, dtype=np.uint8))
    with pytest.raises(
        DataError, match=r"MHP submission must hold global_seg/, got \['global_tag'"
    ):
        open_labels(tmp_path / "b", side="prediction")
    write_png(tmp_path / "b" / "global_seg" / "x.png", np.eye(2, dtype=np.uint8))
    with pytest.raises(DataError, match="labels must be a file, got none, at .*results.txt"):
        open_labels(tmp_path / "b", side="prediction")
    write_png(tmp_path / "c" / "x_parsing.png", np.eye(2, dtype=np.uint8))
    with pytest.raises(DataError, match="must have a JSON that names the scheme, got none, at .*c"):
        open_labels(tmp_path / "c", side="prediction")


def test_lines_of_all_images(tmp_path: Path) -> None:
    _mhp_scored(tmp_path / "a", PEOPLED)
    for line in ("x", "0001_02_01 1 2"):
        write_lines(tmp_path / "a" / "scores.txt", ["0001_02_01 1", line])
        with pytest.raises(
            DataError, match=f"each person once, got '{line}', at line 2 of .*score"
        ):
            open_labels(tmp_path / "a", side="prediction")
    write_lines(tmp_path / "a" / "scores.txt", ["0009_02_01 1", "x 1"])
    source = open_labels(tmp_path / "a", side="prediction")
    assert source.ids == (*PEOPLED, "0009", "x")
    for image_id, stem in (("0009", "0009_02_01"), ("x", "x")):
        with pytest.raises(DataError, match=f"have a PNG, got one of '{stem}', at .*scores.txt"):
            source.read(image_id)
    write_mhp_submission(tmp_path / "b", GROUPS)
    write_lines(tmp_path / "b" / "results.txt", ["0001 1 1", "", "0001 2 1"])
    with pytest.raises(
        DataError, match="must have one line, got '0001' again, at line 3 of .*resu"
    ):
        open_labels(tmp_path / "b", side="prediction")


def test_a_gps_image_without_its_json_is_no_silent_gap(tmp_path: Path) -> None:
    write_gps(tmp_path, GROUPS)
    (tmp_path / "annotations" / "0001" / "0001.json").unlink()
    assert open_labels(tmp_path).ids == tuple(GROUPS)
