from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.structures import Annotation, ParsedPeople, mask_box

GPS = get_scheme("gps")
SHAPE = (7, 9)


def _ids(values: list[int], shape: tuple[int, ...] = SHAPE) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.uint8, shape, elements=st.sampled_from(values))


def _two_people() -> tuple[np.ndarray, np.ndarray]:
    """Person 1 stands right, person 2 left; a hat of nobody and a pixel without a label."""
    parsing = np.zeros((6, 10), np.uint8)
    instances = np.zeros((6, 10), np.int64)
    parsing[1:3, 6:9], parsing[3:6, 6:9], instances[1:6, 6:9] = 11, 4, 1
    parsing[2:5, 1:3], instances[2:5, 1:3] = 14, 2
    parsing[0, 0] = 1
    instances[5, 0] = 2
    return parsing, instances


def test_people_are_numbered_left_to_right() -> None:
    faces = [np.array([6, 1, 9, 3], np.float32), None]
    result = ParsedPeople.from_maps(*_two_people(), scores=[0.9, 0.4], face_boxes=faces)
    assert len(result) == 2 and result.size == (6, 10)
    left, right = result.people
    assert (left.index, left.score, left.face_box) == (1, 0.4, None)
    assert (right.index, right.score) == (2, 0.9)
    assert right.face_box is not None and right.face_box.tolist() == [6, 1, 9, 3]
    assert left.box.tolist() == [1, 2, 3, 5] and left.box.dtype == np.float32
    assert right.box.tolist() == [6, 1, 9, 6]


def test_maps_are_cleaned() -> None:
    parsing, instances = _two_people()
    result = ParsedPeople.from_maps(parsing, instances)
    assert result.parsing.dtype == np.uint8 and result.instances.dtype == np.uint16
    assert result.parsing[0, 0] == 0  # a label of nobody
    assert result.instances[5, 0] == 0  # a person without a label
    assert ((result.parsing > 0) == (result.instances > 0)).all()
    assert parsing[0, 0] == 1 and instances[5, 0] == 2  # what was given stays


def test_masks_parsings_and_parts_of_a_person() -> None:
    result = ParsedPeople.from_maps(*_two_people())
    left, right = result.people
    assert left.mask.dtype == bool and left.mask.sum() == 6
    assert not (left.mask & right.mask).any()
    assert list(right.parts) == ["upper clothes", "face"]  # order of the scheme
    face = right.parts["face"]
    assert (face.name, face.label_id, face.area) == ("face", 11, 6)
    assert face.box.tolist() == [6, 1, 9, 3] and face.mask.sum() == 6
    assert right.parsing[2, 2] == 0  # everyone else is background
    np.testing.assert_array_equal(result.person_parsings(), np.stack([left.parsing, right.parsing]))
    assert right.parts is right.parts  # computed once


def test_reprs_are_short() -> None:
    result = ParsedPeople.from_maps(*_two_people(), source="a.jpg")
    assert repr(result) == "ParsedPeople(2 people, 10 x 6, source='a.jpg')"
    assert repr(result.people[0]) == ("Person(1, score=1.00, box=[1, 2, 3, 5], parts=['left arm'])")


def test_nobody() -> None:
    result = ParsedPeople.from_maps(np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.int32))
    assert len(result) == 0 and result.people == ()
    assert result.person_parsings().shape == (0, 4, 5)


def test_a_number_without_a_pixel_is_left_out_with_its_score() -> None:
    parsing, instances = _two_people()
    instances[instances == 2] = 7
    result = ParsedPeople.from_maps(parsing, instances, scores=[0.1 * n for n in range(1, 8)])
    assert [round(person.score, 1) for person in result.people] == [0.7, 0.1]


def test_more_than_255_people() -> None:
    instances = np.arange(1, 601).reshape(1, 600)
    result = ParsedPeople.from_maps(np.full((1, 600), 4, np.uint8), instances)
    assert len(result) == 600
    np.testing.assert_array_equal(result.instances, instances)
    assert result.people[599].mask.nonzero()[1].tolist() == [599]


def test_the_highest_person_number() -> None:
    result = ParsedPeople.from_maps(np.full((1, 2), 4, np.uint8), np.array([[65535, 3]]))
    assert result.instances.tolist() == [[1, 2]]


def test_ignored_pixels_are_nobodys_and_stay_ignored() -> None:
    parsing, instances = np.array([[4, 255, 255, 0]], np.uint8), np.array([[1, 1, 0, 0]])
    result = ParsedPeople.from_maps(parsing, instances)
    assert result.parsing.tolist() == [[4, 255, 255, 0]]
    assert result.instances.tolist() == [[1, 0, 0, 0]]
    assert result.people[0].box.tolist() == [0, 0, 1, 1]
    assert list(result.people[0].parts) == ["upper clothes"]


