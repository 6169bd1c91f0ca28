from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme
from peopleparse.metrics import READINGS, LambdaAP, make_tally
from peopleparse.structures import Annotation, ParsedPeople
from tests.metrics.scenes import flatten, make_scene, make_set, seeds, unflatten

NUM_IDS = 6
RIGHT = [name for name, reading in READINGS.items() if not reading.legacy]


def score(scenes, num_ids=NUM_IDS, **options):
    metric = LambdaAP(num_ids, **options)
    for image_id, (truth, preds, scores) in scenes.items():
        metric.update(image_id, truth, preds, scores)
    return metric


def show(metric):
    return metric.compute().to_dict()


# Numbers worked out by hand


def test_two_persons_one_duplicate_one_bad():
    # Truth A 1 1 2 2, truth B 1 1 (other pixels); parts 1 and 2 of three labels.
    truth = np.array([[[1, 1, 2, 2, 0, 0, 0, 0]], [[0, 0, 0, 0, 1, 1, 0, 0]]])
    preds = np.array(
        [
            [[1, 1, 2, 0, 0, 0, 0, 0]],  # A: IoU 1 and 1/2, mean .75
            [[1, 0, 2, 2, 0, 0, 0, 0]],  # A again: 1/2 and 1, mean .75
            [[0, 0, 0, 0, 1, 2, 0, 0]],  # B: 1/2 and 0 (part 2 is only predicted), mean .25
        ]
    )
    metric = LambdaAP(3)
    metric.update("a", truth, preds, [0.9, 0.8, 0.7])
    strict = metric.compute().readings["strict"]
    # .1, .2: right, wrong, right: AP = 1/2 * 1 + 1/2 * 2/3; .3 to .7: 1/2; .8, .9: 0
    assert strict.ap == pytest.approx([5 / 6] * 2 + [1 / 2] * 5 + [0] * 2, abs=1e-15)
    assert strict.average == pytest.approx((5 / 3 + 5 / 2) / 9, abs=1e-15)
    assert strict.matched == (2, 2, 1, 1, 1, 1, 1, 0, 0)
    assert strict.wrong == (1, 1, 2, 2, 2, 2, 2, 3, 3)
    assert strict.missed == (0, 0, 1, 1, 1, 1, 1, 2, 2)


def test_literal_counts_absent_parts_as_right():
    # Nine labels are parts; one is right on half of its pixels, eight are in neither: 8.5 / 9.
    metric = LambdaAP(10)
    metric.update("a", [[[3, 3, 0]]], [[[3, 0, 0]]], [1.0])
    found = metric.compute().readings
    assert found["literal"].matched == (1,) * 9  # .944 is above .9
    assert found["strict"].matched == (1, 1, 1, 1, 0, 0, 0, 0, 0)  # .5 is not above .5


def test_label_ids_leave_out_a_part_that_the_scheme_lacks():
    truth, preds = [[[1, 1, 0]]], [[[1, 0, 0]]]
    with_absent, without = LambdaAP(3), LambdaAP(3, label_ids=[1])
    with_absent.update("a", truth, preds)  # (1/2 + 1) / 2 = .75: above .1 to .7
    without.update("a", truth, preds)  # 1/2: above .1 to .4
    assert sum(with_absent.compute().readings["literal"].matched) == 7
    assert sum(without.compute().readings["literal"].matched) == 4


def test_equal_means_in_different_bits_are_not_above():
    # Parts with IoU 1/5 and 2/5: (.2 + .4) / 2 is .30000000000000004 in float64, but .3.
    truth = np.array([[[1] * 5 + [2] * 5]])
    pred = np.array([[[1] + [0] * 4 + [2] * 2 + [0] * 3]])
    metric = score({"a": (truth, pred, [1.0])}, 3)
    assert metric.compute().readings["strict"].matched == (1, 1, 0, 0, 0, 0, 0, 0, 0)


