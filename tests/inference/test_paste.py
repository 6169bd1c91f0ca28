"""Pasting against a loop over pixels, and what must hold whatever the network says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.inference.paste import Pasted, claim_pixels, mean_confidence, paste_people
from tests.oracles import paste_oracle as oracle

SIZE = (23, 31)


def random_people(seed: int, count: int, grid=(6, 5), channels: int = 5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, channels, *grid)).astype("f4")
    corner = rng.uniform(-4, 20, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(4, 20, (count, 2))], 1).astype("f4")
    boxes = np.clip(boxes, 0, np.array([SIZE[1], SIZE[0]] * 2)).astype("f4")
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    return logits, boxes, rng.uniform(0.3, 1, count).astype("f4")


@given(st.integers(0, 10_000), st.integers(0, 4))
def test_equals_the_loop_over_pixels(seed, count):
    logits, boxes, scores = random_people(seed, count)
    pasted = paste_people(logits, boxes, scores, SIZE, drop_doubles=False)
    margins, parsing, instances = oracle.paste(logits, boxes, scores, SIZE)
    np.testing.assert_array_equal(pasted.parsing > 0, pasted.instances > 0)
    # Two floats may fall on either side of a tie: nearly all pixels, and all margins, agree.
    same = (pasted.parsing == parsing) & (pasted.instances == instances)
    assert same.mean() > 0.995
    confidence = np.where(margins > 0, 255 / (1 + np.exp(-margins)), 0)
    assert np.abs(pasted.confidence - confidence)[same].max(initial=0) <= 0.51


def test_sampling_is_exact_for_a_box_between_pixels():
    # A ramp over the box: every pixel between the outer cell centres reads its own place.
    width, box = 8, np.array([2.3, 1.6, 25.9, 20.2], np.float32)
    cells = (np.arange(width) + 0.5) / width
    logits = np.zeros((2, width, width), np.float32)
    logits[1] = 1 + cells[None, :] + 10 * cells[:, None]
    claim = claim_pixels(logits, box, SIZE)
    assert (claim.rows, claim.columns) == (slice(1, 21), slice(2, 26))
    x = np.clip((np.arange(2, 26) + 0.5 - 2.3) / 23.6, cells[0], cells[-1])
    y = np.clip((np.arange(1, 21) + 0.5 - 1.6) / 18.6, cells[0], cells[-1])
    np.testing.assert_allclose(claim.margin, 1 + x[None] + 10 * y[:, None], atol=2e-5)


@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_the_people_does_not_matter(seed, order):
    logits, boxes, scores = random_people(seed, 4)
    scores[1], logits[3] = scores[0], logits[2]  # equal scores, equal people
    first = paste_people(logits, boxes, scores, SIZE)
    second = paste_people(logits[order], boxes[order], scores[order], SIZE)
    np.testing.assert_array_equal(first.parsing, second.parsing)
    np.testing.assert_array_equal(first.confidence, second.confidence)
    renamed = np.array([0, *(i + 1 for i in order)])
    np.testing.assert_array_equal(first.instances, renamed[second.instances])


def solid(margin: float, label: int = 1) -> np.ndarray:
    logits = np.zeros((3, 4, 4), np.float32)
    logits[label] = margin
    logits[3 - label] = -9
    return logits


def test_at_equal_margins_the_higher_score_wins():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10]], np.float32)
    logits = [solid(2.0), solid(2.0, 2)]
    pasted = paste_people(logits, boxes, np.array([0.5, 0.9], "f4"), SIZE)
    assert (pasted.instances[:10, 5:10] == 2).all() and (pasted.parsing[:10, 5:10] == 2).all()
    assert (pasted.instances[:10, :5] == 1).all()


def test_a_covered_double_is_dropped_and_gives_its_pixels_back():
    boxes = np.array([[0, 0, 20, 20], [0, 0, 20, 22], [2, 2, 20, 20]], np.float32)
    logits = [solid(4.0), solid(3.0), solid(5.0)]
    scores = np.array([0.9, 0.5, 0.4], np.float32)
    kept = paste_people(logits, boxes, scores, SIZE, drop_doubles=False)
    assert set(np.unique(kept.instances)) == {0, 1, 2, 3}
    # Person 1 owns only a rim of 76 in 400 pixels, but no better score took the rest: it stays,
    # person 2 keeps two rows of 22, and is a double of a better one.
    pasted = paste_people(logits, boxes, scores, SIZE)
    assert set(np.unique(pasted.instances)) == {0, 1, 3}
    assert not pasted.instances[20:].any()


def test_a_person_half_hidden_stays():
    boxes = np.array([[0, 0, 10, 20], [5, 0, 15, 20]], np.float32)
    pasted = paste_people([solid(3), solid(2)], boxes, np.array([0.9, 0.5], "f4"), SIZE)
    assert (pasted.instances == 1).sum() == 200 and (pasted.instances == 2).sum() == 100


def test_logits_below_background_own_nothing():
    pasted = paste_people([solid(-1)], np.array([[0, 0, 9, 9]], "f4"), np.ones(1, "f4"), SIZE)
    assert not pasted.instances.any() and not pasted.confidence.any()


def test_nobody():
    pasted = paste_people([], np.zeros((0, 4), "f4"), np.zeros(0, "f4"), SIZE)
    assert pasted.parsing.shape == SIZE and not pasted.parsing.any()
    assert pasted.parsing.dtype == np.uint8 and pasted.instances.dtype == np.uint16


def test_many_people_keep_their_numbers():
    boxes = np.array([[x, y, x + 1, y + 1] for y in range(20) for x in range(30)], np.float32)
    logits = [solid(1.0)] * len(boxes)
    pasted = paste_people(logits, boxes, np.linspace(1, 0.5, 600, dtype="f4"), SIZE)
    np.testing.assert_array_equal(pasted.instances[:20, :30].ravel(), np.arange(1, 601))


@pytest.mark.parametrize("box", [[30.2, 22.1, 31, 23], [0, 0, 0.4, 0.4], [0, 0, 31, 23]])
def test_boxes_at_the_rim_stay_inside(box):
    claim = claim_pixels(solid(1.0), np.array(box, np.float32), SIZE)
    assert 0 <= claim.rows.start < claim.rows.stop <= SIZE[0]
    assert 0 <= claim.columns.start < claim.columns.stop <= SIZE[1]
    assert claim.margin.shape == (
        claim.rows.stop - claim.rows.start,
        claim.columns.stop - claim.columns.start,
    )


def test_mean_confidence_of_the_pixels_that_each_person_owns():
    instances = np.array([[1, 1, 0, 3]], np.uint16)
    confidence = np.array([[255, 153, 0, 51]], np.uint8)
    pasted = Pasted((instances > 0).astype(np.uint8), instances, confidence)
    # (1 + .6) / 2; nobody owns a pixel as person 2; .2
    np.testing.assert_allclose(mean_confidence(pasted, 3), [0.8, 0, 0.2], atol=1e-6)
