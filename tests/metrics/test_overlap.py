from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.metrics import make_tally, part_overlap, person_order
from tests.metrics.scenes import flatten, make_scene, seeds, unflatten
from tests.oracles import metrics_oracle as oracle


def check_against_oracle(overlap, truth, preds, num_ids):
    assert overlap.intersections.shape == (len(truth), len(preds), num_ids)
    person_iou, unions = overlap.person_iou(), overlap.unions
    for t, truth_map in enumerate(truth.tolist()):
        assert overlap.truth_areas[t].tolist() == [
            oracle.pixels(truth_map).count(c) for c in range(num_ids)
        ]
        for p, pred_map in enumerate(preds.tolist()):
            for c in range(num_ids):
                counts = oracle.part_counts(truth_map, pred_map, c)
                assert (overlap.intersections[t, p, c], unions[t, p, c]) == counts
            assert person_iou[t, p] == float(oracle.person_iou(truth_map, pred_map))
    for p, pred_map in enumerate(preds.tolist()):
        assert overlap.pred_areas[p].tolist() == [
            oracle.pixels(pred_map).count(c) for c in range(num_ids)
        ]


def test_hand_made_counts():
    # truth person   1 1 0    prediction 1 2 0
    #                2 . 0               2 2 2   (. is ignored)
    truth = np.array([[[1, 1, 0], [2, 255, 0]]])
    preds = np.array([[[1, 2, 0], [2, 2, 2]]])
    overlap = part_overlap(truth, preds, num_ids=3)
    assert overlap.intersections[0, 0].tolist() == [1, 1, 1]
    assert overlap.ignored[0, 0].tolist() == [0, 0, 1]
    # label 0: truth 2, prediction 1, shared 1; label 1: 2 or 1; label 2: 1 or 4 - 1 ignored
    assert overlap.unions[0, 0].tolist() == [2, 2, 3]
    assert overlap.part_iou()[0, 0].tolist() == [1 / 2, 1 / 2, 1 / 3]
    assert overlap.foreground.tolist() == [[3]]
    assert overlap.person_iou().tolist() == [[3 / 4]]  # 3 of truth, 5 - 1 of prediction


@given(seeds, st.integers(0, 14))
def test_stack_equals_oracle(seed, persons):
    scene = make_scene(seed, persons)
    overlap = part_overlap(scene.truth, scene.preds, 6)
    check_against_oracle(overlap, scene.truth, scene.preds, 6)


@given(seeds, st.integers(0, 14))
def test_pair_equals_oracle(seed, persons):
    scene = make_scene(seed, persons)
    parsing, instances = flatten(scene.preds)
    count = len(scene.preds)
    overlap = part_overlap(scene.truth, (parsing, instances), 6, count=count)
    check_against_oracle(overlap, scene.truth, unflatten(parsing, instances, count), 6)


@pytest.mark.parametrize("persons", [12, 13, 14, 300])
def test_many_persons_with_many_labels(persons):
    # Person n is one pixel of label 1 + n % 19: persons x labels pass 255 from 12 persons on.
    numbers = np.arange(1, persons + 1)
    instances = numbers[None].astype(np.uint16)
    parsing = (1 + numbers % 19).astype(np.uint8)[None]
    truth = unflatten(parsing, instances, persons)
    overlap = part_overlap(truth, (parsing, instances), 20)
    assert (overlap.foreground == np.eye(persons)).all()
    assert (overlap.intersections[:, :, 1:].sum(2) == np.eye(persons)).all()
    assert (overlap.intersections[:, :, 0] == persons - 2 + np.eye(persons)).all()
    assert (part_overlap(truth, truth, 20).intersections == overlap.intersections).all()


def test_pixels_without_owner_or_label_are_background():
    overlap = part_overlap([[[1, 1, 1]]], ([[1, 1, 0]], [[1, 0, 1]]), num_ids=2)
    assert overlap.intersections[0, 0].tolist() == [0, 1]
    assert overlap.pred_areas.tolist() == [[2, 1]]


def test_persons_without_pixels_and_nobody():
    nobody = np.zeros((0, 2, 2), np.uint8)
    overlap = part_overlap(np.zeros((1, 2, 2), np.uint8), nobody, 3)
    assert overlap.intersections.shape == (1, 0, 3) and overlap.truth_areas.tolist() == [[4, 0, 0]]
    assert part_overlap(nobody, nobody, 3).intersections.shape == (0, 0, 3)
    empty = np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint16)
    overlap = part_overlap(nobody, empty, 3, count=2)
    assert overlap.pred_areas.tolist() == [[4, 0, 0], [4, 0, 0]]
    assert part_overlap(np.zeros((1, 2, 2), np.uint8), empty, 3, count=1).person_iou() == [[0]]


