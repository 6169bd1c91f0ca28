from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.gps import GpsDataset, read_record, record_path
from peopleparse.data.statistics import measure_dataset
from peopleparse.errors import DataError
from peopleparse.labels import get_scheme
from tests.datasets import write_gps_folder


def test_numbers_are_those_of_the_pixels(tmp_path: Path) -> None:
    write_gps_folder(tmp_path, overlap=True)
    truths = [truth for _, truth in GpsDataset(tmp_path)]
    found = measure_dataset(tmp_path)
    assert (found.images, found.persons, found.mean_persons) == (5, 10, 2.0)
    assert found.persons_per_image == {0: 1, 1: 1, 2: 1, 3: 1, 4: 1}
    assert found.subsets == {"indoor": 3, "outdoor": 2}
    assert found.splits == {"train": 3, "val": 2}
    parsings = [parsing for truth in truths for parsing in truth.parsings]
    for label in get_scheme("gps").labels[1:]:
        shown = sum(bool((parsing == label.id).any()) for parsing in parsings)
        assert found.part_persons[label.name] == shown
    assert found.part_persons["hair"] == 10 and found.part_persons["tie"] == 0
    heights = np.concatenate([truth.boxes[:, 3] - truth.boxes[:, 1] for truth in truths])
    assert found.person_heights.least == heights.min()
    assert found.person_heights.mean == pytest.approx(heights.mean())
    assert found.widths.median == found.widths.greatest == 160
    shared = sum(
        int((truth.masks[a] & truth.masks[b]).sum())
        for truth in truths
        for a in range(len(truth))
        for b in range(a)
    )
    assert found.overlap_pixels == shared > 0


def test_one_split(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    found = measure_dataset(tmp_path, "val")
    assert (found.images, found.persons, found.splits) == (2, 1, {"val": 2})


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    found = measure_dataset(tmp_path)
    assert (found.images, found.persons, found.mean_persons) == (0, 0, 0.0)
    assert found.widths.median == 0.0
    json.dumps(found.to_dict())


def test_a_person_without_part_areas(tmp_path: Path) -> None:
    write_gps_folder(tmp_path)
    record = read_record(tmp_path, "a")
    del record["persons"][0]["part_areas"]
    record_path(tmp_path, "a").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        DataError, match="persons must have bbox and part_areas, got .* at .*a.json"
    ):
        measure_dataset(tmp_path)
