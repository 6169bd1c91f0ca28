from __future__ import annotations

import json
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import LambdaAP, make_tally
from peopleparse.metrics.failures import FailureCounts
from tests.metrics.scenes import make_scene, make_set, seeds
from tests.oracles.failures_oracle import Account

NUM_IDS = 6


def count(scenes, num_ids=NUM_IDS, **options):
    metric = FailureCounts(num_ids, **options)
    for image_id, (truth, preds, scores) in scenes.items():
        metric.update(image_id, truth, preds, scores)
    return metric


def fates(truth, preds, scores=None, num_ids=3):
    tally = make_tally("a", np.array(truth), np.array(preds), scores, num_ids=num_ids)
    return FailureCounts(num_ids).fates(tally)


# Numbers worked out by hand


def test_bad_parts_and_duplicate():
    # One person of 1 1 1 1, twice predicted: as 2 2 2 2 (mask IoU 1, parts 0), then as it is but
    # with a lower score. Good parts go first: the bad one is the duplicate.
    truth, bad, good = [[1, 1, 1, 1]], [[2, 2, 2, 2]], [[1, 1, 1, 0]]
    assert fates([truth], [bad], [0.9]).truth == ("bad_parts",)
    found = fates([truth], [bad, good], [0.9, 0.8])
    assert found.truth == ("matched",) and found.prediction == ("duplicate", "right")
    assert found.pairs == ((0, 1),)


def test_half_is_no_good_part_but_a_mask():
    # Two of four pixels: mean part IoU .5 is not above .5, mask IoU .5 is enough.
    found = fates([[[1, 1, 1, 1]]], [[[1, 1, 0, 0]]])
    assert found.truth == ("bad_parts",) and found.prediction == ("right",)
    found = fates([[[1, 1, 1, 1, 1]]], [[[1, 1, 0, 0, 0]]])
    assert found.truth == ("missed",) and found.prediction == ("split",)


def test_good_parts_go_by_parts_and_the_rest_by_masks():
    # With A: parts 8/8 and 1/2, mask 9/10. With B: parts 7/8 and 1/1, mask 8/9.
    a, b = [[1] * 8 + [2, 2]], [[0] + [1] * 7 + [2, 0]]
    assert fates([a, b], [[[1] * 8 + [2, 0]]]).truth == ("merged", "matched")
    # All 3 instead: no part is right, and the mask decides.
    assert fates([a, b], [[[3] * 9 + [0]]], num_ids=4).truth == ("bad_parts", "merged")


def test_merged_persons():
    # Three persons of two pixels under one prediction of six: IoU 1/3 with each.
    persons = [[[1, 1, 0, 0, 0, 0, 0]], [[0, 0, 1, 1, 0, 0, 0]], [[0, 0, 0, 0, 1, 1, 0]]]
    found = fates(persons, [[[1, 1, 1, 1, 1, 1, 0]]])
    assert found.truth == ("merged",) * 3 and found.prediction == ("background",)
    # Of four and two pixels: the larger one is found (4/6), the smaller one merged into it.
    found = fates([[[1, 1, 1, 1, 0, 0]], [[0, 0, 0, 0, 1, 1]]], [[[1, 1, 1, 1, 1, 1]]])
    assert found.truth == ("matched", "merged") and found.prediction == ("right",)
    # Covered, but by a prediction that covers nobody else: missed.
    found = fates([[[0, 0, 1, 0, 0, 0]], [[0, 0, 0, 0, 0, 1]]], [[[1, 1, 1, 1, 0, 0]]])
    assert found.truth == ("missed", "missed") and found.prediction == ("background",)


def test_split_person_and_background():
    truth = [[[1, 1, 1, 1, 1, 1, 0, 0]]]
    pieces = [[[1, 1, 0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 1, 1, 0, 0]], [[0, 0, 0, 0, 0, 0, 1, 1]]]
    found = fates(truth, [*pieces, np.zeros((1, 8), int)])
    assert found.truth == ("missed",)
    assert found.prediction == ("split", "split", "background", "background")


