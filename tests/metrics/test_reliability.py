"""Reliability: scores against how often they are right."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics.reliability import measure_reliability

PREDICTIONS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def slow_error(pairs, bins: int) -> float:
    """Sum over bins, one prediction at a time."""
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [
            (score, right)
            for score, right in pairs
            if int(score * bins) == number or (number == bins - 1 and score == 1)
        ]
        assert all(low - 1e-12 <= score <= high + 1e-12 for score, _ in inside)
        if inside:
            total += abs(sum(score for score, _ in inside) - sum(right for _, right in inside))
    return total / len(pairs)


@given(PREDICTIONS, st.integers(1, 12))
def test_the_error_is_that_of_the_slow_sum(pairs, bins):
    found = measure_reliability(*zip(*pairs, strict=True), bins)
    assert found.expected_error == pytest.approx(slow_error(pairs, bins), abs=1e-12)
    assert sum(b.count for b in found.bins) == len(pairs) and len(found.bins) == bins
    assert 0 <= found.brier <= 1


def test_scores_that_are_probabilities_have_no_error():
    rng = np.random.default_rng(0)
    scores = rng.random(200_000)
    found = measure_reliability(scores, rng.random(len(scores)) < scores)
    assert found.expected_error < 0.01 and found.brier == pytest.approx(1 / 6, abs=0.01)


def test_nothing_predicted():
    found = measure_reliability([], [])
    assert json.loads(json.dumps(found.to_dict()))["expected_error"] is None
    assert [b.count for b in found.bins] == [0] * 10


@pytest.mark.parametrize(
    ("scores", "right", "message"),
    [
        ([0.5, 0.4], [True], r"scores and right must be \(N,\) each, got \(2,\) and \(1,\)"),
        ([[0.5]], [[True]], r"must be \(N,\) each, got \(1, 1\)"),
        ([0.5, 1.5], [True, False], "scores must be from 0 to 1, got 0.5 to 1.5"),
        ([float("nan")], [True], "scores must be from 0 to 1, got nan"),
    ],
)
def test_what_is_no_list_of_probabilities(scores, right, message):
    with pytest.raises(InputError, match=message):
        measure_reliability(scores, right)
