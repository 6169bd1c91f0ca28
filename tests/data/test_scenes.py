from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from peopleparse.data.people import Portrait, read_backgrounds, read_portraits
from peopleparse.data.scene_places import MOST_PERSONS
from peopleparse.data.scenes import (
    INDOOR,
    OUTDOOR,
    PRESETS,
    Scene,
    SceneMaker,
    ScenePreset,
    _make_truth,
    training_preset,
)
from peopleparse.labels import get_scheme
from peopleparse.structures import mask_box
from tests.datasets import draw_person, paint, write_ccp_folder

GPS = get_scheme("gps")
SIZE = (240, 180)  # width, height
BAG, TIE = GPS.id_of("bag"), GPS.id_of("tie")
LEFT, RIGHT = GPS.id_of("left shoe"), GPS.id_of("right shoe")
ALONE = replace(OUTDOOR, mean_persons=1, drawn=1, closeness=0, far=0, head_missed=0)


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    """People of 200 pixels with a tie and, on their left, a bag; backgrounds of noise."""
    rng = np.random.default_rng(0)
    people = []
    for number in range(6):
        parsing = draw_person((220, 140), 70, 10, 200, GPS)
        parsing[50:80, 68:72] = TIE
        box = mask_box(parsing > 0)
        assert box is not None
        people.append(Portrait(f"{number:04d}", paint(parsing, GPS, rng), parsing, box))
    backgrounds = [rng.integers(0, 256, (200, 260, 3)).astype(np.uint8) for _ in range(3)]
    return SceneMaker(people, backgrounds)


def make(maker: SceneMaker, preset: ScenePreset, count: int, seed: int = 0) -> list[Scene]:
    """Make the first scenes of a seed."""
    return [maker.make((seed, number), preset, *SIZE) for number in range(count)]


def centre(mask: np.ndarray) -> float:
    """Return the mean column of a mask."""
    return float(np.nonzero(mask)[1].mean())


def test_the_presets_have_the_means_of_the_paper() -> None:
    assert {name: preset.mean_persons for name, preset in PRESETS.items()} == {
        "indoor": 5.23,
        "outdoor": 3.54,
    }
    assert INDOOR.tie and not OUTDOOR.tie and INDOOR.empty == OUTDOOR.empty == 0
    assert training_preset(INDOOR) == replace(INDOOR, empty=0.05, far=0.1)


def test_a_scene_is_its_seed_whatever_was_made_before(maker: SceneMaker) -> None:
    first = maker.make((5, 3), INDOOR, *SIZE)
    fresh = SceneMaker(maker.portraits, maker.backgrounds)
    again = fresh.make((5, 3), INDOOR, *SIZE)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.annotation.parsings, again.annotation.parsings)
    assert (first.photo_ids, first.truncated) == (again.photo_ids, again.truncated)
    for seed in ((5, 4), (6, 3)):
        assert (maker.make(seed, INDOOR, *SIZE).image != first.image).any()


@pytest.mark.parametrize("preset", [INDOOR, OUTDOOR], ids=lambda preset: preset.name)
def test_people_share_no_pixel_and_stand_left_to_right(
    maker: SceneMaker, preset: ScenePreset
) -> None:
    for scene in make(maker, preset, 25):
        masks, boxes = scene.annotation.masks, scene.annotation.boxes
        assert scene.image.shape == (180, 240, 3) and scene.image.dtype == np.uint8
        assert scene.annotation.parsings.shape[1:] == (180, 240)
        assert masks.sum(axis=0).max(initial=0) <= 1
        assert (np.diff(boxes[:, 0] + boxes[:, 2]) >= 0).all()
        assert len(masks) <= MOST_PERSONS and masks.any(axis=(1, 2)).all()
        count = len(masks)
        assert len(scene.photo_ids) == len(scene.truncated) == len(scene.occluded) == count
        assert set(scene.photo_ids) <= {portrait.photo_id for portrait in maker.portraits}


def test_order_is_that_of_the_labelled_pixels() -> None:
    # Person 1 reaches far right, but there only with ignored pixels.
    owners = np.zeros((20, 60), np.int16)
    owners[:, 5:50], owners[:, 50:60] = 1, 1
    owners[:, 20:32] = 2
    parsing = np.where(owners > 0, 4, 0).astype(np.uint8)
    parsing[:, 32:60] = 255
    image = np.zeros((20, 60, 3), np.uint8)
    scene = _make_truth(image, owners, parsing, ["a", "b"], [900, 240], INDOOR)
    assert scene.photo_ids == ("a", "b")
    assert scene.annotation.boxes[:, [0, 2]].tolist() == [[5, 20], [20, 32]]
    assert (scene.annotation.parsings[0, :, 32:] == 255).all()
    assert not scene.annotation.parsings[1, :, 32:].any()


def test_truncated_is_cut_by_the_frame(maker: SceneMaker) -> None:
    found = set()
    for scene in make(maker, INDOOR, 15):
        for box, truncated in zip(scene.annotation.boxes, scene.truncated, strict=True):
            touches = box[0] == 0 or box[1] == 0 or box[2] == 240 or box[3] == 180
            assert truncated is bool(touches)
            found.add(truncated)
    assert found == {True, False}


def test_one_person_is_whole_and_hidden_by_nobody(maker: SceneMaker) -> None:
    for scene in make(maker, ALONE, 15):
        assert scene.occluded == (False,)
        if not scene.truncated[0]:
            assert {2, 4, LEFT, RIGHT, BAG} <= set(np.unique(scene.annotation.parsings).tolist())


