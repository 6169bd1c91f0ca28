"""inference/smoothing.py: calmer labels that do not lag, against a plain twin pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.video_noise import Noise, make_noisy
from benchmarks.video_scenes import draw_frames
from benchmarks.video_score import score_smoothing
from peopleparse.errors import InputError
from peopleparse.inference.smoothing import Smoother
from peopleparse.structures import ParsedPeople


def make_people(
    parsing: np.ndarray, owners: np.ndarray | None = None, image: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
) -> ParsedPeople:  # fmt: skip
    owners = (parsing > 0).astype(np.uint16) if owners is None else owners
    return ParsedPeople.from_maps(parsing, owners, image=image, confidence=confidence)


def vote_slowly(frames: list[tuple[np.ndarray, np.ndarray]], strength: float) -> list[np.ndarray]:
    """Return the labels of a single person who stands still, pixel by pixel."""
    shape = frames[0][0].shape
    results = [np.zeros(shape, np.uint8) for _ in frames]
    for y, x in np.ndindex(shape):
        claim, weight = None, 0.0
        for result, (labels, sure) in zip(results, frames, strict=True):
            label = int(labels[y, x])
            new = (1 - strength) * (max(0.25, sure[y, x] / 127.5 - 1) if label else 0.75)
            if claim is not None:
                weight *= strength
            if claim is None:
                claim, weight = label, new
            elif claim == label:
                weight += new
            elif weight > new:
                weight -= new
            else:
                claim, weight = label, new - weight
            result[y, x] = claim
    return results


@pytest.mark.parametrize("strength", [0.5, 0.7, 0.9])
def test_the_vote_is_what_the_plain_loop_gives(strength: float) -> None:
    rng = np.random.default_rng(3)
    frames = []
    for _ in range(8):
        labels = rng.choice(np.array([0, 4, 6], np.uint8), (9, 11))
        labels[0, 0] = 4
        sure = np.where(labels > 0, rng.integers(128, 256, labels.shape), 0).astype(np.uint8)
        frames.append((labels, sure))
    smoother, wanted = Smoother(strength), vote_slowly(frames, strength)
    for (labels, sure), right in zip(frames, wanted, strict=True):
        found, ids = smoother.update(make_people(labels, confidence=sure), (1,))
        assert ids == (1,)
        assert (found.parsing == right).all()


def test_strength_0_changes_nothing() -> None:
    people = make_people(np.full((20, 20), 4, np.uint8))
    assert Smoother(0).update(people, [3])[0] is people


def make_picture(x: int, shape: tuple[int, int] = (80, 160)) -> tuple[np.ndarray, np.ndarray]:
    """Return a textured person at x, and the labels: two halves."""
    rng = np.random.default_rng(0)
    image = np.repeat(rng.integers(0, 60, (*shape, 1)), 3, axis=2).astype(np.uint8)
    texture = rng.integers(120, 255, (60, 30, 3)).astype(np.uint8)
    labels = np.zeros(shape, np.uint8)
    image[10:70, x : x + 30] = texture
    labels[10:40, x : x + 30], labels[40:70, x : x + 30] = 4, 6
    return image, labels


def test_a_part_that_is_wrong_for_one_frame_is_put_right() -> None:
    smoother, wrong = Smoother(), []
    for t in range(8):
        image, labels = make_picture(40)
        seen = labels.copy()
        if t == 5:
            seen[labels == 6] = 7
        found, _ = smoother.update(make_people(seen, image=image), (1,))
        wrong.append(int((found.parsing != labels).sum()))
    assert wrong == [0] * 8


def test_a_change_that_stays_is_taken_over_after_two_frames() -> None:
    smoother, taken = Smoother(0.7), []
    for t in range(10):
        image, labels = make_picture(40)
        labels[labels == 6] = 6 if t < 5 else 7
        taken.append(
            int((smoother.update(make_people(labels, image=image), (1,))[0].parsing == 7).sum())
        )
    assert taken[:6] == [0] * 6 and all(taken[6:])


def test_someone_who_moves_leaves_no_trace() -> None:
    smoother = Smoother(0.8)
    for t in range(12):
        image, labels = make_picture(10 + 6 * t)
        found, _ = smoother.update(make_people(labels, image=image), (1,))
        assert (found.parsing != labels).mean() < 0.01, t


def test_someone_new_is_there_at_once_and_someone_gone_is_gone() -> None:
    smoother = Smoother(0.9)
    image, labels = make_picture(40)
    empty = np.zeros_like(labels)
    for _ in range(6):
        smoother.update(make_people(empty, image=image), ())
    found, ids = smoother.update(make_people(labels, image=image), (1,))
    assert (found.parsing == labels).all() and ids == (1,)
    found, ids = smoother.update(make_people(empty, image=image), ())
    assert not found.parsing.any() and ids == ()


def test_a_person_without_an_id_is_left_to_each_frame() -> None:
    smoother = Smoother(0.9)
    image, labels = make_picture(40)
    other = np.where(labels == 6, 7, labels).astype(np.uint8)
    for seen in (labels, labels, other):
        found, _ = smoother.update(make_people(seen, image=image), (0,))
        assert (found.parsing == seen).all()


def test_a_cut_forgets_everything() -> None:
    smoother = Smoother(0.9)
    image, labels = make_picture(40)
    for _ in range(5):
        smoother.update(make_people(labels, image=image), (1,))
    other = np.where(labels == 6, 7, labels).astype(np.uint8)
    found, _ = smoother.update(make_people(other, image=255 - image), (1,))
    assert (found.parsing == other).all()


def test_ids_follow_persons_who_are_numbered_anew() -> None:
    smoother = Smoother(0.3)
    owners = np.zeros((40, 60), np.uint16)
    owners[:, 5:15], owners[:, 30:40] = 1, 2
    labels = np.where(owners > 0, 4, 0).astype(np.uint8)
    for _ in range(3):
        _, ids = smoother.update(make_people(labels, owners), (8, 3))
        assert ids == (8, 3)
    swapped = np.zeros_like(owners)
    swapped[:, 30:40], swapped[:, 44:54] = 1, 2
    _, ids = smoother.update(
        make_people(np.where(swapped > 0, 4, 0).astype(np.uint8), swapped), (3, 8)
    )
    assert ids == (3, 8)


def test_frames_of_another_size_begin_anew() -> None:
    smoother = Smoother()
    smoother.update(make_people(np.full((20, 20), 4, np.uint8)), (1,))
    found, _ = smoother.update(make_people(np.full((30, 20), 6, np.uint8)), (1,))
    assert (found.parsing == 6).all()


def test_drawn_people_flicker_less_and_nothing_is_smeared() -> None:
    rng = np.random.default_rng(2)
    frames = draw_frames(3, 25, (160, 224), 11)
    rows = score_smoothing([[(f, make_noisy(f.people, rng, Noise())) for f in frames]])
    plain, smooth, vote = rows["strength 0"], rows["strength 0.7"], rows["vote of 5 frames"]
    assert smooth["flicker"] < 0.8 * plain["flicker"]
    assert smooth["accuracy"] > plain["accuracy"]
    assert smooth["accuracy_moved"] > plain["accuracy_moved"] - 0.01
    assert vote["accuracy_moved"] < plain["accuracy_moved"] - 0.05  # what a plain vote smears


@pytest.mark.parametrize("strength", [-0.1, 1.0])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(InputError, match="strength must be from 0 to below 1, got"):
        Smoother(strength)
