"""Batches: the same step is the same batch, truth fits its image, boxes move within bounds."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from peopleparse.data.people import read_backgrounds, read_portraits  # noqa: E402
from peopleparse.inference.pipeline import ROI_MARGIN  # noqa: E402
from peopleparse.labels import get_scheme  # noqa: E402
from peopleparse.structures import mask_box  # noqa: E402
from peopleparse.training.batches import (  # noqa: E402
    STRIDE,
    Batches,
    _choose,
    _jitter,
    collate,
    iterate,
    read_training_data,
)
from tests.training.conftest import PARSED, tiny_recipe  # noqa: E402

FACE = get_scheme("gps").id_of("face")


@pytest.fixture(scope="module")
def data(tiny_data):
    return read_training_data(tiny_data)


@pytest.fixture(scope="module")
def batches(data):
    return Batches(tiny_recipe(), *data)


def same(a, b) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


def test_the_same_step_is_the_same_batch(data, batches):
    again = Batches(tiny_recipe(), *data)
    for step in (3, 0, 1, 2):  # in any order: nothing is kept from step to step
        assert same(batches[step], again[step])


def test_step_seed_and_rank_each_change_the_batch(data, batches):
    others = [
        batches[3],
        Batches(tiny_recipe(seed=2), *data)[1],
        Batches(tiny_recipe(), *data, rank=1)[1],
    ]
    assert not any(torch.equal(other.image, batches[1].image) for other in others)


@pytest.mark.parametrize("workers", [0, 1])
def test_iterate_starts_at_a_step_and_ends_with_the_recipe(batches, workers):
    found = list(iterate(batches, 2, workers))
    assert len(batches) == 4 and len(found) == 2
    assert same(found[0], batches[2]) and same(found[1], batches[3])


@pytest.mark.parametrize("step", [0, 1])
def test_truth_has_its_shapes_and_fits_its_image(batches, step):
    batch = batches[step]
    people = len(batch.batch)
    assert batch.image.shape == (2, 3, 64, 64) and batch.image.dtype == torch.uint8
    assert batch.parsing.shape == batch.owners.shape == (2, 64, 64)
    assert (batch.parsing.dtype, batch.owners.dtype) == (torch.uint8, torch.int16)
    assert batch.heat.shape == batch.weight.shape == (2, 2, 8, 8)
    assert batch.box.shape == (2, 2, 4, 8, 8)
    assert batch.persons.shape == (people,) and batch.has_face.shape == (people,)
    assert batch.boxes.shape == batch.faces.shape == (people, 4)
    assert batch.boxes.dtype == batch.faces.dtype == torch.float32
    assert (batch.boxes[:, 2:] > batch.boxes[:, :2]).all()
    assert batch.is_photo.tolist() == [step % 2 == 0] * 2
    assert ((batch.parsing == 255) == (batch.owners == -1)).all()
    assert ((batch.parsing > 0) == (batch.owners != 0)).all()
    for image, owner in enumerate(batch.owners.numpy()):
        everyone = [n for n in np.unique(owner) if n > 0]
        # Two people may share a cell; never are there more centres than people.
        assert bool(everyone) <= int((batch.heat[image, 0] == 1).sum()) <= len(everyone)
    assert batch.to(torch.device("cpu")).pin_memory().image.shape == (2, 3, 64, 64)


def test_photos_show_one_person(batches):
    for step in (0, 2):
        assert set(batches[step].owners.unique().tolist()) <= {0, 1}


def test_the_sides_of_the_split_share_nobody(tiny_data):
    train, val = (read_portraits(tiny_data / "ccp", split) for split in ("train", "val"))
    ids = [{portrait.photo_id for portrait in side} for side in (train, val)]
    assert ids[1] == {"0004", "0008", "0010"} and not ids[0] & ids[1]
    assert len(ids[0] | ids[1]) == PARSED
    backgrounds = [read_backgrounds(tiny_data / "backgrounds", s) for s in ("train", "val")]
    assert [len(side) for side in backgrounds] == [3, 1]
    assert not any(np.array_equal(backgrounds[1][0], photo) for photo in backgrounds[0])
    portraits, photos = read_training_data(tiny_data)
    assert {p.photo_id for p in portraits} == ids[0] and len(photos) == 3


def blank(size: int = 32):
    shape = (size, size)
    return np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, np.int16)


def test_nobody_anywhere_keeps_one_empty_box(rng):
    batch = collate([blank(), blank()], False, rng, rois=4)
    assert batch.batch.tolist() == [0] and batch.persons.tolist() == [-2]
    assert batch.has_face.tolist() == [False] and batch.faces.tolist() == [[0] * 4]
    assert batch.boxes.shape == (1, 4) and (batch.boxes[:, 2:] > batch.boxes[:, :2]).all()
    assert not batch.heat.any() and not batch.weight.any()


def test_collate_draws_each_kind_from_its_own_boxes(rng):
    image, parsing, owners = blank(64)
    parsing[8:56, 16:40], owners[8:56, 16:40] = 4, 1
    parsing[8:16, 24:32] = FACE
    parsing[40:56, 48:64], owners[40:56, 48:64] = 4, 2  # somebody without a face
    batch = collate([(image, parsing, owners)], True, rng, rois=20)
    person, face = batch.heat[0] == 1
    assert person.nonzero().tolist() == [[4, 3], [6, 7]]
    assert face.nonzero().tolist() == [[1, 3]]
    assert batch.box[0, 0, :, 4, 3].tolist() == [16, 8, 40, 56]
    assert batch.box[0, 1, :, 1, 3].tolist() == [24, 8, 32, 16]
    assert batch.persons.tolist() == [1, 2, 1, 2]  # few people come twice
    assert not batch.has_face[batch.persons == 2].any()
    twice = batch.boxes[batch.persons == 1]
    assert not torch.equal(twice[0], twice[1])


def row(number: int):
    return (0, number, np.array([0, 0, STRIDE, STRIDE], np.float32), None)


@pytest.mark.parametrize("people, rois, count", [(1, 20, 2), (3, 4, 3), (7, 20, 10), (30, 20, 20)])
def test_how_many_people_are_parsed(rng, people, rois, count):
    chosen = _choose([row(n) for n in range(1, people + 1)], rois, rng)
    numbers = [r[1] for r in chosen]
    assert len(chosen) == count
    assert len(set(numbers)) == min(people, rois)
    assert max(numbers.count(n) for n in numbers) <= 2


def test_jitter_stays_within_bounds(rng):
    box, face = np.array([10, 20, 50, 120], np.float32), np.array([20, 25, 40, 45], np.float32)
    drawn = [_jitter(box, face, rng) for _ in range(500)]
    sides, face_side = np.tile(box[2:] - box[:2], 2), 20
    moved = np.array([(d[0] - box) / sides for d in drawn]) * [-1, -1, 1, 1]
    np.testing.assert_allclose(moved.mean(axis=0), ROI_MARGIN, atol=0.01)
    np.testing.assert_allclose(moved.std(axis=0), 0.05, atol=0.01)
    assert np.abs(moved - ROI_MARGIN).max() < 5 * 0.05
    assert 0.03 < np.mean([not d[2] for d in drawn]) < 0.12  # now and then a face goes unseen
    faces = np.array([(d[1] - face) / face_side for d in drawn if d[2]])
    assert np.abs(faces).max() < 5 * 0.1 and abs(faces.mean()) < 0.02
    assert all(not d[1].any() for d in drawn if not d[2])
    assert not _jitter(box, None, rng)[2]


def test_mirrored_photos_swap_left_and_right(data):
    batches, scheme = Batches(tiny_recipe(), *data), get_scheme("gps")
    left, right = scheme.id_of("left arm"), scheme.id_of("right arm")
    seen = 0
    for seed in range(12):
        _, parsing, _ = batches._photo(np.random.default_rng(seed), 240, 160, closeups=0.0)
        boxes = [mask_box(parsing == label) for label in (left, right)]
        if all(box is not None for box in boxes):
            seen += 1
            # Everyone drawn faces the camera, and faces it still when mirrored.
            assert boxes[0][[0, 2]].mean() > boxes[1][[0, 2]].mean()
    assert seen > 5


def test_close_ups_show_a_head_large(data):
    batches, shown = Batches(tiny_recipe(), *data), []
    for closeups in (0.0, 1.0):
        counts = []
        for seed in range(12):
            rng = np.random.default_rng(seed)
            image, parsing, owners = batches._photo(rng, 96, 64, closeups)
            assert image.shape == (96, 64, 3) and parsing.shape == owners.shape == (96, 64)
            assert ((parsing > 0) == (owners == 1)).all()
            counts.append((parsing == FACE).sum())
        shown.append(counts)
    assert min(shown[1]) > 0 and np.mean(shown[1]) > 3 * np.mean(shown[0])


def test_frequencies_are_those_of_the_pixels_inside_the_boxes(batches):
    counts = np.zeros(20)
    for portrait in batches.portraits:
        x1, y1, x2, y2 = (int(v) for v in portrait.box)
        for y in range(y1, y2, 4):
            for x in range(x1, x2, 4):
                counts[portrait.parsing[y, x]] += 1
    found = batches.frequencies()
    np.testing.assert_allclose(found.numpy(), counts / counts.sum(), rtol=1e-6)
