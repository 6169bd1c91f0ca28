"""Scores of a video: who is who from frame to frame, and labels that flicker or are smeared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.assignment import best_pairs

Labels = NDArray[np.uint8]
_NAN = float("nan")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else _NAN


@dataclass(frozen=True)
class TrackScores:
    """How well persons are followed.

    Attributes:
        mota: 1 - (misses + false_alarms + id_switches) / truth; may be below 0.
        idf1: share of person frames with the right id all along, 0 to 1.
        id_switches: times that a true person is found under another id than the last time.
        misses: true persons that no prediction is matched to, over all frames.
        false_alarms: predictions matched to nobody, over all frames.
        truth, found: persons over all frames, true and predicted.
    """

    mota: float
    idf1: float
    id_switches: int
    misses: int
    false_alarms: int
    truth: int
    found: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


class TrackAccuracy:
    """Id switches, MOTA and IDF1 of videos, each fed frame by frame.

    Definition: in each frame true and predicted persons are paired where their IoU is at least
        `iou`: a pair of the frame before is kept where that still holds, the rest are paired so
        that as many as possible are, and of these choices the one with the largest sum of IoU. An
        id switch is a true person paired with another id than at the last time the person was
        paired. IDF1 pairs whole true tracks with whole predicted ones so that most person frames
        agree: 2 * agreeing / (true + predicted person frames).
    Absent: without a true person MOTA is nan; without any person IDF1 is nan.
    Source: K. Bernardin, R. Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The
        CLEAR MOT Metrics" (2008); E. Ristani et al., "Performance Measures and a Data Set for
        Multi-Target, Multi-Camera Tracking" (2016).

    >>> scores = TrackAccuracy()
    >>> scores.update([[0.9]], [1], [5])
    >>> scores.update([[0.8]], [1], [6])
    >>> result = scores.compute()
    >>> result.id_switches, result.mota, result.idf1
    (1, 0.5, 0.5)
    """

    def __init__(self, iou: float = 0.5) -> None:
        self.iou = iou
        self._pairs: dict[int, int] = {}  # of the frame before
        self._last: dict[int, int] = {}  # the id that each true person was last found under
        self._agree: Counter[tuple[int, int]] = Counter()
        self._sums = np.zeros(5, np.int64)  # switches, matches, truth, found, agreeing

    def update(self, iou: ArrayLike, truth_ids: Sequence[int], found_ids: Sequence[int]) -> None:
        """Take one frame.

        Args:
            iou: (T, P) of true and predicted persons; see `mask_iou`.
            truth_ids: who the true persons are, each once.
            found_ids: ids of the predicted ones, each once; 0 is an id like any other, so leave
                persons without an id out.

        Raises:
            InputError: the shape does not fit the ids, or an id is there twice.
        """
        values = np.asarray(iou, np.float64)
        if not values.size:
            values = np.zeros((len(truth_ids), len(found_ids)))
        if values.shape != (len(truth_ids), len(found_ids)):
            raise InputError(
                f"iou must be ({len(truth_ids)}, {len(found_ids)}) like the ids, got "
                f"{values.shape}. Give one row a true and one column a predicted person."
            )
        for name, ids in (("truth_ids", truth_ids), ("found_ids", found_ids)):
            if len(set(ids)) < len(ids):
                raise InputError(
                    f"{name} must be different in a frame, got {list(ids)}. "
                    "Leave persons without an id out."
                )
        rows = {who: row for row, who in enumerate(truth_ids)}
        columns = {who: column for column, who in enumerate(found_ids)}
        good = values >= self.iou
        pairs = {
            who: found
            for who, found in self._pairs.items()
            if who in rows and found in columns and good[rows[who], columns[found]]
        }
        taken = set(pairs.values())
        free_rows = [row for who, row in rows.items() if who not in pairs]
        free_columns = [column for found, column in columns.items() if found not in taken]
        left = np.ix_(free_rows, free_columns)
        # More pairs first, then more overlap: a sum of IoU stays below the number of persons.
        gains = np.where(good[left], len(rows) + 1 + values[left], 0)
        for row, column in best_pairs(gains):
            pairs[truth_ids[free_rows[row]]] = found_ids[free_columns[column]]
        switches = sum(self._last.get(who, found) != found for who, found in pairs.items())
        self._pairs = pairs
        self._last |= pairs
        for row, column in np.argwhere(good).tolist():
            self._agree[truth_ids[row], found_ids[column]] += 1
        self._sums += (switches, len(pairs), len(rows), len(columns), 0)

    def end_video(self) -> None:
        """Say that the next frame belongs to another video: ids begin anew."""
        self._sums[4] += self._agreeing()
        self._pairs, self._last, self._agree = {}, {}, Counter()

    def merge(self, other: TrackAccuracy) -> None:
        """Add other videos."""
        self.end_video()
        self._sums += other._sums
        self._sums[4] += other._agreeing()

    def _agreeing(self) -> int:
        """Return the person frames that agree under the best pairing of whole tracks."""
        if not self._agree:
            return 0
        rows = sorted({who for who, _ in self._agree})
        columns = sorted({found for _, found in self._agree})
        counts = np.array([[self._agree[who, found] for found in columns] for who in rows], float)
        return int(sum(counts[pair] for pair in best_pairs(counts)))

    def compute(self) -> TrackScores:
        """Return the scores of all videos so far."""
        switches, matches, truth, found, agreeing = (int(n) for n in self._sums)
        agreeing += self._agreeing()
        misses, false_alarms = truth - matches, found - matches
        mota = 1 - _share(misses + false_alarms + switches, truth)
        idf1 = _share(2 * agreeing, truth + found)
        return TrackScores(mota, idf1, switches, misses, false_alarms, truth, found)


@dataclass(frozen=True)
class FlickerScores:
    """How calm a video's labels are, and what they pay for it.

    Attributes:
        flicker: share of the pixels with a steady true part whose predicted label changes.
        flicker_all: the same over every pixel with a steady true label, background too.
        accuracy: share of right labels among the pixels of true persons.
        accuracy_moved: the same among pixels whose true label has just changed, background too:
            where a label that lags behind is wrong.
    """

    flicker: float
    flicker_all: float
    accuracy: float
    accuracy_moved: float

    def to_dict(self) -> dict[str, float]:
        """Return plain values for JSON."""
        return asdict(self)


class Flicker:
    """Labels that change where the truth does not, over videos that are fed frame by frame.

    Definition: a pixel of a frame is followed back along the true motion to the pixel of the frame
        before that shows the same spot (the nearest one; without motion, the same pixel). Where
        both have the same true label, it is steady; it flickers where the predicted labels at the
        two differ. A pixel has just changed where the true label at the very same place was
        another in the frame before. Ignored pixels (255) of the truth count nowhere.
    Absent: nan where no such pixel is there.

    >>> calm, truth = Flicker(), np.array([[1, 1]], np.uint8)
    >>> calm.update(truth, truth)
    >>> calm.update(truth, np.array([[1, 2]], np.uint8))
    >>> calm.compute().flicker, calm.compute().accuracy
    (0.5, 0.75)
    """

    def __init__(self) -> None:
        self._before: tuple[Labels, Labels] | None = None
        self._sums = np.zeros((4, 2), np.int64)  # by score: counted, of

    def update(
        self, truth: Labels, prediction: Labels, motion: NDArray[np.floating[Any]] | None = None
    ) -> None:
        """Take one frame.

        Args:
            truth, prediction: (H, W) label ids.
            motion: (H, W, 2) by how much what is seen in a pixel moved in x and y since the frame
                before; pixels that come from outside are not counted as steady.

        Raises:
            InputError: the sizes disagree with each other or with the frame before.
        """
        sizes = [truth.shape, prediction.shape, *(seen.shape for seen in self._before or ())]
        if len(set(sizes)) > 1 or (motion is not None and motion.shape[:2] != truth.shape):
            raise InputError(
                f"frames of a video must have one size, got {sizes}. Call end_video between videos."
            )
        known, person = truth != 255, (truth > 0) & (truth != 255)
        right = truth == prediction
        self._count(2, right, person)
        if self._before is not None:
            old_truth, old_prediction = self._before
            self._count(3, right, known & (old_truth != truth) & (old_truth != 255))
            rows, columns, inside = _follow(truth.shape, motion)
            steady = inside & known & (old_truth[rows, columns] == truth)
            changed = old_prediction[rows, columns] != prediction
            self._count(0, changed, steady & person)
            self._count(1, changed, steady)
        self._before = truth.copy(), prediction.copy()

    def _count(self, score: int, hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> None:
        self._sums[score] += (int((hits & among).sum()), int(among.sum()))

    def end_video(self) -> None:
        """Say that the next frame belongs to another video."""
        self._before = None

    def merge(self, other: Flicker) -> None:
        """Add other videos."""
        self.end_video()
        self._sums += other._sums

    def compute(self) -> FlickerScores:
        """Return the scores of all videos so far."""
        return FlickerScores(*(_share(int(part), int(whole)) for part, whole in self._sums))


def _follow(
    size: tuple[int, ...], motion: NDArray[np.floating[Any]] | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Return row and column in the frame before, clipped, and whether it is inside, (H, W) each."""
    rows, columns = np.indices(size)
    if motion is None:
        return rows, columns, np.ones(size, bool)
    # Halves go up, so that a whole frame that moves by half a pixel stays together.
    columns = np.floor(columns - motion[..., 0] + 0.5).astype(np.intp)
    rows = np.floor(rows - motion[..., 1] + 0.5).astype(np.intp)
    inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    return rows.clip(0, size[0] - 1), columns.clip(0, size[1] - 1), inside
