"""Both forms of the same persons give the same image: counts, boxes, order and label map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.metrics import make_tally
from peopleparse.metrics.sides import Sheet, make_sheets, read_sheets, read_stack
from tests.metrics.scenes import flatten, make_scene, seeds, unflatten
from tests.oracles import metrics_oracle as oracle

FIELDS = ("confusion", "truth_boxes", "pred_boxes", "truth_order", "pred_order", "scores")
COUNTS = ("intersections", "truth_areas", "pred_areas", "ignored", "foreground")


def plain(tally):
    overlap = tally.persons()
    arrays = [getattr(tally, name) for name in FIELDS] + [getattr(overlap, n) for n in COUNTS]
    return [array.tolist() for array in arrays]


def grow(maps, factor):
    """Larger pixels: the small scenes of the oracle become flat ones."""
    return maps.repeat(factor, axis=-1).repeat(factor, axis=-2)


@given(seeds, st.integers(0, 14), st.sampled_from([1, 3, 4]))
def test_pair_and_stack_give_one_tally(seed, persons, factor):
    scene = make_scene(seed, persons)
    (parsing, instances), (labels, owners) = (flatten(grow(part, factor)) for part in scene[:2])
    truth = parsing, instances
    count, people = len(scene.preds), int(instances.max(initial=0))
    stacks = unflatten(*truth, people), unflatten(labels, owners, count)
    options = {"scores": scene.scores, "num_ids": 6}
    first = plain(make_tally("a", *stacks, **options))
    for left in (truth, stacks[0]):
        for right in ((labels, owners), stacks[1]):
            assert plain(make_tally("a", left, right, **options)) == first


@given(seeds, st.integers(0, 14), st.sampled_from([1, 3]))
def test_boxes_and_order_are_those_of_the_oracle(seed, persons, factor):
    maps = grow(make_scene(seed, persons).preds, factor)
    side, tables = read_stack(maps)
    places = [oracle.place(person) for person in maps.tolist()]
    assert side.boxes.tolist() == [list(place[:4]) for place in places] and not tables
    assert [places[i] for i in side.order()] == sorted(places)
    parsing, instances = flatten(maps)
    pair = read_sheets([Sheet(parsing, instances)], [len(maps)])[0][0]
    visible = unflatten(parsing, instances, len(maps))
    assert pair.boxes.tolist() == [list(oracle.place(m)[:4]) for m in visible.tolist()]
    for index, person in enumerate(visible):
        x1, y1, x2, y2 = pair.boxes[index].tolist()
        assert (pair.crop(index) == person[y1:y2, x1:x2]).all()


@given(seeds, st.integers(0, 14))
def test_flat_map_shows_the_first_and_labels_before_ignored(seed, persons):
    maps = make_scene(seed, persons).truth
    order = np.random.default_rng(seed).permutation(len(maps))
    flat = read_stack(maps)[0].flatten(order, 255)
    for y, x in np.ndindex(flat.shape):
        values = [int(maps[i, y, x]) for i in order]
        shown = [v for v in values if v not in (0, 255)] + [255] * (255 in values) + [0]
        assert flat[y, x] == shown[0]


@given(seeds, st.integers(0, 14))
def test_boxes_leave_ignored_pixels_out(seed, persons):
    maps = make_scene(seed, persons).truth
    seen = np.where(maps == 255, 0, maps).tolist()
    boxes = read_stack(maps)[0].boxes_without(255)
    assert boxes.tolist() == [list(oracle.place(person)[:4]) for person in seen]


@given(seeds, st.integers(0, 14))
def test_sheets_hold_every_pixel_once(seed, persons):
    maps = make_scene(seed, persons).truth
    sheets = make_sheets(read_stack(maps)[0])
    found = np.zeros_like(maps)
    for labels, owners in sheets:
        assert ((labels > 0) == (owners > 0)).all()
        for number in np.unique(owners[owners > 0]):
            found[number - 1] += np.where(owners == number, labels, 0).astype(np.uint8)
    assert (found == maps).all()


def test_persons_without_annotated_persons_still_give_a_label_map():
    preds = [[[1, 1, 0]], [[0, 2, 2]]]
    for scores, middle in (([0.9, 0.1], 1), ([0.1, 0.9], 2), (None, 1)):
        tally = make_tally("a", None, preds, scores, num_ids=3, truth_parsing=[[1, 1, 1]])
        assert tally.confusion[1].tolist() == [0, 1 + (middle == 1), 1 + (middle == 2)]


@pytest.mark.parametrize("persons", [0, 3])
def test_image_without_predictions(persons):
    truth = np.ones((persons, 2, 3), np.uint8)
    tally = make_tally("a", truth, None, num_ids=3)
    assert tally.missing and tally.persons().intersections.shape == (persons, 0, 3)
    assert tally.confusion[:, 0].tolist() == ([0, 6, 0] if persons else [6, 0, 0])
