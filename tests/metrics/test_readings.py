from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import READINGS, LambdaAP, Reading, make_tally
from peopleparse.metrics.readings import mean_part_iou
from tests.metrics.scenes import make_scene, make_set, seeds
from tests.metrics.test_ap_lambda import NUM_IDS, RIGHT, score
from tests.oracles import metrics_oracle as oracle

# Numbers worked out by hand


def test_disjoint_person_with_seven_parts():
    # Seven parts of 1 pixel each in 1000 pixels, predicted elsewhere: background IoU 986 / 1000,
    # mhp mean .986 / 8 = .123, so that AP at .1 is 1; strict gives 0 everywhere.
    truth, pred = np.zeros((1, 10, 100), np.uint8), np.zeros((1, 10, 100), np.uint8)
    truth[0, 0, :7], pred[0, 9, -7:] = range(1, 8), range(1, 8)
    found = score({"a": (truth, pred, [1.0])}, 8).compute().readings
    assert found["strict"].matched == (0,) * 9
    assert found["mhp"].matched == (1,) + (0,) * 8


def test_mhp_mean_of_a_disjoint_person_is_the_published_1119():
    # Background IoU .8952: 5000 pixels, persons of 262 pixels each: (5000 - 524) / 5000.
    truth, pred = np.zeros((1, 50, 100), np.uint8), np.zeros((1, 50, 100), np.uint8)
    labels = 1 + np.arange(262) % 7
    truth.reshape(-1)[:262], pred.reshape(-1)[-262:] = labels, labels
    metric = LambdaAP(8, readings=["strict", "mhp"], thresholds=[0.1118, 0.1119])
    metric.update("a", truth, pred, [1.0])
    assert metric.compute().readings["mhp"].matched == (1, 0)  # .8952 / 8 = .1119 exactly
    assert metric.compute().readings["strict"].matched == (0, 0)
    overlap = make_tally("a", truth, pred, num_ids=8).persons()
    means = {n: mean_part_iou(overlap, READINGS[n], np.arange(1, 8))[0, 0] for n in READINGS}
    assert means["strict"] == 0.0 and means["mhp"] == 0.1119


def test_truth_reading_ignores_parts_only_predicted():
    readings = [Reading("present", classes="truth"), Reading("zeros", classes="all", absent=0.0)]
    metric = LambdaAP(5, readings=readings)
    metric.update("a", [[[1, 1, 0]]], [[[1, 1, 2]]], [1.0])
    found = metric.compute().readings
    assert found["present"].matched == (1,) * 9  # part 1 alone: 1
    assert sum(found["zeros"].matched) == 2  # (1 + 0 + 0 + 0) / 4 = .25


def test_truth_driven_shares_no_prediction():
    # Truth A 1 1 1 1, truth B 1 1; one prediction on 5 of the 6 pixels: IoU 4/5 and 1/5. Both look
    # for it; it serves A. The second prediction, .25 on B, is looked for by nobody.
    truth = np.array([[[1, 1, 1, 1, 0, 0, 0]], [[0, 0, 0, 0, 1, 1, 0]]])
    preds = np.array([[[1, 1, 1, 1, 1, 0, 0]], [[0, 0, 0, 0, 0, 1, 0]]])
    names = ["strict", "strict-truth-driven"]
    found = score({"a": (truth, preds, [0.9, 0.8])}, 2, readings=names).compute().readings
    assert found["strict"].matched == (2, 2, 2, 2, 1, 1, 1, 0, 0)
    assert found["strict-truth-driven"].matched == (2, 2, 2, 2, 1, 1, 1, 0, 0)
    shared = np.array([[[1, 1, 1, 1, 1, 1, 0]], [[0, 0, 0, 0, 0, 1, 1]]])  # 2/3, 1/3; 0, 1/3
    found = score({"a": (truth, shared, [0.9, 0.8])}, 2, readings=names).compute().readings
    assert found["strict"].matched == (2, 2, 2, 1, 1, 1, 0, 0, 0)
    assert found["strict-truth-driven"].matched == (1, 1, 1, 1, 1, 1, 0, 0, 0)


def test_truth_driven_takes_the_best_not_the_first():
    # IoU 1/2 at score .9, 1 at score .8: by score, the first is right at .1 to .4, then the second.
    truth, preds = np.array([[[1, 1, 0]]]), np.array([[[1, 0, 0]], [[1, 1, 0]]])
    metric = score({"a": (truth, preds, [0.9, 0.8])}, 2, readings=["strict", "strict-truth-driven"])
    found = metric.compute().readings
    assert found["strict"].ap == (1.0,) * 4 + (0.5,) * 5
    assert found["strict-truth-driven"].ap == (0.5,) * 9


def test_unscored_and_inclusive():
    # Right at .9, wrong at .8, and the scores put aside: precision 1/2 times recall 1.
    truth, preds = np.array([[[1, 1, 0]]]), np.array([[[1, 0, 0]], [[0, 0, 1]]])
    names = ["strict", "strict-unscored", "strict-inclusive"]
    metric = score({"a": (truth, preds, [0.9, 0.8])}, 2, readings=names)
    found = metric.compute().readings
    assert found["strict"].ap == (1.0,) * 4 + (0.0,) * 5  # IoU 1/2 is not above .5
    assert found["strict-unscored"].ap == (0.5,) * 4 + (0.0,) * 5
    assert found["strict-inclusive"].ap == (1.0,) * 5 + (0.0,) * 4


