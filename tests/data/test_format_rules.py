"""What each format leaves out, renumbers and allows to be absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.formats import open_labels
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from tests.data.label_folders import (
    Scene,
    edit_json,
    make_scenes,
    person_maps,
    write_cihp_prediction,
    write_cihp_truth,
    write_coco,
    write_gps,
    write_lines,
    write_mhp_persons,
    write_mhp_submission,
    write_png,
    write_saved,
)

GROUPS = make_scenes()
PEOPLED = make_scenes(counts=(2, 3))


def test_what_coco_of_peopleparse_says_is_what_its_pngs_say(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "set", GROUPS)
    for path in folder.iterdir():
        if not path.name.endswith("_coco.json"):
            path.unlink()
        else:
            stem = path.name.removesuffix("_coco.json")
            edit_json(path, lambda d, s=stem: d["images"][0].update(file_name=f"{s}.jpg"))
    source = open_labels(folder, side="prediction")
    assert (source.format, source.scheme.name, source.ids) == ("coco", "gps", tuple(GROUPS))
    for image_id, scene in GROUPS.items():
        labels = source.read(image_id)
        np.testing.assert_array_equal(labels.persons, scene.persons)
        assert labels.scores is not None
        np.testing.assert_array_equal(labels.scores, scene.scores)


def test_three_hundred_persons(tmp_path: Path) -> None:
    crowd = make_scenes(counts=(300,))
    saved = open_labels(write_saved(tmp_path / "saved", crowd), side="prediction")
    gps = open_labels(write_gps(tmp_path / "gps", crowd), side="prediction")
    write_mhp_submission(tmp_path / "mhp", crowd)
    write_png(tmp_path / "mhp" / "global_tag" / "0001.png", crowd["0001"].instances)
    mhp = open_labels(tmp_path / "mhp", side="prediction")
    for source in (saved, gps, mhp):
        labels = source.read("0001")
        np.testing.assert_array_equal(person_maps(labels, 300), crowd["0001"].persons)
        assert labels.scores is not None and len(labels.scores) == 300


def test_cihp_regions(tmp_path: Path) -> None:
    truth = open_labels(write_cihp_truth(tmp_path / "truth", GROUPS))
    system = open_labels(write_cihp_prediction(tmp_path / "system", GROUPS), side="prediction")
    for image_id, scene in GROUPS.items():
        a, b = truth.read(image_id).regions, system.read(image_id).regions
        assert a is not None and b is not None
        assert a.scores is None and b.scores is not None
        labels = [np.unique(p[p > 0]).tolist() for p in scene.persons]
        assert a.label_ids.tolist() == b.label_ids.tolist() == sum(labels, [])
        np.testing.assert_array_equal(a.numbers, b.numbers)
        expected = [s for s, found in zip(scene.scores, labels, strict=True) for _ in found]
        assert b.scores.tolist() == expected


def test_cihp_without_the_maps_that_may_be_absent(tmp_path: Path) -> None:
    truth = write_cihp_truth(tmp_path / "truth", GROUPS)
    shutil.rmtree(truth / "Instance_ids")
    labels = open_labels(truth).read("0001")
    assert labels.regions is None and labels.persons is not None
    system = write_cihp_prediction(tmp_path / "system", GROUPS)
    shutil.rmtree(system / "instance_segmentation")
    labels = open_labels(system, side="prediction").read("0001")
    assert labels.persons is None and labels.regions is not None
    shutil.rmtree(system / "instance_parsing")
    labels = open_labels(system, side="prediction").read("0001")
    assert labels.persons is None and labels.regions is None and labels.parsing is not None


def test_cihp_numbers_have_gaps_that_are_closed(tmp_path: Path) -> None:
    for name, values in (
        ("Category_ids", [[5, 5, 0, 7]]),
        ("Human_ids", [[4, 4, 0, 9]]),
        ("Instance_ids", [[65, 65, 0, 167]]),
    ):
        write_png(tmp_path / name / "a.png", np.array(values, np.uint8))
    # Line 2 has no pixel left: the published evaluator does not count it.
    write_lines(tmp_path / "Instance_ids" / "a.txt", ["65 5 4", "66 6 4", "167 7 9"])
    labels = open_labels(tmp_path).read("a")
    assert isinstance(labels.persons, tuple) and labels.regions is not None
    assert labels.persons[1].tolist() == [[1, 1, 0, 2]]
    assert labels.regions.numbers.tolist() == [[1, 1, 0, 2]]
    assert labels.regions.label_ids.tolist() == [5, 7]


def test_a_predicted_region_without_a_pixel_keeps_its_line(tmp_path: Path) -> None:
    write_png(tmp_path / "global_parsing" / "a.png", np.array([[5, 7]], np.uint8))
    write_png(tmp_path / "instance_parsing" / "a.png", np.array([[1, 3]], np.uint8))
    write_lines(tmp_path / "instance_parsing" / "a.txt", ["5 .9", "6 .8", "7 .7"])
    regions = open_labels(tmp_path, side="prediction").read("a").regions
    assert regions is not None and regions.scores is not None
    assert regions.label_ids.tolist() == [5, 6, 7] and regions.scores.tolist() == [0.9, 0.8, 0.7]


def test_mhp_leaves_out_what_its_evaluators_leave_out(tmp_path: Path) -> None:
    masks = [[[1, 0]], [[0, 0]], [[0, 255]], [[2, 255]]]
    for number, mask in enumerate(masks, 1):
        write_png(tmp_path / f"x_04_{number:02d}.png", np.array(mask, np.uint8), indexed=False)
    for format, kept in (("mhp-v1", [0, 3]), ("mhp-v2", [0, 2, 3])):
        labels = open_labels(tmp_path, format)
        found = labels.read("x").persons
        assert not isinstance(found, tuple) and found is not None
        assert found.tolist() == [masks[n] for n in kept]
    (tmp_path / "x_04_04.png").rename(tmp_path / "kept")
    for number in (1, 2, 3):
        write_png(tmp_path / f"x_03_{number:02d}.png", np.zeros((2, 3), np.uint8), indexed=False)
        (tmp_path / f"x_04_{number:02d}.png").unlink()
    empty = open_labels(tmp_path, "mhp-v1").read("x").persons
    assert isinstance(empty, np.ndarray) and empty.shape == (0, 2, 3)


def test_mhp_takes_the_first_channel_of_truth_only(tmp_path: Path) -> None:
    colors = np.array([[[3, 9, 9], [0, 1, 2]]], np.uint8)
    write_png(tmp_path / "parsing_annos" / "x_01_01.png", colors)
    found = open_labels(tmp_path).read("x").persons
    assert isinstance(found, np.ndarray) and found.tolist() == [[[3, 0]]]
    with pytest.raises(DataError, match="label PNG must be 8-bit indexed or grey, got 8-bit RGB"):
        open_labels(tmp_path, side="prediction").read("x")


def test_mhp_submission_numbers_and_persons_without_a_pixel(tmp_path: Path) -> None:
    write_png(tmp_path / "global_seg" / "x.png", np.array([[3, 4, 0]], np.uint8))
    write_png(tmp_path / "global_tag" / "x.png", np.array([[9, 2, 0]], np.uint8))
    write_lines(tmp_path / "results.txt", ["x 9 0.5 7 0.9 2 0.25", ""])
    labels = open_labels(tmp_path, side="prediction").read("x")
    assert isinstance(labels.persons, tuple) and labels.scores is not None
    assert labels.persons[1].tolist() == [[2, 1, 0]]
    assert labels.scores.tolist() == [0.25, 0.5]


def test_systems_without_scores(tmp_path: Path) -> None:
    gps = open_labels(write_gps(tmp_path / "gps", GROUPS, scored=False), side="prediction")
    persons = write_mhp_persons(tmp_path / "mhp", PEOPLED, "annotations")
    mhp = open_labels(persons, side="prediction")
    path = write_coco(tmp_path / "coco", GROUPS)
    edit_json(path, lambda data: [a.pop("score") for a in data["annotations"]])
    for source in (gps, mhp, open_labels(path, side="prediction")):
        assert source.read("0001").scores is None


def test_gps_outdoors(tmp_path: Path) -> None:
    scenes = make_scenes(num_ids=19)
    source = open_labels(write_gps(tmp_path / "out", scenes, subset="outdoor"))
    assert source.scheme is get_scheme("gps-outdoor")
    tie = {"t": Scene(np.full((1, 2, 2), 19, np.uint8), np.array([0.5]))}
    indoor = write_gps(tmp_path / "in", tie)
    path = indoor / "annotations" / "t" / "t.json"
    edit_json(path, lambda data: data["image"].update(subset="outdoor"))
    with pytest.raises(DataError, match=r"ids of scheme 'gps-outdoor' or 255, got \[19\], at"):
        open_labels(indoor).read("t")
    # A predicted tie outdoors is a wrong label, not a broken file.
    assert open_labels(indoor, side="prediction").read("t").persons is not None


def test_coco_person_annotations_and_polygons(tmp_path: Path) -> None:
    path = write_coco(tmp_path, {"a": Scene(np.zeros((0, 4, 6), np.uint8), np.zeros(0))})

    def change(data: dict) -> None:
        data["categories"].append({"id": 7, "name": "person"})
        square = [[1, 1, 4, 1, 4, 3, 1, 3]]
        for number, link in enumerate(({"person_id": 5}, {"attributes": {"person": 2}}), 1):
            for category, score in ((101, 0.1), (7, 0.75)):
                row = {
                    "id": 10 * number + category,
                    "image_id": 1,
                    "category_id": category,
                    "segmentation": square,
                    "score": score,
                }
                data["annotations"].append(row | link)

    edit_json(path, change)
    labels = open_labels(path, side="prediction").read("a")
    expected = np.zeros((4, 6), np.uint8)
    expected[1:3, 1:4] = 1
    np.testing.assert_array_equal(labels.persons, [expected, expected])
    assert labels.scores is not None and labels.scores.tolist() == [0.75, 0.75]
