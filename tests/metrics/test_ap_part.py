"""AP^p and PCP: by hand, against the oracle, against what was published."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given

from peopleparse.errors import InputError
from peopleparse.metrics import LambdaAP
from peopleparse.metrics.ap_part import PartAP
from tests.metrics.golden import GOLDEN, same
from tests.metrics.scenes import flatten, make_scene, make_set, seeds, unflatten
from tests.metrics.shards import check_shards
from tests.oracles import ap_oracle as oracle

NUM_IDS = 6
PERSON = np.array([[[1, 2]]])


def score(scenes, num_ids=NUM_IDS, **options):
    metric = PartAP(num_ids, **options)
    for image_id, (truth, preds, scores) in scenes.items():
        metric.update(image_id, truth, preds, scores)
    return metric


def as_lists(scenes):
    return {k: (s.truth.tolist(), s.preds.tolist(), s.scores.tolist()) for k, s in scenes.items()}


# Numbers worked out by hand


def test_ap_and_pcp_of_one_right_one_duplicate_one_missed():
    # 20 pixels; truth A: four of part 1, four of part 2; truth B: two of part 1.
    truth, preds = np.zeros((2, 1, 20), np.uint8), np.zeros((2, 1, 20), np.uint8)
    truth[0, 0, :8], truth[1, 0, 18:] = [1] * 4 + [2] * 4, 1
    preds[0, 0, :6] = [1] * 4 + [2] * 2  # IoU 1 and 1/2, background 12/14: mean 11/14 = .786
    preds[1, 0, :8] = [1] * 4 + [2] * 4  # a perfect duplicate, ranked second
    result = score({"a": (truth, preds, [0.9, 0.8])}, 3).compute()
    # to .7: right, wrong: half of the truth at precision 1; .8, .9: wrong, right: half at 1/2.
    assert result.ap == (0.5,) * 7 + (0.25,) * 2
    assert result.average == math.fsum([0.5] * 7 + [0.25] * 2) / 9
    # Parts of A above: both to .4, one of two to .7, then both of the duplicate; B has none.
    assert result.pcp == (0.5,) * 4 + (0.25,) * 3 + (0.5,) * 2
    assert (result.matched[0], result.wrong[0], result.missed[0]) == (1, 1, 1)
    assert (result.ap_at(0.5), result.pcp_at(0.5)) == (0.5, 0.25)


def test_disjoint_person_scores_the_published_1119():
    # Background IoU .8952: 5000 pixels, persons of 262 pixels each: (5000 - 524) / 5000.
    truth, pred = np.zeros((1, 50, 100), np.uint8), np.zeros((1, 50, 100), np.uint8)
    labels = 1 + np.arange(262) % 7
    truth.reshape(-1)[:262], pred.reshape(-1)[-262:] = labels, labels
    for mode in ("recommended", "legacy-mhp"):
        metric = score({"a": (truth, pred, [1.0])}, 8, mode=mode, thresholds=[0.1, 0.1118, 0.112])
        assert metric.compute().ap == (1.0, 1.0, 0.0)  # .8952 / 8 = .1119
        assert metric.compute().pcp == (0.0, 0.0, 0.0)
    strict = LambdaAP(8, readings=["strict"])
    strict.update("a", truth, pred, [1.0])
    assert strict.compute().readings["strict"].ap == (0.0,) * 9


def test_rounding_errors_decide_in_legacy_only():
    # Background 3/5, part 1 IoU 1, part 2 IoU 1/2: mean .7, in float64 .7000000000000001.
    truth, pred = np.array([[[1, 2, 2, 2, 2, 0, 0, 0]]]), np.array([[[1, 2, 2, 0, 0, 0, 0, 0]]])
    scenes = {"a": (truth, pred, [1.0])}
    assert score(scenes, 3).compute().ap_at(0.7) == 0.0
    assert score(scenes, 3, mode="legacy-mhp").compute().ap_at(0.7) == 1.0


def test_first_truth_given_wins_in_legacy():
    # Both truth persons fit equally well; the second prediction fits only the right one.
    truth = np.array([[[0, 0, 0, 1]], [[1, 0, 0, 0]]])
    preds = np.array([[[1, 0, 0, 1]], [[0, 0, 0, 1]]])
    scenes = {"a": (truth, preds, [0.9, 0.8])}
    thresholds = [0.5]
    assert score(scenes, 2, thresholds=thresholds).compute().matched == (2,)
    legacy = score(scenes, 2, thresholds=thresholds, mode="legacy-mhp")
    assert legacy.compute().matched == (1,)  # the first takes the first given, the right one
    turned = {"a": (truth[::-1], preds, [0.9, 0.8])}
    assert score(turned, 2, thresholds=thresholds, mode="legacy-mhp").compute().matched == (2,)


def test_min_score_leaves_predictions_out():
    scenes = {"a": (PERSON, np.concatenate([PERSON[:, :, ::-1], PERSON]), [0.005, 0.9])}
    for mode in ("recommended", "legacy-mhp"):
        result = score(scenes, 3, mode=mode, min_score=0.01).compute()
        assert (result.predictions, result.skipped, result.wrong) == (1, 1, (0,) * 9)
    assert score(scenes, 3).compute().wrong == (1,) * 9
    equal = score({"a": (PERSON, PERSON, [0.01])}, 3, min_score=0.01).compute()
    assert equal.skipped == 0


def test_absent():
    metric = PartAP(3)
    assert math.isnan(metric.compute().average) and math.isnan(metric.compute().pcp[0])
    metric.update("a", np.zeros((0, 1, 2), np.uint8), PERSON, [0.5])
    plain = json.loads(json.dumps(metric.compute().to_dict(), allow_nan=False))
    assert plain["definition"] == "ap_p/1" and plain["ap"] == plain["pcp"] == [None] * 9
    metric.update("b", np.concatenate([PERSON, PERSON * 0 + 255]), None)
    result = metric.compute()
    assert (result.missing_images, result.truth_persons, result.dropped_truth) == (1, 1, 1)
    assert result.ap == result.pcp == (0.0,) * 9


def test_without_scores_all_predictions_make_one_point():
    scenes = {"a": (PERSON, np.concatenate([PERSON, PERSON * 0]), None)}
    result = score(scenes, 3).compute()
    assert result.ap_at(0.5) == 0.5 and not result.scored
    legacy = score(scenes, 3, mode="legacy-mhp")
    assert not legacy.compute().scored and legacy.ranked()["person"].scored


# Against oracles


def test_200_random_sets_equal_the_oracle():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        result = score(scenes).compute()
        ap, pcp = oracle.part_ap(as_lists(scenes), NUM_IDS)
        assert same(result.ap, ap) and same(result.pcp, pcp), seed
        assert same([result.average], [math.fsum(ap) / 9])


def test_200_random_sets_equal_the_published_loop():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        result = score(scenes, mode="legacy-mhp").compute()
        if result.truth_persons:
            ap, pcp = oracle.legacy_part_ap(as_lists(scenes), NUM_IDS)
            assert same(result.ap, ap) and same(result.pcp, pcp), seed
            assert result.average == float(np.mean(ap))


@pytest.mark.parametrize(
    ("name", "min_score"), [("legacy-mhp", None), ("legacy-mhp above .01", 0.01)]
)
def test_golden(name, min_score):
    golden = GOLDEN["ap_p"]
    metric = PartAP(GOLDEN["num_ids"], mode="legacy-mhp", min_score=min_score)
    for image in golden["images"]:
        truth = np.array(image["truth"], np.uint8).reshape(-1, 4, 9)
        metric.update(image["image_id"], truth, image["prediction"], image["scores"])
    assert list(metric.compute().ap) == golden[name]["ap"]
    assert list(metric.compute().pcp) == golden[name]["pcp"]


@given(seeds)
def test_ap_is_that_of_the_mhp_reading(seed):
    scenes = make_set(seed)
    for mode, reading in (("recommended", "mhp"), ("legacy-mhp", "legacy-mhp")):
        other = LambdaAP(NUM_IDS, readings=[reading])
        for image_id, scene in scenes.items():
            other.update(image_id, *scene)
        result, wanted = score(scenes, mode=mode).compute(), other.compute().readings[reading]
        assert same(result.ap, wanted.ap)
        assert (result.matched, result.wrong) == (wanted.matched, wanted.wrong)


# Properties


@given(seeds)
def test_shards_order_and_person_numbers_do_not_matter(seed):
    check_shards(lambda: PartAP(NUM_IDS), make_set(seed), seed)


@given(seeds)
def test_bounds_duplicates_and_ranked(seed):
    truth, preds, scores = make_scene(seed)
    metric = score({"a": (truth, preds, scores)})
    result = metric.compute()
    again = np.concatenate([preds, preds]), np.concatenate([scores, scores - 1])
    doubled = score({"a": (truth, *again)}).compute()
    ranked = metric.ranked()["person"]
    assert same(ranked.average_precision(), result.ap)
    assert ranked.hits.sum(axis=1).tolist() == list(result.matched)
    if result.truth_persons:
        for mine, other in ((result.ap, doubled.ap), (result.pcp, doubled.pcp)):
            assert all(0 <= value <= 1 for value in mine)
            assert all(b <= a for a, b in zip(mine, other, strict=True))


@given(seeds)
def test_perfect_is_one(seed):
    parsing, instances = flatten(make_scene(seed, 9).truth % 255)
    truth = unflatten(parsing, instances, int(instances.max(initial=0)))
    truth = truth[truth.any(axis=(1, 2))]
    for mode in ("recommended", "legacy-mhp"):
        result = score({"a": (truth, truth, None)}, mode=mode).compute()
        if len(truth) and mode == "recommended":
            assert result.ap == result.pcp == (1.0,) * 9
        elif len(truth):
            assert result.ap == pytest.approx([1.0] * 9) and result.pcp == (1.0,) * 9


# Bad input


def test_bad_input():
    metric = score({"a": (PERSON, PERSON, [1.0])}, 3)
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.update("a", PERSON, PERSON, [1.0])
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.merge(score({"a": (PERSON, PERSON, [1.0])}, 3))
    with pytest.raises(InputError, match=r"merged PartAP must have equal settings \(3, 255, "):
        metric.merge(PartAP(3, mode="legacy-mhp"))
    with pytest.raises(InputError, match=r"mode must be one of recommended, legacy-mhp, got 'mhp'"):
        PartAP(3, mode="mhp")
    with pytest.raises(InputError, match=r"threshold of ap must be one of \[0.1, .*, got 0.25"):
        metric.compute().ap_at(0.25)
    with pytest.raises(InputError, match=r"threshold of pcp must be one of"):
        metric.compute().pcp_at(1)
    metric.update("c", PERSON, PERSON)
    with pytest.raises(InputError, match=r"scores must be given for all images or for none"):
        metric.compute()


def test_labels_are_those_of_the_mhp_reading():
    truth, prediction = [[[1, 1, 2, 0]]], [[[1, 1, 3, 0]]]
    found = {}
    for ids in (None, (1, 2)):
        part, persons = PartAP(4, label_ids=ids), LambdaAP(4, label_ids=ids, readings=["mhp"])
        part.update("a", truth, prediction, [0.5])
        persons.update("a", truth, prediction, [0.5])
        assert part.compute().ap == persons.compute().readings["mhp"].ap
        found[ids] = part.compute().matched
    assert found[None] != found[(1, 2)]  # IoU 1, 1, 0, and 0 for a label that is none here