def test_occluded_has_lost_pixels_to_someone_in_front(maker: SceneMaker) -> None:
    crowd = replace(OUTDOOR, mean_persons=4, crowding=(0.1, 0.2), closeness=0)
    scenes = [scene for scene in make(maker, crowd, 20) if len(scene.annotation) > 1]
    assert scenes
    assert all(any(scene.occluded) for scene in scenes)
    assert not all(all(scene.occluded) for scene in scenes)  # the nearest hides the others
    owners = np.zeros((20, 60), np.int16)
    owners[:, :10], owners[:, 10:30] = 1, 2
    parsing = np.where(owners > 0, 4, 0).astype(np.uint8)
    image = np.zeros((20, 60, 3), np.uint8)
    scene = _make_truth(image, owners, parsing, ["a", "b"], [201, 400], INDOOR)
    assert scene.occluded == (True, False)


def test_scraps_are_ignored_in_every_map(maker: SceneMaker) -> None:
    crowd = replace(INDOOR, mean_persons=7, crowding=(0.02, 0.1))
    with_scraps = 0
    for scene in make(maker, crowd, 20):
        ignored = scene.annotation.parsings == 255
        assert (ignored == ignored[:1]).all()  # the drawn people have no ignored pixel of their own
        with_scraps += bool(ignored.any())
    assert with_scraps > 3


def test_outdoors_nobody_wears_a_tie(maker: SceneMaker) -> None:
    for preset, worn in ((INDOOR, True), (OUTDOOR, False)):
        scenes = make(maker, preset, 6)
        assert any((scene.annotation.parsings == TIE).any() for scene in scenes) is worn
        name = "gps" if worn else "gps-outdoor"
        assert {scene.annotation.scheme.name for scene in scenes} == {name}


def test_scenes_with_nobody(maker: SceneMaker) -> None:
    for scene in make(maker, replace(INDOOR, empty=1.0), 3):
        assert scene.annotation.parsings.shape == (0, 180, 240)
        assert scene.photo_ids == scene.truncated == scene.occluded == ()
    counts = [len(s.annotation) for s in make(maker, replace(ALONE, empty=0.5), 40)]
    assert 8 <= counts.count(0) <= 32


def test_a_mirrored_person_keeps_left_and_right(maker: SceneMaker) -> None:
    # Bags hang on one side of the drawn people: it shows who was mirrored.
    sides = set()
    for scene in make(maker, ALONE, 20):
        parsing = scene.annotation.parsings[0]
        if scene.truncated[0]:
            continue
        assert centre(parsing == LEFT) > centre(parsing == RIGHT)
        sides.add(centre(parsing == BAG) > centre(parsing == GPS.id_of("hair")))
    assert sides == {True, False}


def test_the_head_can_be_above_the_frame(maker: SceneMaker) -> None:
    for scene in make(maker, replace(ALONE, head_missed=1.0), 8):
        assert scene.truncated == (True,)
        parsing = scene.annotation.parsings[0]
        assert not (parsing == GPS.id_of("hair")).any()  # at most a chin is left
        assert (parsing == GPS.id_of("face")).sum() < 0.02 * (parsing > 0).sum()


@pytest.mark.parametrize("preset", [INDOOR, OUTDOOR], ids=lambda preset: preset.name)
def test_the_mean_number_of_people(maker: SceneMaker, preset: ScenePreset) -> None:
    counts = [len(maker.make((1, n), preset, 160, 120).annotation) for n in range(300)]
    assert np.mean(counts) == pytest.approx(preset.mean_persons, rel=0.10)
    assert min(counts) >= 1


def test_nobody_of_val_is_in_a_training_scene(tmp_path: Path) -> None:
    root = write_ccp_folder(tmp_path, parsed=12, size=(60, 40))
    seen: dict[str, set[str]] = {}
    rng = np.random.default_rng(0)
    backgrounds = [rng.integers(0, 256, (90, 90, 3)).astype(np.uint8)]
    for split in ("train", "val"):
        people = read_portraits(root, split)
        scenes = make(SceneMaker(people, backgrounds), OUTDOOR, 4)
        seen[split] = {photo_id for scene in scenes for photo_id in scene.photo_ids}
        assert seen[split] <= {person.photo_id for person in people}
    assert seen["train"] and seen["val"] and not seen["train"] & seen["val"]


@pytest.mark.slow
def test_the_mean_number_of_published_people(data_root: Path) -> None:
    people = read_portraits(data_root / "ccp", "val")
    maker = SceneMaker(people, read_backgrounds(data_root / "backgrounds", "val"))
    for preset in (INDOOR, OUTDOOR):
        counts = [len(maker.make((0, n), preset, 320, 240).annotation) for n in range(300)]
        assert np.mean(counts) == pytest.approx(preset.mean_persons, rel=0.10)


def test_what_the_frame_left_of_a_person_is_told(maker: SceneMaker) -> None:
    for scene in make(maker, INDOOR, 8):
        assert len(scene.placed) == len(scene.annotation)
        for parsing, placed, occluded in zip(
            scene.annotation.parsings, scene.placed, scene.occluded, strict=True
        ):
            seen = np.bincount(parsing.ravel(), minlength=256)
            seen[0] = placed.in_frame[0]
            seen[255] = placed.in_frame[255]
            assert (seen <= placed.in_frame).all()
            assert occluded is bool((seen < placed.in_frame).any())
            assert placed.in_frame[1:].sum() <= 1.05 * placed.whole[1:].sum() + 40
    (alone,) = make(maker, ALONE, 1)
    (placed,) = alone.placed
    kept, whole = placed.in_frame[1:].sum(), placed.whole[1:].sum()
    assert kept == pytest.approx(whole, rel=0.05) and placed.order == 0