def test_taken_truth_gives_no_second_choice():
    # Both predictions have truth A as their best; B, at 1/4, stays missed.
    truth = np.array([[[1, 1, 1, 0, 0, 0]], [[0, 0, 0, 1, 0, 0]]])
    pred = np.array([[[1, 1, 1, 0, 0, 0]], [[1, 1, 1, 1, 0, 0]]])
    found = score({"a": (truth, pred, [0.9, 0.8])}, 2).compute().readings["strict"]
    assert found.matched[0] == 1 and found.missed[0] == 1


def test_an_annotation_against_a_result():
    # Two persons, hats and hair; the second one's hair is cut in half and the scores differ.
    truth = np.zeros((2, 2, 8), np.uint8)
    truth[0, :, :2], truth[1, 0, 4:], truth[1, 1, 4:] = 1, 1, 2
    parsing, instances = flatten(truth)
    parsing[1, 6:], instances[1, 6:] = 0, 0
    annotation = Annotation(truth, get_scheme("gps"), "photo")
    result = ParsedPeople.from_maps(parsing, instances, scores=[0.9, 0.8])
    metric = LambdaAP(annotation.scheme.num_ids)
    scores = [person.score for person in result.people]
    metric.update("photo", annotation.parsings, (result.parsing, result.instances), scores)
    found = metric.compute().readings
    assert found["strict"].matched == (2, 2, 2, 2, 2, 2, 2, 1, 1)  # (1 + 1/2) / 2 = .75
    assert found["literal"].matched == (2,) * 9  # (17 + 1 + 1/2) / 19 = .974


# What is absent


def test_no_truth_is_nan_and_none_in_json():
    metric = LambdaAP(3)
    metric.update("a", np.zeros((0, 2, 2), np.uint8), [[[1, 1], [0, 0]]], [0.5])
    assert math.isnan(metric.compute().readings["strict"].average)
    plain = json.loads(json.dumps(show(metric), allow_nan=False))
    assert plain["readings"]["mhp"]["average"] is None and plain["predictions"] == 1
    assert math.isnan(LambdaAP(3).compute().readings["mhp"].average)


def test_missing_image_counts_against_the_system():
    person = np.array([[[1, 2]]])
    metric = score({"a": (person, person, [1.0])}, 3)
    metric.update("b", person, None)
    result = metric.compute()
    assert result.readings["strict"].ap == (0.5,) * 9
    assert (result.images, result.missing_images, result.truth_persons) == (2, 1, 2)


def test_empty_prediction_is_wrong():
    person = np.array([[[1, 2]]])
    both = np.concatenate([person * 0, person])
    metric = score({"a": (person, both, [0.9, 0.8])}, 3)
    assert metric.compute().readings["strict"].ap == (0.5,) * 9
    assert metric.compute().predictions == 2


def test_truth_without_labelled_pixel_is_dropped():
    person = np.array([[[1, 2]]])
    truth = np.concatenate([person * 0, person, person * 0 + 255])
    result = score({"a": (truth, person, [0.9])}, 3).compute()
    assert (result.truth_persons, result.dropped_truth) == (1, 2)
    assert result.readings["strict"].average == 1.0


def test_without_scores_ap_is_precision_times_recall():
    person = np.array([[[1, 2, 0]]])
    truth = np.concatenate([person, np.array([[[0, 0, 1]]])])
    metric = score({"a": (truth, np.concatenate([person * 0, person]), None)}, 3)
    metric.update("b", truth, None)
    result = metric.compute()
    assert not result.scored
    assert result.readings["strict"].ap == (1 / 2 * 1 / 4,) * 9  # 1 of 2 right, 1 of 4 found


# Ranked predictions and curves


