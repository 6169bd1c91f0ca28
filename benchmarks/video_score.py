"""What a video loses and gains by tracks and by smoothing, where the truth is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from benchmarks.video_scenes import TrueFrame
from peopleparse.inference.smoothing import Smoother
from peopleparse.inference.tracks import Tracker
from peopleparse.metrics import mask_iou
from peopleparse.metrics.assignment import best_pairs
from peopleparse.metrics.video import Flicker, TrackAccuracy
from peopleparse.structures import ParsedPeople

Video: TypeAlias = Sequence[tuple[TrueFrame, ParsedPeople]]
STRENGTHS = (0.0, 0.5, 0.7, 0.8, 0.9)
_LABELS = 32
_WINDOW = 5


def score_tracks(videos: Sequence[Video]) -> dict[str, dict[str, Any]]:
    """Return id switches, MOTA and IDF1 of several ways to number the persons."""
    ways: dict[str, Callable[[], Callable[[ParsedPeople], Sequence[int]]]] = {
        "left to right": lambda: lambda people: [p.index for p in people.people],
        "tracks": lambda: Tracker().update,
        "tracks, best pairs": lambda: Tracker(pair=best_pairs).update,
        "tracks, no waiting": lambda: Tracker(gap=0).update,
    }
    return {name: _score_ids(videos, make) for name, make in ways.items()}


def _score_ids(
    videos: Sequence[Video], make: Callable[[], Callable[[ParsedPeople], Sequence[int]]]
) -> dict[str, Any]:
    scores = TrackAccuracy()
    for video in videos:
        number = make()
        for truth, found in video:
            ids = number(found)
            kept = [n for n, name in enumerate(ids) if name]
            iou = np.zeros((len(truth.ids), len(found)))
            if iou.size:
                iou = mask_iou(truth.people.instances.astype(int), found.instances.astype(int))
            scores.update(iou[:, kept], truth.ids, [ids[n] for n in kept])
        scores.end_video()
    return scores.compute().to_dict()


def score_smoothing(videos: Sequence[Video]) -> dict[str, dict[str, float]]:
    """Return flicker and accuracy by strength, and of a plain vote that knows no motion."""
    rows = {
        f"strength {strength:g}": _score_labels(videos, _smoothly(strength))
        for strength in STRENGTHS
    }
    return rows | {f"vote of {_WINDOW} frames": _score_labels(videos, _by_vote)}


def _score_labels(
    videos: Sequence[Video], smooth: Callable[[Video], Iterator[ParsedPeople]]
) -> dict[str, float]:
    scores = Flicker()
    for video in videos:
        for (truth, _), people in zip(video, smooth(video), strict=True):
            scores.update(truth.people.parsing, people.parsing, truth.motion)
        scores.end_video()
    return scores.compute().to_dict()


def _smoothly(strength: float) -> Callable[[Video], Iterator[ParsedPeople]]:
    def smooth(video: Video) -> Iterator[ParsedPeople]:
        tracker, smoother = Tracker(), Smoother(strength)
        for _, found in video:
            yield smoother.update(found, tracker.update(found))[0]

    return smooth


def _by_vote(video: Video) -> Iterator[ParsedPeople]:
    """Give each pixel the label it had most often in the last frames: what one would try first."""
    last: deque[Any] = deque(maxlen=_WINDOW)
    for _, found in video:
        last.append(found.parsing)
        votes = np.zeros((_LABELS, *found.size), np.int8)
        for parsing in last:
            np.put_along_axis(
                votes, parsing[None], np.take_along_axis(votes, parsing[None], 0) + 1, 0
            )
        labels = votes.argmax(axis=0).astype(np.uint8)
        yield ParsedPeople.from_maps(labels, (labels > 0).astype(np.uint16))
