from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from peopleparse.errors import InputError
from peopleparse.metrics import ConfusionMatrix
from tests.oracles import metrics_oracle as oracle

NUM_IDS = 4
SHAPE = (3, 5)
pairs = st.lists(
    st.tuples(
        arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, 255])),
        arrays(np.uint8, SHAPE, elements=st.integers(0, NUM_IDS - 1)),
    ),
    min_size=1,
    max_size=4,
)


def score(images):
    matrix = ConfusionMatrix(NUM_IDS)
    for truth, prediction in images:
        matrix.update(truth, prediction)
    return matrix


def test_hand_made_scores():
    # truth      0 0 0 1 1 2   counts: (0,0) 2, (0,1) 1, (1,1) 2, (2,0) 1; class 3 is nowhere
    # prediction 0 0 1 1 1 0
    matrix = ConfusionMatrix(4)
    matrix.update([[0, 0, 0, 1, 1, 2]], [[0, 0, 1, 1, 1, 0]])
    scores = matrix.compute()
    assert scores.overall_accuracy == 4 / 6
    assert scores.accuracy[:3] == (2 / 3, 1.0, 0.0) and math.isnan(scores.accuracy[3])
    # IoU: class 0 2 / (3 + 3 - 2), class 1 2 / (2 + 3 - 2), class 2 0 / 1
    assert scores.iou[:3] == (2 / 4, 2 / 3, 0.0) and math.isnan(scores.iou[3])
    assert scores.mean_iou == pytest.approx((1 / 2 + 2 / 3 + 0) / 3, abs=1e-15)
    # 3/6 of the pixels weigh 1/2, 2/6 weigh 2/3, 1/6 weighs 0
    assert scores.frequency_weighted_iou == pytest.approx(1 / 4 + 2 / 9, abs=1e-15)
    assert matrix.compute("zero").mean_iou == pytest.approx((1 / 2 + 2 / 3) / 4, abs=1e-15)
    assert matrix.compute("one").mean_iou == pytest.approx((1 / 2 + 2 / 3 + 1) / 4, abs=1e-15)


def test_class_only_predicted_counts_zero():
    matrix = ConfusionMatrix(3)
    matrix.update([[0, 0]], [[0, 2]])
    assert matrix.compute().iou[2] == 0.0
    assert matrix.compute("one").mean_iou == (1 / 2 + 1 + 0) / 3


@pytest.mark.parametrize("absent", ["skip", "zero", "one"])
def test_nothing_counted_is_nan(absent):
    matrix = ConfusionMatrix(3)
    matrix.update([[255, 255]], [[0, 1]])
    scores = matrix.compute(absent)
    assert scores.pixels == 0
    assert math.isnan(scores.mean_iou) and math.isnan(scores.overall_accuracy)
    assert math.isnan(scores.frequency_weighted_iou) and math.isnan(scores.mean_accuracy)
    assert json.loads(json.dumps(scores.to_dict(), allow_nan=False))["mean_iou"] is None


@given(pairs, st.sampled_from(["skip", "zero", "one"]))
def test_equals_oracle(images, absent):
    expected = oracle.confusion([(t.tolist(), p.tolist()) for t, p in images], NUM_IDS)
    matrix = score(images)
    assert matrix.value().tolist() == expected
    wanted = oracle.pixel_scores(expected, absent)
    scores = matrix.compute(absent)
    found = {
        "overall": scores.overall_accuracy,
        "accuracy": scores.mean_accuracy,
        "iou": scores.mean_iou,
        "weighted": scores.frequency_weighted_iou,
    }
    for name, value in wanted.items():
        if value is None:
            assert math.isnan(found[name])
        else:
            assert found[name] == pytest.approx(float(value), abs=1e-14)


@given(pairs, st.randoms(use_true_random=False))
def test_order_batch_and_shards_do_not_matter(images, random):
    whole = score(images).value()
    shuffled = list(images)
    random.shuffle(shuffled)
    cut = random.randint(0, len(images))
    first, second = score(shuffled[:cut]), score(shuffled[cut:])
    first.merge(second)
    batch = ConfusionMatrix(NUM_IDS)
    batch.update(np.stack([t for t, _ in images]), np.stack([p for _, p in images]))
    assert (first.value() == whole).all() and (batch.value() == whole).all()