def test_same_centre_upper_person_first() -> None:
    instances = np.array([[0, 2, 0], [1, 0, 1]])
    result = ParsedPeople.from_maps(np.full((2, 3), 4, np.uint8), instances, scores=[0.1, 0.2])
    assert [person.score for person in result.people] == [0.2, 0.1]


@given(
    parsing=_ids([0, 4, 11, 255]),
    instances=hnp.arrays(np.int64, SHAPE, elements=st.integers(0, 4)),
    order=st.permutations([1, 2, 3, 4]),
)
def test_person_numbers_given_do_not_matter(
    parsing: np.ndarray, instances: np.ndarray, order: list[int]
) -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    first = ParsedPeople.from_maps(parsing, instances, scores)
    renumbered = np.array([0, *order])[instances]
    moved = np.zeros(4)
    moved[np.array(order) - 1] = scores
    second = ParsedPeople.from_maps(parsing, renumbered, moved)
    np.testing.assert_array_equal(first.parsing, second.parsing)
    np.testing.assert_array_equal(first.instances, second.instances)
    assert [p.score for p in first.people] == [p.score for p in second.people]
    assert [p.box.tolist() for p in first.people] == [p.box.tolist() for p in second.people]


@given(parsing=_ids([0, 4, 11, 255]), instances=_ids([0, 1, 2, 3]))
def test_rules_of_a_result(parsing: np.ndarray, instances: np.ndarray) -> None:
    result = ParsedPeople.from_maps(parsing, instances)
    owners = sum(person.mask.astype(int) for person in result.people)
    assert np.max(owners, initial=0) <= 1
    centres = [float(person.box[0] + person.box[2]) for person in result.people]
    assert centres == sorted(centres)
    for number, person in enumerate(result.people, 1):
        assert person.index == number
        box = mask_box(person.mask)
        assert box is not None and box.tolist() == person.box.tolist()
        union = sum(part.mask.astype(int) for part in person.parts.values())
        np.testing.assert_array_equal(union, person.mask)
        for part in person.parts.values():
            assert part.area == part.mask.sum() > 0
            assert np.array_equal(mask_box(part.mask), part.box)


def test_mask_box() -> None:
    mask = np.zeros((5, 6), bool)
    assert mask_box(mask) is None
    mask[1, 2] = mask[3, 5] = True
    box = mask_box(mask)
    assert box is not None and box.tolist() == [2, 1, 6, 4] and box.dtype == np.float32


def test_image_and_confidence_are_kept() -> None:
    image, confidence = np.zeros((6, 10, 3), np.uint8), np.zeros((6, 10), np.uint8)
    result = ParsedPeople.from_maps(*_two_people(), image=image, confidence=confidence)
    assert result.image is image and result.confidence is confidence
    assert result.scheme is GPS and result.source is None


