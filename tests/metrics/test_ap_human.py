"""AP^h: by hand, against the oracle, against what was published."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given

from peopleparse.errors import InputError
from peopleparse.metrics.ap_human import HUMAN_MODES, HumanAP
from tests.metrics.golden import GOLDEN, same
from tests.metrics.scenes import flatten, make_scene, make_set, seeds, unflatten
from tests.metrics.shards import check_shards
from tests.oracles import ap_oracle as oracle

NUM_IDS = 6
LEGACY = HUMAN_MODES[1:]

TRUTH = np.zeros((2, 1, 40), np.uint8)
TRUTH[0, 0, :10], TRUTH[1, 0, 20:30] = 1, 1
TWICE = np.zeros((2, 1, 40), np.uint8)
TWICE[0, 0, :8], TWICE[1, 0, :10] = 1, 1  # IoU .8 and 1 with the first, nothing of the second


def score(scenes, num_ids=NUM_IDS, **options):
    metric = HumanAP(num_ids, **options)
    for image_id, (truth, preds, scores) in scenes.items():
        metric.update(image_id, truth, preds, scores)
    return metric


def as_lists(scenes):
    return {k: (s.truth.tolist(), s.preds.tolist(), s.scores.tolist()) for k, s in scenes.items()}


# Numbers worked out by hand


def test_a_duplicate_is_wrong_but_right_as_published():
    scenes = {"a": (TRUTH, TWICE, [0.9, 0.8])}
    result = score(scenes).compute()
    # .5 to .75: right, wrong; from .8 (which .8 is not above): wrong, right
    assert result.ap == (0.5,) * 6 + (0.25,) * 4
    assert result.average == math.fsum([0.5] * 6 + [0.25] * 4) / 10
    for mode in LEGACY:
        found = score(scenes, mode=mode).compute()
        assert found.ap == (1.0,) * 6 + (0.25,) * 4  # a person is missed, but AP is 1
        alone = score({"a": (TRUTH[:1], TWICE, [0.9, 0.8])}, mode=mode).compute()
        assert (alone.ap_at(0.5), alone.matched[0], alone.truth_persons) == (2.0, 2, 1)


def test_scores_as_text_rank_a_tiny_score_first():
    # A right person at .999, a wrong one at .000095: as text '9.5e-05' comes first.
    preds = np.concatenate([TRUTH[:1], np.roll(TRUTH[:1], 12, axis=2)])
    scenes = {"a": (TRUTH[:1], preds, [0.999, 9.5e-05])}
    assert score(scenes).compute().ap_at(0.5) == 1.0
    assert score(scenes, mode="legacy-m2fp").compute().ap_at(0.5) == 1.0
    legacy = score(scenes, mode="legacy-qanet")
    assert legacy.compute().ap_at(0.5) == 0.5
    assert legacy.ranked()["person"].scores.tolist() == [9.5e-05, 0.999]


def test_missing_images_are_never_punished_by_qanet():
    scenes = {"a": (TRUTH[:1], TRUTH[:1], [0.9]), "b": (TRUTH[:1], None, None)}
    for mode, wanted in zip(HUMAN_MODES, (0.5, 0.5, 1.0), strict=True):
        result = score(scenes, mode=mode).compute()
        assert result.ap_at(0.5) == wanted
        assert (result.images, result.missing_images) == (2, 1)


def test_empty_prediction():
    scenes = {"a": (TRUTH[:1], np.concatenate([TRUTH[:1] * 0, TRUTH[:1]]), [0.9, 0.8])}
    for mode, wanted in zip(HUMAN_MODES, (0.5, 0.5, 1.0), strict=True):
        assert score(scenes, mode=mode).compute().ap_at(0.5) == wanted


def test_absent():
    metric = HumanAP()
    assert math.isnan(metric.compute().average)
    metric.update("a", TRUTH[:0], TWICE, [0.9, 0.8])
    plain = json.loads(json.dumps(metric.compute().to_dict(), allow_nan=False))
    assert plain["definition"] == "ap_h/1" and plain["ap"] == [None] * 10
    metric.update("b", np.concatenate([TRUTH, TRUTH[:1] * 0]), None)
    result = metric.compute()
    assert (result.average, result.truth_persons, result.dropped_truth) == (0.0, 2, 1)
    for mode in LEGACY:
        assert math.isnan(HumanAP(mode=mode).compute().average)


def test_without_scores_all_predictions_make_one_point():
    result = score({"a": (TRUTH, TWICE, None)}).compute()
    assert result.ap_at(0.5) == 0.25 and not result.scored


# Against oracles


def test_200_random_sets_equal_the_oracle():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        result = score(scenes).compute()
        ap = oracle.human_ap(as_lists(scenes))
        assert same(result.ap, ap) and same([result.average], [oracle.mean(ap)]), seed


def test_200_random_sets_equal_the_published_loop():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        for mode in LEGACY:
            result = score(scenes, mode=mode).compute()
            ap = oracle.legacy_human_ap(as_lists(scenes), mode == "legacy-qanet")
            if result.truth_persons:
                assert same(result.ap, ap) and result.average == float(np.mean(ap)), (seed, mode)


@pytest.mark.parametrize("mode", LEGACY)
def test_golden(mode):
    golden = GOLDEN["ap_h"]
    metric = HumanAP(mode=mode)
    for image in golden["images"]:
        sides = []
        for side in ("truth", "prediction"):
            persons = None if image[side] is None else np.array(image[side])
            sides.append(None if persons is None else ((persons > 0).astype(np.uint8), persons))
        metric.update(image["image_id"], *sides, None if sides[1] is None else image["scores"])
    assert list(metric.compute().ap) == golden[mode]["ap"]
    assert metric.compute().average == golden[mode]["average"]


# Properties


@given(seeds)
def test_shards_order_and_person_numbers_do_not_matter(seed):
    check_shards(lambda: HumanAP(NUM_IDS), make_set(seed), seed)


@given(seeds)
def test_bounds_duplicates_and_ranked(seed):
    truth, preds, scores = make_scene(seed)
    metric = score({"a": (truth, preds, scores)})
    result = metric.compute()
    again = np.concatenate([preds, preds]), np.concatenate([scores, scores - 1])
    doubled = score({"a": (truth, *again)}).compute()
    assert same(metric.ranked()["person"].average_precision(), result.ap)
    if result.truth_persons:
        assert all(0 <= value <= 1 for value in result.ap)
        assert all(b <= a for a, b in zip(result.ap, doubled.ap, strict=True))


@given(seeds)
def test_perfect_is_one(seed):
    parsing, instances = flatten(make_scene(seed, 9).truth % 255)
    truth = unflatten(parsing, instances, int(instances.max(initial=0)))
    truth = truth[truth.any(axis=(1, 2))]
    result = score({"a": (truth, truth, None)}).compute()
    if len(truth):
        assert result.ap == (1.0,) * 10


def test_disjoint_persons_score_0():
    preds = np.roll(TRUTH, 10, axis=2)
    for mode in HUMAN_MODES:
        assert score({"a": (TRUTH, preds, [0.9, 0.8])}, mode=mode).compute().average == 0.0


# Bad input


def test_bad_input():
    metric = score({"a": (TRUTH, TWICE, [0.9, 0.8])})
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.update("a", TRUTH, TWICE, [0.9, 0.8])
    with pytest.raises(InputError, match=r"merged HumanAP must have equal settings"):
        metric.merge(HumanAP(NUM_IDS, mode="legacy-qanet"))
    with pytest.raises(InputError, match=r"mode must be one of recommended, legacy-m2fp, legacy-q"):
        HumanAP(mode="qanet")
    with pytest.raises(InputError, match=r"threshold of ap must be one of \[0.5, .*got 0.3"):
        metric.compute().ap_at(0.3)
    assert metric.compute().images == 1