def test_ranked_and_curve_of_two_images():
    # b: right at .9; a: wrong at .8, right at .7; one truth person of a second image missed.
    person, other = np.array([[[1, 1, 0, 0]]]), np.array([[[0, 0, 2, 2]]])
    metric = score({"b": (person, person, [0.9])}, 3)
    metric.update("a", person, np.concatenate([other, person]), [0.8, 0.7])
    metric.update("c", person, None)
    ranked = metric.ranked()["strict"]
    assert ranked.image_ids == ("a", "b", "c") and ranked.num_truth.tolist() == [1, 1, 1]
    assert ranked.image.tolist() == [1, 0, 0] and ranked.scores.tolist() == [0.9, 0.8, 0.7]
    assert ranked.hits.tolist() == [[True, False, True]] * 9 and ranked.scored
    recall, precision = metric.curve("strict", 0.5)
    assert recall.tolist() == [1 / 3, 1 / 3, 2 / 3]
    assert precision.tolist() == [1.0, 1 / 2, 2 / 3]


def test_curve_of_one_point_and_of_none():
    person = np.array([[[1, 1, 0, 0]]])
    metric = LambdaAP(3, readings=["strict-unscored", "mhp"], thresholds=[0.3])
    metric.update("a", person, np.concatenate([person, person]), [0.9, 0.8])
    assert [v.tolist() for v in metric.curve("strict-unscored", 0.3)] == [[1.0], [0.5]]
    assert [v.tolist() for v in LambdaAP(3).curve("mhp", 0.3)] == [[], []]


@given(seeds)
def test_ap_of_ranked_is_ap(seed):
    metric = score(make_set(seed), readings=RIGHT)
    result = metric.compute()
    for name, ranked in metric.ranked().items():
        assert ranked.hits.sum(1).tolist() == list(result.readings[name].matched)
        assert ranked.num_truth.sum() == result.truth_persons
        assert (np.diff(ranked.scores) <= 0).all()


# Properties


@given(seeds, st.randoms(use_true_random=False))
def test_order_shards_and_person_numbers_do_not_matter(seed, random):
    scenes = make_set(seed)
    whole = show(score(scenes, readings=RIGHT))
    names = list(scenes)
    random.shuffle(names)
    shards = [LambdaAP(NUM_IDS, readings=RIGHT), LambdaAP(NUM_IDS, readings=RIGHT)]
    for name in names:
        truth, preds, scores = scenes[name]
        rows = np.array(random.sample(range(len(truth)), len(truth)), int)
        columns = np.array(random.sample(range(len(preds)), len(preds)), int)
        shard = random.choice(shards)
        shard.update(name, truth[rows], preds[columns], scores[columns])
    shards[1].merge(pickle.loads(pickle.dumps(shards[0])))
    assert show(shards[1]) == whole


@given(seeds, st.randoms(use_true_random=False))
def test_pair_equals_stack_and_numbers_do_not_matter(seed, random):
    truth, preds, scores = make_scene(seed, persons=6)
    parsing, instances = flatten(preds)
    stack = unflatten(parsing, instances, len(preds))
    metric = LambdaAP(NUM_IDS)
    metric.update("a", truth, (parsing, instances), scores)
    assert show(metric) == show(score({"a": (truth, stack, scores)}))
    numbers = np.array([0, *random.sample(range(1, len(preds) + 1), len(preds))], np.uint16)
    moved = np.zeros(len(preds))
    moved[numbers[1:] - 1] = scores
    renumbered = LambdaAP(NUM_IDS)
    renumbered.update("a", truth, (parsing, numbers[instances]), moved)
    assert show(renumbered) == show(metric)


@given(seeds)
def test_add_of_tallies_equals_update(seed):
    scenes, metric = make_set(seed), LambdaAP(NUM_IDS)
    for image_id, (truth, preds, scores) in scenes.items():
        metric.add(make_tally(image_id, truth, preds, scores, num_ids=NUM_IDS))
    assert show(metric) == show(score(scenes))


