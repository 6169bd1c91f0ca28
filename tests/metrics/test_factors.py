"""Factors told from the annotation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.errors import InputError
from peopleparse.labels import get_scheme, scheme_names
from peopleparse.metrics import make_tally
from peopleparse.metrics.factors import (
    People,
    label_factors,
    person_count_factor,
    person_factors,
    person_label_factors,
    predicted_people,
    subset_factor,
    truth_people,
)
from tests.metrics.scenes import make_scene, seeds

LIP = get_scheme("lip")
PASCAL = ["background", "head", "torso", "upper-arms", "lower-arms", "upper-legs", "lower-legs"]


def make_people(*persons, size=(100, 200), boxes=None, num_ids=20):
    areas = np.zeros((len(persons), num_ids), np.int64)
    for row, labels in zip(areas, persons, strict=True):
        row[0] = 7
        row[list(labels)] = 5
    places = np.zeros((len(persons), 4)) if boxes is None else boxes
    return People(areas, np.asarray(places, np.int32), size)


def by_name(factors):
    return {factor.name: factor for factor in factors}


def tags(scheme_names_of, *persons):
    """body, head and face of persons given by the names of their labels."""
    names = list(scheme_names_of)
    people = make_people(*([names.index(n) for n in p] for p in persons), num_ids=len(names))
    return [factor.tag(people) for factor in person_label_factors(names)]


@pytest.mark.parametrize(
    ("labels", "body", "head", "face"),
    [
        (["hair", "face", "upper-clothes", "pants", "left-shoe"], "full body", "head", "face"),
        (["hair", "dress", "right-shoe"], "full body", "head", "no face"),
        (["hair", "face", "coat", "pants"], "cut above the feet", "head", "face"),
        (["coat", "left-arm", "left-leg"], "cut above the feet", "head missed", "neither"),
        (["hat", "hair", "upper-clothes"], "upper body", "head", "no face"),
        (["face", "dress"], "upper body", "head", "face"),
        (["pants", "left-shoe"], "lower body", "head missed", "neither"),
        (["left-shoe"], "lower body", "head missed", "neither"),
        (["sunglasses"], "neither", "head", "neither"),
        (["glove"], "neither", "head missed", "neither"),
        ([], "no part", "no part", "no part"),
    ],
)
def test_labels_of_look_into_person(labels, body, head, face):
    assert tags(LIP.names, labels) == [[body], [head], [face]]


def test_other_schemes():
    # Legs alone reach down where the scheme has no shoes; lower arms are no lower body.
    assert tags(PASCAL, ["torso", "lower-legs"], ["head", "lower-arms"], ["upper-legs"]) == [
        ["full body", "upper body", "lower body"],
        ["head missed", "head", "head missed"],
    ]
    ccp = tags(get_scheme("ccp").names, ["t-shirt", "jeans", "sneakers", "sunglasses"])
    assert ccp == [["full body"], ["head"]]
    mhp = ["jacket/windbreaker/hoodie", "shorts/swim-shorts", "left-highheel", "cap/hat", "hair"]
    assert tags(["bg", "face", *mhp], mhp) == [["full body"], ["head"], ["no face"]]


@pytest.mark.parametrize("scheme", scheme_names())
def test_every_scheme_has_label_factors(scheme):
    names = get_scheme(scheme).names
    together = (*person_label_factors(names), *label_factors(names), *person_factors())
    assert len({factor.name for factor in together}) == len(together)
    for factor in together:
        assert len(set(factor.groups)) == len(factor.groups)


def one_row(*labels):
    return np.array([labels], np.uint8)


def test_photos_of_one_person():
    body, head, face = label_factors(LIP.names)
    shirt, hair, shoe = 5, 2, 18
    only_map = make_tally(
        "a", None, None, num_ids=20, truth_parsing=one_row(0, hair, shirt, shoe, 255)
    )
    one = make_tally("b", [one_row(shirt, 0), one_row(0, 0)], None, num_ids=20)
    two = make_tally("c", [one_row(shirt, 0), one_row(0, shirt)], None, num_ids=20)
    nobody = make_tally("d", None, None, num_ids=20, truth_parsing=one_row(0, 255))
    found = [[f.tag(t) for f in (body, head, face)] for t in (only_map, one, two, nobody)]
    assert found == [
        ["full body", "head", "no face"],
        ["upper body", "head missed", "neither"],
        ["not one person"] * 3,
        ["no part"] * 3,
    ]
    assert body.groups[-1] == "not one person" and "full body" in body.groups


@pytest.mark.parametrize(
    ("count", "group"),
    [(0, "0"), (1, "1"), (2, "2"), (3, "3"), (4, "4-5"), (5, "4-5"), (6, "6-10"), (10, "6-10"),
     (11, "11+"), (300, "11+")],
)  # fmt: skip
def test_person_count(count, group):
    factor = person_count_factor()
    truth = np.ones((count + 1, 1, 1), np.uint8)
    truth[-1] = 0  # annotated, but nothing of the person is labelled
    assert factor.tag(make_tally("a", truth, None, num_ids=2)) == group
    assert group in factor.groups


def test_subsets():
    factor = subset_factor({"a": "outdoor", "b": "indoor", "c": "outdoor"})
    assert factor.groups == ("indoor", "outdoor") and factor.name == "subset"
    tally = make_tally("a", [[[1]]], None, num_ids=2)
    assert factor.tag(tally) == "outdoor"
    with pytest.raises(InputError, match="subset_of must name .* got none, at image 'a'. Add"):
        subset_factor({"b": "indoor"}).tag(tally)


def test_size_is_that_of_coco():
    people = make_people(*[[1]] * 4)
    people.areas[:, 1] = [32**2 - 1, 32**2, 96**2 - 1, 96**2]
    people.areas[:, 0] = 10**6  # the background is none of it
    assert by_name(person_factors())["size"].tag(people) == ["small", "medium", "medium", "large"]


def test_height_in_thirds():
    tall = [29, 30, 60, 61]
    people = make_people(*[[1]] * 4, size=(90, 50), boxes=[[0, 0, 5, y] for y in tall])
    middle = "a third to two thirds"
    found = by_name(person_factors())["height"].tag(people)
    assert found == ["under a third", middle, middle, "over two thirds"]


def test_truncation():
    boxes = [[1, 1, 9, 9], [0, 1, 9, 9], [1, 0, 9, 9], [1, 1, 10, 9], [1, 1, 9, 10], [0, 0, 0, 0]]
    people = make_people(*[[1]] * 6, size=(10, 10), boxes=boxes)
    found = by_name(person_factors())["truncation"].tag(people)
    assert found == ["inside", *["at the border"] * 4, "inside"]


def test_overlap():
    # The first and second share 2 of 10 columns, the third and fourth 4 of 16 rows: just .25
    boxes = [[0, 0, 6, 1], [4, 0, 10, 1], [20, 0, 21, 10], [20, 6, 21, 16], [40, 0, 41, 1]]
    people = make_people(*[[1]] * 5, boxes=[*boxes, [0, 0, 0, 0], [0, 0, 0, 0]][:5])
    found = by_name(person_factors())["overlap"].tag(people)
    assert found == ["under .25", "under .25", ".25 and over", ".25 and over", "none"]
    assert by_name(person_factors())["overlap"].tag(make_people([1])) == ["none"]


@given(seeds, st.integers(0, 3))
def test_every_person_has_one_known_group(seed, turn):
    truth, preds, scores = make_scene(seed)
    tally = make_tally("a", truth, preds, scores, num_ids=6)
    names = ["", "hair", "face", "upper", "legs", "shoes"]
    for factor in (*person_factors(), *person_label_factors(names)):
        for people in (truth_people(tally), predicted_people(tally)):
            found = factor.tag(people)
            assert len(found) == len(people.areas) and set(found) <= set(factor.groups)
            # A person's group depends on no other's place in the list.
            order = np.roll(np.arange(len(found)), turn)
            turned = People(people.areas[order], people.boxes[order], people.size)
            assert factor.tag(turned) == [found[n] for n in order]


def test_bad_names():
    with pytest.raises(InputError, match=r"names must have labels of head, upper and lower body"):
        label_factors(["background", "person"])
    with pytest.raises(InputError, match=r"got none of \['lower'\] in \['', 'head', 'torso'\]"):
        person_label_factors(["", "head", "torso"])
    only_map = make_tally("a", None, None, num_ids=2, truth_parsing=[[1]], parsing=[[1]])
    with pytest.raises(InputError, match="must have persons on both sides, got label maps only"):
        person_count_factor().tag(only_map)