@given(seeds)
def test_take_is_the_overlap_of_the_chosen(seed):
    scene = make_scene(seed)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(scene.truth)), rng.permutation(len(scene.preds))
    taken = part_overlap(scene.truth, scene.preds, 6).take(rows, columns)
    direct = part_overlap(scene.truth[rows], scene.preds[columns], 6)
    for name in ("intersections", "truth_areas", "pred_areas", "ignored", "foreground"):
        assert (getattr(taken, name) == getattr(direct, name)).all()


@given(seeds)
def test_person_order_is_by_content(seed):
    persons = make_scene(seed, persons=8).preds
    shuffled = persons[np.random.default_rng(seed).permutation(len(persons))]
    ordered = persons[person_order(persons)]
    assert (ordered == shuffled[person_order(shuffled)]).all()
    assert ordered.tolist() == sorted(persons.tolist(), key=oracle.place)
    parsing, instances = flatten(persons)
    visible = unflatten(parsing, instances, int(instances.max(initial=0)))
    assert (person_order((parsing, instances)) == person_order(visible)).all()


COUNTS = ("intersections", "truth_areas", "pred_areas", "ignored", "foreground")


def count_slowly(truth, preds, num_ids, ignore_id=255):
    """The same counts pair by pair over the whole image."""
    found = {
        "intersections": [[[((t == c) & (p == c)).sum() for c in range(num_ids)] for p in preds]
                          for t in truth],
        "truth_areas": [[(t == c).sum() for c in range(num_ids)] for t in truth],
        "pred_areas": [[(p == c).sum() for c in range(num_ids)] for p in preds],
        "ignored": [[[((t == ignore_id) & (p == c)).sum() for c in range(num_ids)] for p in preds]
                    for t in truth],
        "foreground": [[((t > 0) & (t != ignore_id) & (p > 0)).sum() for p in preds]
                       for t in truth],
    }  # fmt: skip
    return {name: np.array(values).ravel().tolist() for name, values in found.items()}


def plain(overlap):
    return {name: getattr(overlap, name).ravel().tolist() for name in COUNTS}


def make_people(rng, persons, size, num_ids, overlap, noise):
    """Persons in bands of labels, or of noise; apart from each other unless they may overlap."""
    height, width = size
    people = np.zeros((persons, height, width), np.uint8)
    taken = np.zeros(size, bool)
    for person in people:
        y1, x1 = rng.integers(0, height), rng.integers(0, width)
        y2, x2 = rng.integers(y1, height) + 1, rng.integers(x1, width) + 1
        bands = np.repeat(rng.integers(0, num_ids, height), rng.integers(1, 5, height))[:height]
        labels = np.broadcast_to(bands[:, None], size)
        if noise:
            labels = rng.integers(0, num_ids, size)
        free = np.ones(size, bool) if overlap else ~taken
        person[y1:y2, x1:x2] = (labels * free)[y1:y2, x1:x2]
        taken |= person > 0
    return people


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_larger_scenes_equal_a_slow_count(seed, overlap, noise):
    rng = np.random.default_rng([seed, overlap, noise])
    size = int(rng.integers(5, 40)), int(rng.integers(5, 40))
    num_ids = int(rng.choice([3, 20, 59]))
    truth = make_people(rng, rng.choice([0, 1, 5, 14]), size, num_ids, overlap, noise)
    preds = make_people(rng, rng.choice([0, 1, 8, 13]), size, num_ids, seed % 2, noise)
    if seed % 3 == 0:
        truth[rng.random(truth.shape) < 0.03] = 255
    expected = count_slowly(truth, preds, num_ids)
    assert plain(part_overlap(truth, preds, num_ids)) == expected
    turned = [np.ascontiguousarray(part.transpose(2, 1, 0)).T for part in (truth, preds)]
    assert plain(part_overlap(*turned, num_ids)) == expected
    parsing, instances = flatten(preds)
    visible = unflatten(parsing, instances, len(preds))
    expected = count_slowly(truth, visible, num_ids)
    for kind in (np.uint16, np.int64):
        pair = parsing, instances.astype(kind)
        assert plain(part_overlap(truth, pair, num_ids, count=len(preds))) == expected