@given(seeds)
def test_bounds_and_duplicates(seed):
    truth, preds, scores = make_scene(seed)
    result = score({"a": (truth, preds, scores)}, readings=RIGHT).compute()
    again = [np.concatenate([preds, preds]), np.concatenate([scores, scores - 1])]
    doubled = score({"a": (truth, *again)}, readings=RIGHT).compute()
    if result.truth_persons:
        for name, reading in result.readings.items():
            assert all(0 <= ap <= 1 for ap in reading.ap)
            assert list(reading.ap) == sorted(reading.ap, reverse=True)
            found = doubled.readings[name].ap
            assert all(a <= b for a, b in zip(found, reading.ap, strict=True))


@given(seeds, st.integers(1, 14))
def test_perfect_is_one(seed, persons):
    # Persons who own their pixels: of two persons on the same pixels each is as good as the other.
    parsing, instances = flatten(make_scene(seed, persons).truth % 255)
    truth = unflatten(parsing, instances, int(instances.max(initial=0)))
    truth = truth[truth.any(axis=(1, 2))]
    result = score({"a": (truth, truth, None)}, readings=RIGHT).compute()
    if result.truth_persons:
        # A part that neither person has counts 0 there, also for a perfect prediction.
        others = [r for name, r in result.readings.items() if not name.startswith("all-zero")]
        assert all(reading.average == 1.0 for reading in others)


# Bad input


PERSON = np.array([[[1, 2]]])


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (
            [0.5, 0.5],
            r"scores must be one number a predicted person \(1\), got shape \(2,\), at im",
        ),
        ([float("nan")], r"scores must be finite numbers, got nan, at image 'b'"),
        ([float("-inf")], r"scores must be finite numbers, got -inf, at image 'b'"),
    ],
)
def test_bad_scores_add_nothing(scores, message):
    metric = score({"a": (PERSON, PERSON, [1.0])}, 3)
    with pytest.raises(InputError, match=message):
        metric.update("b", PERSON, PERSON, scores)
    assert metric.compute().images == 1


def test_bad_images():
    metric = score({"a": (PERSON, PERSON, [1.0])}, 3)
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.update("a", PERSON, PERSON, [1.0])
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.merge(score({"a": (PERSON, PERSON, [1.0])}, 3))
    with pytest.raises(InputError, match=r"must be label ids 0 to 2 or 255, got \[9, 10\], at"):
        metric.update("b", PERSON + 8, PERSON, [1.0])
    metric.update("c", PERSON, PERSON)
    with pytest.raises(InputError, match=r"scores must be given for all images or for none"):
        metric.compute()


def test_bad_settings():
    with pytest.raises(InputError, match=r"reading must be a known name, got 'strikt'\. Did you"):
        LambdaAP(3, readings=["strikt"])
    with pytest.raises(InputError, match=r"readings must be one or more with different names"):
        LambdaAP(3, readings=[])
    with pytest.raises(InputError, match=r"with different names, got \['mhp', 'mhp'\]"):
        LambdaAP(3, readings=["mhp", "mhp"])
    with pytest.raises(
        InputError, match=r"reading must be one of \['strict', 'lit.*got 'all-zero'"
    ):
        LambdaAP(3).curve("all-zero", 0.5)
    with pytest.raises(InputError, match=r"threshold must be one of \[0\.1, 0\.2.*got 0\.55"):
        LambdaAP(3).curve("strict", 0.55)
    with pytest.raises(InputError, match=r"label_ids must be ids 1 to 2, got \[0, 1\]"):
        LambdaAP(3, label_ids=[0, 1])
    with pytest.raises(InputError, match=r"thresholds must be one or more numbers 0 to 1, got \[5"):
        LambdaAP(3, thresholds=[50])
    with pytest.raises(InputError, match=r"integration must be a known way, got 'voc'"):
        LambdaAP(3, integration="voc")
    with pytest.raises(InputError, match=r"merged LambdaAP must have equal settings"):
        LambdaAP(3).merge(LambdaAP(4))
