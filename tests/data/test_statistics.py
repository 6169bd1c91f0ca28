"""Statistics: by hand, against the oracle, merged, and equal whatever the format."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.data.formats import open_labels
from peopleparse.data.gps import read_record, record_path
from peopleparse.data.image_facts import facts_of_labels, read_facts
from peopleparse.data.image_labels import ImageLabels
from peopleparse.data.published_sets import GPS_TABLE, LIP_TABLE
from peopleparse.data.statistics import Spread, Statistics, measure_dataset, spread_of
from peopleparse.errors import DataError, InputError, SchemeError
from peopleparse.labels import get_scheme
from tests.data.label_folders import (
    Scenes,
    coco_data,
    make_scenes,
    pack,
    write_cihp_truth,
    write_gps,
    write_lines,
    write_lip,
    write_mhp_persons,
    write_saved,
)
from tests.datasets import write_gps_folder
from tests.metrics.scenes import make_person, seeds
from tests.oracles.statistics_oracle import count_images

GPS = get_scheme("gps")


def count(*images: np.ndarray) -> Statistics:
    found = Statistics.empty(GPS)
    for persons in images:
        found.add_image(facts_of_labels(ImageLabels(persons), GPS))
    return found


def draw_boxes(size: tuple[int, int], *persons: tuple[int, int, int, int, int]) -> np.ndarray:
    """Return persons that are filled boxes: x1, y1, x2, y2, label."""
    maps = np.zeros((len(persons), *size), np.uint8)
    for person, (x1, y1, x2, y2, label) in zip(maps, persons, strict=True):
        person[y1:y2, x1:x2] = label
    return maps


def test_two_images_by_hand() -> None:
    # Boxes of 4 x 4 that share 2 x 4: IoU 8 / 24, over .25; the third touches nobody.
    first = draw_boxes((10, 20), (0, 0, 4, 4, 2), (2, 0, 6, 4, 11), (10, 0, 12, 10, 4))
    first[2, 0, 10] = 19
    second = draw_boxes((10, 20), (0, 0, 10, 10, 2))
    second[0, 5:] = 255
    found = count(first, second)
    assert (found.images, found.persons, found.maps, found.mean_persons) == (2, 4, 0, 2.0)
    assert found.persons_per_image == {3: 1, 1: 1}
    assert found.part_persons == {"hair": 2, "face": 1, "upper clothes": 1, "tie": 1}
    assert found.part_images == {"hair": 2, "face": 1, "upper clothes": 1, "tie": 1}
    assert found.part_pixels == {"hair": 16 + 50, "face": 16, "upper clothes": 19, "tie": 1}
    assert found.parts_per_holder == {1: 3, 2: 1}
    assert found.person_heights == {4: 2, 10: 1, 5: 1}
    assert found.person_sides == {4: 3, 7: 1}  # areas 16, 16, 20, 50
    assert found.person_shares == {80: 2, 100: 1, 250: 1}
    assert found.pair_overlaps == {0: 2, 7: 1}  # 8 / 24 lies in (.3, .35]
    assert found.person_overlaps == {7: 2, 0: 2}
    assert found.overlap_pixels == 8
    assert found.sizes == {(0, 0): 2} and found.widths == {20: 2} and found.heights == {10: 2}
    tie, clothes = found.parts.index("tie"), found.parts.index("upper clothes")
    assert found.together[tie, clothes] == found.together[clothes, tie] == 1
    assert np.diag(found.together).tolist() == [found.part_persons[name] for name in found.parts]
    assert found.together.sum() == 7


@pytest.mark.parametrize(
    ("width", "step"), [(4, 20), (8, 10), (12, 7), (16, 5), (15, 6), (80, 1), (81, 1)]
)
def test_bins_of_overlap_hold_their_upper_edge(width: int, step: int) -> None:
    # A box of 4 x 4 inside one of `width` x 4: IoU is 4 / width, .25 exactly for 16.
    found = count(draw_boxes((4, 90), (0, 0, 4, 4, 1), (0, 0, width, 4, 1)))
    assert found.pair_overlaps == {step: 1}


def test_persons_without_a_pixel_are_persons() -> None:
    empty = np.zeros((2, 3, 3), np.uint8)
    empty[1, 0, 0] = 255
    found = count(empty, np.zeros((0, 3, 3), np.uint8))
    assert (found.persons, found.persons_per_image) == (2, {2: 1, 0: 1})
    assert (found.parts_per_holder, found.part_persons) == ({0: 2}, {})
    assert not found.person_heights and not found.person_sides
    assert found.pair_overlaps == {0: 1} and found.overlap_pixels == 0


def test_spread() -> None:
    assert spread_of({}) is None
    assert spread_of({5: 1}) == Spread(5, 5, 5, 0, 5)
    assert spread_of({1: 1, 2: 1, 9: 2}) == Spread(1, 5.5, 5.25, np.std([1, 2, 9, 9]), 9)


def _random_images(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(rng.integers(1, 5)):
        size = int(rng.integers(1, 9)), int(rng.integers(1, 9))
        persons = [make_person(rng, size, 20) for _ in range(rng.integers(0, 5))]
        stack = np.stack(persons) if persons else np.zeros((0, *size), np.uint8)
        images.append(np.where(rng.random(stack.shape) < 0.1, 255, stack).astype(np.uint8))
    return images


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_numbers_are_the_oracle_s(seed: int) -> None:
    images = _random_images(seed)
    found, wanted = count(*images), count_images(images, GPS.names)
    for name in ("persons_per_image", "person_heights", "part_persons", "overlap_pixels"):
        assert getattr(found, name) == wanted[name]
    for row, a in enumerate(found.parts):
        for column, b in enumerate(found.parts):
            assert found.together[row, column] == wanted["together"][a, b]  # type: ignore[index]
    for bins, ious in ("pair_overlaps", "pair_ious"), ("person_overlaps", "greatest_ious"):
        counted: dict[int, int] = getattr(found, bins)
        exact: list[Fraction] = wanted[ious]  # type: ignore[assignment]
        for step in range(21):
            over = sum(iou > Fraction(step, 20) for iou in exact)
            assert sum(n for bin_, n in counted.items() if bin_ > step) == over


@settings(max_examples=40, deadline=None)
@given(seeds, st.randoms())
def test_parts_of_a_set_add_up_to_the_whole(seed: int, random: Any) -> None:
    images = _random_images(seed)
    whole = count(*images).to_dict()
    cut = random.randint(0, len(images))
    random.shuffle(images)
    assert (count(*images[:cut]) + count(*images[cut:])).to_dict() == whole
    assert json.loads(json.dumps(whole))["images"] == len(images)


def test_sets_of_two_schemes_do_not_add_up() -> None:
    with pytest.raises(InputError, match="must be of one scheme to be added, got 'gps' and 'lip'"):
        Statistics.empty(GPS) + Statistics.empty(get_scheme("lip"))


def _write_coco(folder: Path, scenes: Scenes) -> Path:
    return write_lines(folder / "labels.json", [json.dumps(coco_data(scenes, "gps"))])


def _pack_gps(folder: Path, scenes: Scenes) -> Path:
    return pack(write_gps(folder / "in", scenes), folder / "set.zip", "inner")


# A PNG a person cannot say that there is nobody: every image has somebody.
@pytest.mark.parametrize(
    ("format", "write"),
    [
        ("gps", _pack_gps),
        ("peopleparse", write_saved),
        ("cihp", write_cihp_truth),
        ("mhp-v1", partial(write_mhp_persons, inner="annotations")),
        ("mhp-v2", partial(write_mhp_persons, inner="parsing_annos")),
        ("coco", _write_coco),
    ],
)
def test_every_format_has_the_same_numbers(
    tmp_path: Path, format: str, write: Callable[[Path, Scenes], Path]
) -> None:
    scenes = make_scenes(20, (2, 3, 5))
    wanted = measure_dataset(write_gps(tmp_path / "gps", scenes)).to_dict()
    path = write(tmp_path / "other", scenes)
    found = measure_dataset(path, format=format, scheme="gps").to_dict()
    assert found["persons"] == 10 and found["instance_level"] is True
    if format != "gps":  # only a GPS annotation says it
        assert found["splits"] == {"-": 3} and wanted["splits"] == {"val": 3}
    said = ("subsets", "splits", "split_persons")
    assert {k: v for k, v in found.items() if k not in said} == {
        k: v for k, v in wanted.items() if k not in said
    }


def test_label_maps_are_counted_by_images(tmp_path: Path) -> None:
    scenes = make_scenes(20, (2, 3))
    found = measure_dataset(write_lip(tmp_path, scenes))
    assert (found.images, found.maps, found.persons, found.holders) == (2, 2, 0, 2)
    assert not found.instance_level and found.mean_persons == 0.0
    names = get_scheme("lip").names
    for label, name in enumerate(names[1:], 1):
        shown = sum(bool((scene.parsing == label).any()) for scene in scenes.values())
        assert found.part_persons[name] == found.part_images[name] == shown
    assert not found.persons_per_image and not found.person_heights


def test_a_gps_json_says_what_its_pixels_say(tmp_path: Path) -> None:
    write_gps_folder(tmp_path, overlap=True)
    source = open_labels(tmp_path)
    for image_id in source.ids:
        told = read_facts(source, image_id)
        counted = facts_of_labels(source.read(image_id), source.scheme)
        assert (told.size, told.shared_pixels) == (counted.size, counted.shared_pixels)
        assert told.persons is not None and counted.persons is not None
        assert [(p.box, p.areas) for p in told.persons] == [
            (p.box, p.areas) for p in counted.persons
        ]
    found = measure_dataset(source)
    assert (found.images, found.persons, found.mean_persons) == (5, 10, 2.0)
    assert found.persons_per_image == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}
    assert found.subsets == {"indoor": 3, "outdoor": 2}
    assert (found.splits, found.split_persons) == ({"train": 3, "val": 2}, {"train": 9, "val": 1})
    assert found.part_persons["hair"] == 10 and found.overlap_pixels > 0
    assert found.occluded == found.truncated == {"-": 10}


def test_another_scheme_is_counted_from_the_pixels(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    found = measure_dataset(tmp_path, scheme="ids:30")
    assert (found.categories, found.persons, found.part_persons["2"]) == (30, 10, 10)


def test_one_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    found = measure_dataset(tmp_path, "val")
    assert (found.images, found.persons, found.splits) == (2, 1, {"val": 2})


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    write_gps_folder(tmp_path / "gps")
    with pytest.raises(DataError, match="got 'tran', at .*Did you mean 'train'"):
        measure_dataset(tmp_path / "gps", "tran")
    write_lip(tmp_path / "lip", make_scenes())
    with pytest.raises(
        InputError,
        match="split must be asked of a GPS folder or one with lists of ids, got format 'lip'",
    ):
        measure_dataset(tmp_path / "lip", "val")


def test_an_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    with pytest.raises(DataError, match="labels must be files in a folder or zip archive"):
        measure_dataset(tmp_path)
    with pytest.raises(SchemeError, match="scheme must be a known name"):
        measure_dataset(write_lip(tmp_path / "lip", make_scenes()), scheme="lop")


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = read_record(folder, "a")
    change(record)
    record_path(folder, "a").write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda r: r["persons"][0].pop("part_areas"), "persons must have bbox and part_areas"),
        (lambda r: r["persons"][0].pop("bbox"), "persons must have bbox and part_areas"),
        (lambda r: r["persons"][0].update(bbox=[1, 2, 3]), "persons must have bbox"),
        (lambda r: r["persons"][0]["part_areas"].update(hat="x"), "persons must have bbox"),
        (lambda r: r["persons"].__setitem__(0, 3), "persons must have bbox and .* got 3"),
        (lambda r: r["persons"][0]["part_areas"].update(wing=1), r"scheme 'gps', got \['wing'\]"),
        (lambda r: r["overlaps"].append({"a": 1}), "overlaps must have pixels, got {'a': 1}"),
    ],
)
def test_a_broken_json_is_told_and_the_rest_is_counted(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], text: str
) -> None:
    write_gps_folder(tmp_path)
    _edit(tmp_path, change)
    with pytest.raises(DataError, match=f"{text}.* at .*a.json"):
        measure_dataset(tmp_path)
    faults: list[str] = []
    found = measure_dataset(tmp_path, faults=faults)
    assert found.images == 4 and len(faults) == 1 and "a.json" in faults[0]


def test_a_broken_image_does_not_hide_behind_a_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    record_path(tmp_path, "a").write_text("{", encoding="utf-8")
    faults: list[str] = []
    found = measure_dataset(tmp_path, "val", faults=faults)
    assert found.images == 2 and len(faults) == 1


def test_the_published_rows_are_those_of_the_papers() -> None:
    rows = {row.name: row for row in GPS_TABLE}
    assert (rows["GPS-Indoor"].images, rows["GPS-Indoor"].mean_persons) == (7_500, 5.23)
    assert (rows["GPS-Outdoor"].images, rows["GPS-Outdoor"].mean_persons) == (6_500, 3.54)
    assert [row.instance_level for row in GPS_TABLE] == [False, False, False, True, True, True]
    totals = {row.name: sum(n or 0 for n in row.persons or ()) for row in LIP_TABLE}
    assert totals == {
        "Fashionista": 685, "PASCAL-Person-Part": 3_533, "ATR": 17_700, "LIP": 50_462,
    }  # fmt: skip
    assert all(row.to_dict()["source"].startswith(("GPS", "LIP")) for row in GPS_TABLE + LIP_TABLE)
