"""AP^r: by hand, against the oracle, against what was published."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import make_tally
from peopleparse.metrics.ap_region import REGION_MODES, RegionAP
from peopleparse.metrics.regions import Regions, count_regions
from tests.metrics.golden import GOLDEN, numbers, same
from tests.metrics.scenes import flatten, make_scene, make_set, seeds, unflatten
from tests.metrics.shards import check_shards
from tests.oracles import ap_oracle as oracle

NUM_IDS = 6
LEGACY = REGION_MODES[1:]


def score(scenes, num_ids=NUM_IDS, **options):
    metric = RegionAP(num_ids, **options)
    for image_id, (truth, preds, scores) in scenes.items():
        metric.update(image_id, truth, preds, scores)
    return metric


def as_lists(scenes):
    return {k: (s.truth.tolist(), s.preds.tolist(), s.scores.tolist()) for k, s in scenes.items()}


# Numbers worked out by hand

# Two persons of label 1, ten pixels each; the first one is found twice, the second one never.
TRUTH = np.zeros((2, 1, 40), np.uint8)
TRUTH[0, 0, :10], TRUTH[1, 0, 20:30] = 1, 1
TWICE = np.zeros((2, 1, 40), np.uint8)
TWICE[0, 0, :8], TWICE[1, 0, :10] = 1, 1  # IoU .8 and 1


def test_a_duplicate_is_wrong_but_right_as_published():
    scenes = {"a": (TRUTH, TWICE, [0.9, 0.8])}
    result = score(scenes, 3).compute()
    # to .7: right, wrong; .8 and .9: wrong, right
    assert result.ap == (0.5,) * 7 + (0.25,) * 2
    assert math.isnan(result.labels[2].average) and result.labels[1].matched == (1,) * 9
    for mode in LEGACY:
        found = score(scenes, 3, mode=mode).compute()
        # Both are right to .7: AP 1 though a person is missed; label 2 is nowhere and counts 0.
        assert found.labels[1].ap == (1.0,) * 7 + (0.25,) * 2
        assert found.labels[2].ap == (0.0,) * 9
        wanted = (0.5,) * 7 + (0.125,) * 2
        assert found.ap == (wanted[::-1] if mode == "legacy-mce2p" else wanted)
        assert found.ap_at(0.5) == 0.5


def test_published_recall_reaches_200_percent():
    scenes = {"a": (TRUTH[:1], TWICE, [0.9, 0.8])}
    assert score(scenes, 2).compute().ap_at(0.5) == 1.0
    for mode in LEGACY:
        label = score(scenes, 2, mode=mode).compute().labels[1]
        assert (label.ap[4], label.matched[4], label.truth) == (2.0, 2, 1)


def test_missing_images_are_never_punished_by_three_scripts():
    scenes = {"a": (TRUTH[:1], TRUTH[:1], [0.9]), "b": (TRUTH[:1], None, None)}
    assert score(scenes, 2).compute().ap == (0.5,) * 9
    for mode in LEGACY:
        result = score(scenes, 2, mode=mode).compute()
        assert result.ap_at(0.5) == (0.5 if mode == "legacy-m2fp" else 1.0)
        assert (result.images, result.missing_images) == (2, 1)


def test_a_label_only_predicted():
    # Label 1 is found; label 2 is predicted where the truth has none.
    preds = np.concatenate([TRUTH[:1], TRUTH[1:] * 2])
    scenes = {"a": (TRUTH[:1], preds, [0.9, 0.8])}
    assert score(scenes, 3).compute().average == 1.0
    assert math.isnan(score(scenes, 3, mode="legacy-pgn").compute().average)
    for mode in LEGACY[1:]:
        assert score(scenes, 3, mode=mode).compute().average == 1.0


def test_labels_are_averaged():
    # Label 1: 4 of 10 pixels; label 2: all, but the person of the other image is missed.
    truth = np.array([[[1] * 10 + [2] * 4]])
    preds = np.array([[[1] * 4 + [0] * 6 + [2] * 4]])
    scenes = {"a": (truth, preds, [0.9]), "b": (np.array([[[2] * 14]]), None, None)}
    result = score(scenes, 4).compute()
    assert result.labels[1].ap == (1.0,) * 3 + (0.0,) * 6  # .4 is not above .4
    assert result.labels[2].ap == (0.5,) * 9
    assert result.ap == (0.75,) * 3 + (0.25,) * 6
    assert result.average == math.fsum(result.ap) / 9
    assert (result.truth, result.predictions) == (3, 2)


def test_a_region_without_a_pixel():
    # Two predicted regions of label 1, the better scored one covered by the other.
    regions = count_regions([[1, 1, 0]], [1], [[2, 2, 0]], [1, 1], [0.9, 0.8])
    assert regions.pred_empty.tolist() == [False, True]
    for mode in REGION_MODES:
        metric = RegionAP(2, mode=mode)
        metric.add_regions("a", regions)
        result = metric.compute()
        kept = mode in ("recommended", "legacy-m2fp")
        assert result.ap_at(0.5) == (0.5 if kept else 1.0)
        assert (result.predictions, result.empty_predictions) == (1 + kept, 1)
    assert count_regions([[1, 1, 3]], [1, 2, 1], [[0, 0, 0]], [], []).truth_ids.tolist() == [1, 1]


def test_absent():
    metric = RegionAP(3)
    assert math.isnan(metric.compute().average)
    metric.update("a", TRUTH[:0], TWICE, [0.9, 0.8])
    plain = json.loads(json.dumps(metric.compute().to_dict(), allow_nan=False))
    assert plain["definition"] == "ap_r/1" and plain["average"] is None
    assert plain["labels"]["1"]["predictions"] == 2
    for mode in LEGACY[1:]:
        assert RegionAP(3, mode=mode).compute().average == 0.0


def test_without_scores_all_predictions_make_one_point():
    result = score({"a": (TRUTH, TWICE, None)}, 2).compute()
    assert result.ap_at(0.5) == 0.25 and not result.scored  # 1 of 2 right, 1 of 2 found


# Against oracles


def test_200_random_sets_equal_the_oracle():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        result = score(scenes).compute()
        table = oracle.region_ap(as_lists(scenes), NUM_IDS)
        assert all(same(result.labels[label].ap, ap) for label, ap in table.items()), seed
        kept = [ap for ap in table.values() if not math.isnan(ap[0])]
        means = [oracle.mean([ap[k] for ap in kept]) for k in range(9)]
        assert same(result.ap, means) and same([result.average], [oracle.mean(means)])


def test_200_random_sets_equal_the_published_loop():
    for seed in range(200):
        scenes = make_set(seed * 10, images=2)
        table = oracle.legacy_region_table(as_lists(scenes), NUM_IDS)
        for mode in LEGACY:
            result = score(scenes, mode=mode).compute()
            pairs = zip(result.labels.values(), table, strict=True)
            assert all(same(label.ap, ap) for label, ap in pairs), (seed, mode)
            if mode == "legacy-pgn":
                assert same(result.ap, np.mean(np.array(table), axis=0))
                assert same([result.average], [np.mean(np.mean(np.array(table), axis=0))])


@pytest.mark.parametrize("name", ["ap_r", "ap_r label only predicted", "ap_r empty region"])
def test_golden(name):
    golden = GOLDEN[name]
    for mode in golden.keys() - {"images"}:
        metric = RegionAP(GOLDEN["num_ids"], mode=mode)
        for image in golden["images"]:
            missing = image["prediction"] is None
            regions = count_regions(
                image["truth"],
                image["truth_ids"],
                np.zeros((4, 9), int) if missing else image["prediction"],
                image["pred_ids"],
                image["scores"],
            )
            metric.add_regions(image["image_id"], regions, missing)
        result = metric.compute()
        assert same(result.ap, numbers(golden[mode]["ap"])), mode
        assert same([result.average], numbers([golden[mode]["average"]])), mode
        for label, ap in zip(result.labels.values(), golden[mode]["labels"], strict=True):
            assert same(label.ap, numbers(ap)), mode


# Properties


@given(seeds)
def test_shards_order_and_person_numbers_do_not_matter(seed):
    check_shards(lambda: RegionAP(NUM_IDS), make_set(seed), seed)


@given(seeds, st.randoms(use_true_random=False))
def test_region_numbers_do_not_matter(seed, random):
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, 7, (2, 5, 6))
    ids, scores = rng.integers(1, 4, (2, 6)), rng.choice([0.2, 0.5], 6)
    turned, turned_ids, turned_scores = maps.copy(), ids.copy(), scores.copy()
    for side in range(2):
        numbers_of = np.array([0, *random.sample(range(1, 7), 6)])
        turned[side] = numbers_of[maps[side]]
        turned_ids[side][numbers_of[1:] - 1] = ids[side]
        if side:
            turned_scores[numbers_of[1:] - 1] = scores
    found = []
    for both, labels, values in ((maps, ids, scores), (turned, turned_ids, turned_scores)):
        metric = RegionAP(4)
        metric.add_regions("a", count_regions(both[0], labels[0], both[1], labels[1], values))
        found.append(metric.compute().to_dict())
    assert found[0] == found[1]


def number_parts(parsing, instances):
    """The region map of persons, and each region's person times 256 plus its label."""
    keys = np.where(parsing > 0, instances.astype(int) * 256 + parsing, 0)
    units = np.setdiff1d(keys, 0)
    return np.searchsorted(np.append(0, units), keys), units


