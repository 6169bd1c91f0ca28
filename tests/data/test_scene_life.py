"""Scenes closer to life: cuts, crowds, things in front, blended rims; and none of it by default."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from peopleparse.data import scene_occluders, scene_places
from peopleparse.data.bystanders import Bystanders
from peopleparse.data.people import Portrait
from peopleparse.data.scene_blend import blend_person, clean_rim, light_unevenly
from peopleparse.data.scene_life import PLAIN, Life
from peopleparse.data.scene_occluders import Thing, draw_thing, put_thing
from peopleparse.data.scene_places import MOST_IN_CROWD, RANGE, draw_cut_places
from peopleparse.data.scenes import INDOOR, OUTDOOR, SceneMaker
from peopleparse.labels import get_scheme
from peopleparse.structures import mask_box
from tests.datasets import draw_person, paint

GPS = get_scheme("gps")
SIZE = (240, 180)  # width, height


def make_portrait(number: int, rng: np.random.Generator) -> Portrait:
    parsing = draw_person((220, 140), 70, 10, 200, GPS)
    box = mask_box(parsing > 0)
    assert box is not None
    return Portrait(f"{number:04d}", paint(parsing, GPS, rng), parsing, box)


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    rng = np.random.default_rng(0)
    people = [make_portrait(number, rng) for number in range(6)]
    backgrounds = [rng.integers(0, 256, (200, 260, 3)).astype(np.uint8) for _ in range(3)]
    return SceneMaker(people, backgrounds)


def make(maker: SceneMaker, life: Life, count: int, preset=INDOOR):
    return [maker.make((0, number), preset, *SIZE, life) for number in range(count)]


def test_a_share_of_zero_changes_nothing(maker: SceneMaker) -> None:
    for number in range(6):
        scenes = [maker.make((0, number), INDOOR, *SIZE, *life) for life in ((), (Life(),))]
        np.testing.assert_array_equal(scenes[0].image, scenes[1].image)
    assert PLAIN.draw((1, 2)) == [None, None, None]


def test_each_switch_has_chance_of_its_own(maker: SceneMaker) -> None:
    some = [Life(0.5, 0.5, 0.5).draw((4, number)) for number in range(200)]
    for number in range(3):
        assert 70 < sum(row[number] is not None for row in some) < 130
    only = [Life(0, 0.5, 0).draw((4, number))[1] for number in range(200)]
    assert [a is None for a in only] == [row[1] is None for row in some]
    # Things hide people, and leave who they are and where they stand.
    for plain, hidden in zip(make(maker, PLAIN, 8), make(maker, Life(occluders=1), 8), strict=True):
        assert set(hidden.photo_ids) <= set(plain.photo_ids)
        seen = (hidden.annotation.parsings % 255 > 0).any(axis=0)
        assert not (seen & ~(plain.annotation.parsings > 0).any(axis=0)).any()
    for plain, blended in zip(make(maker, PLAIN, 4), make(maker, Life(blended=1), 4), strict=True):
        np.testing.assert_array_equal(plain.annotation.parsings, blended.annotation.parsings)
        assert (plain.image != blended.image).any()


@pytest.mark.parametrize("life", [Life(1), Life(occluders=1), Life(1, 1, 1)], ids=str)
def test_truth_stays_exact(maker: SceneMaker, life: Life) -> None:
    for scene in make(maker, life, 12, OUTDOOR):
        masks = scene.annotation.masks
        assert masks.sum(axis=0).max(initial=0) <= 1
        assert scene.image.shape == (180, 240, 3) and scene.image.dtype == np.uint8
        assert (np.diff(scene.annotation.boxes[:, [0, 2]].sum(axis=1)) >= 0).all()
        assert scene.ignored is not None
        for parsing in scene.annotation.parsings:
            np.testing.assert_array_equal(parsing == 255, scene.ignored)


def test_kinds_of_frames() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        crowd = scene_places._crowd(rng, 640, 480)
        assert 8 <= len(crowd) <= MOST_IN_CROWD
        deep = scene_places._deep_scene(rng, 640, 480)[:, 2]
        assert deep.max() >= RANGE * deep.min() * 0.999
        group = scene_places._close_group(rng, 640, 480)
        assert ((480 - group[:, 1]) / group[:, 2]).mean() < 1.02  # nobody shows the feet
        selfie = scene_places._selfie(rng, 640, 480)
        assert selfie[0, 2] > 1.5 * 480 and 0 < selfie[0, 1] < 0.41 * 480
    places = draw_cut_places(rng, 640, 480, 40)
    assert [p.height for p in places] == sorted(p.height for p in places)
    assert all(place.height >= 40 for place in places)


def test_cuts_cut_more_people_and_make_crowds(maker: SceneMaker) -> None:
    alone = replace(INDOOR, closeness=0, far=0, head_missed=0)
    plain, cut = make(maker, PLAIN, 25, alone), make(maker, Life(1), 25, alone)
    shares = [np.mean([t for s in scenes for t in s.truncated]) for scenes in (plain, cut)]
    assert shares[1] > shares[0] + 0.1
    assert max(len(scene.annotation) for scene in cut) > 7


def test_the_thing_hides_whom_it_covers() -> None:
    image, owners = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.int16)
    parsing = np.full((8, 8), 4, np.uint8)
    alpha = np.zeros((8, 8), np.float32)
    alpha[4:] = 1
    picture = np.full((8, 8, 3), 200, np.uint8)
    put_thing(Thing(alpha, picture), image, owners, parsing)
    assert owners.tolist() == [[1] * 8] * 4 + [[0] * 8] * 4
    assert (parsing[4:] == 0).all() and (parsing[:4] == 4).all()
    assert (image[4:] >= 199).all() and (image[:4] == 0).all()
    put_thing(Thing(alpha[::-1].copy(), picture, ignored=True), image, owners, parsing)
    assert (owners[:4] == -1).all() and (owners[4:] == 0).all()


def test_things_cover_something_and_not_everything(maker: SceneMaker) -> None:
    rng, covered, ignored = np.random.default_rng(0), [], 0
    for _ in range(80):
        thing = draw_thing(rng, (180, 240), [60, 120], maker.backgrounds, maker.portraits)
        assert thing.alpha.shape == (180, 240) and thing.picture.shape == (180, 240, 3)
        assert 0 <= thing.alpha.min() and thing.alpha.max() <= 1.001
        covered.append(float((thing.alpha > 0.5).mean()))
        ignored += thing.ignored
    assert 0.03 < np.mean(covered) < 0.35 and max(covered) < 0.6
    assert draw_thing(rng, (20, 30), [], maker.backgrounds, maker.portraits).alpha.shape == (20, 30)


def test_a_bag_is_ignored_and_a_small_one_is_none(maker: SceneMaker) -> None:
    rng, portrait = np.random.default_rng(0), maker.portraits[0]
    assert scene_occluders._bag(rng, (180, 240), portrait) is None
    large = portrait.parsing.copy()
    large[60:120, 20:70] = GPS.id_of("bag")
    bags = [scene_occluders._bag(rng, (180, 240), replace(portrait, parsing=large)) for _ in "abc"]
    assert all(bag is not None and bag.ignored and bag.alpha.max() > 0.9 for bag in bags)


def test_a_clean_rim_forgets_the_old_background() -> None:
    cutout = np.full((400, 200, 3), 255, np.uint8)  # a white wall behind a dark person
    mask = np.zeros((400, 200), bool)
    mask[40:360, 50:150] = True
    cutout[42:358, 52:148] = 40  # its mask is two pixels too wide
    cleaned = clean_rim(cutout, mask)
    rim = mask.copy()
    rim[42:358, 52:148] = False
    assert cleaned[rim].mean() < 0.6 * cutout[rim].mean()
    np.testing.assert_array_equal(cleaned[60:340, 70:130], cutout[60:340, 70:130])
    np.testing.assert_array_equal(clean_rim(cutout[:10, :10], mask[:10, :10]), cutout[:10, :10])


def test_a_blended_person_is_lit_as_the_place() -> None:
    rng = np.random.default_rng(0)
    under = np.full((120, 80, 3), 60, np.uint8)
    cutout, mask = np.full((120, 80, 3), 220, np.uint8), np.zeros((120, 80), bool)
    mask[20:100, 30:50] = True
    before = under.copy()
    blend_person(under, cutout, mask, rng)
    assert 60 < under[40:80, 36:44].mean() < 215
    assert (under[101:104, 36:44] < before[101:104, 36:44]).any()  # a shadow at the feet
    assert (np.abs(under[:4].astype(int) - 60) <= 2).all()


def test_uneven_light_is_one_light(maker: SceneMaker) -> None:
    even = np.full((60, 80, 3), 120, np.uint8)
    lit = light_unevenly(even, np.random.default_rng(0))
    assert 0 < lit.astype(int).std() and np.abs(np.diff(lit.astype(int), axis=1)).max() <= 3


def test_bystanders_of_a_strip_of_street_are_ignored() -> None:
    rng = np.random.default_rng(0)
    parsing = np.zeros((220, 400), np.uint8)
    parsing[:, :140] = draw_person((220, 140), 70, 10, 200, GPS)
    box = mask_box(parsing > 0)
    assert box is not None
    portrait = Portrait("a", paint(parsing, GPS, rng), parsing, box)
    mask = np.zeros((220, 400), bool)
    mask[:, 200:] = True
    background = rng.integers(0, 256, (200, 260, 3)).astype(np.uint8)
    nobody = replace(OUTDOOR, empty=1.0)
    shares = []
    for bystanders in ({}, {"a": Bystanders.of(mask)}):
        maker = SceneMaker([portrait], [background], bystanders=bystanders)
        scenes = [maker.make((0, number), nobody, *SIZE) for number in range(30)]
        shares.append([scene.ignored.mean() for scene in scenes if scene.ignored is not None])
    assert max(shares[0]) == 0 and 5 <= sum(share > 0.3 for share in shares[1]) <= 18