@given(seeds, st.integers(0, 14))
def test_truth_as_pair_equals_its_stack(seed, persons):
    scene = make_scene(seed, persons)
    rng = np.random.default_rng(seed)
    parsing, instances = flatten(scene.truth)
    nobody = instances == 0
    parsing[nobody] = rng.choice([0, 3, 255], parsing.shape)[nobody]
    count = int(instances.max(initial=0))
    stack = unflatten(parsing, instances, count)
    stack[:, nobody & (parsing == 255)] = 255
    first = part_overlap((parsing, instances), scene.preds, 6)
    assert plain(first) == plain(part_overlap(stack, scene.preds, 6))
    pair = flatten(scene.preds)
    options = {"num_ids": 6, "count": len(scene.preds)}
    both = part_overlap((parsing, instances), pair, **options)
    assert plain(both) == plain(part_overlap(stack, pair, **options))


@pytest.mark.parametrize("persons", [11, 12, 13, 255, 256, 300])
def test_overlapping_persons_in_any_number(persons, rng):
    # All share the middle pixel, so each truth person needs a sheet of its own.
    truth = np.zeros((persons, 3, persons + 2), np.uint8)
    numbers = np.arange(persons)
    truth[numbers, 0, numbers] = 1 + numbers % 19
    truth[:, 1, -1] = 7
    overlap = part_overlap(truth, truth, 20)
    assert (overlap.foreground == 1 + np.eye(persons)).all()
    own = np.eye(persons, dtype=bool)
    assert (overlap.intersections[:, :, 7] == 1 + (own & (numbers % 19 == 6))).all()
    assert (overlap.intersections[:, :, 1:].sum(2) == 1 + own).all()


def test_input_is_left_as_it_is(rng):
    truth, preds = rng.choice([0, 1, 2, 255], (2, 3, 40, 40)).astype(np.uint8)
    preds[preds == 255] = 0
    kept = truth.copy(), preds.copy()
    make_tally("a", truth, preds, num_ids=3)
    assert (truth == kept[0]).all() and (preds == kept[1]).all()


PERSON = np.zeros((1, 2, 3), np.uint8)


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (PERSON[0], PERSON, r"truth must be \(N, H, W\) label ids, one map a person, got \(2, 3\)"),
        (PERSON[:, :0], PERSON, r"truth must be \(N, H, W\) label ids.*got \(1, 0, 3\)"),
        (PERSON, PERSON[:, :1], r"prediction must be \(N, 2, 3\).*got \(1, 1, 3\), at photo"),
        (PERSON + 5, PERSON, r"truth must be label ids 0 to 3 or 255, got \[5\], at photo"),
        (PERSON, PERSON + 255, r"prediction must be label ids 0 to 3, got \[255\], at photo"),
        (PERSON, (PERSON, PERSON[0]), r"parsing must have the truth's size \(2, 3\), got \(1, 2"),
        (PERSON, (PERSON[0], PERSON), r"instances must have the truth's size \(2, 3\), got \(1,"),
        (PERSON, (PERSON[0] + 4, PERSON[0]), r"parsing must be label ids 0 to 3, got \[4\]"),
        (PERSON, (PERSON[0], PERSON[0] * 0.5), r"instances must be integer person numbers, got"),
        (PERSON, (PERSON[0], PERSON[0] + 3), r"must be person numbers 0 to 2, got 3 to 3, at pho"),
        (PERSON, (PERSON[0], PERSON[0].astype(int) - 1), r"person numbers 0 to 2, got -1 to -1"),
        ((PERSON[0], PERSON[0].astype(int) - 1), PERSON, r"person numbers 0 to 0, got -1 to -1"),
        ((PERSON[0], PERSON), PERSON, r"parsing and instances must be \(H, W\) of one size, got"),
        ((PERSON[0] + 9, PERSON[0] + 1), PERSON, r"truth must be label ids 0 to 3 or 255, got \[9"),
        ((PERSON[0], PERSON[0]), (PERSON[0, :1], PERSON[0]), r"parsing must have the truth's size"),
    ],
)
def test_bad_input(truth, prediction, message):
    with pytest.raises(InputError, match=message):
        part_overlap(truth, prediction, 4, count=2, where="photo")
