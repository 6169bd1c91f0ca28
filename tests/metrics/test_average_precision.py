from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import average_precision
from peopleparse.metrics.average_precision import legacy_average_precision, sample_curve
from tests.oracles import metrics_oracle as oracle

ranked = st.lists(st.booleans(), max_size=25)


def test_hand_made_curves():
    # right, wrong, right, wrong, right of 4 truth: precision at the hits 1, 2/3, 3/5
    hits = np.array([True, False, True, False, True])
    assert average_precision(hits, 4) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4, abs=1e-15)
    # A late run of hits lifts the precision before it: 0, 1/2, 2/3, 3/4 is 3/4 at every hit.
    assert average_precision(np.array([False, True, True, True]), 3) == 3 / 4
    # 101 recalls: 0 to .25 (26) at 1, .26 to .5 (25) at 2/3, .51 to .75 (25) at 3/5, 25 at 0
    wanted = (26 + 25 * 2 / 3 + 25 * 3 / 5) / 101
    assert average_precision(hits, 4, "coco-101") == pytest.approx(wanted, abs=1e-15)


def test_absent():
    none = np.zeros(0, bool)
    assert math.isnan(average_precision(none, 0)) and math.isnan(average_precision(~none, 0))
    assert average_precision(none, 3) == 0.0
    assert average_precision(none, 3, "coco-101", scores=np.zeros(0)) == 0.0


@given(ranked, st.integers(0, 10))
def test_equals_oracle(hits, missed):
    num_truth = sum(hits) + missed
    if num_truth:
        array = np.array(hits, bool)
        found = average_precision(array, num_truth)
        assert found == pytest.approx(float(oracle.all_point_ap(hits, num_truth)), abs=1e-14)
        found = average_precision(array, num_truth, "coco-101")
        assert found == pytest.approx(float(oracle.coco_ap(hits, num_truth)), abs=1e-14)


@given(ranked, st.integers(1, 10))
def test_equal_scores_make_one_point(hits, missed):
    # All scores equal: one point, AP is precision times recall in whatever order.
    num_truth = sum(hits) + missed
    found = average_precision(np.array(hits, bool), num_truth, scores=np.ones(len(hits)))
    wanted = sum(hits) / max(len(hits), 1) * sum(hits) / num_truth
    assert found == pytest.approx(wanted, abs=1e-15)


@given(ranked, st.integers(1, 10))
def test_different_scores_change_nothing(hits, missed):
    array, num_truth = np.array(hits, bool), sum(hits) + missed
    falling = np.arange(len(hits))[::-1].astype(float)
    assert average_precision(array, num_truth, scores=falling) == average_precision(
        array, num_truth
    )


@given(ranked, st.integers(0, 10))
def test_equals_the_definition_to_the_last_bit(hits, missed):
    num_truth, array = sum(hits) + missed, np.array(hits, bool)
    for way in ("all-point", "coco-101") if num_truth else ():
        for one_point in (False, True):
            found = average_precision(
                array, num_truth, way, np.ones(len(hits)) if one_point else None
            )
            assert found - oracle.area_as_defined(hits, num_truth, way, one_point) == 0.0


@given(ranked, st.integers(0, 10))
def test_legacy_area_differs_in_the_last_bits_only(hits, missed):
    num_truth, array = sum(hits) + missed, np.array(hits, bool)
    found, right = legacy_average_precision(array, num_truth), average_precision(array, num_truth)
    assert found == pytest.approx(right, abs=1e-14, nan_ok=True)


def test_sampled_curve_keeps_its_ends():
    hits = np.random.default_rng(0).random(5000) < 0.4
    recall, precision = sample_curve(hits, 3000)
    assert len(recall) == len(precision) == 200
    assert recall[0] == hits[0] / 3000 and recall[-1] == hits.sum() / 3000
    assert precision[0] == hits[0] and precision[-1] == hits.sum() / 5000
    assert len(sample_curve(hits[:7], 9)[0]) == 7
    assert [len(v) for v in sample_curve(hits[:0], 9)] == [0, 0]
    assert [len(v) for v in sample_curve(hits, 0)] == [0, 0]


def test_bad_integration():
    with pytest.raises(InputError, match=r"integration must be a known way, got 'coco'\. Did you"):
        average_precision(np.ones(1, bool), 1, "coco")
