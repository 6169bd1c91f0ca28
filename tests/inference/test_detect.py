"""Peaks, suppression and faces against loops over the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.inference.detect import box_iou, clip_boxes, find_boxes, major_faces, suppress
from tests.oracles import paste_oracle as oracle


def random_boxes(seed: int, count: int, side: float = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(1, side, (count, 2))], 1).astype("f4")


@given(st.integers(0, 10_000), st.integers(0, 25), st.floats(0, 1))
def test_suppression_equals_the_loop(seed, count, limit):
    boxes = random_boxes(seed, count)
    scores = np.random.default_rng(seed).integers(0, 5, count).astype("f4") / 5  # with ties
    assert suppress(boxes, scores, limit).tolist() == oracle.suppress(
        boxes.astype(float), scores, limit
    )


def test_iou_by_hand():
    a = np.array([[0, 0, 2, 2], [5, 5, 5, 5]], np.float32)
    b = np.array([[1, 0, 3, 2], [0, 0, 2, 2], [9, 9, 10, 10]], np.float32)
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 1, 0], [0, 0, 0]])


def heat_map(peaks: dict[tuple[int, int], float], shape=(8, 10)) -> tuple[np.ndarray, np.ndarray]:
    heat = np.zeros(shape, np.float32)
    boxes = np.zeros((4, *shape), np.float32)
    for (y, x), score in peaks.items():
        heat[y, x] = score
        boxes[:, y, x] = (x * 8 - 10, y * 8 - 10, x * 8 + 10, y * 8 + 10)
    return heat, boxes


def test_peaks_are_found_best_first_and_clipped():
    # (0, 0) at the rim; (3, 3) hides its neighbour; (6, 8) is under the threshold.
    heat, boxes = heat_map({(0, 0): 0.5, (3, 3): 0.9, (3, 4): 0.8, (6, 8): 0.2})
    found, scores = find_boxes(heat, boxes, (64, 80), threshold=0.3, nms_iou=0.6)
    np.testing.assert_allclose(scores, [0.9, 0.5])
    np.testing.assert_allclose(found, [[14, 14, 34, 34], [0, 0, 10, 10]])


def test_a_plateau_gives_one_box():
    heat, boxes = heat_map({(3, 3): 0.9, (3, 4): 0.9})
    boxes[:, 3, 4] = boxes[:, 3, 3]
    assert len(find_boxes(heat, boxes, (64, 80), 0.3, 0.6)[0]) == 1


def test_only_the_best_peaks_are_looked_at():
    heat, boxes = heat_map({(y, x): 0.9 - y / 100 - x / 1000 for y in (1, 4) for x in (1, 4, 7)})
    _, scores = find_boxes(heat, boxes, (64, 80), 0.3, 1.0, top=2)
    assert len(scores) == 2 and scores.min() > 0.87


def test_tiny_broken_and_outside_boxes_are_dropped():
    boxes = np.array(
        [[0, 0, 3.9, 20], [0, 0, 4, 4], [9, 9, 5, 30], [np.nan, 0, 9, 9], [70, 0, 99, 9]], "f4"
    )
    clipped, kept = clip_boxes(boxes, (64, 72))
    assert kept.tolist() == [False, True, False, False, False]
    assert np.nanmax(clipped[:, 2]) <= 72


def test_no_peaks():
    heat, boxes = heat_map({})
    found, scores = find_boxes(heat, boxes, (64, 80), 0.3, 0.6)
    assert found.shape == (0, 4) and scores.shape == (0,)


@given(st.integers(0, 10_000), st.integers(0, 8), st.integers(0, 8))
def test_major_face_of_the_paper_equals_the_loop(seed, people, faces):
    boxes, face_boxes = random_boxes(seed, people), random_boxes(seed + 1, faces, 20)
    found, has_face = major_faces(boxes, face_boxes, exclusive=False)
    for box, face, has in zip(boxes, found, has_face, strict=True):
        expected = oracle.major_face(box, face_boxes)
        assert has == (expected is not None)
        if has:
            np.testing.assert_array_equal(face, face_boxes[expected])


@given(st.integers(0, 10_000))
def test_an_exclusive_face_has_one_person_at_most(seed):
    boxes, face_boxes = random_boxes(seed, 6), random_boxes(seed + 1, 5, 20)
    found, has_face = major_faces(boxes, face_boxes)
    assert len(np.unique(found[has_face], axis=0)) == has_face.sum()


def test_a_face_behind_a_shoulder_goes_to_its_owner():
    front, behind = [20, 20, 60, 120], [40, 0, 80, 110]
    faces = np.array([[33, 22, 47, 40], [52, 8, 68, 30]], np.float32)  # of front, of behind
    # The centre of the second face, (60, 19), is not in front's box; move it inside.
    faces[1] += (-4, 6, -4, 6)
    boxes = np.array([front, behind], np.float32)
    np.testing.assert_array_equal(major_faces(boxes, faces)[0], faces)
    both, _ = major_faces(boxes, faces, exclusive=False)
    np.testing.assert_array_equal(both, [faces[1], faces[1]])


@pytest.mark.parametrize("people, faces", [(0, 2), (2, 0), (0, 0)])
def test_nobody_or_no_face(people, faces):
    found, has_face = major_faces(random_boxes(1, people), random_boxes(2, faces))
    assert found.shape == (people, 4) and not has_face.any()
