"""Counts of one image: the same from any form of the same persons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from peopleparse.errors import InputError
from peopleparse.metrics import ConfusionMatrix, PersonAP, make_tally
from peopleparse.metrics.regions import count_regions, regions_of_persons
from tests.metrics.scenes import flatten, make_scene, seeds

NUM_IDS = 6


def plain(tally):
    overlap = tally.persons()
    arrays = [overlap.intersections, overlap.truth_areas, overlap.pred_areas, overlap.ignored]
    return [a.tolist() for a in (*arrays, tally.confusion, tally.truth_boxes, tally.pred_boxes)]


@given(seeds)
def test_pairs_and_stacks_of_disjoint_persons_give_one_tally(seed):
    truth, preds, _ = make_scene(seed)
    truth = np.where(truth == 255, 0, truth).astype(np.uint8)
    pairs = []
    for persons in (truth, preds):
        parsing, instances = flatten(persons)
        stack = np.array([np.where(instances == n, parsing, 0) for n in np.unique(instances) if n])
        stack = stack.reshape(-1, *parsing.shape).astype(np.uint8)
        numbers = np.searchsorted(np.unique(instances[instances > 0]), instances) + 1
        pairs.append(((parsing, np.where(instances > 0, numbers, 0)), stack))
    (truth_pair, truth_stack), (pred_pair, pred_stack) = pairs
    first = make_tally("a", truth_stack, pred_stack, num_ids=NUM_IDS)
    assert plain(make_tally("a", truth_pair, pred_pair, num_ids=NUM_IDS)) == plain(first)
    assert plain(make_tally("a", truth_stack, pred_pair, num_ids=NUM_IDS)) == plain(first)


@given(seeds)
def test_order_of_persons_does_not_matter(seed):
    truth, preds, scores = make_scene(seed, ties=False)
    first = make_tally("a", truth, preds, scores, num_ids=NUM_IDS)
    turned = make_tally("a", truth[::-1], preds[::-1], scores[::-1], num_ids=NUM_IDS)
    same = [row.tobytes() for row in preds]
    if len(set(same)) == len(same):
        assert plain(first) == plain(turned)
        assert first.scores.tolist() == turned.scores.tolist()
    assert np.array_equal(np.sort(first.pred_order), np.arange(len(preds)))


@given(seeds)
def test_regions_of_persons_are_their_parts(seed):
    truth, preds, scores = make_scene(seed)
    overlap = make_tally("a", truth, preds, scores, num_ids=NUM_IDS).persons()
    found = regions_of_persons(overlap, np.arange(len(preds), dtype=float))
    iou = overlap.part_iou()
    assert len(found.truth_ids) == int((overlap.truth_areas[:, 1:] > 0).sum())
    for r, label in enumerate(found.truth_ids):
        for q, other in enumerate(found.pred_ids):
            person = int(found.scores[q])
            owner = np.flatnonzero(overlap.truth_areas[:, 1:].ravel())[r] // (NUM_IDS - 1)
            expected = iou[owner, person, label] if label == other else 0.0
            assert found.iou[r, q] == expected


def test_ignored_pixel_of_nobody_is_ignored_for_everyone():
    truth = np.array([[1, 255, 2]]), np.array([[1, 0, 2]])
    tally = make_tally("a", truth, [[[1, 1, 0]], [[0, 2, 2]]], num_ids=3)
    assert tally.persons().part_iou()[0, 0, 1] == 1.0
    assert tally.persons().part_iou()[1, 1, 2] == 1.0
    assert tally.confusion.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_higher_score_owns_the_pixel_of_the_label_map():
    preds = [[[1, 1, 0]], [[0, 2, 2]]]
    for scores, middle in (([0.9, 0.1], 1), ([0.1, 0.9], 2), (None, 1)):
        tally = make_tally("a", [[[1, 1, 1]]], preds, scores, num_ids=3)
        assert tally.confusion[1].tolist() == [0, 1 + (middle == 1), 1 + (middle == 2)]


def test_maps_without_persons_count_pixels_only():
    tally = make_tally("a", None, None, num_ids=3, truth_parsing=[[1, 2]], parsing=[[1, 0]])
    matrix = ConfusionMatrix(3)
    matrix.add(tally)
    assert matrix.compute().overall_accuracy == 0.5 and not tally.missing
    with pytest.raises(InputError, match="must have persons on both sides, got label maps only"):
        PersonAP("mask").add(tally)
    assert make_tally("a", None, None, num_ids=3, truth_parsing=[[1, 2]]).missing


def test_bad_input():
    with pytest.raises(InputError, match="truth must be persons or a label map, got neither"):
        make_tally("a", None, [[[1]]], num_ids=3)
    with pytest.raises(InputError, match=r"confusion must be \(4, 4\) counts, got \(3, 3\)"):
        ConfusionMatrix(4).add(make_tally("a", [[[1]]], [[[1]]], num_ids=3))
    with pytest.raises(InputError, match=r"prediction must have the truth's size \(1, 2\)"):
        count_regions([[1, 1]], [5], [[1]], [5], None)
    with pytest.raises(InputError, match="truth regions must be numbers 0 to 1, got 2"):
        count_regions([[1, 2]], [5], [[1, 1]], [5], None)
