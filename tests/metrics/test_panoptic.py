"""Panoptic quality of part regions: by hand and against the oracle."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from peopleparse.errors import InputError
from peopleparse.metrics import make_tally
from peopleparse.metrics.panoptic import PanopticQuality
from peopleparse.metrics.regions import Regions, count_regions
from tests.metrics.golden import same
from tests.metrics.scenes import flatten, make_scene, make_set, seeds, unflatten
from tests.metrics.shards import check_shards
from tests.oracles import ap_oracle as oracle

NUM_IDS = 6


def score(scenes, num_ids=NUM_IDS):
    metric = PanopticQuality(num_ids)
    for image_id, (truth, preds, *_) in scenes.items():
        metric.update(image_id, truth, preds)
    return metric


def as_lists(scenes):
    return {k: (s.truth.tolist(), s.preds.tolist(), s.scores.tolist()) for k, s in scenes.items()}


def test_hand_made():
    # Label 1: pair of IoU 3/4, a missed region; label 2: IoU 1/2 is no pair; label 3: predicted.
    truth = np.array([[[1, 1, 1, 1, 2, 2, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 1, 1, 0]]])
    preds = np.array([[[1, 1, 1, 0, 2, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 0, 0, 3]]])
    quality = score({"a": (truth, preds)}, 5).compute()
    one = quality.labels[1]
    assert (one.matched, one.wrong, one.missed) == (1, 0, 1)
    assert (one.pq, one.sq, one.rq) == (0.75 / 1.5, 0.75, 1 / 1.5)
    two = quality.labels[2]
    assert (two.pq, two.sq, two.rq, two.wrong, two.missed) == (0.0, 0.0, 0.0, 1, 1)
    assert quality.labels[3].pq == 0.0 and math.isnan(quality.labels[4].pq)
    assert (quality.pq, quality.sq) == (0.5 / 3, 0.75 / 3)


def test_overlapping_predictions_pair_once():
    truth = np.array([[[1] * 10]])
    preds = np.array([[[1] * 6 + [0] * 4], [[1] * 8 + [0] * 2]])
    one = score({"a": (truth, preds)}, 2).compute().labels[1]
    assert (one.matched, one.wrong, one.sq, one.pq) == (1, 1, 0.8, 0.8 / 1.5)


def test_absent():
    metric = PanopticQuality(3)
    assert math.isnan(metric.compute().pq)
    metric.update("a", [[[1, 1]]], None)
    quality = metric.compute()
    assert (quality.pq, quality.missing_images, quality.labels[1].missed) == (0.0, 1, 1)
    plain = json.loads(json.dumps(quality.to_dict(), allow_nan=False))
    assert plain["definition"] == "panoptic/1" and plain["labels"]["2"]["pq"] is None


def test_regions_of_maps():
    regions = count_regions([[1, 1, 2]], [1, 2], [[1, 1, 2]], [1, 1, 2], None)  # the last is empty
    tally = make_tally("a", [[[1, 1, 2]]], [[[1, 1, 2]]], num_ids=3, regions=regions)
    metric = PanopticQuality(3)
    metric.add(tally)
    quality = metric.compute()
    assert quality.labels[1].pq == 1 / 1.5 and quality.labels[2].missed == 1
    assert quality.labels[2].wrong == 0


def test_200_random_sets_equal_the_oracle():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        quality = score(scenes).compute()
        wanted = oracle.panoptic(as_lists(scenes), NUM_IDS)
        for label, values in wanted.items():
            found = quality.labels[label]
            assert same((found.pq, found.sq, found.rq), values), seed
        known = [values for values in wanted.values() if not math.isnan(values[0])]
        means = [oracle.mean([values[k] for values in known]) for k in range(3)]
        assert same((quality.pq, quality.sq, quality.rq), means)


def test_fractions():
    # Pairs of IoU 2/3, 3/4 and 4/5 of one label, one wrong region: (2/3 + 3/4 + 4/5) / 3.5.
    truth, preds = np.zeros((4, 1, 30), np.uint8), np.zeros((4, 1, 30), np.uint8)
    for index, (start, size) in enumerate(((0, 3), (5, 4), (10, 5))):
        truth[index, 0, start : start + size] = 1
        preds[index, 0, start : start + size - 1] = 1
    preds[3, 0, 25:] = 1
    exact = (Fraction(2, 3) + Fraction(3, 4) + Fraction(4, 5)) / Fraction(7, 2)
    assert score({"a": (truth[:3], preds)}, 2).compute().pq == pytest.approx(
        float(exact), abs=2e-16
    )


@given(seeds)
def test_shards_order_and_person_numbers_do_not_matter(seed):
    check_shards(lambda: PanopticQuality(NUM_IDS), make_set(seed), seed)


@given(seeds)
def test_bounds_and_duplicates(seed):
    truth, preds, _ = make_scene(seed)
    quality = score({"a": (truth, preds)}).compute()
    doubled = score({"a": (truth, np.concatenate([preds, preds]))}).compute()
    for label, found in quality.labels.items():
        if not math.isnan(found.pq):
            assert 0 <= found.pq <= 1 and found.pq == pytest.approx(found.sq * found.rq)
            truth_and_wrong = found.matched + found.missed, found.matched + found.wrong
            again = doubled.labels[label]
            assert truth_and_wrong[0] == again.matched + again.missed
            assert 2 * truth_and_wrong[1] == again.matched + again.wrong


@given(seeds)
def test_a_duplicate_of_disjoint_persons_never_helps(seed):
    parsing, instances = flatten(make_scene(seed).truth % 255)
    truth = unflatten(parsing, instances, int(instances.max(initial=0)))
    parsing, instances = flatten(make_scene(seed).preds)
    preds = unflatten(parsing, instances, int(instances.max(initial=0)))
    quality = score({"a": (truth, preds)}).compute()
    doubled = score({"a": (truth, np.concatenate([preds, preds]))}).compute()
    for label, found in quality.labels.items():
        if not math.isnan(found.pq):
            assert doubled.labels[label].pq <= found.pq


@given(seeds)
def test_perfect_is_one(seed):
    parsing, instances = flatten(make_scene(seed, 9).truth % 255)
    truth = unflatten(parsing, instances, int(instances.max(initial=0)))
    quality = score({"a": (truth, truth)}).compute()
    if truth.any():
        assert (quality.pq, quality.sq, quality.rq) == (1.0, 1.0, 1.0)


def test_bad_input():
    metric = score({"a": ([[[1]]], [[[1]]])}, 3)
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.update("a", [[[1]]], [[[1]]])
    with pytest.raises(InputError, match=r"merged PanopticQuality must have equal settings"):
        metric.merge(PanopticQuality(4))
    one, other = np.array([1]), np.array([7])
    regions = Regions(one, other, np.zeros((1, 1)), None)
    tally = make_tally("b", [[[1]]], [[[1]]], num_ids=3, regions=regions)
    with pytest.raises(InputError, match=r"regions must have label ids 1 to 2, got \[7\], at imag"):
        metric.add(tally)
    assert metric.compute().images == 1


def test_an_unused_label_is_no_class():
    truth, prediction = [[[1, 1, 2]]], [[[1, 1, 3]]]
    every, used = PanopticQuality(4), PanopticQuality(4, label_ids=(1, 2))
    for metric in (every, used):
        metric.update("a", truth, prediction)
    assert every.compute().pq == pytest.approx(1 / 3) and used.compute().pq == 0.5
