"""Scores by group: groups partition both sides, and each is a set by itself."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import ConfusionMatrix, LambdaAP, PersonAP, make_tally
from peopleparse.metrics.factors import (
    PersonFactor,
    label_factors,
    person_count_factor,
    person_factors,
    person_label_factors,
    subset_factor,
)
from peopleparse.metrics.groups import Groups, score_groups, split_tally
from tests.metrics.scenes import make_set, seeds

NUM_IDS = 6
NAMES = ["", "hair", "face", "upper", "legs", "shoes"]
SUBSETS = {f"image{n}": "odd" if n % 2 else "even" for n in range(9)}
IMAGE_FACTORS = (subset_factor(SUBSETS), person_count_factor(), *label_factors(NAMES))
PERSON_FACTORS = (*person_factors(), *person_label_factors(NAMES))


def make_metrics():
    return {"pixels": ConfusionMatrix(NUM_IDS), "ap_lambda": LambdaAP(NUM_IDS)}


def make_tallies(seed, images=5):
    scenes = make_set(seed, images)
    return [make_tally(i, *scene, num_ids=NUM_IDS) for i, scene in scenes.items()]


def first_label(people):
    """A factor by hand: the lowest label of each person."""
    return [str(row[1:].argmax() + 1) if row[1:].any() else "none" for row in people.areas > 0]


BY_LABEL = PersonFactor("label", ("none", "1", "2", "3"), first_label)


def test_prediction_goes_with_its_truth_person():
    truth = [[[1, 1, 1, 0, 0, 0, 0]], [[0, 0, 0, 2, 2, 0, 0]]]
    preds = [
        [[3, 3, 0, 0, 0, 0, 0]],  # on the first, whatever it looks like
        [[0, 0, 1, 1, 1, 0, 0]],  # IoU 1/5 with the first, 2/3 with the second
        [[0, 0, 0, 0, 0, 0, 3]],  # on nobody: its own label says
        [[0, 0, 0, 0, 0, 1, 0]],
    ]
    tally = make_tally("a", truth, preds, [0.1, 0.2, 0.3, 0.4], num_ids=4)
    parts = split_tally(tally, BY_LABEL)
    assert list(parts) == ["1", "2", "3"]
    counts = {name: (p.overlap.num_truth, p.scores.tolist()) for name, p in parts.items()}
    assert counts == {"1": (1, [0.1, 0.4]), "2": (1, [0.2]), "3": (0, [0.3])}
    assert parts["2"].pred_boxes.tolist() == [[2, 0, 5, 1]] and parts["2"].pred_order.tolist() == [
        1
    ]
    assert parts["2"].truth_boxes.tolist() == [[3, 0, 5, 1]]
    assert parts["2"].overlap.foreground.tolist() == [[2]]


def test_equal_overlap_goes_to_the_left():
    tally = make_tally("a", [[[1, 0]], [[0, 2]]], [[[3, 3]]], num_ids=4)
    assert split_tally(tally, BY_LABEL)["1"].overlap.num_pred == 1


@given(seeds, st.sampled_from([*PERSON_FACTORS, BY_LABEL]))
def test_person_groups_partition_both_sides(seed, factor):
    for tally in make_tallies(seed, 2):
        parts = split_tally(tally, factor)
        for side in ("truth_order", "pred_order"):
            together = [n for part in parts.values() for n in getattr(part, side).tolist()]
            assert sorted(together) == sorted(getattr(tally, side).tolist())
        areas = sum(part.overlap.truth_areas.sum(0) for part in parts.values())
        assert np.array_equal(areas + np.zeros(NUM_IDS), tally.overlap.truth_areas.sum(0))
        scores = sorted(s for part in parts.values() for s in part.scores.tolist())
        assert scores == sorted(tally.scores.tolist())
        assert all(len(p.truth_boxes) + len(p.pred_boxes) for p in parts.values())


@given(seeds, st.sampled_from(IMAGE_FACTORS))
def test_image_groups_keep_the_tally_whole(seed, factor):
    for tally in make_tallies(seed, 2):
        assert list(split_tally(tally, factor).values()) == [tally]


@settings(max_examples=30)
@given(seeds)
def test_counts_of_groups_sum_to_those_of_the_set(seed):
    tallies = make_tallies(seed)
    whole = LambdaAP(NUM_IDS)
    for tally in tallies:
        whole.add(tally)
    expected = whole.compute()
    for factors in (IMAGE_FACTORS, PERSON_FACTORS):
        for name, groups in score_groups(tallies, factors, make_metrics).items():
            found = groups.values()
            assert sum(g.persons for g in found) == expected.truth_persons, name
            assert sum(g.predictions for g in found) == expected.predictions
            lambdas = [g.scores["ap_lambda"] for g in found]
            assert sum(s.truth_persons for s in lambdas) == expected.truth_persons
            assert sum(s.dropped_truth for s in lambdas) == expected.dropped_truth
            if factors is IMAGE_FACTORS:
                assert sum(g.images for g in found) == len(tallies)
                # Matching is a matter of one image: right predictions sum up as well.
                for reading in expected.readings.values():
                    matched = [s.readings[reading.name].matched for s in lambdas]
                    assert tuple(map(sum, zip(*matched, strict=True))) == reading.matched
                pixels = [g.scores["pixels"].pixels for g in found]
                assert sum(pixels) == sum(int(t.confusion.sum()) for t in tallies)
            else:
                assert all("pixels" not in g.scores for g in found)


@settings(max_examples=30)
@given(seeds)
def test_a_group_of_images_is_a_set_by_itself(seed):
    tallies = make_tallies(seed)
    found = score_groups(tallies, IMAGE_FACTORS[:1], make_metrics)["subset"]
    for name, group in found.items():
        metric = LambdaAP(NUM_IDS)
        mine = [tally for tally in tallies if SUBSETS[tally.image_id] == name]
        for tally in mine:
            metric.add(tally)
        assert group.to_dict()["scores"]["ap_lambda"] == metric.compute().to_dict()
        assert group.images == len(mine)


def as_text(groups):
    return repr({f: {g: s.to_dict() for g, s in found.items()} for f, found in groups.items()})


@pytest.mark.parametrize("factors", [IMAGE_FACTORS, PERSON_FACTORS])
@settings(max_examples=20)
@given(seeds, st.permutations(range(5)), st.integers(0, 5))
def test_order_and_shards_do_not_matter(factors, seed, order, cut):
    tallies = make_tallies(seed)
    expected = as_text(score_groups(iter(tallies), factors, make_metrics))
    turned = [tallies[n] for n in order]
    assert as_text(score_groups(turned, factors, make_metrics)) == expected
    shards = []
    for part in (turned[:cut], turned[cut:]):
        shards.append(Groups(factors, make_metrics))
        for tally in part:
            shards[-1].add(tally)
    shards[0].merge(shards[1])
    assert as_text(shards[0].compute()) == expected


def test_one_group_of_everybody_is_the_set():
    everybody = PersonFactor("all", ("all",), lambda people: ["all"] * len(people.areas))
    tallies = make_tallies(3)
    metrics = {"ap_lambda": LambdaAP(NUM_IDS), "person_box": PersonAP("box")}
    for metric in metrics.values():
        for tally in tallies:
            metric.add(tally)
    makers = {"ap_lambda": partial(LambdaAP, NUM_IDS), "person_box": partial(PersonAP, "box")}
    found = score_groups(tallies, [everybody], lambda: {k: make() for k, make in makers.items()})
    for name, metric in metrics.items():
        same = found["all"]["all"].to_dict()["scores"][name]
        # Images without anybody are in no group.
        empty = sum(not len(t.truth_boxes) + len(t.pred_boxes) for t in tallies)
        assert {**same, "images": same["images"] + empty} == metric.compute().to_dict()


def test_groups_are_listed_in_their_order():
    truth = np.ones((11, 1, 1), np.uint8)
    tallies = [make_tally(f"image{n}", truth[:n], None, num_ids=2) for n in (11, 0, 2, 6)]
    found = score_groups(tallies, [person_count_factor()], lambda: {})["person count"]
    assert list(found) == ["0", "2", "6-10", "11+"]
    assert [group.persons for group in found.values()] == [0, 2, 6, 11]
    assert found["2"].to_dict() == {"images": 1, "persons": 2, "predictions": 0, "scores": {}}


def test_label_maps_only():
    tally = make_tally("image0", None, None, num_ids=NUM_IDS, truth_parsing=[[1]], parsing=[[1]])
    found = score_groups([tally], IMAGE_FACTORS[:1], lambda: {"pixels": ConfusionMatrix(NUM_IDS)})
    group = found["subset"]["even"]
    assert (group.images, group.persons, group.predictions) == (1, 0, 0)
    assert group.scores["pixels"].overall_accuracy == 1.0
    with pytest.raises(InputError, match="must have persons on both sides, got label maps only"):
        split_tally(tally, PERSON_FACTORS[0])


def test_bad_input():
    tally = make_tally("image0", [[[1]]], [[[1]]], num_ids=NUM_IDS)
    with pytest.raises(InputError, match=r"factors must have different names, got \['size', 'size"):
        Groups([PERSON_FACTORS[0], PERSON_FACTORS[0]], make_metrics)
    groups, other = (Groups(IMAGE_FACTORS[:1], make_metrics) for _ in range(2))
    groups.add(tally)
    with pytest.raises(InputError, match="image_id must be new, got 'image0' a second time"):
        groups.add(tally)
    other.add(tally)
    with pytest.raises(InputError, match="image_id must be new, got 'image0' a second time"):
        groups.merge(other)
    assert groups.compute()["subset"]["even"].images == 1
    with pytest.raises(
        InputError, match=r"merged Groups must have equal factors \['subset'\], got"
    ):
        groups.merge(Groups(PERSON_FACTORS, make_metrics))
    part = split_tally(tally, PERSON_FACTORS[0])["small"]
    with pytest.raises(InputError, match=r"confusion must be \(6, 6\) counts, got \(0, 0\)"):
        ConfusionMatrix(NUM_IDS).add(part)