@given(seeds)
def test_regions_of_a_map_equal_the_parts_of_persons(seed):
    truth, preds, _ = make_scene(seed)
    truth_pair, pair = flatten(truth % 255), flatten(preds)
    scores = np.linspace(0.1, 0.9, len(preds))
    (first, owners), (second, finders) = number_parts(*truth_pair), number_parts(*pair)
    mine = scores[finders // 256 - 1] if len(preds) else []
    metric, other = RegionAP(NUM_IDS), RegionAP(NUM_IDS)
    metric.add_regions("a", count_regions(first, owners % 256, second, finders % 256, mine))
    other.update("a", truth_pair, pair, scores)
    assert metric.compute().to_dict() == other.compute().to_dict()


@given(seeds)
def test_bounds_duplicates_and_ranked(seed):
    truth, preds, scores = make_scene(seed)
    metric = score({"a": (truth, preds, scores)})
    result = metric.compute()
    again = np.concatenate([preds, preds]), np.concatenate([scores, scores - 1])
    doubled = score({"a": (truth, *again)}).compute()
    ranked = metric.ranked()
    for label, found in result.labels.items():
        assert same(ranked[str(label)].average_precision(), found.ap)
        if found.truth:
            assert all(0 <= value <= 1 for value in found.ap)
            pairs = zip(found.ap, doubled.labels[label].ap, strict=True)
            assert all(b <= a for a, b in pairs)


@given(seeds)
def test_perfect_is_one(seed):
    parsing, instances = flatten(make_scene(seed, 9).truth % 255)
    truth = unflatten(parsing, instances, int(instances.max(initial=0)))
    truth = truth[truth.any(axis=(1, 2))]
    result = score({"a": (truth, truth, None)}).compute()
    if len(truth):
        assert result.ap == (1.0,) * 9


def test_disjoint_persons_score_0():
    preds = np.roll(TRUTH, 10, axis=2)
    for mode in REGION_MODES:
        assert score({"a": (TRUTH, preds, [0.9, 0.8])}, 2, mode=mode).compute().average == 0.0


# Bad input


def test_bad_input():
    metric = score({"a": (TRUTH, TWICE, [0.9, 0.8])}, 3)
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.update("a", TRUTH, TWICE, [0.9, 0.8])
    with pytest.raises(InputError, match=r"merged RegionAP must have equal settings .*got RegionA"):
        metric.merge(RegionAP(4))
    with pytest.raises(InputError, match=r"mode must be one of recommended, .*got 'legacy-png'"):
        RegionAP(3, mode="legacy-png")
    one, other = np.array([1]), np.array([7])
    stray = "truth", "predicted"
    for what, ids in zip(stray, ((other, one), (one, other)), strict=True):
        text = rf"{what} regions must have label ids 1 to 2, got \[7\], at image 'b'"
        with pytest.raises(InputError, match=text):
            metric.add_regions("b", Regions(*ids, np.zeros((1, 1)), None))
    with pytest.raises(InputError, match=r"must have persons on both sides, got label maps only"):
        metric.add(make_tally("b", None, None, num_ids=3, truth_parsing=[[1]], parsing=[[1]]))
    with pytest.raises(InputError, match=r"threshold of ap must be one of"):
        metric.compute().ap_at(0.75)
    assert metric.compute().images == 1
