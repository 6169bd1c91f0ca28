"""Who is who from frame to frame: each person of a video keeps one id.

The idea of treating sure and unsure persons in two rounds is that of Y. Zhang et al., "ByteTrack:
Multi-Object Tracking by Associating Every Detection Box" (2022); the code is our own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.structures import ParsedPeople

Floats = NDArray[np.float64]
Pairs = list[tuple[int, int]]

LEAST_OVERLAP = 0.15  # below that two boxes are not the same person a frame later
SURE_OVERLAP = 0.3  # the same for persons with a low score
LOOK_WEIGHT = 0.3  # of the look beside the overlap, both 0 to 1
LEAST_LOOK = 0.55  # of someone who comes back
REACH, REACH_A_FRAME = 0.4, 0.06  # of where one may come back, in heights of the person
_COLOR_SPREAD = 45.0  # distance of two colours at which they count as half alike
_KEEP_LOOK, _KEEP_SPEED = 0.9, 0.7  # share of the past in the running means
_LABELS = 256


def pair_greedily(gains: Floats) -> Pairs:
    """Return pairs (row, column), the largest gain first, each row and column at most once.

    A pair whose gain is not above 0 is not made.

    >>> pair_greedily(np.array([[4.0, 3.0], [3.0, 0.0]]))
    [(0, 0)]
    """
    pairs: Pairs = []
    left = np.where(gains > 0, gains, 0)
    while left.size and left.max() > 0:
        row, column = divmod(int(left.argmax()), left.shape[1])
        left[row], left[:, column] = 0, 0
        pairs.append((row, column))
    return sorted(pairs)


@dataclass(frozen=True)
class Look:
    """Colours of one person by label.

    Attributes:
        shares: (256,) share of the person's pixels that each label has.
        colors: (256, 3) mean red, green, blue; 0 where the label is not there.
    """

    shares: Floats
    colors: Floats

    def mix(self, other: Look, keep: float) -> Look:
        """Return the running mean: `keep` of this look, the rest of another."""
        shares = keep * self.shares + (1 - keep) * other.shares
        weight = np.where(shares > 0, keep * self.shares / np.maximum(shares, 1e-12), 0)[:, None]
        return Look(shares, weight * self.colors + (1 - weight) * other.colors)


@dataclass
class Seen:
    """The persons of one frame as the tracker compares them, N of them.

    Attributes:
        boxes: (N, 4) float64.
        scores: (N,).
        areas: (N,) pixels.
        looks: one a person, empty where the frame has no picture.
        people: the frame.
    """

    boxes: Floats
    scores: Floats
    areas: Floats
    looks: list[Look]
    people: ParsedPeople


@dataclass
class _Track:
    box: Floats
    mask: NDArray[np.bool_]  # cut to the box
    look: Look | None
    speed: Floats = field(default_factory=lambda: np.zeros(2))
    number: int = 0  # the id, 0 until the person is sure
    hits: int = 1
    missed: int = 0

    def expected(self) -> Floats:
        """Return where the box should be now."""
        return self.box + np.tile(self.speed * (self.missed + 1), 2)


class Tracker:
    """Gives each person of a video an id that stays; ids count from 1 and are never used again.

    In each frame every track is moved on by its speed and compared with the persons found: by
    overlap of masks and boxes, and by the colours of the parts. First those with a score of at
    least `birth` are paired, the largest gain first, then the others with what is left. A track
    without a person waits for `gap` frames; someone who looks like it and stands near enough to
    where it should be by then takes it up again. A person of nobody's starts a new track and gets
    an id when found in `confirm` frames one after the other (in the first frame at once).
    """

    def __init__(
        self,
        birth: float = 0.3,
        confirm: int = 2,
        gap: int = 30,
        pair: Callable[[Floats], Pairs] = pair_greedily,
    ) -> None:
        """Start with nobody.

        Args:
            birth: lowest score of a person who starts a track, 0 to 1.
            confirm: frames until a new person gets an id, at least 1.
            gap: frames that a track waits for its person, at least 0.
            pair: chooses pairs from a matrix of gains.

        Raises:
            InputError: a number is out of its range.
        """
        for name, value, least in (("birth", birth, 0), ("confirm", confirm, 1), ("gap", gap, 0)):
            if not value >= least or (name == "birth" and value > 1):
                expected = "from 0 to 1" if name == "birth" else f"at least {least}"
                raise InputError(
                    f"{name} must be {expected}, got {value}. Leave it out for the default."
                )
        self.birth, self.confirm, self.gap, self.pair = birth, confirm, gap, pair
        self.count = 0  # ids given so far
        self._tracks: list[_Track] = []
        self._first = True

    def update(self, people: ParsedPeople) -> tuple[int, ...]:
        """Take the next frame and return the id of each of its persons, 0 for one without."""
        seen = see_people(people)
        sure = [n for n in range(len(people)) if seen.scores[n] >= self.birth]
        unsure = [n for n in range(len(people)) if seen.scores[n] < self.birth]
        tracks, owner = self._tracks, dict[int, _Track]()
        overlaps = np.array([_overlaps(track, seen) for track in tracks]).reshape(
            len(tracks), len(people)
        )
        looks = np.array(
            [[_alike(track.look, look) for look in _looks(seen)] for track in tracks]
        ).reshape(overlaps.shape)
        gains = np.where(overlaps >= LEAST_OVERLAP, overlaps + LOOK_WEIGHT * looks, 0)
        self._take(gains, range(len(tracks)), sure, owner)
        self._take(np.where(overlaps >= SURE_OVERLAP, gains, 0), self._free(owner), unsure, owner)
        lost = [n for n in self._free(owner) if tracks[n].number]
        self._take(
            _comebacks(tracks, seen, looks), lost, [n for n in sure if n not in owner], owner
        )
        self._go_on(seen, owner)
        for n in sure:
            if n not in owner:
                owner[n] = _Track(
                    seen.boxes[n], _cut(seen, n), seen.looks[n] if seen.looks else None
                )
                self._tracks.append(owner[n])
        for track in owner.values():
            if not track.number and (track.hits >= self.confirm or self._first):
                self.count += 1
                track.number = self.count
        self._first = False
        return tuple(owner[n].number if n in owner else 0 for n in range(len(people)))

    def _free(self, owner: dict[int, _Track]) -> list[int]:
        taken = {id(track) for track in owner.values()}
        return [n for n, track in enumerate(self._tracks) if id(track) not in taken]

    def _take(
        self, gains: Floats, rows: Sequence[int], columns: list[int], owner: dict[int, _Track]
    ) -> None:
        """Pair some tracks with some persons and write down who owns whom."""
        for row, column in self.pair(gains[np.ix_(list(rows), columns)]):
            owner[columns[column]] = self._tracks[rows[row]]

    def _go_on(self, seen: Seen, owner: dict[int, _Track]) -> None:
        """Move tracks to their persons; forget those that waited too long or left the picture."""
        for n, track in owner.items():
            moved = (_centre(seen.boxes[n]) - _centre(track.box)) / (track.missed + 1)
            keep = _KEEP_SPEED if track.hits > 1 else 0.0
            track.speed = keep * track.speed + (1 - keep) * moved
            track.box, track.mask, track.missed = seen.boxes[n], _cut(seen, n), 0
            track.hits += 1
            if seen.looks:
                new = seen.looks[n]
                track.look = new if track.look is None else track.look.mix(new, _KEEP_LOOK)
        height, width = seen.people.size
        kept = [track for track in owner.values()]
        for n in self._free(owner):
            track = self._tracks[n]
            x1, y1, x2, y2 = track.expected()
            track.missed += 1
            inside = x2 > 0 and y2 > 0 and x1 < width and y1 < height
            if track.number and track.missed <= self.gap and inside:
                kept.append(track)
        # In order of age: what is equally good goes to the older one, on every run.
        ages = {id(track): n for n, track in enumerate(self._tracks)}
        self._tracks = sorted(kept, key=lambda track: ages[id(track)])


def see_people(people: ParsedPeople) -> Seen:
    """Return what the tracker needs to know about the persons of a frame."""
    count = len(people)
    boxes = np.array([p.box for p in people.people], np.float64).reshape(count, 4)
    scores = np.array([p.score for p in people.people], np.float64)
    areas = np.bincount(people.instances.ravel(), minlength=count + 1)[1:].astype(np.float64)
    return Seen(boxes, scores, areas, _see_looks(people), people)


def _see_looks(people: ParsedPeople) -> list[Look]:
    if people.image is None or not len(people):
        return []
    # Every second pixel of every second row says enough about colours.
    owners = people.instances[::2, ::2]
    ys, xs = np.nonzero(owners)
    keys = (owners[ys, xs].astype(np.intp) - 1) * _LABELS + people.parsing[::2, ::2][ys, xs]
    colors, size = people.image[::2, ::2][ys, xs], len(people) * _LABELS
    counts = np.bincount(keys, minlength=size).reshape(-1, _LABELS)
    sums = np.stack(
        [np.bincount(keys, colors[:, n], size).reshape(-1, _LABELS) for n in range(3)], axis=2
    )
    means = sums / np.maximum(counts, 1)[..., None]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return [Look(share, mean) for share, mean in zip(shares, means, strict=True)]


def _looks(seen: Seen) -> Sequence[Look | None]:
    return seen.looks or [None] * len(seen.boxes)


def _alike(one: Look | None, other: Look | None) -> float:
    """Return how alike two looks are, 0 to 1, over the labels that both have; .5 for none."""
    if one is None or other is None:
        return 0.5
    weights = np.minimum(one.shares, other.shares)
    if weights.sum() <= 0:
        return 0.5
    distances = ((one.colors - other.colors) ** 2).sum(axis=1)
    return float(weights @ np.exp2(-distances / _COLOR_SPREAD**2) / weights.sum())


def _overlaps(track: _Track, seen: Seen) -> Floats:
    """Return (N,) mean of the mask IoU and the box IoU of a track, moved on, with each person."""
    count = len(seen.boxes)
    box = track.expected()
    low = np.maximum(box[:2], seen.boxes[:, :2])
    high = np.minimum(box[2:], seen.boxes[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    sizes = (seen.boxes[:, 2:] - seen.boxes[:, :2]).prod(axis=1)
    boxes = shared / (sizes + float((box[2:] - box[:2]).prod()) - shared)
    # The mask, moved by whole pixels and cut by the picture, over the map of persons.
    height, width = seen.people.size
    left, top = (round(float(v)) for v in box[:2])
    tall, wide = track.mask.shape
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + wide, width), min(top + tall, height)
    if x1 >= x2 or y1 >= y2:
        return boxes / 2
    mask = track.mask[y1 - top : y2 - top, x1 - left : x2 - left]
    hits = np.bincount(seen.people.instances[y1:y2, x1:x2][mask], minlength=count + 1)[1:]
    masks = hits / np.maximum(seen.areas + track.mask.sum() - hits, 1)
    return np.asarray((boxes + masks) / 2)


def _comebacks(tracks: list[_Track], seen: Seen, looks: Floats) -> Floats:
    """Return gains of tracks and persons by look and distance, 0 where it cannot be."""
    gains = np.zeros(looks.shape)
    for row, track in enumerate(tracks):
        box = track.expected()
        tall = max(float(box[3] - box[1]), 1.0)
        reach = (REACH + REACH_A_FRAME * track.missed) * tall
        for column, other in enumerate(seen.boxes):
            away = float(np.hypot(*(_centre(other) - _centre(box)))) / reach
            if away < 1 and looks[row, column] >= LEAST_LOOK:
                gains[row, column] = looks[row, column] + 0.3 * (1 - away)
    return gains


def _centre(box: Floats) -> Floats:
    return np.asarray((box[:2] + box[2:]) / 2)


def _cut(seen: Seen, n: int) -> NDArray[np.bool_]:
    x1, y1, x2, y2 = (int(v) for v in seen.boxes[n])
    return np.asarray(seen.people.instances[y1:y2, x1:x2] == n + 1)
