"""AP of images drawn again: bit for bit that of really repeating them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import average_precision
from peopleparse.metrics.matching import first_hits, rank
from peopleparse.metrics.ranked import Ranked
from tests.metrics.scenes import seeds

THRESHOLDS = (0.2, 0.5, 0.8)
WAYS = [("all-point", True), ("all-point", False), ("coco-101", True), ("coco-101", False)]


def make_images(seed, images, levels):
    """Scores, best truth person and its similarity for each prediction, and the truth persons."""
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(images):
        truth, count = int(rng.integers(0, 4)), int(rng.integers(0, 7))
        scores = rng.integers(0, levels, count) / levels
        best = rng.integers(0, truth, count) if truth else np.full(count, -1)
        found[f"image{number}"] = (scores, best, rng.random(count) * (best >= 0), truth)
    return found


def make_ranked(found, integration="all-point", scored=True):
    """The whole computation: ranking and matching over the set."""
    ids = sorted(found)
    truth = np.array([found[i][3] for i in ids], np.int64)
    start = np.concatenate([[0], np.cumsum(truth)])
    scores = np.concatenate([np.zeros(0), *(found[i][0] for i in ids)])
    if not scored:
        scores = np.ones(len(scores))
    best = np.concatenate([np.zeros(0, int), *(found[i][1] + start[n] for n, i in enumerate(ids))])
    value = np.concatenate([np.zeros(0), *(found[i][2] for i in ids)])
    image = np.concatenate([np.zeros(0, int), *([n] * len(found[i][0]) for n, i in enumerate(ids))])
    order = rank(scores)
    hits = [first_hits(best[order], value[order] > limit) for limit in THRESHOLDS]
    parts = (image[order].astype(np.intp), scores[order], np.array(hits, bool))
    return Ranked(tuple(ids), THRESHOLDS, *parts, truth, scored, integration)


def repeat(found, weights):
    """Really repeat the images; copies of one image stand side by side."""
    names = [(i, copy) for i, n in zip(sorted(found), weights, strict=True) for copy in range(n)]
    return {f"{image_id}/{copy:03}": found[image_id] for image_id, copy in names}


def plain_ap(ranked):
    """AP of every prediction and all truth persons, one threshold after the other."""
    runs = None if ranked.scored else ranked.scores
    truth = int(ranked.num_truth.sum())
    return [average_precision(h, truth, ranked.integration, runs) for h in ranked.hits]


def same(first, second):
    return np.array_equal(np.asarray(first), np.asarray(second), equal_nan=True)


@pytest.mark.parametrize(("integration", "scored"), WAYS)
@settings(max_examples=200)
@given(seeds, st.integers(0, 6), st.sampled_from([1, 3, 1000]))
def test_draws_equal_really_repeated_images(integration, scored, seed, images, levels):
    found = make_images(seed, images, levels)
    ranked = make_ranked(found, integration, scored)
    weights = np.random.default_rng(seed).integers(0, 4, (5, images))
    together = ranked.resample(weights)
    for row, drawn in enumerate(weights):
        expected = plain_ap(make_ranked(repeat(found, drawn), integration, scored))
        assert same(together[row], expected)
        assert same(ranked.average_precision(drawn), expected)
        assert same(ranked.average(drawn), np.mean(expected))


@pytest.mark.parametrize(("integration", "scored"), WAYS)
@given(seeds)
def test_ones_change_nothing(integration, scored, seed):
    ranked = make_ranked(make_images(seed, 5, 4), integration, scored)
    expected = plain_ap(ranked)
    assert same(ranked.average_precision(), expected)
    assert same(ranked.average_precision(np.ones(5, int)), expected)
    # Beside another draw the fast way is taken; it gives the same bits.
    assert same(ranked.resample(np.stack([np.ones(5, int), np.arange(5)]))[0], expected)


@pytest.mark.parametrize(("integration", "scored"), WAYS)
def test_large_sets_equal_repeated_images(integration, scored):
    found = make_images(7, 300, 10**9)
    ranked = make_ranked(found, integration, scored)
    weights = np.random.default_rng(1).multinomial(300, [1 / 300] * 300, size=20)
    for drawn, values in zip(weights, ranked.resample(weights), strict=True):
        assert same(values, plain_ap(make_ranked(repeat(found, drawn), integration, scored)))


def test_by_hand():
    # Image a: right at .9, wrong at .5; image b: right at .7; two and one truth persons.
    found = {
        "a": (np.array([0.9, 0.5]), np.array([0, 0]), np.array([1.0, 1.0]), 2),
        "b": (np.array([0.7]), np.array([0]), np.array([0.6]), 1),
    }
    ranked = make_ranked(found)
    assert ranked.average_precision().tolist() == [2 / 3, 2 / 3, 1 / 3]
    # a twice: right, right, wrong, wrong of four; b twice: both found where .6 is enough
    assert ranked.average_precision([2, 0]).tolist() == [0.5, 0.5, 0.5]
    assert ranked.average_precision([0, 2]).tolist() == [1.0, 1.0, 0.0]
    assert ranked.average([0, 2]) == 2 / 3


def test_no_truth_drawn():
    found = {
        "a": (np.array([0.9]), np.array([-1]), np.array([0.0]), 0),
        "b": (np.zeros(0), np.zeros(0, int), np.zeros(0), 1),
    }
    ranked = make_ranked(found)
    drawn = ranked.resample([[3, 0], [0, 3], [1, 1]])
    assert np.isnan(drawn[0]).all() and (drawn[1:] == 0).all()
    assert math.isnan(ranked.average([1, 0]))
    assert make_ranked({}).resample(np.zeros((2, 0), int)).shape == (2, 3)


def test_recall_beyond_one():
    # A published evaluator counts every duplicate as right.
    ranked = Ranked(
        ("a",), (0.5,), np.zeros(3, int), np.array([3.0, 2.0, 1.0]), np.ones((1, 3), bool),
        np.array([1]),
    )  # fmt: skip
    assert ranked.average_precision().tolist() == [3.0]
    assert ranked.resample([[1], [2]]).tolist() == [[3.0], [3.0]]


@pytest.mark.parametrize("weights", [[1], [[1, 1]], [0.5, 0.5], [1, -1], [True, True]])
def test_bad_weights(weights):
    ranked = make_ranked(make_images(0, 2, 3))
    with pytest.raises(InputError, match=r"weights must be whole numbers from 0, one an image \(2"):
        ranked.average_precision(weights)
