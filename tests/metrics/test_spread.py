from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given

from peopleparse.errors import InputError
from peopleparse.metrics import READINGS, ConfusionMatrix, LambdaAP
from peopleparse.metrics.spread import make_spread, spread_of_pixels, spread_of_readings
from tests.metrics.scenes import make_set, seeds


def test_equal_in_one_reading_is_no_change():
    # Truth: parts 1 and 2. "a" finds part 1 only: IoU 1 and 0, strict 1/2. "b" finds half of each
    # and invents part 3: 1/2, 1/2 and 0, strict 1/3. In truth-present both have 1/2.
    truth = np.array([[[1, 1, 2, 2, 0, 0]]])
    found = {"a": [[[1, 1, 0, 0, 0, 0]]], "b": [[[1, 0, 2, 0, 3, 0]]]}
    metrics = {name: LambdaAP(10, readings=READINGS) for name in found}
    for name, preds in found.items():
        metrics[name].update("photo", truth, preds, [0.9])
    spread = spread_of_readings(metrics)
    values = {reading.name: reading.values for reading in spread.readings}
    assert list(values) == list(READINGS)
    # Above .1 to .4, and above .1 to .3.
    assert values["strict"] == {"a": pytest.approx(4 / 9), "b": pytest.approx(3 / 9)}
    assert values["truth-present"]["a"] == values["truth-present"]["b"]
    assert not spread.ranking_changes and spread.flips == ()
    (pair,) = spread.pairs
    assert (pair.first, pair.second) == ("a", "b") and not pair.second_ahead
    assert "strict" in pair.first_ahead and "truth-present" in pair.equal
    assert spread.range["a"] == max(v["a"] for v in values.values()) - min(
        v["a"] for v in values.values()
    )


def test_ranking_changes_with_the_reading():
    # Nine parts, the truth has part 1 on four pixels. "a" finds two of them: 1/2 in strict, 17/18
    # in literal. "b" finds three of them and two invented parts: 1/4 in strict, .75 in
    # truth-present, where "a" is behind.
    truth = np.array([[[1, 1, 1, 1, 0, 0]]])
    found = {"a": [[[1, 1, 0, 0, 0, 0]]], "b": [[[1, 1, 1, 0, 2, 3]]]}
    metrics = {name: LambdaAP(10, readings=READINGS) for name in found}
    for name, preds in found.items():
        metrics[name].update("photo", truth, preds, [0.9])
    spread = spread_of_readings(metrics)
    (flip,) = spread.flips
    assert spread.ranking_changes and "strict" in flip.first_ahead
    assert "truth-present" in flip.second_ahead
    plain = json.loads(json.dumps(spread.to_dict(), allow_nan=False))
    assert plain["definition"] == "spread/1" and plain["ranking_changes"] is True
    assert plain["readings"][0]["name"] == "strict"
    assert plain["readings"][0]["values"]["b"] == pytest.approx(2 / 9)
    assert plain["flips"][0]["second_ahead"] == list(flip.second_ahead)


def test_ties_and_nan_are_no_change():
    values = {
        "one": {"a": 0.1 + 0.2, "b": 0.3, "c": math.nan},
        "two": {"a": 0.5, "b": 0.4, "c": 0.9},
        "three": {"a": 0.6, "b": 0.5, "c": 0.1},
    }
    spread = make_spread("ap", values)
    pairs = {(pair.first, pair.second): pair for pair in spread.pairs}
    assert pairs["a", "b"].equal == ("one",) and pairs["a", "b"].first_ahead == ("two", "three")
    assert [(p.first, p.second) for p in spread.flips] == [("a", "c"), ("b", "c")]
    assert pairs["a", "c"].first_ahead == ("three",) and pairs["a", "c"].second_ahead == ("two",)
    assert spread.range == {"a": 0.6 - (0.1 + 0.2), "b": 0.5 - 0.3, "c": 0.9 - 0.1}
    assert spread.to_dict()["readings"][0]["values"]["c"] is None


def test_one_system_and_nothing_scored():
    spread = make_spread("ap", {"strict": {"a": math.nan}}, {"strict": "the best reading"})
    assert math.isnan(spread.range["a"]) and spread.to_dict()["range"] == {"a": None}
    assert spread.pairs == () and not spread.ranking_changes
    assert spread.readings[0].description == "the best reading"


def test_pixels():
    # Three classes: background 3 of 4, class 1 2 of 3 (one taken for background), class 2 absent.
    matrix = ConfusionMatrix(3)
    matrix.update([[0, 0, 0, 1, 1, 1]], [[0, 0, 0, 0, 1, 1]])
    spread = spread_of_pixels({"a": matrix})
    values = {reading.name: reading.values["a"] for reading in spread.readings}
    b, p = 3 / 4, 2 / 3
    assert values == pytest.approx(
        {
            "skip": (b + p) / 2,
            "skip-no-background": p,
            "zero": (b + p) / 3,
            "zero-no-background": p / 2,
            "one": (b + p + 1) / 3,
            "one-no-background": (p + 1) / 2,
        },
        abs=1e-15,
    )
    assert spread.metric == "mean_iou" and spread.readings[2].description.endswith("counts 0")


def test_pixels_of_nothing():
    spread = spread_of_pixels({"a": ConfusionMatrix(3), "b": ConfusionMatrix(3)})
    assert math.isnan(spread.range["a"]) and spread.pairs[0].equal == ()


@given(seeds)
def test_a_system_against_itself_is_equal_everywhere(seed):
    metrics = {}
    for name in ("a", "b"):
        metrics[name] = LambdaAP(6, readings=READINGS)
        for image_id, scene in make_set(seed, images=2).items():
            metrics[name].update(image_id, *scene)
    spread = spread_of_readings(metrics)
    (pair,) = spread.pairs
    assert not spread.ranking_changes and not pair.first_ahead and not pair.second_ahead
    assert plain_range(spread) == plain_range(spread, "b")


def plain_range(spread, system="a"):
    return spread.to_dict()["range"][system]


def test_bad_input():
    with pytest.raises(InputError, match=r"metrics must be one LambdaAP a system .* got 0 diff"):
        spread_of_readings({})
    with pytest.raises(InputError, match=r"got 2 different settings of 2 systems"):
        spread_of_readings({"a": LambdaAP(3), "b": LambdaAP(4)})
    with pytest.raises(InputError, match=r"matrices must be one ConfusionMatrix .* got \[3, 4\]"):
        spread_of_pixels({"a": ConfusionMatrix(3), "b": ConfusionMatrix(4)})
    with pytest.raises(InputError, match=r"values must be one number for every system"):
        make_spread("ap", {"strict": {"a": 1.0}, "mhp": {"b": 1.0}})
    with pytest.raises(InputError, match=r"in every reading, got \{\}"):
        make_spread("ap", {})
