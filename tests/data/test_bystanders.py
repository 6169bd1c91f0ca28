"""Bystanders: whom a network finds beside the annotated person, written and read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.bystanders import (
    FILE,
    Bystanders,
    find_bystanders,
    read_bystanders,
    write_bystanders,
)
from peopleparse.data.people import Portrait
from peopleparse.data.rle_encode import encode_mask
from peopleparse.errors import DataError
from peopleparse.structures import ParsedPeople

SIZE = (40, 60)


def see(*spans: tuple[int, int], scores: list[float]) -> ParsedPeople:
    """Return people who fill whole columns."""
    instances = np.zeros(SIZE, np.uint16)
    for number, (left, right) in enumerate(spans, 1):
        instances[:, left:right] = number
    return ParsedPeople.from_maps((instances > 0).astype(np.uint8) * 4, instances, scores)


def test_who_is_a_bystander() -> None:
    annotated = np.zeros(SIZE, bool)
    annotated[:, 20:30] = True
    people = see((0, 5), (8, 10), (16, 29), (29, 36), (50, 51), scores=[0.9, 0.2, 0.9, 0.5, 0.9])
    # Too faint; the annotated person; partly on it; fewer than 60 pixels.
    found = find_bystanders(people, annotated, 0.3)
    assert [person["box"] for person in found] == [[0, 0, 5, 40], [30, 0, 36, 40]]
    assert [person["score"] for person in found] == [0.9, 0.5]


def portrait(photo_id: str = "1") -> Portrait:
    parsing = np.zeros(SIZE, np.uint8)
    parsing[:, 20:30] = 4
    return Portrait(photo_id, np.zeros((*SIZE, 3), np.uint8), parsing, np.zeros(4, np.float32))


def test_a_file_is_read_again(tmp_path: Path) -> None:
    mask = np.zeros(SIZE, bool)
    mask[10:30, 31:40] = True
    person = {"box": [31, 10, 40, 30], "score": 0.5, "segmentation": encode_mask(mask)}
    path = write_bystanders(tmp_path / "new", {"2": [], "1": [person]}, {"detail": "fine"})
    assert path.name == FILE and list(json.loads(path.read_text())["photos"]) == ["1", "2"]
    found = read_bystanders(tmp_path / "new", [portrait("1"), portrait("2")])
    assert list(found) == ["1"]
    grown = found["1"].mask
    assert (grown & mask).sum() == mask.sum() and grown.sum() > mask.sum()
    assert not grown[:, 20:30].any()  # never on the annotated person


def test_bits_keep_the_mask() -> None:
    mask = np.random.default_rng(0).random((13, 7)) < 0.5
    np.testing.assert_array_equal(Bystanders.of(mask).mask, mask)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "bystanders must be JSON with a list for each of its photos, got JSONDecodeError"),
        ("{}", "bystanders must be JSON with a list for each of its photos, got KeyError"),
        ('{"photos": {"1": 3}}', "got TypeError"),
        ('{"photos": []}', "got AttributeError"),
        ('{"photos": {}}', "bystanders must be known of every photo, got none of 1"),
        ('{"photos": {"1": [{}]}}', "bystander must have a segmentation, got '{}'"),
        (
            '{"photos": {"1": [{"segmentation": {"size": [1, 1], "counts": "1"}}]}}',
            r"segmentation must have size \[40, 60\] like its image.*photo 1, person 0",
        ),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataError, match=message):
        read_bystanders(tmp_path, [portrait()])


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="bystanders must be in a file, got none, at"):
        read_bystanders(tmp_path, [portrait()])
