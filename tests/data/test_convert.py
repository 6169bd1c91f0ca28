"""Round trips give back every pixel that the format can hold, and count each one that is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from peopleparse.data.convert import TARGETS, convert_labels
from peopleparse.data.convert_image import (
    COVERED,
    EMPTY,
    GROUP_PERSONS,
    GROUPS,
    HIDDEN,
    IGNORED,
    NO_PHOTO,
    NOBODY,
    ORDER,
    OVERLAP,
    SHARED,
    STRAY,
    STRAY_IGNORED,
    WIDE,
)
from peopleparse.data.formats import open_labels
from peopleparse.data.gps import read_annotation, read_image_ids, read_record
from peopleparse.data.gps_check import check_dataset
from tests.data.label_folders import (
    make_scenes,
    pack,
    person_maps,
    write_cihp_truth,
    write_coco,
    write_lip,
    write_mhp_persons,
    write_png,
)
from tests.data.people_folders import (
    count_differences,
    draw_people,
    folder_bytes,
    random_scenes,
    write_people,
)

PIXELS = (OVERLAP, IGNORED, COVERED, SHARED)
GROUP_TARGETS = ("coco", "mhp-v1", "mhp-v2", "cihp")


def _there_and_back(source: Path, to: str, root: Path) -> tuple[Path, dict[str, int]]:
    report = convert_labels(source, root / to, to)
    back = convert_labels(root / to, root / "back", "gps")
    assert not report.problems and not back.problems and not back.losses
    return root / "back", dict(report.losses)


@pytest.mark.parametrize("to", GROUP_TARGETS)
def test_200_scenes_without_overlap_come_back_byte_for_byte(tmp_path: Path, to: str) -> None:
    source = write_people(tmp_path / "set", random_scenes(200))
    back, losses = _there_and_back(source, to, tmp_path)
    assert losses == {}
    assert count_differences(source, back) == 0
    assert folder_bytes(back) == folder_bytes(source)  # photos, maps and every field of the JSON
    assert check_dataset(back) == []


def test_one_person_an_image_comes_back_from_lip(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(40, most=1, ignored=0.1))
    back, losses = _there_and_back(source, "lip", tmp_path)
    assert losses == {} and folder_bytes(back) == folder_bytes(source)


@pytest.mark.parametrize("to", ["mhp-v1", "mhp-v2", "cihp"])
def test_ignored_pixels_come_back_where_persons_do_not_overlap(tmp_path: Path, to: str) -> None:
    source = write_people(tmp_path / "set", random_scenes(40, ignored=0.2))
    back, losses = _there_and_back(source, to, tmp_path)
    assert losses == {} and folder_bytes(back) == folder_bytes(source)


@pytest.mark.parametrize("to", ["mhp-v1", "mhp-v2", "coco"])
def test_overlaps_come_back_from_formats_with_a_map_a_person(tmp_path: Path, to: str) -> None:
    source = write_people(tmp_path / "set", random_scenes(40, overlap=True))
    back, losses = _there_and_back(source, to, tmp_path)
    assert losses == {} and folder_bytes(back) == folder_bytes(source)


@pytest.mark.parametrize("to", GROUP_TARGETS)
def test_every_pixel_that_does_not_come_back_is_counted(tmp_path: Path, to: str) -> None:
    scenes = random_scenes(60, seed=3, overlap=True, ignored=0.25)
    source = write_people(tmp_path / "set", scenes)
    back, losses = _there_and_back(source, to, tmp_path)
    lost = sum(number for kind, number in losses.items() if kind in PIXELS)
    assert count_differences(source, back) == lost
    persons = sum(map(len, scenes.values()))
    kept = sum(read_record(back, i)["n_persons"] for i in read_image_ids(back))
    assert kept == persons - losses.get(HIDDEN, 0)
    if to == "cihp":
        assert min(losses[OVERLAP], losses[COVERED], losses[SHARED]) > 0
    else:
        assert set(losses) == ({IGNORED} if to == "coco" else set())


@given(seed=st.integers(0, 2**31), count=st.integers(1, 4), ignored=st.sampled_from([0.0, 0.5]))
def test_flat_losses_are_the_pixels_that_differ(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, ignored: float
) -> None:
    root = tmp_path_factory.mktemp("flat")
    persons = draw_people(np.random.default_rng(seed), count, (3, 6), overlap=True, ignored=ignored)
    source = write_people(root / "set", {"a": persons})
    back, losses = _there_and_back(source, "cihp", root)
    assert count_differences(source, back) == sum(losses.get(kind, 0) for kind in PIXELS)


def _one(folder: Path, rows: list[list[list[int]]]) -> Path:
    return write_people(folder, {"a": np.array(rows, np.uint8)})


def test_losses_by_hand(tmp_path: Path) -> None:
    source = _one(
        tmp_path / "set",
        [
            [[1, 2, 255, 255, 0, 255]],
            [[0, 3, 4, 255, 5, 255]],
            [[0, 0, 6, 0, 7, 255]],
        ],
    )
    # Third and second share two pixels, second and first one; pixel 3 is ignored by two of three,
    # pixel 2 by the first only, under a label of others; the last by all.
    report = convert_labels(source, tmp_path / "cihp", "cihp")
    assert report.losses == {OVERLAP: 3, HIDDEN: 1, COVERED: 1, IGNORED: 1}
    truth = open_labels(tmp_path / "cihp", scheme="gps").read("a")
    assert person_maps(truth, 2).tolist() == [[[1, 2, 0, 0, 0, 0]], [[0, 0, 4, 0, 5, 0]]]
    assert truth.parsing is not None and truth.parsing.tolist() == [[1, 2, 4, 255, 5, 255]]
    assert report.persons == 2
    report = convert_labels(source, tmp_path / "coco", "coco")
    assert report.losses == {IGNORED: 6} and report.persons == 3


def test_ignored_by_some_is_kept_for_the_leftmost(tmp_path: Path) -> None:
    source = _one(tmp_path / "set", [[[1, 0, 0, 255]], [[0, 2, 0, 255]], [[0, 0, 3, 0]]])
    report = convert_labels(source, tmp_path / "cihp", "cihp")
    assert report.losses == {SHARED: 1}
    truth = open_labels(tmp_path / "cihp", scheme="gps").read("a")
    assert person_maps(truth, 3).tolist() == [[[1, 0, 0, 255]], [[0, 2, 0, 0]], [[0, 0, 3, 0]]]


def test_what_a_format_cannot_hold_is_counted(tmp_path: Path) -> None:
    scenes = random_scenes(3, least=2, most=2) | random_scenes(0)
    scenes |= {"none": np.zeros((0, 4, 6), np.uint8), "one": np.ones((1, 4, 6), np.uint8)}
    source = write_people(tmp_path / "set", scenes)
    for to, losses, images in (
        ("lip", {GROUPS: 3, GROUP_PERSONS: 6}, 2),
        ("mhp-v2", {NOBODY: 1}, 4),
        ("cihp", {}, 5),
        ("coco", {}, 5),
    ):
        report = convert_labels(source, tmp_path / to, to)
        assert (report.losses, report.images) == (losses, images)
        assert len(open_labels(tmp_path / to, scheme="gps").ids) == images


def test_persons_who_are_not_annotated_yet_are_left_out(tmp_path: Path) -> None:
    persons = np.zeros((2, 3, 4), np.uint8)
    persons[1, 0, 1] = 4
    persons[0, 0, 2] = 255
    source = write_people(tmp_path / "set", {"a": persons})
    report = convert_labels(source, tmp_path / "mhp", "mhp-v2")
    assert report.losses == {EMPTY: 1, IGNORED: 1}
    assert [p.name for p in (tmp_path / "mhp/parsing_annos").iterdir()] == ["a_01_01.png"]


def test_the_layouts(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(2, least=1, most=1))
    expected = {
        "cihp": {
            "Category_ids/0000.png", "Human_ids/0000.png", "Instance_ids/0000.png",
            "Instance_ids/0000.txt", "Images/0000.jpg", "val_id.txt", "train_id.txt",
        },
        "mhp-v1": {"annotations/0000_01_01.png", "images/0000.jpg", "val_list.txt"},
        "mhp-v2": {"parsing_annos/0000_01_01.png", "images/0000.jpg", "list/val.txt"},
        "lip": {"0000.png", "images/0000.jpg", "val_id.txt"},
        "coco": {"coco.json", "images/0000.jpg"},
    }  # fmt: skip
    for to, names in expected.items():
        convert_labels(source, tmp_path / to, to)
        found = set(folder_bytes(tmp_path / to))
        assert names | {"conversion/note.json"} <= found
        assert not any("part" in name.split(".") for name in found)
    assert (tmp_path / "cihp/val_id.txt").read_text() == "0000\n"
    assert (tmp_path / "cihp/train_id.txt").read_text() == "0001\n"


def test_cihp_regions_are_numbered_as_published(tmp_path: Path) -> None:
    persons = np.zeros((2, 1, 4), np.uint8)
    persons[0, 0, :2], persons[1, 0, 2:] = [2, 11], [2, 13]
    source = write_people(tmp_path / "set", {"a": persons})
    convert_labels(source, tmp_path / "cihp", "cihp")
    text = (tmp_path / "cihp/Instance_ids/a.txt").read_text()
    assert text == "2 2 1\n11 11 1\n22 2 2\n33 13 2\n"
    regions = open_labels(tmp_path / "cihp", scheme="gps").read("a").regions
    assert regions is not None and regions.label_ids.tolist() == [2, 11, 2, 13]
    assert regions.numbers.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(("count", "wide"), [(14, 0), (300, 2)])
def test_many_persons_in_cihp(tmp_path: Path, count: int, wide: int) -> None:
    # 14 persons: the published numbers pass 255, so regions are numbered anew, in 8 bits.
    persons = np.zeros((count, 2, 2 * count), np.uint8)
    for index in range(count):
        persons[index, :, 2 * index] = [1 + index % 19, 19]
    source = write_people(tmp_path / "set", {"a": persons})
    report = convert_labels(source, tmp_path / "cihp", "cihp")
    assert report.notes.get(WIDE, 0) == wide and not report.losses
    convert_labels(tmp_path / "cihp", tmp_path / "back", "gps")
    assert folder_bytes(tmp_path / "back") == folder_bytes(source)


def test_coco_is_what_pycocotools_reads(tmp_path: Path) -> None:
    scenes = random_scenes(6, overlap=True)
    source = write_people(tmp_path / "set", scenes)
    convert_labels(source, tmp_path / "coco", "coco")
    coco = COCO(str(tmp_path / "coco" / "coco.json"))
    names = {row["id"]: row["file_name"] for row in coco.dataset["images"]}
    seen = {image_id: np.zeros_like(persons) for image_id, persons in scenes.items()}
    for row in coco.dataset["annotations"]:
        mask = coco.annToMask(row).astype(bool)
        ys, xs = np.nonzero(mask)
        assert row["area"] == mask.sum() and row["iscrowd"] == 0 and "group_id" not in row
        assert row["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        assert row["attributes"]["person"] == row["person_id"]
        seen[Path(names[row["image_id"]]).stem][row["person_id"] - 1][mask] = row["category_id"]
    for image_id, persons in scenes.items():
        np.testing.assert_array_equal(seen[image_id], persons)
    assert coco.dataset["images"][0]["split"] == "val"
    assert coco.dataset["annotations"][0]["attributes"]["occluded"] is False


def test_outdoors_stays_outdoors(tmp_path: Path) -> None:
    scenes = random_scenes(4, subset="outdoor")
    source = write_people(tmp_path / "set", scenes, subset="outdoor")
    for to in GROUP_TARGETS:
        assert convert_labels(source, tmp_path / to, to).scheme == "gps-outdoor"
        convert_labels(tmp_path / to, tmp_path / f"{to}-back", "gps")
        assert folder_bytes(tmp_path / f"{to}-back") == folder_bytes(source)


def test_from_every_format_without_a_note(tmp_path: Path) -> None:
    scenes = make_scenes(num_ids=19)
    photos = tmp_path / "photos"
    for image_id, scene in scenes.items():
        write_png(photos / f"{image_id}.png", np.stack([scene.parsing] * 3, -1))
    sources = {
        "cihp": write_cihp_truth(tmp_path / "cihp", scenes),
        "mhp-v1": write_mhp_persons(tmp_path / "mhp1", scenes, "annotations", colors=True),
        "mhp-v2": write_mhp_persons(tmp_path / "mhp2", scenes, "parsing_annos"),
    }
    for name, source in sources.items():
        out = tmp_path / f"out-{name}"
        # Their ids are taken as those of gps here, so that pixels can be compared.
        report = convert_labels(
            source, out, "gps", scheme="gps", images=photos, subset="indoor", as_split="test"
        )
        assert not report.losses and not report.problems
        expected = sorted(i for i, s in scenes.items() if name == "cihp" or len(s.persons))
        assert read_image_ids(out) == expected
        assert check_dataset(out) == []
        for image_id in expected:
            found = read_annotation(out, image_id).parsings
            np.testing.assert_array_equal(found, scenes[image_id].persons)
            image = read_record(out, image_id)["image"]
            assert (image["subset"], image["split"]) == ("indoor", "test")


def test_archives_are_sources_too(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(3))
    convert_labels(source, tmp_path / "cihp", "cihp")
    archive = pack(tmp_path / "cihp", tmp_path / "cihp.zip", inner="top")
    photos = tmp_path / "cihp" / "Images"
    convert_labels(archive, tmp_path / "back", "gps", images=photos)
    assert folder_bytes(tmp_path / "back") == folder_bytes(source)


def test_labels_are_translated(tmp_path: Path) -> None:
    persons = np.array([[[4, 8, 16, 19, 0, 2]]], np.uint8)  # clothes, belt, bag, tie, -, hair
    source = write_people(tmp_path / "set", {"a": persons})
    report = convert_labels(source, tmp_path / "cihp", "cihp", translate=True)
    assert report.scheme == "cihp" and report.labels is not None
    assert report.labels.kept == 1
    assert report.labels.merged == {"upper clothes": 1, "belt": 1, "tie": 1}
    assert report.labels.dropped == {"bag": 1}
    truth = open_labels(tmp_path / "cihp").read("a")
    assert truth.parsing is not None and truth.parsing.tolist() == [[5, 5, 0, 5, 0, 2]]
    again = convert_labels(tmp_path / "cihp", tmp_path / "gps", "gps", translate=True)
    assert again.labels is not None and again.labels.dropped == {}
    assert read_annotation(tmp_path / "gps", "a").parsings.tolist() == [[[4, 4, 0, 4, 0, 2]]]


def test_labels_that_become_unknown_are_ignored(tmp_path: Path) -> None:
    write_png(tmp_path / "lip" / "a.png", np.array([[3, 2, 0]], np.uint8))  # glove, hair
    report = convert_labels(tmp_path / "lip", tmp_path / "cihp", "cihp", translate=True)
    assert report.labels is not None and report.labels.unknown == {"glove": 1}
    truth = open_labels(tmp_path / "cihp").read("a")
    assert truth.parsing is not None and truth.parsing.tolist() == [[255, 2, 0]]


def test_nothing_is_translated_where_labels_are_the_formats_own(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(2))
    report = convert_labels(source, tmp_path / "out", "gps", translate=True)
    assert report.labels is None and folder_bytes(tmp_path / "out") == folder_bytes(source)


def test_pixels_of_nobody_are_counted(tmp_path: Path) -> None:
    write_png(tmp_path / "c/Category_ids/a.png", np.array([[1, 2, 255, 0]], np.uint8))
    write_png(tmp_path / "c/Human_ids/a.png", np.array([[1, 0, 0, 0]], np.uint8))
    write_png(tmp_path / "c/Category_ids/b.png", np.array([[0, 0, 255, 255]], np.uint8))
    write_png(tmp_path / "c/Human_ids/b.png", np.array([[0, 0, 0, 0]], np.uint8))
    report = convert_labels(tmp_path / "c", tmp_path / "coco", "coco")
    assert report.losses == {STRAY: 1, IGNORED: 1, STRAY_IGNORED: 2}
    assert report.notes == {NO_PHOTO: 2}


def test_empty_persons_of_mhp_are_counted(tmp_path: Path) -> None:
    for number, value in ((1, 0), (2, 4)):
        write_png(
            tmp_path / f"m/parsing_annos/a_02_0{number}.png", np.full((2, 2), value, np.uint8)
        )
    report = convert_labels(tmp_path / "m", tmp_path / "coco", "coco")
    assert report.losses == {EMPTY: 1} and report.persons == 1


def test_persons_are_put_in_order_for_gps(tmp_path: Path) -> None:
    write_png(tmp_path / "m/parsing_annos/a_02_01.png", np.array([[0, 0, 7]], np.uint8))
    write_png(tmp_path / "m/parsing_annos/a_02_02.png", np.array([[4, 4, 0]], np.uint8))
    write_png(tmp_path / "m/images/a.png", np.zeros((1, 3, 3), np.uint8))
    report = convert_labels(tmp_path / "m", tmp_path / "gps", "gps", scheme="gps")
    assert report.notes == {ORDER: 1}
    assert read_annotation(tmp_path / "gps", "a").parsings.tolist() == [[[4, 4, 0]], [[0, 0, 7]]]


def test_one_split(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(6))
    convert_labels(source, tmp_path / "mhp", "mhp-v2", split="val")
    assert open_labels(tmp_path / "mhp", scheme="gps").ids == ("0000", "0003")
    convert_labels(source, tmp_path / "all", "mhp-v2")
    convert_labels(tmp_path / "all", tmp_path / "back", "gps", split="train")
    assert read_image_ids(tmp_path / "back") == ["0001", "0002", "0004", "0005"]


def test_the_note_is_forgotten_where_persons_were_added(tmp_path: Path) -> None:
    source = write_people(tmp_path / "set", random_scenes(1, least=2, most=2))
    convert_labels(source, tmp_path / "mhp", "mhp-v2")
    inner = tmp_path / "mhp" / "parsing_annos"
    (inner / "0000_02_02.png").unlink()
    (inner / "0000_02_01.png").rename(inner / "0000_01_01.png")
    convert_labels(tmp_path / "mhp", tmp_path / "back", "gps")
    record = read_record(tmp_path / "back", "0000")
    assert [p["annotator"] for p in record["persons"]] == [None]
    assert record["image"]["split"] == "val"


def test_the_note_says_scheme_and_losses(tmp_path: Path) -> None:
    source = _one(tmp_path / "set", [[[1, 255]], [[0, 4]]])
    convert_labels(source, tmp_path / "coco", "coco")
    note = json.loads((tmp_path / "coco/conversion/note.json").read_text())
    assert (note["format"], note["scheme"], note["losses"]) == ("coco", "gps", {IGNORED: 1})
    assert note["images"]["a"]["split"] == "val"


@pytest.mark.parametrize("to", TARGETS)
def test_lip_and_coco_sources(tmp_path: Path, to: str) -> None:
    scenes = make_scenes(num_ids=20, counts=(1, 1))
    lip = write_lip(tmp_path / "lip", scenes)
    coco = write_coco(tmp_path, scenes).rename(tmp_path / "labels.json")
    for image_id, scene in scenes.items():
        write_png(tmp_path / "photos" / f"{image_id}.png", np.stack([scene.parsing] * 3, -1))
    if to == "coco":
        convert_labels(lip, tmp_path / "out", to)
        assert open_labels(tmp_path / "out").scheme.name == "lip"
        return
    photos = tmp_path / "photos"
    first = convert_labels(lip, tmp_path / "a", to, translate=True, images=photos)
    second = convert_labels(coco, tmp_path / "b", to, translate=True, images=photos)
    assert first.images == second.images == 2 and first.labels == second.labels
    assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "b")