def test_parts_and_pixels():
    # Truth 1 1 1 1 2 2 3 3 3, prediction 1 1 1 0 2 3 0 4 4 4: part 1 has IoU 3/4, part 2 1/2,
    # part 3 shares nothing, part 4 is invented. Mean (3/4 + 1/2 + 0 + 0) / 4, mask IoU 7/10.
    truth = np.array([[[1, 1, 1, 1, 2, 2, 3, 3, 3, 0]]])
    pred = np.array([[[1, 1, 1, 0, 2, 3, 0, 4, 4, 4]]])
    metric = FailureCounts(5)
    metric.update("a", truth, pred, [0.5])
    metric.update("b", truth, None)
    metric.update("c", truth * 0, pred)
    found = metric.compute()
    assert found.truth == {"matched": 0, "bad_parts": 1, "missed": 1, "merged": 0}
    assert found.truth_parts == {"matched": 2, "bad": 0, "missed": 1, "lost": 3}
    assert found.predicted_parts == {
        "right": 2,
        "bad": 0,
        "wrong": 2,
        "duplicate": 0,
        "split": 0,
        "background": 4,
    }
    assert found.pixels == {"right": 4, "confused": 3, "missed": 2 + 9}
    assert found.labels[3]["truth"] == {"matched": 0, "bad": 0, "missed": 1, "lost": 1}
    assert found.labels[4]["prediction"]["wrong"] == 1
    assert (found.images, found.missing_images, found.dropped_truth) == (3, 1, 1)
    assert FailureCounts(5, part=0.75).part == 0.75
    strict = FailureCounts(5, part=0.75)
    strict.update("a", truth, pred, [0.5])
    assert strict.compute().truth_parts == {"matched": 1, "bad": 1, "missed": 1, "lost": 0}


def test_ignored_pixels_make_no_wrong_part():
    # The prediction's part 2 lies on ignored pixels only: it is not counted.
    truth, pred = np.array([[[1, 1, 255, 255]]]), np.array([[[1, 1, 2, 2]]])
    metric = count({"a": (truth, pred, [1.0])}, 3)
    assert sum(metric.compute().predicted_parts.values()) == 1
    assert metric.compute().truth["matched"] == 1


def test_fates_are_in_the_order_given():
    truth = np.array([[[0, 0, 1, 1]], [[0, 0, 0, 0]], [[1, 1, 0, 0]]])
    found = fates(truth, truth[[2]])
    assert found.truth == ("missed", "dropped", "matched") and found.pairs == ((2, 0),)


# Against the oracle


def test_equals_oracle_on_200_scenes():
    seen = Counter()
    for seed in range(200):
        truth, preds, scores = make_scene(seed, persons=6)
        account = Account(truth.tolist(), preds.tolist(), scores.tolist(), NUM_IDS)
        metric = count({"a": (truth, preds, scores)})
        found = metric.fates(make_tally("a", truth, preds, scores, num_ids=NUM_IDS))
        assert Counter(found.prediction) == Counter(account.prediction.values())
        assert Counter(found.truth) - Counter(["dropped"] * len(truth)) == Counter(
            account.truth.values()
        )
        if len({p.tobytes() for p in [*truth, *preds]}) == len(truth) + len(preds):
            assert dict(enumerate(found.prediction)) == account.prediction
            assert all(found.truth[t] == fate for t, fate in account.truth.items())
            assert dict(found.pairs) == account.owner
        parts, predicted, area = account.parts()
        result = metric.compute()
        assert Counter(result.pixels) == area
        for label, table in result.labels.items():
            for fate, number in table["truth"].items():
                assert number == parts[label, fate]
            for fate, number in table["prediction"].items():
                assert number == predicted[label, fate]
        seen += Counter(found.truth) + Counter(found.prediction)
    assert len(seen) == 9 and min(seen.values()) >= 5, seen


# Properties