def test_a_reading_may_name_its_integration():
    truth, preds = np.array([[[1, 1, 0]], [[0, 0, 1]]]), np.array([[[1, 1, 0]]])
    metric = score({"a": (truth, preds, [0.9])}, 2, readings=["strict", "strict-coco-101"])
    found = metric.compute().readings
    assert found["strict"].average == 0.5
    assert found["strict-coco-101"].average == pytest.approx(51 / 101, abs=1e-15)


# Against the oracle


def as_lists(scenes):
    return {k: (s.truth.tolist(), s.preds.tolist(), s.scores.tolist()) for k, s in scenes.items()}


def test_oracle_knows_every_reading():
    assert set(RIGHT) == set(oracle.WAYS) and set(READINGS) - set(RIGHT) == {"legacy-mhp"}
    assert all(name == r.name and r.description for name, r in READINGS.items())


@pytest.mark.parametrize("reading", RIGHT)
def test_equals_oracle_to_the_last_bit_on_200_scenes(reading):
    scored = oracle.WAYS[reading][4]
    way = "coco-101" if reading.endswith("coco-101") else "all-point"
    persons = 0
    for seed in range(100):
        scenes = make_set(10 * seed, images=2)
        lists = as_lists(scenes)
        means = oracle.part_means(lists, NUM_IDS, reading)
        result = score(scenes, readings=[reading]).compute()
        found, persons = result.readings[reading], persons + result.truth_persons
        wanted = []
        for k in range(1, 10):
            hits, num_truth = oracle.part_ap_hits(
                lists, NUM_IDS, reading, Fraction(k, 10), means=means
            )
            assert found.matched[k - 1] == sum(hits) and result.truth_persons == num_truth
            area = oracle.area_as_defined(hits, num_truth, way, not scored) if num_truth else None
            wanted.append(area)
        if num_truth:
            assert [a - b for a, b in zip(found.ap, wanted, strict=True)] == [0.0] * 9
            assert found.average - float(np.mean(wanted)) == 0.0
    assert persons > 300


@pytest.mark.parametrize("num_ids", [6, 20])
def test_legacy_equals_the_published_steps_on_200_scenes(num_ids):
    different = 0
    for seed in range(100):
        scenes = make_set(10 * seed, images=2, num_ids=num_ids)
        result = score(scenes, num_ids, readings=["mhp", "legacy-mhp"]).compute()
        if not result.truth_persons:
            continue
        found = result.readings["legacy-mhp"]
        for k in range(1, 10):
            hits, area = oracle.legacy_mhp(as_lists(scenes), num_ids, k / 10)
            assert found.matched[k - 1] == sum(hits)
            assert found.ap[k - 1] - area == 0.0
        different += found.average != result.readings["mhp"].average
    assert different > 10  # by ties in scores, mostly


@given(seeds)
def test_means_are_summed_as_the_published_script_sums(seed):
    rng = np.random.default_rng(seed)
    truth, preds = rng.integers(0, 20, (2, 3, 8, 30))
    preds = np.where(rng.random(preds.shape) < 0.5, truth, preds)
    overlap = make_tally("a", truth, preds, num_ids=20).persons()
    means = mean_part_iou(overlap, READINGS["legacy-mhp"], np.arange(1, 20))
    iou = overlap.part_iou()
    for t, p in np.ndindex(3, 3):
        assert means[t, p] - np.nanmean(iou[t, p].copy()) == 0.0


@given(seeds, st.sampled_from(RIGHT), st.integers(1, 9))
def test_near_exact_area(seed, reading, tenths):
    scenes = make_set(seed, images=2)
    hits, num_truth = oracle.part_ap_hits(as_lists(scenes), NUM_IDS, reading, Fraction(tenths, 10))
    metric = score(scenes, readings=[reading], integration="coco-101")
    ranked = metric.ranked()[reading]
    assert ranked.hits[tenths - 1].tolist() == hits
    if num_truth and ranked.scored:
        wanted = float(oracle.coco_ap(hits, num_truth))
        found = metric.compute().readings[reading].ap[tenths - 1]
        assert found == pytest.approx(wanted, abs=1e-14)


@settings(max_examples=15)
@given(seeds)
def test_equals_oracle_with_14_persons_and_20_labels(seed):
    scenes = {"a": make_scene(seed, persons=14, num_ids=20)}
    found = score(scenes, 20, readings=["strict", "literal", "mhp", "mhp-truth-driven"]).compute()
    for name, reading in found.readings.items():
        hits, _ = oracle.part_ap_hits(as_lists(scenes), 20, name, Fraction(3, 10))
        assert reading.matched[2] == sum(hits)


def test_bad_settings():
    with pytest.raises(InputError, match=r"classes must be a known choice, got 'both'"):
        Reading("mine", classes="both")
    with pytest.raises(InputError, match=r"match must be a known choice, got 'truths'\. Did you"):
        Reading("mine", match="truths")
    with pytest.raises(InputError, match=r"integration must be a known way, got 'coco'"):
        Reading("mine", integration="coco")