def test_more_pixels_than_one_chunk(rng):
    truth, prediction = rng.integers(0, 59, (2, 700, 400))
    matrix = ConfusionMatrix(59)
    matrix.update(truth, prediction)
    expected = np.zeros((59, 59), np.int64)
    np.add.at(expected, (truth, prediction), 1)
    assert (matrix.value() == expected).all()


@pytest.mark.parametrize("smooth", [False, True])
def test_flat_and_noisy_maps_of_any_layout(smooth, rng):
    truth, prediction = rng.integers(0, 20, (2, 21, 33))
    if smooth:
        truth, prediction = (np.repeat(part, 19, axis=1)[:, :301] for part in (truth, prediction))
    truth[truth == 19] = 255
    expected = np.zeros((256, 20), np.int64)
    np.add.at(expected, (truth, prediction), 1)
    for turn in (lambda part: part, lambda part: part[::-1, ::-2], lambda part: part.T):
        matrix = ConfusionMatrix(20)
        matrix.update(turn(truth).astype(np.uint8), turn(prediction))
        found = matrix.value()
        if turn(truth).size == truth.size:
            assert (found == expected[:20]).all()
        assert found.sum() == (turn(truth) < 20).sum()


def test_perfect_is_one(rng):
    truth = rng.integers(0, 5, (9, 9))
    matrix = ConfusionMatrix(5)
    matrix.update(truth, truth)
    scores = matrix.compute()
    assert scores.mean_iou == scores.frequency_weighted_iou == scores.mean_accuracy == 1.0


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        ([[0, 1]], [[0]], r"prediction must have the truth's shape \(1, 2\), got \(1, 1\), at a.p"),
        ([[0, 7]], [[0, 0]], r"truth must be label ids 0 to 3 or 255, got \[7\], at a.png"),
        ([[0, 0]], [[0, 9]], r"prediction must be label ids 0 to 3, got \[9\], at a.png"),
        ([[0, 0]], [[0, 255]], r"prediction must be label ids 0 to 3, got \[255\]"),
        ([[0, -1]], [[0, 0]], r"truth must be ids 0 to 255, got -1 to 0, at a.png"),
        ([[0, 300]], [[0, 0]], r"truth must be ids 0 to 255, got 0 to 300"),
        ([[0.0, 1.0]], [[0, 0]], r"truth must be integer label ids, got float64, at a.png"),
    ],
)
def test_bad_input_adds_nothing(truth, prediction, message):
    matrix = ConfusionMatrix(4)
    with pytest.raises(InputError, match=message):
        matrix.update(truth, prediction, where="a.png")
    assert not matrix.value().any()


def test_bad_settings():
    with pytest.raises(InputError, match=r"num_ids must be 2 to 255, got 1\."):
        ConfusionMatrix(1)
    with pytest.raises(InputError, match=r"ignore_id must be 20 to 255, got 0\."):
        ConfusionMatrix(20, ignore_id=0)
    with pytest.raises(InputError, match=r"must have num_ids, ignore_id and label_ids \(4, 255"):
        ConfusionMatrix(4).merge(ConfusionMatrix(5))
    with pytest.raises(InputError, match=r"absent must be a known rule, got 'zeros'\. Did you"):
        ConfusionMatrix(4).compute("zeros")
    with pytest.raises(InputError, match=r"label_ids must be ids 0 to 3, got \[4\]\. Background"):
        ConfusionMatrix(4, label_ids=[4])


def test_an_unused_label_is_wrong_and_no_class():
    matrix = ConfusionMatrix(4, label_ids=(0, 1, 2))
    matrix.update([[0, 1, 1, 2]], [[0, 1, 3, 2]])
    scores = matrix.compute()
    assert scores.iou[:3] == (1.0, 0.5, 1.0) and np.isnan(scores.iou[3])
    assert scores.mean_iou == 2.5 / 3 and scores.overall_accuracy == 0.75
    assert np.isnan(matrix.compute("zero").iou[3])