_ZEROS = np.zeros((2, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"parsing": np.zeros((2, 3, 3), np.uint8)}, r"parsing must be \(H, W\) uint8, got \(2, 3"),
        ({"parsing": _ZEROS.astype(int)}, r"parsing must be \(H, W\) uint8, got \(2, 3\) int64"),
        (
            {"instances": np.zeros((3, 2), int)},
            r"instances must have the shape of parsing \(2, 3\), got \(3, 2\). Make both",
        ),
        (
            {"instances": _ZEROS.astype(float)},
            "instances must be whole numbers from 0 to 65535, got float64, 0.0 to 0.0. Number",
        ),
        ({"instances": _ZEROS > 0}, "whole numbers from 0 to 65535, got bool, False to False"),
        ({"instances": _ZEROS.astype(int) - 1}, "from 0 to 65535, got int64, -1 to -1. Number"),
        ({"instances": _ZEROS.astype(int) + 65536}, "from 0 to 65535, got int64, 65536 to 65536"),
        (
            {"parsing": _ZEROS + 20},
            r"label ids must be ids of scheme 'gps' or 255, got \[20\], in parsing. Check which",
        ),
        ({"parsing": _ZEROS + 19, "scheme": "gps-outdoor"}, r"'gps-outdoor' or 255, got \[19\]"),
        (
            {"instances": _ZEROS + 2, "scores": [0.5]},
            "scores and face_boxes must have one entry a person, got 1 and 2 for 2 persons. Give",
        ),
        ({"instances": _ZEROS + 2, "face_boxes": [None]}, "got 2 and 1 for 2 persons. Give None"),
        (
            {"image": np.zeros((3, 2, 3), np.uint8)},
            r"image must be \(2, 3, 3\) uint8 like parsing, got \(3, 2, 3\) uint8. Make all",
        ),
        ({"confidence": np.zeros((2, 3))}, r"confidence must be \(2, 3\) uint8 like .* float64"),
    ],
)
def test_bad_maps(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        ParsedPeople.from_maps(**{"parsing": _ZEROS, "instances": _ZEROS} | options)


def _annotation(*rows: list[list[int]], image_id: str = "x") -> Annotation:
    return Annotation(np.array(rows, np.uint8), GPS, image_id)


def test_annotation_boxes_masks_and_faces() -> None:
    truth = _annotation(
        [[11, 11, 0, 0], [4, 255, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 4, 4]],
        [[0, 0, 0, 0], [0, 0, 0, 0]],
    )
    assert len(truth) == 3
    assert truth.boxes.tolist() == [[0, 0, 2, 2], [2, 1, 4, 2], [0, 0, 0, 0]]
    assert truth.boxes.dtype == np.float32
    assert truth.masks[0].tolist() == [[True, True, False, False], [True, False, False, False]]
    faces = truth.face_boxes
    assert faces[0] is not None and faces[0].tolist() == [0, 0, 2, 1]
    assert faces[1:] == [None, None]


def test_annotation_of_nobody() -> None:
    truth = Annotation(np.zeros((0, 4, 5), np.uint8), GPS)
    assert len(truth) == 0 and truth.boxes.shape == (0, 4) and truth.face_boxes == []
    parsing, instances, lost = truth.flatten()
    assert not parsing.any() and not instances.any() and lost == 0
    assert parsing.shape == instances.shape == (4, 5)


def test_flatten_lets_the_left_person_win() -> None:
    truth = _annotation([[4, 4, 0, 0]], [[0, 6, 6, 0]], [[0, 7, 7, 255]])
    parsing, instances, lost = truth.flatten()
    assert parsing.tolist() == [[4, 4, 6, 255]] and parsing.dtype == np.uint8
    assert instances.tolist() == [[1, 1, 2, 0]] and instances.dtype == np.uint16
    assert lost == 3
    assert truth.instances().tolist() == instances.tolist()


def test_a_label_wins_over_ignored() -> None:
    parsing, instances, lost = _annotation([[255, 255]], [[4, 0]]).flatten()
    assert (parsing.tolist(), instances.tolist(), lost) == ([[4, 255]], [[2, 0]], 0)


def _slow_flatten(parsings: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    shape = parsings.shape[1:]
    parsing, instances, lost = np.zeros(shape, np.uint8), np.zeros(shape, np.uint16), 0
    for y in range(shape[0]):
        for x in range(shape[1]):
            ids = [int(v) for v in parsings[:, y, x]]
            owners = [n for n, v in enumerate(ids, 1) if v not in (0, 255)]
            if owners:
                parsing[y, x], instances[y, x] = ids[owners[0] - 1], owners[0]
                lost += len(owners) - 1
            elif 255 in ids:
                parsing[y, x] = 255
    return parsing, instances, lost


@given(parsings=st.integers(0, 4).flatmap(lambda n: _ids([0, 0, 4, 11, 255], (n, *SHAPE))))
def test_flatten_is_the_slow_loop(parsings: np.ndarray) -> None:
    found, slow = Annotation(parsings, GPS).flatten(), _slow_flatten(parsings)
    np.testing.assert_array_equal(found[0], slow[0])
    np.testing.assert_array_equal(found[1], slow[1])
    assert found[2] == slow[2]


@given(parsing=_ids([0, 4, 11]), instances=_ids([0, 1, 2, 3]))
def test_a_result_and_its_truth_are_the_same_people(
    parsing: np.ndarray, instances: np.ndarray
) -> None:
    result = ParsedPeople.from_maps(parsing, instances)
    truth = Annotation(result.person_parsings(), GPS)
    again, owners, lost = truth.flatten()
    np.testing.assert_array_equal(again, result.parsing)
    np.testing.assert_array_equal(owners, result.instances)
    assert lost == 0


def test_annotations_compare_by_identity_and_can_be_keys() -> None:
    one, other = _annotation([[4]]), _annotation([[4]])
    assert one != other and len({one, other}) == 2


@pytest.mark.parametrize(
    ("parsings", "text"),
    [
        (_ZEROS, r"parsings must be \(N, H, W\) uint8, got \(2, 3\) uint8, at image 'x'. Stack"),
        (_ZEROS[None].astype(int), r"must be \(N, H, W\) uint8, got \(1, 2, 3\) int64, at image"),
        (
            _ZEROS[None] + 20,
            r"label ids must be ids of scheme 'gps' or 255, got \[20\], at image 'x'. Check",
        ),
    ],
)
def test_bad_annotations(parsings: np.ndarray, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Annotation(parsings, GPS, "x")