@given(seeds)
def test_sums_are_totals(seed):
    scenes = make_set(seed)
    result = count(scenes).compute()
    visible = [((t > 0) & (t < 255)).any() for s in scenes.values() for t in s.truth]
    assert sum(result.truth.values()) == result.truth_persons == sum(visible)
    assert result.dropped_truth == len(visible) - sum(visible)
    total = sum(len(scene.preds) for scene in scenes.values())
    assert sum(result.prediction.values()) == result.predictions == total
    assert result.prediction["right"] == result.truth["matched"] + result.truth["bad_parts"]
    assert result.truth_parts["matched"] == result.predicted_parts["right"]
    assert result.truth_parts["bad"] == result.predicted_parts["bad"]
    labels = [np.unique(t) for s in scenes.values() for t in s.truth]
    wanted = sum(int(((ids > 0) & (ids < 255)).sum()) for ids in labels)
    assert sum(result.truth_parts.values()) == wanted
    area = sum(int(((s.truth > 0) & (s.truth < 255)).sum()) for s in scenes.values())
    assert sum(result.pixels.values()) == area
    for fates_of, whole in (("truth", "truth_parts"), ("prediction", "predicted_parts")):
        for fate, number in getattr(result, whole).items():
            assert number == sum(table[fates_of][fate] for table in result.labels.values())


@given(seeds)
def test_everyone_right_in_ap_is_matched(seed):
    # A truth person that AP^.5 finds is found here; here a prediction has a second choice, too.
    scenes = make_set(seed)
    metric = LambdaAP(NUM_IDS, readings=["strict"], thresholds=[0.5])
    for image_id, scene in scenes.items():
        metric.update(image_id, *scene)
    matched = metric.compute().readings["strict"].matched[0]
    assert count(scenes).compute().truth["matched"] >= matched


@given(seeds, st.randoms(use_true_random=False))
def test_order_shards_and_person_numbers_do_not_matter(seed, random):
    scenes = make_set(seed)
    shards = [FailureCounts(NUM_IDS), FailureCounts(NUM_IDS)]
    names = list(scenes)
    random.shuffle(names)
    for name in names:
        truth, preds, scores = scenes[name]
        rows = np.array(random.sample(range(len(truth)), len(truth)), int)
        columns = np.array(random.sample(range(len(preds)), len(preds)), int)
        random.choice(shards).update(name, truth[rows], preds[columns], scores[columns])
    shards[1].merge(pickle.loads(pickle.dumps(shards[0])))
    found = shards[1].compute().to_dict()
    assert found == count(scenes).compute().to_dict()
    assert json.loads(json.dumps(found))["definition"] == "failures/1"


@given(seeds)
def test_perfect_and_doubled(seed):
    truth = make_scene(seed).truth % 255
    # Persons on the same pixels may take each other's prediction; nobody is lost by that.
    preds = truth[(truth > 0).any(axis=(1, 2))]
    result = count({"a": (truth, preds, np.ones(len(preds)))}).compute()
    assert result.prediction["right"] == len(preds) == result.truth["matched"]
    twice = np.concatenate([preds, preds])
    scores = np.repeat([1.0, 0.5], len(preds))
    doubled = count({"a": (truth, twice, scores)}).compute()
    assert doubled.prediction["duplicate"] == len(preds) and doubled.truth == result.truth


# Bad input


def test_nobody():
    empty = np.zeros((0, 2, 2), np.uint8)
    result = count({"a": (empty, empty, [])}).compute()
    assert result.truth_persons == result.predictions == 0
    assert sum(FailureCounts(3).compute().pixels.values()) == 0


def test_bad_images_and_settings():
    person = np.array([[[1, 2]]])
    metric = count({"a": (person, person, [1.0])}, 3)
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.update("a", person, person, [1.0])
    with pytest.raises(InputError, match=r"image_id must be new, got 'a' a second time"):
        metric.merge(metric)
    with pytest.raises(InputError, match=r"merged FailureCounts must have equal settings"):
        metric.merge(FailureCounts(3, good=0.4))
    with pytest.raises(InputError, match=r"overlap must count 3 label ids, got 4, at image 'b'"):
        metric.add(make_tally("b", person, person, num_ids=4))
    with pytest.raises(InputError, match=r"scores of persons must have persons on both sides"):
        metric.add(make_tally("b", None, None, truth_parsing=person[0], num_ids=3))
    with pytest.raises(InputError, match=r"label_ids must be ids 1 to 2, got \[3\]"):
        FailureCounts(3, label_ids=[3])
    with pytest.raises(InputError, match=r"thresholds must be one or more numbers 0 to 1"):
        FailureCounts(3, person=50)
    assert metric.compute().images == 1
