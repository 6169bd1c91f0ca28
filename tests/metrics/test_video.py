"""metrics/video.py against slow twins straight from the definitions, and numbers by hand."""

from __future__ import annotations

import doctest
import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.metrics import assignment, video
from peopleparse.metrics.video import Flicker, TrackAccuracy

Frame = tuple[np.ndarray, list[int], list[int]]


def follow_slowly(frames: list[Frame], limit: float = 0.5) -> dict[str, float]:
    """Return switches, MOTA and IDF1 by trying every pairing of every frame and of the tracks."""
    last: dict[int, int] = {}
    kept: dict[int, int] = {}
    switches = matches = truths = founds = 0
    together: dict[tuple[int, int], int] = {}
    for iou, truth_ids, found_ids in frames:
        cells = {
            (t, f): iou[i, j]
            for i, t in enumerate(truth_ids)
            for j, f in enumerate(found_ids)
            if iou[i, j] >= limit
        }
        for pair in cells:
            together[pair] = together.get(pair, 0) + 1
        now = {t: f for t, f in kept.items() if (t, f) in cells}
        rest = [t for t in truth_ids if t not in now]
        free = [f for f in found_ids if f not in now.values()]
        best: tuple[tuple[int, float], dict[int, int]] = ((0, 0.0), {})
        padded = [*free, *[None] * len(rest)]
        for choice in permutations(padded, len(rest)):
            pairs = {t: f for t, f in zip(rest, choice, strict=True) if (t, f) in cells}
            value = (len(pairs), sum(cells[t, f] for t, f in pairs.items()))  # type: ignore[index]
            if value > best[0]:
                best = (value, pairs)  # type: ignore[assignment]
        now |= best[1]
        switches += sum(t in last and last[t] != f for t, f in now.items())
        last |= now
        kept = now
        matches, truths, founds = (
            matches + len(now),
            truths + len(truth_ids),
            founds + len(found_ids),
        )
    rows, columns = sorted({t for t, _ in together}), sorted({f for _, f in together})
    wide = [*columns, *[-1] * len(rows)]
    agree = max(
        (
            sum(together.get((t, f), 0) for t, f in zip(rows, choice, strict=True))
            for choice in permutations(wide, len(rows))
        ),
        default=0,
    )
    errors = (truths - matches) + (founds - matches) + switches
    return {
        "id_switches": switches,
        "mota": 1 - errors / truths,
        "idf1": 2 * agree / (truths + founds),
    }


def make_frames(seed: int) -> list[Frame]:
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(6):
        truth_ids = [n for n in (1, 2, 3) if rng.random() < 0.8]
        found_ids = rng.permutation([7, 8, 9])[: rng.integers(0, 4)].tolist()
        iou = np.round(rng.uniform(0.2, 1, (len(truth_ids), len(found_ids))), 3)
        frames.append((iou, truth_ids, found_ids))
    return frames


@pytest.mark.parametrize("seed", range(40))
def test_tracks_are_scored_as_the_definition_says(seed: int) -> None:
    frames, scores = make_frames(seed), TrackAccuracy()
    for frame in frames:
        scores.update(*frame)
    found = scores.compute().to_dict()
    wanted = follow_slowly(frames)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


def test_two_who_exchange_ids_switch_twice() -> None:
    scores = TrackAccuracy()
    for ids in ([1, 2], [1, 2], [2, 1], [2, 1]):
        scores.update(np.eye(2), [10, 20], ids)
    result = scores.compute()
    assert (result.id_switches, result.misses, result.false_alarms) == (2, 0, 0)
    assert result.mota == 1 - 2 / 8
    assert result.idf1 == 0.5


def test_a_pair_is_kept_while_it_is_good_enough_even_if_another_is_better() -> None:
    scores = TrackAccuracy()
    scores.update([[0.9]], [1], [5])
    scores.update([[0.5, 0.8]], [1], [5, 6])
    assert scores.compute().id_switches == 0


def test_a_gap_under_the_same_id_is_a_miss_and_no_switch() -> None:
    scores = TrackAccuracy()
    scores.update([[1.0]], [1], [5])
    scores.update(np.zeros((1, 0)), [1], [])
    scores.update([[1.0]], [1], [5])
    result = scores.compute()
    assert (result.id_switches, result.misses) == (0, 1)
    assert result.idf1 == pytest.approx(2 * 2 / 5)


