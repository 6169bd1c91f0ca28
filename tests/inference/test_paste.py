"""Pasting against a loop over pixels, and what must hold whatever the network says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.inference import result as result_module
from peopleparse.inference.claims import claim_pixels
from peopleparse.inference.paste import mean_confidence, paste_people
from peopleparse.inference.result import Likely, make_result, paste_at_most, paste_likely
from peopleparse.labels import get_scheme
from peopleparse.structures import ParsedPeople
from tests.oracles import paste_oracle as oracle
from tests.oracles import paste_plain as plain

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


def assert_claims_equal(logits, box, size):
    fast, slow = claim_pixels(logits, box, size), plain.claim_pixels(logits, box, size)
    assert (fast.rows, fast.columns, fast.area) == (slow.rows, slow.columns, slow.area)
    np.testing.assert_array_equal(fast.margin, slow.margin)
    np.testing.assert_array_equal(fast.labels, slow.labels)


@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    st.integers(2, 20),
    st.sampled_from(["noise", "smooth", "steps", "patches", "ties", "huge", "tiny"]),
    st.tuples(st.floats(0.3, 90), st.floats(0.3, 90)),
)
def test_claims_equal_those_of_every_part_at_every_pixel_bit_for_bit(
    seed, grid, count, kind, sides
):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, *grid)).astype("f4")
    if kind == "smooth":
        logits = np.stack([cv2.GaussianBlur(one, (0, 0), 3) * 8 for one in logits])
    elif kind == "patches":  # as the network draws them: one label far above all others
        ids = cv2.resize(rng.integers(0, count, (4, 4)).astype(np.uint8), grid[::-1])
        logits = np.eye(count, dtype="f4")[ids].transpose(2, 0, 1) * 16 + logits / 8
    elif kind == "steps":
        logits = np.round(logits)
    elif kind == "ties":  # the best two lie an ulp or nothing apart
        logits = np.repeat(logits[:1], count, axis=0) + 1
        logits[0] -= 2
        logits[1:] *= 1 + rng.integers(-1, 2, logits[1:].shape).astype("f4") * np.float32(6e-8)
    elif kind in ("huge", "tiny"):
        logits *= np.float32(1e20 if kind == "huge" else 1e-30)
    corner = rng.uniform(-4, 60, 2)
    box = np.concatenate([corner, corner + sides]).astype("f4")
    assert_claims_equal(np.ascontiguousarray(logits, "f4").reshape(count, *grid), box, (70, 80))


def test_a_person_larger_than_one_strip_is_the_same():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (6, 5, 4)).astype("f4")
    assert_claims_equal(logits, np.array([3.3, 2.2, 590.1, 690.7], "f4"), (700, 600))


@given(st.integers(0, 2**32), st.integers(0, 9), st.booleans())
def test_maps_equal_those_of_the_plain_way_bit_for_bit(seed, count, drop):
    logits, boxes, scores = random_people(seed, count)
    scores = np.round(scores, 1)
    fast = paste_people(logits, boxes, scores, SIZE, drop_doubles=drop)
    slow = plain.paste_people(logits, boxes, scores, SIZE, drop_doubles=drop)
    for name in ("parsing", "instances", "confidence"):
        one, other = getattr(fast, name), getattr(slow, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(mean_confidence(fast), plain.mean_confidence(slow, count))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6), st.sampled_from([10**6, 500, 90]))
def test_a_result_equals_the_one_that_is_checked_and_measured(seed, count, pixels):
    logits, boxes, scores = random_people(seed, count)
    image, faces = np.zeros((*SIZE, 3), np.uint8), [None] * count
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_module, "PASTE_PIXELS", pixels)  # fewer: pasted small and enlarged
        pasted = paste_at_most(list(logits), boxes, scores, SIZE)
    result = make_result(pasted, scores, faces, image, get_scheme("gps"), "a.jpg")
    wanted = ParsedPeople.from_maps(
        pasted.parsing, pasted.instances, (scores * mean_confidence(pasted)).tolist(), faces
    )
    np.testing.assert_array_equal(result.parsing, wanted.parsing)
    np.testing.assert_array_equal(result.instances, wanted.instances)
    assert result.instances.dtype == np.uint16 and result.source == "a.jpg"
    assert len(result) == len(wanted)
    for one, other in zip(result.people, wanted.people, strict=True):
        assert (one.index, one.score) == (other.index, other.score)
        np.testing.assert_array_equal(one.box, other.box)
        assert one.box.dtype == np.float32


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6), st.floats(0, 1), st.permutations(range(6)))
def test_everyone_shown_reaches_the_threshold(seed, count, threshold, order):
    logits, boxes, scores = random_people(seed, count)
    likely = Likely(threshold, lambda score: score**2)
    pasted = paste_likely(list(logits), boxes, scores, SIZE, likely)
    found = likely.scores(pasted, scores)
    assert all(s >= threshold for s, one in zip(found, pasted.owned, strict=True) if one.area)
    # Those who stayed are pasted as if nobody else had been there.
    stayed = sorted(pasted.order)
    alone = paste_people(list(logits[stayed]), boxes[stayed], scores[stayed], SIZE)
    numbers = np.array([0, *(i + 1 for i in stayed)])
    np.testing.assert_array_equal(pasted.parsing, alone.parsing)
    np.testing.assert_array_equal(pasted.instances, numbers[alone.instances])
    # Nobody is left out without need: with the most likely of those who went, one is too faint.
    everyone = paste_likely(list(logits), boxes, scores, SIZE, Likely(0))
    assert sorted(everyone.order) == list(range(count))
    places = [i for i in order if i < count]
    other = paste_likely(list(logits[places]), boxes[places], scores[places], SIZE, likely)
    assert sorted(places[i] for i in other.order) == stayed


def test_who_is_too_faint_goes_and_leaves_the_pixels_to_others():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10]], np.float32)
    logits, scores = [solid(2.0), solid(3.0)], np.array([0.9, 0.3], np.float32)
    both = paste_likely(logits, boxes, scores, SIZE, Likely(0.2))
    assert np.unique(both.instances).tolist() == [0, 1, 2] and both.instances[5, 7] == 2
    one = paste_likely(logits, boxes, scores, SIZE, Likely(0.3))  # .3 times a confidence below 1
    assert np.unique(one.instances).tolist() == [0, 1] and one.instances[5, 7] == 1
    nobody = paste_likely(logits, boxes, scores, SIZE, Likely(1.0))
    assert not nobody.parsing.any() and nobody.order == []


def test_the_least_likely_goes_first_so_that_others_may_stay():
    boxes = np.array([[0, 0, 20, 10], [0, 0, 10, 10]], np.float32)
    # The first is sure of the left half, where a fainter one is surer still.
    grid = np.zeros((2, 4, 8), np.float32)
    grid[1, :, :4], grid[1, :, 4:] = 6.0, 0.5
    logits, scores = [grid, solid(9.0)], np.array([0.6, 0.35], np.float32)
    before = paste_people(logits, boxes, scores, SIZE)
    wanted = Likely().scores(before, scores)
    assert wanted[0] < 0.45 and wanted[1] < 0.45  # both are below, while both are there
    kept = paste_likely(logits, boxes, scores, SIZE, Likely(0.45))
    assert kept.order == [0]


def test_mean_confidence_of_the_pixels_that_each_person_owns():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [10, 0, 12, 4]], np.float32)
    logits = [solid(0.5), solid(3.0), solid(-1.0)]
    pasted = paste_people(logits, boxes, np.ones(3, "f4"), SIZE, drop_doubles=False)
    sure = int(255 / (1 + np.exp(-3.0)) + 0.5) / 255
    # All of the first is the second's, and the third is nobody.
    np.testing.assert_allclose(mean_confidence(pasted), [0, sure, 0], atol=1e-6)
