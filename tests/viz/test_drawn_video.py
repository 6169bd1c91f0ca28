"""viz/drawn_video.py: the truth is whole, and what it says of movement is so."""

from __future__ import annotations

import numpy as np
import pytest

from peopleparse.errors import InputError
from peopleparse.viz.drawn_video import DrawnFrame, draw_video


@pytest.fixture(scope="module")
def frames() -> list[DrawnFrame]:
    return list(draw_video(4, 60, (120, 160), seed=1, shake=1.0, fps=6))


def test_every_frame_has_one_id_a_person_and_its_picture(frames: list[DrawnFrame]) -> None:
    assert len(frames) == 60
    for frame in frames:
        assert len(frame.ids) == len(set(frame.ids)) == len(frame.people)
        assert frame.people.image is not None and frame.people.size == (120, 160)
        assert frame.motion.shape == (120, 160, 2) and frame.motion.dtype == np.float32


def test_people_leave_and_others_come_in_under_new_ids(frames: list[DrawnFrame]) -> None:
    last_seen: dict[int, int] = {}
    for number, frame in enumerate(frames):
        for who in frame.ids:
            last_seen[who] = number
    assert max(last_seen) > 4
    assert min(last_seen.values()) < 59
    order = [min(n for n, f in enumerate(frames) if who in f.ids) for who in sorted(last_seen)]
    assert order[4:] == sorted(order[4:])  # numbers count up as people come in


def test_people_hide_each_other(frames: list[DrawnFrame]) -> None:
    areas = [np.bincount(f.people.instances.ravel(), minlength=9)[1:] for f in frames]
    shares = [
        len(f.ids) < 4 or min(a[a > 0]) < 0.5 * max(a) for f, a in zip(frames, areas, strict=True)
    ]
    assert any(shares)


def test_the_same_seed_gives_the_same_video(frames: list[DrawnFrame]) -> None:
    again = list(draw_video(4, 3, (120, 160), seed=1, shake=1.0, fps=6))
    other = list(draw_video(4, 3, (120, 160), seed=2, shake=1.0, fps=6))
    for frame, same in zip(frames, again, strict=False):
        assert (frame.people.parsing == same.people.parsing).all() and frame.ids == same.ids
    assert (other[0].people.parsing != again[0].people.parsing).any()


def test_clothes_stay_while_someone_walks(frames: list[DrawnFrame]) -> None:
    def color(frame: DrawnFrame, who: int) -> np.ndarray:
        person = frame.people.people[frame.ids.index(who)]
        part = person.parts.get("upper clothes") or person.parts["dress"]
        return np.median(frame.people.image[part.mask], axis=0)

    who = frames[0].ids[0]
    seen = [f for f in frames[:10] if who in f.ids]
    assert all(np.abs(color(f, who) - color(seen[0], who)).max() < 40 for f in seen)


def test_motion_leads_back_to_the_same_person() -> None:
    frames = list(draw_video(1, 12, (120, 160), seed=5, shake=0, fps=12))
    hits = []
    for before, frame in zip(frames, frames[1:], strict=False):
        assert (frame.motion[frame.people.instances == 0] == 0).all()
        for index, who in enumerate(frame.ids, 1):
            if who not in before.ids:
                continue
            upper = np.isin(frame.people.parsing, [2, 4, 11])  # legs swing, besides
            ys, xs = np.nonzero((frame.people.instances == index) & upper)
            moved = frame.motion[ys, xs]
            back_x = np.round(xs - moved[:, 0]).astype(int).clip(0, 159)
            found = before.people.instances[ys, back_x]
            hits.append((found == before.ids.index(who) + 1).mean())
    assert np.mean(hits) > 0.9


@pytest.mark.parametrize("count", [0, 9])
def test_a_wrong_count_is_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"count must be from 1 to 8, got {count}"):
        next(draw_video(count))
