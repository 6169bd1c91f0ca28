from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given

from peopleparse.metrics.matching import best_prediction, best_truth, first_hits, match_free, rank
from tests.metrics.scenes import seeds
from tests.oracles import metrics_oracle as oracle


def test_rank_is_stable():
    assert rank(np.array([0.1, 0.5, 0.1, 0.5])).tolist() == [1, 3, 0, 2]


def test_best_truth_takes_the_first_of_equals():
    # .1 + .2 and .3 are equal but for their last bits.
    index, value = best_truth(np.array([[0.3, 0.4], [0.1 + 0.2, 0.5]]))
    assert index.tolist() == [0, 1] and value.tolist() == [0.3, 0.5]
    index, value = best_truth(np.zeros((0, 2)))
    assert index.tolist() == [-1, -1] and value.tolist() == [-1.0, -1.0]


def test_best_truth_to_the_last_bit():
    assert best_truth(np.array([[0.3], [0.1 + 0.2]]), decimals=None)[0].tolist() == [1]


def test_best_prediction_ties():
    # Equal similarity: the higher score, then the first. .1 + .2 and .3 are equal.
    equal = np.array([[0.3, 0.1 + 0.2, 0.3]])
    assert best_prediction(equal, np.array([0.5, 0.9, 0.9]))[0].tolist() == [-1, 0, -1]
    assert best_prediction(equal, np.ones(3))[0].tolist() == [0, -1, -1]
    # Two truth persons look for one prediction with the same similarity: it serves the first.
    index, value = best_prediction(np.array([[0.4], [0.4]]), np.ones(1))
    assert index.tolist() == [0] and value.tolist() == [0.4]


def test_best_prediction_of_nobody():
    for shape in [(0, 2), (2, 0)]:
        index, value = best_prediction(np.zeros(shape), np.ones(shape[1]))
        assert index.tolist() == [-1] * shape[1] and value.tolist() == [-1.0] * shape[1]


def test_first_hits_one_a_truth():
    best, above = np.array([3, 3, 5, 3, 5]), np.array([False, True, True, True, True])
    assert first_hits(best, above).tolist() == [False, True, True, False, False]
    assert first_hits(best[:0], above[:0]).tolist() == []


def test_match_free_takes_second_choice():
    # Both predictions like truth 0 best; the second one gets truth 1 at .5 but not at .7.
    iou = np.array([[0.9, 0.8], [0.0, 0.6]])
    found = match_free(iou, np.array([0.5, 0.7]), np.zeros(2, bool))
    assert found.tolist() == [[0, 1], [0, -1]]


def test_match_free_reaches_the_threshold_exactly():
    found = match_free(np.array([[0.5, 1.0]]), np.array([0.5, 1.0]), np.zeros(1, bool))
    assert found.tolist() == [[0, -1], [-1, 0]]


def test_match_free_crowd_is_last_choice_and_never_used_up():
    iou = np.array([[0.9, 0.9, 0.9], [0.8, 0.8, 0.2]])
    found = match_free(iou, np.array([0.5]), np.array([True, False]))
    assert found.tolist() == [[1, 0, 0]]


@given(seeds)
def test_match_free_equals_oracle(seed):
    rng = np.random.default_rng(seed)
    num_truth, num_pred = rng.integers(0, 6, 2)
    tenths = rng.integers(0, 11, (num_truth, num_pred))
    exact = [[Fraction(int(v), 10) for v in row] for row in tenths]
    found = match_free(tenths / 10, np.arange(1, 10) / 10, np.zeros(num_truth, bool))
    for k, matches in enumerate(found, 1):
        wanted = oracle.greedy_recall(exact, list(range(num_pred)), Fraction(k, 10))
        taken = matches[matches >= 0].tolist()
        assert len(taken) == len(set(taken)) == wanted
