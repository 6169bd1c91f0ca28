"""inference/tracks.py: who is who, on drawn people and made-up faults."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from benchmarks.video_noise import Noise, make_noisy
from benchmarks.video_scenes import draw_frames
from benchmarks.video_score import Video, score_tracks
from peopleparse.errors import InputError
from peopleparse.inference import tracks
from peopleparse.inference.tracks import Tracker, pair_greedily
from peopleparse.metrics.assignment import best_pairs
from peopleparse.structures import ParsedPeople

COLORS = {"red": (210, 30, 30), "blue": (30, 30, 210), "green": (20, 160, 40)}


def make_people(
    *persons: tuple[int, str], score: float = 0.9, picture: bool = True
) -> ParsedPeople:
    """Return people of 12 x 40 pixels at x, each in one colour; later ones hide earlier ones."""
    parsing, owners = np.zeros((60, 200), np.uint8), np.zeros((60, 200), np.uint16)
    image = np.full((60, 200, 3), 128, np.uint8)
    for number, (x, color) in enumerate(persons, 1):
        place = np.s_[10:50, max(0, x) : max(0, x + 12)]
        parsing[place], owners[place], image[place] = 4, number, COLORS[color]
    return ParsedPeople.from_maps(
        parsing, owners, [score] * len(persons), image=image if picture else None
    )


def test_ids_stay_while_people_walk() -> None:
    tracker = Tracker()
    found = [
        tracker.update(make_people((10 + 4 * t, "red"), (150 - 4 * t, "blue"))) for t in range(12)
    ]
    assert set(found) == {(1, 2)}


@pytest.mark.parametrize("picture", [True, False])
def test_two_who_cross_keep_their_ids(picture: bool) -> None:
    tracker = Tracker()
    for t in range(40):
        red, blue = 10 + 4 * t, 170 - 4 * t
        ids = tracker.update(make_people((red, "red"), (blue, "blue"), picture=picture))
        if abs(red - blue) > 24:
            assert ids == ((1, 2) if red < blue else (2, 1)), t


def test_someone_hidden_for_a_while_comes_back_as_the_same() -> None:
    tracker = Tracker(gap=10)
    for t in range(5):
        tracker.update(make_people((20 + 3 * t, "red"), (150, "blue")))
    for _ in range(6):
        assert tracker.update(make_people((150, "blue"))) == (2,)
    assert tracker.update(make_people((50, "red"), (150, "blue"))) == (1, 2)


def test_someone_else_in_the_same_place_is_someone_else() -> None:
    tracker = Tracker(gap=10)
    for _ in range(4):
        tracker.update(make_people((20, "red")))
    for _ in range(3):
        tracker.update(make_people())
    ids = [tracker.update(make_people((44, "green"))) for _ in range(3)]
    assert ids == [(0,), (2,), (2,)]


def test_after_the_gap_a_new_id_is_given_and_none_is_used_again() -> None:
    tracker, seen = Tracker(gap=2), []
    for _ in range(4):
        for _ in range(3):
            seen.append(tracker.update(make_people((20, "red")))[0])
        for _ in range(4):
            tracker.update(make_people())
    given = [who for who in dict.fromkeys(seen) if who]
    assert given == [1, 2, 3, 4] and tracker.count == 4


def test_a_person_seen_once_gets_no_id() -> None:
    tracker = Tracker(confirm=2)
    tracker.update(make_people((20, "red")))
    assert tracker.update(make_people((20, "red"), (100, "blue"))) == (1, 0)
    assert tracker.update(make_people((20, "red"))) == (1,)
    assert tracker.count == 1


def test_a_faint_person_goes_on_but_begins_nothing() -> None:
    tracker = Tracker(birth=0.5)
    assert tracker.update(make_people((20, "red"))) == (1,)
    assert tracker.update(make_people((21, "red"), score=0.2)) == (1,)
    assert tracker.update(make_people((21, "red"), (120, "blue"), score=0.2)) == (1, 0)
    assert tracker.update(make_people((21, "red"), (120, "blue"), score=0.2)) == (1, 0)


def test_an_empty_frame_and_a_frame_of_nobody() -> None:
    tracker = Tracker()
    assert tracker.update(make_people()) == ()
    assert tracker.update(make_people((20, "red"))) == (0,)
    assert tracker.update(make_people((20, "red"))) == (1,)


@pytest.mark.parametrize("seed", range(20))
def test_greedy_pairs_are_those_of_the_plain_loop(seed: int) -> None:
    gains = np.random.default_rng(seed).uniform(-0.3, 1, (5, 4))
    cells = sorted(np.ndindex(gains.shape), key=lambda cell: (-gains[cell], cell))
    rows, columns, wanted = set(), set(), []
    for row, column in cells:
        if gains[row, column] > 0 and row not in rows and column not in columns:
            rows.add(row), columns.add(column), wanted.append((row, column))
    assert pair_greedily(gains) == sorted(wanted)
    assert sum(gains[p] for p in best_pairs(gains)) >= sum(gains[p] for p in wanted) - 1e-12


def test_tracks_of_faulty_predictions_are_far_better_than_counting() -> None:
    videos: list[Video] = []
    for seed in (50, 51):
        rng = np.random.default_rng(seed)
        frames = draw_frames(4, 40, (120, 160), seed)
        videos.append([(f, make_noisy(f.people, rng, Noise())) for f in frames])
    scores = score_tracks(videos)
    counted, tracked = scores["left to right"], scores["tracks"]
    assert tracked["id_switches"] <= 0.25 * counted["id_switches"]
    assert tracked["idf1"] > counted["idf1"] + 0.15
    # Pairs chosen greedily are as good as the best ones: that is why no solver is needed.
    assert tracked["id_switches"] <= scores["tracks, best pairs"]["id_switches"] + 2


def test_perfect_predictions_have_no_switch_and_no_gap() -> None:
    frames = list(draw_frames(3, 40, (120, 160), 7))
    scores = score_tracks([[(frame, frame.people) for frame in frames]])["tracks"]
    assert scores["id_switches"] <= 1 and scores["idf1"] > 0.9


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"birth": 1.5}, "birth must be from 0 to 1, got 1.5"),
        ({"confirm": 0}, "confirm must be at least 1, got 0"),
        ({"gap": -1}, "gap must be at least 0, got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Tracker(**options)


def test_doctests() -> None:
    assert doctest.testmod(tracks).failed == 0
