"""Draws of images, percentile intervals and paired tests."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import ConfusionMatrix, LambdaAP, make_tally
from peopleparse.metrics.ap_region import RegionAP
from peopleparse.metrics.bootstrap import (
    bootstrap_confusion,
    bootstrap_images,
    bootstrap_labels,
    bootstrap_ranked,
    interval_of,
)
from peopleparse.metrics.paired import paired_test, sign_flip_test
from peopleparse.metrics.ranked import Ranked
from tests.metrics.scenes import make_set, seeds

NUM_IDS = 6
PIXEL_SCORES = ("overall_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou")


def repeated(scenes, drawn):
    for image_id, count in zip(sorted(scenes), drawn, strict=True):
        for copy in range(count):
            yield f"{image_id}/{copy:03}", scenes[image_id]


def add_all(metric, images, scored=True):
    for image_id, (truth, preds, scores) in images:
        metric.update(image_id, truth, preds, scores if scored else None)
    return metric


def same(first, second):
    return np.array_equal(np.asarray(first), np.asarray(second), equal_nan=True)


@given(st.integers(1, 30), st.integers(1, 20), seeds)
def test_draws_take_as_many_images_and_depend_on_the_seed_only(count, resamples, seed):
    draws = bootstrap_images(count, resamples, seed)
    assert draws.shape == (resamples, count) and (draws.sum(axis=1) == count).all()
    assert same(draws, bootstrap_images(count, resamples, seed))
    # More draws begin with the same ones.
    assert same(draws, bootstrap_images(count, resamples + 5, seed)[:resamples])


def test_draws_of_one_seed_are_known():
    rng = np.random.Generator(np.random.PCG64(3))
    assert same(bootstrap_images(50, 9, 3), rng.multinomial(50, [1 / 50] * 50, size=9))
    assert not same(bootstrap_images(50, 9, 3), bootstrap_images(50, 9, 4))


def test_draws_take_every_image_equally_often():
    draws = bootstrap_images(20, 5000, seed=1)
    assert abs(draws.mean(axis=0) - 1).max() < 0.06  # 4 standard errors of 1 / sqrt(5000)
    assert abs((draws == 0).mean() - (1 - 1 / 20) ** 20) < 0.01


@given(seeds, st.booleans())
def test_persons_of_each_draw_are_those_of_really_repeated_images(seed, scored):
    scenes = make_set(seed, 4)
    weights = bootstrap_images(4, 3, seed)
    lambda_ap = add_all(LambdaAP(NUM_IDS), scenes.items(), scored)
    region_ap = add_all(RegionAP(NUM_IDS), scenes.items(), scored)
    strict = bootstrap_ranked(lambda_ap.ranked()["strict"], weights)
    half = bootstrap_ranked(lambda_ap.ranked()["mhp"], weights, threshold=0.5)
    regions = bootstrap_labels(region_ap.ranked(), weights, threshold=0.5)
    for row, drawn in enumerate(weights):
        again = add_all(LambdaAP(NUM_IDS), repeated(scenes, drawn), scored).compute()
        assert same(strict[row], again.readings["strict"].average)
        assert same(half[row], again.readings["mhp"].ap[4])
        labels = add_all(RegionAP(NUM_IDS), repeated(scenes, drawn), scored).compute().labels
        known = [one.ap[4] for one in labels.values() if one.truth]
        assert same(regions[row], np.mean(known) if known else math.nan)


@given(seeds, st.sampled_from(["skip", "zero", "one"]))
def test_pixels_of_each_draw_are_those_of_really_repeated_images(seed, absent):
    scenes = make_set(seed, 4)
    weights = bootstrap_images(4, 3, seed)
    tallies = [make_tally(i, *scenes[i], num_ids=NUM_IDS) for i in sorted(scenes)]
    found = bootstrap_confusion((t.confusion for t in tallies), weights, PIXEL_SCORES, absent)
    for row, drawn in enumerate(weights):
        matrix = ConfusionMatrix(NUM_IDS)
        for tally, count in zip(tallies, drawn, strict=True):
            for _ in range(count):
                matrix.add(tally)
        for name in PIXEL_SCORES:
            assert same(found[name][row], getattr(matrix.compute(absent), name))


def test_pixels_are_exact_over_many_images():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 2**34, (150, 3, 3))
    weights = bootstrap_images(150, 4)
    found = bootstrap_confusion(iter(counts), weights, ["overall_accuracy"])["overall_accuracy"]
    for row, drawn in enumerate(weights):
        total = sum(int(w) * c.astype(object) for w, c in zip(drawn, counts, strict=True))
        assert found[row] == total.trace() / total.sum()


@given(seeds, st.permutations(range(6)))
def test_order_of_images_does_not_matter(seed, order):
    scenes = make_set(seed, 6)
    weights = bootstrap_images(6, 4, seed)
    ids = list(scenes)
    first = add_all(LambdaAP(NUM_IDS), scenes.items()).ranked()["strict"]
    turned = add_all(LambdaAP(NUM_IDS), [(ids[n], scenes[ids[n]]) for n in order])
    assert same(
        bootstrap_ranked(first, weights), bootstrap_ranked(turned.ranked()["strict"], weights)
    )


def test_interval_by_hand():
    found = interval_of([4.0, 0.0, 1.0, 3.0, 2.0, math.nan], 2.5, level=0.5)
    assert (found.low, found.high, found.resamples, found.left_out) == (1.0, 3.0, 5, 1)
    none = interval_of([math.nan], 0.1)
    assert math.isnan(none.low) and none.resamples == 0
    assert none.to_dict() == {
        "definition": "interval/1", "value": 0.1, "low": None, "high": None, "level": 0.95,
        "resamples": 0, "left_out": 1,
    }  # fmt: skip


def test_draws_without_truth_are_left_out_and_counted():
    ranked = Ranked(
        ("a", "b"), (0.5,), np.array([1]), np.ones(1), np.ones((1, 1), bool), np.array([0, 1])
    )
    values = bootstrap_ranked(ranked, [[2, 0], [1, 1], [0, 2]])
    found = interval_of(values, 1.0)
    assert (found.low, found.high, found.resamples, found.left_out) == (1.0, 1.0, 2, 1)
    assert same(bootstrap_labels({"1": ranked, "2": ranked}, [[2, 0], [1, 1]]), [math.nan, 1.0])


def test_paired_by_hand():
    change = [0.1] * 36 + [-0.1, 0.0, math.nan, 0.2]
    found = paired_test(change, np.zeros(40), difference=0.09)
    # 2 of 39 are <= 0, 38 are >= 0
    assert found.p_value == 2 * 3 / 40 and (found.resamples, found.left_out) == (39, 1)
    assert found.difference == 0.09 and found.low <= found.high
    assert paired_test(np.zeros(40), change, difference=-0.09).p_value == found.p_value
    assert paired_test(np.ones(9), np.ones(9), difference=0.0).p_value == 1.0
    assert paired_test([math.nan], [0.5], difference=0.0).p_value == 1.0
    assert found.to_dict()["definition"] == "paired_test/1"


def test_two_systems_share_the_draws():
    # The second is always .1 worse: every draw says so, though the scores vary far more than that.
    rng = np.random.default_rng(0)
    first = rng.random(50)
    weights = bootstrap_images(50, 200)
    values = weights @ first / 50
    found = paired_test(values, weights @ (first - 0.1) / 50, difference=0.1)
    assert found.p_value == 2 / 201 and found.high - found.low < 1e-12
    assert np.ptp(values) > 0.1


@given(st.lists(st.integers(-3, 3), max_size=7))
def test_sign_flips_equal_the_definition(change):
    seen = abs(sum(change))
    flips = list(itertools.product([1, -1], repeat=len(change)))
    far = [abs(sum(s * c for s, c in zip(f, change, strict=True))) >= seen for f in flips]
    # Tenths are no fractions of two: equal sums must still be equal.
    found = sign_flip_test([c / 10 for c in change] + [math.nan], [0.0] * len(change) + [1.0])
    assert found.p_value == float(Fraction(sum(far), len(far)))
    assert (found.resamples, found.left_out) == (len(flips), 1)


def test_random_sign_flips():
    rng = np.random.default_rng(0)
    first, second = rng.random(60), rng.random(60)
    found = sign_flip_test(first, second, resamples=2000, seed=5)
    assert found == sign_flip_test(first, second, resamples=2000, seed=5) or math.isnan(found.low)
    assert found.p_value == sign_flip_test(second, first, resamples=2000, seed=5).p_value
    assert 0.05 < found.p_value <= 1 and found.resamples == 2000
    assert sign_flip_test(first + 1, second, resamples=2000).p_value == 1 / 2001
    # Twelve images: exact and random agree to chance.
    exact = sign_flip_test(first[:12], second[:12]).p_value
    drawn = sign_flip_test(first[:12], second[:12], resamples=4095).p_value
    assert exact * 4096 == round(exact * 4096) and abs(exact - drawn) < 0.04


def test_bad_input():
    ranked = Ranked(
        ("a",), (0.5,), np.zeros(0, int), np.zeros(0), np.zeros((1, 0), bool), np.ones(1)
    )
    other = Ranked(
        ("b",), (0.5,), np.zeros(0, int), np.zeros(0), np.zeros((1, 0), bool), np.ones(1)
    )
    square = [[1, 0], [0, 1]]
    with pytest.raises(InputError, match="count must be 1 or more, got 0"):
        bootstrap_images(0)
    with pytest.raises(InputError, match="resamples must be 1 or more, got 0"):
        bootstrap_images(3, 0)
    with pytest.raises(InputError, match="seed must be 0 or more, got -1"):
        bootstrap_images(3, 1, -1)
    with pytest.raises(InputError, match=r"level must be between 0 and 1, got 95\. Write \.95"):
        interval_of([0.5], 0.5, 95)
    with pytest.raises(InputError, match=r"values must be a list of numbers, got shape \(1, 1\)"):
        interval_of([[0.5]], 0.5)
    with pytest.raises(InputError, match=r"threshold must be one of \[0\.5\], got 0\.7"):
        bootstrap_ranked(ranked, [[1]], 0.7)
    with pytest.raises(InputError, match=r"one or more labels on the same images, got \[\]"):
        bootstrap_labels({}, [[1]])
    with pytest.raises(InputError, match=r"one or more labels on the same images, got \[1, 1\]"):
        bootstrap_labels({"1": ranked, "2": other}, [[1]])
    with pytest.raises(InputError, match=r"confusions must be one an image \(2\), got 1\. Draw"):
        bootstrap_confusion([square], [[1, 1]])
    with pytest.raises(InputError, match=r"confusions must be one an image \(2\), got 0\."):
        bootstrap_confusion([], [[1, 1]])
    with pytest.raises(InputError, match=r"confusions must be one an image \(1\), got 2\."):
        bootstrap_confusion([square, square], [[1]])
    with pytest.raises(InputError, match=r"confusions must be of one size \(2, 2\), got \(3, 3\)"):
        bootstrap_confusion([square, np.eye(3, dtype=int)], [[1, 1]])
    with pytest.raises(InputError, match=r"confusions must be \(C, C\) whole numbers, got float64"):
        bootstrap_confusion([[[0.5]]], [[1]])
    with pytest.raises(InputError, match=r"score must be one number.*got 'iou'\. Choices: overall"):
        bootstrap_confusion([square], [[1]], ["iou"])
    with pytest.raises(InputError, match="second_values must be as many as first_values"):
        paired_test([0.5], [0.5, 0.6], 0.0)
    with pytest.raises(InputError, match="resamples must be 1 or more, got 0. Take"):
        sign_flip_test([0.5], [0.6], 0)