def test_videos_are_added_and_their_ids_begin_anew() -> None:
    one, two, both = TrackAccuracy(), TrackAccuracy(), TrackAccuracy()
    for number, (alone, seed) in enumerate(((one, 1), (two, 2))):
        if number:
            both.end_video()
        for frame in make_frames(seed):
            alone.update(*frame)
            both.update(*frame)
    one.merge(two)
    assert one.compute() == both.compute()


def test_nobody_gives_nan() -> None:
    scores = TrackAccuracy()
    scores.update(np.zeros((0, 0)), [], [])
    assert math.isnan(scores.compute().mota) and math.isnan(scores.compute().idf1)
    scores.update(np.zeros((0, 2)), [], [1, 2])
    assert scores.compute().false_alarms == 2


def test_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"iou must be \(1, 2\) like the ids, got \(1, 1\)"):
        TrackAccuracy().update([[1.0]], [1], [1, 2])
    with pytest.raises(InputError, match=r"found_ids must be different in a frame, got \[0, 0\]"):
        TrackAccuracy().update([[1.0, 0.0]], [1], [0, 0])


def flicker_slowly(frames: list[Any]) -> list[float]:
    """Return the four shares pixel by pixel."""
    sums = [[0, 0] for _ in range(4)]
    for number, (truth, found, motion) in enumerate(frames):
        height, width = truth.shape
        for y in range(height):
            for x in range(width):
                label = truth[y, x]
                if label == 255:
                    continue
                if label:
                    sums[2][1] += 1
                    sums[2][0] += found[y, x] == label
                if not number:
                    continue
                before_truth, before_found, _ = frames[number - 1]
                if before_truth[y, x] not in (label, 255):
                    sums[3][1] += 1
                    sums[3][0] += found[y, x] == label
                back_x = x - math.ceil(motion[y, x, 0] - 0.5)
                back_y = y - math.ceil(motion[y, x, 1] - 0.5)
                if not (0 <= back_x < width and 0 <= back_y < height):
                    continue
                if before_truth[back_y, back_x] == label:
                    changed = before_found[back_y, back_x] != found[y, x]
                    for score in (0, 1) if label else (1,):
                        sums[score][1] += 1
                        sums[score][0] += changed
    return [part / whole if whole else math.nan for part, whole in sums]


@pytest.mark.parametrize("seed", range(8))
def test_flicker_is_what_the_definition_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.array([0, 1, 2, 255], np.uint8)
    frames = [
        (
            values[rng.choice(4, (7, 9), p=[0.3, 0.4, 0.2, 0.1])],
            values[rng.choice(3, (7, 9))],
            rng.choice([-1.5, -1, 0, 0, 0.5, 1.3], (7, 9, 2)),
        )
        for _ in range(4)
    ]
    score = Flicker()
    for frame in frames:
        score.update(*frame)
    assert list(score.compute().to_dict().values()) == pytest.approx(flicker_slowly(frames))


def test_a_block_that_moves_does_not_flicker_when_followed() -> None:
    plain, followed = Flicker(), Flicker()
    for x in (2, 4, 6):
        labels = np.zeros((6, 12), np.uint8)
        labels[:, x : x + 2], labels[:, x + 2 : x + 4] = 4, 6
        motion = np.zeros((6, 12, 2))
        motion[:, x : x + 4, 0] = 2
        followed.update(labels, labels, motion)
        plain.update(labels, labels)
    assert followed.compute().flicker == 0
    assert followed.compute().accuracy_moved == 1
    assert plain.compute().flicker_all == 0


def test_a_prediction_that_lags_is_wrong_where_the_truth_moved() -> None:
    score, before = Flicker(), np.zeros((4, 8), np.uint8)
    for x in (1, 2, 3):
        truth = np.zeros((4, 8), np.uint8)
        truth[:, x : x + 3] = 4
        score.update(truth, before)
        before = truth
    assert score.compute().accuracy_moved == 0


def test_flicker_of_several_videos() -> None:
    rng = np.random.default_rng(0)
    videos = rng.integers(0, 3, (2, 3, 2, 5, 5)).astype(np.uint8)
    one, two, both = Flicker(), Flicker(), Flicker()
    for alone, frames in zip((one, two), videos, strict=True):
        for truth, found in frames:
            alone.update(truth, found)
            both.update(truth, found)
        both.end_video()
    one.merge(two)
    assert one.compute() == both.compute()


def test_frames_of_another_size_are_refused() -> None:
    score = Flicker()
    score.update(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="frames of a video must have one size, got"):
        score.update(np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8))


def test_doctests() -> None:
    assert doctest.testmod(video).failed == doctest.testmod(assignment).failed == 0
