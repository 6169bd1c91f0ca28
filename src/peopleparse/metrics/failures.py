"""What became of every person and every part: found, badly parsed, missed, doubled or invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.metrics.ap_lambda import visible_persons
from peopleparse.metrics.by_image import ByPersons
from peopleparse.metrics.checks import (
    DECIMALS,
    check_label_ids,
    check_new,
    check_num_ids,
    check_thresholds,
    plain,
)
from peopleparse.metrics.matching import rank
from peopleparse.metrics.overlap import Overlap
from peopleparse.metrics.readings import READINGS, mean_part_iou
from peopleparse.metrics.tally import Tally

TRUTH_FATES = ("matched", "bad_parts", "missed", "merged")
PREDICTION_FATES = ("right", "duplicate", "split", "background")
TRUTH_PART_FATES = ("matched", "bad", "missed", "lost")
PREDICTED_PART_FATES = ("right", "bad", "wrong", "duplicate", "split", "background")
PIXEL_FATES = ("right", "confused", "missed")
_Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Fates:
    """What became of the persons of one image, in the order in which they were given.

    Attributes:
        truth: one of TRUTH_FATES a truth person; "dropped" for one without a labelled pixel.
        prediction: one of PREDICTION_FATES a predicted person.
        pairs: (truth, prediction) of each match, by truth person.
    """

    truth: tuple[str, ...]
    prediction: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class FailureScores:
    """How many persons and parts met which fate.

    Attributes:
        images: images counted; missing_images of them had no prediction at all.
        truth_persons, predictions: the sums of `truth` and `prediction`.
        dropped_truth: truth persons without a labelled pixel, left out.
        truth, prediction: persons by fate.
        truth_parts, predicted_parts: parts by fate.
        pixels: labelled pixels of truth persons by fate.
        labels: the parts by fate, one table a label id: {"truth": ..., "prediction": ...}.
        good, person, part: the thresholds.
    """

    images: int
    missing_images: int
    truth_persons: int
    predictions: int
    dropped_truth: int
    truth: dict[str, int]
    prediction: dict[str, int]
    truth_parts: dict[str, int]
    predicted_parts: dict[str, int]
    pixels: dict[str, int]
    labels: dict[int, dict[str, dict[str, int]]]
    good: float
    person: float
    part: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"definition": "failures/1", **plain(asdict(self))}


@dataclass(frozen=True, eq=False)
class _Record:
    truth: _Counts  # (4,)
    prediction: _Counts  # (4,)
    truth_parts: _Counts  # (C, 4)
    predicted_parts: _Counts  # (C, 6)
    pixels: _Counts  # (3,)
    dropped: int
    missing: bool


@dataclass(frozen=True, eq=False)
class _Match:
    owner: NDArray[np.intp]  # (T,) the prediction of each truth person, -1 for none
    truth: NDArray[np.intp]  # (T,) index into TRUTH_FATES
    prediction: NDArray[np.intp]  # (P,) index into PREDICTION_FATES


class FailureCounts(ByPersons):
    """Counts of what became of every person and every part of a set of images.

    Definition: a prediction fits a truth person if their mean part IoU (reading `strict`) is above
    `good`, or else if the IoU of their whole masks is at least `person`. In each image, by falling
    score, each prediction takes the free truth person of the highest mean part IoU above `good`;
    then each prediction left takes the free truth person of the highest mask IoU from `person` on.
    Each truth person is one of
    * matched: taken in the first round;
    * bad_parts: taken in the second;
    * merged: not taken, and the prediction with most of its pixels has at least half of them, and
      at least half of another truth person's pixels, too;
    * missed: the others.
    Each prediction is one of
    * right: it took a truth person, with good or bad parts;
    * duplicate: it fits a truth person, which another prediction took;
    * split: it fits nobody, but at least half of its pixels lie inside one truth person;
    * background: the others, empty ones among them.
    Each part (label of one person) of a truth person is
    * matched or bad: its IoU with the part of the person's prediction is at least `part`, or below;
    * missed: it shares no pixel with that part, or the prediction has no such part;
    * lost: its person was missed or merged.
    Each predicted part is right or bad as above (the same pairs), wrong where it shares no pixel
    with its truth person's part, and duplicate, split or background as its person is. Labelled
    pixels of truth persons are right, confused (the person's prediction has another label there)
    or missed. Which label a part was confused with is in the confusion matrix of the pixels, not
    here: persons are counted label by label.
    Absent: a truth person without a labelled pixel is left out and reported. An image without a
    prediction misses all its persons. Pixels that a truth person ignores count for no pair with
    it; a part of its prediction that lies on them entirely is left out.
    Ties: IoUs equal to 12 decimals are equal; then the other of the two IoUs, then the leftmost
    truth person. Equal scores, and predictions with equally many pixels, go by falling score and
    left to right, so that neither image order nor person numbers matter.

    >>> truth = [[[1, 1, 2, 2, 0, 0]], [[0, 0, 0, 0, 1, 1]]]
    >>> found = [[[1, 1, 2, 2, 0, 0]], [[1, 1, 2, 0, 0, 0]]]
    >>> metric = FailureCounts(num_ids=3)
    >>> metric.update("photo", truth, found, scores=[0.9, 0.8])
    >>> result = metric.compute()
    >>> result.truth
    {'matched': 1, 'bad_parts': 0, 'missed': 1, 'merged': 0}
    >>> result.prediction
    {'right': 1, 'duplicate': 1, 'split': 0, 'background': 0}
    >>> result.truth_parts  # the second person's only part is lost
    {'matched': 2, 'bad': 0, 'missed': 0, 'lost': 1}
    """

    def __init__(
        self,
        num_ids: int,
        ignore_id: int = 255,
        label_ids: Sequence[int] | None = None,
        good: float = 0.5,
        person: float = 0.5,
        part: float = 0.5,
    ) -> None:
        """Choose labels and thresholds.

        Args:
            num_ids: labels are 0 to num_ids - 1.
            ignore_id: the truth's value for pixels that do not count.
            label_ids: the labels that are parts; default 1 to num_ids - 1.
            good: mean part IoU that good parts are above.
            person: IoU of whole masks that finds a person.
            part: IoU that a matched part reaches.

        Raises:
            InputError: one of them is outside its range.
        """
        check_num_ids(num_ids, ignore_id)
        self.num_ids, self.ignore_id = num_ids, ignore_id
        self.label_ids = check_label_ids(label_ids, num_ids, first=1)
        self.good, self.person, self.part = check_thresholds([good, person, part])
        self._records: dict[str, _Record] = {}

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: the image is known, or it was counted without persons or in other labels.
        """
        check_new(tally.image_id, self._records)
        overlap, visible = visible_persons(tally, self.num_ids)
        match = self._match(overlap, tally.scores)
        truth_parts, predicted_parts = self._count_parts(overlap, match)
        self._records[tally.image_id] = _Record(
            truth=np.bincount(match.truth, minlength=len(TRUTH_FATES)),
            prediction=np.bincount(match.prediction, minlength=len(PREDICTION_FATES)),
            truth_parts=truth_parts,
            predicted_parts=predicted_parts,
            pixels=_count_pixels(overlap, match),
            dropped=len(tally.truth_order) - len(visible),
            missing=tally.missing,
        )

    def fates(self, tally: Tally) -> Fates:
        """Return what became of the persons of one image, in the order in which they were given.

        Nothing is added.

        Raises:
            InputError: it was counted without persons or in other labels.
        """
        overlap, visible = visible_persons(tally, self.num_ids)
        match = self._match(overlap, tally.scores)
        truth = ["dropped"] * len(tally.truth_order)
        prediction = [""] * overlap.num_pred
        places = tally.truth_order[visible]
        for place, fate in zip(places, match.truth, strict=True):
            truth[place] = TRUTH_FATES[fate]
        for place, fate in zip(tally.pred_order, match.prediction, strict=True):
            prediction[place] = PREDICTION_FATES[fate]
        owners = zip(places, match.owner, strict=True)
        pairs = sorted((int(t), int(tally.pred_order[p])) for t, p in owners if p >= 0)
        return Fates(tuple(truth), tuple(prediction), tuple(pairs))

    def compute(self) -> FailureScores:
        """Return the counts of all images so far."""
        records = list(self._records.values())
        truth = _total(records, "truth", len(TRUTH_FATES))
        prediction = _total(records, "prediction", len(PREDICTION_FATES))
        parts = _total(records, "truth_parts", (self.num_ids, len(TRUTH_PART_FATES)))
        found = _total(records, "predicted_parts", (self.num_ids, len(PREDICTED_PART_FATES)))
        return FailureScores(
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth_persons=int(truth.sum()),
            predictions=int(prediction.sum()),
            dropped_truth=sum(record.dropped for record in records),
            truth=_named(TRUTH_FATES, truth),
            prediction=_named(PREDICTION_FATES, prediction),
            truth_parts=_named(TRUTH_PART_FATES, parts.sum(0)),
            predicted_parts=_named(PREDICTED_PART_FATES, found.sum(0)),
            pixels=_named(PIXEL_FATES, _total(records, "pixels", len(PIXEL_FATES))),
            labels={
                label: {
                    "truth": _named(TRUTH_PART_FATES, parts[label]),
                    "prediction": _named(PREDICTED_PART_FATES, found[label]),
                }
                for label in self.label_ids
            },
            good=self.good,
            person=self.person,
            part=self.part,
        )

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        labels = (self.num_ids, self.ignore_id, self.label_ids)
        return (*labels, self.good, self.person, self.part)

    def _match(self, overlap: Overlap, scores: NDArray[np.float64] | None) -> _Match:
        ids = np.array(self.label_ids, np.intp)
        parts = np.round(mean_part_iou(overlap, READINGS["strict"], ids), DECIMALS)
        persons = np.round(overlap.person_iou(), DECIMALS)
        order = rank(np.ones(overlap.num_pred) if scores is None else scores)
        good, found = parts > self.good, persons >= self.person
        owner = np.full(overlap.num_truth, -1, np.intp)
        _take(owner, order, good, parts, persons)
        truth = np.where(owner >= 0, 0, 2)
        _take(owner, order, found, persons, parts)
        truth[(truth == 2) & (owner >= 0)] = 1
        truth[_merged(overlap, order) & (owner < 0)] = 3
        prediction = np.where(_inside(overlap), 2, 3)
        # Whoever it fits was taken, else the prediction would have taken that person itself.
        prediction[(good | found).any(axis=0)] = 1
        prediction[owner[owner >= 0]] = 0
        return _Match(owner, truth, prediction)

    def _count_parts(self, overlap: Overlap, match: _Match) -> tuple[_Counts, _Counts]:
        """Return (C, 4) truth parts and (C, 6) predicted parts by fate."""
        is_part = np.zeros(self.num_ids, bool)
        is_part[list(self.label_ids)] = True
        t = np.flatnonzero(match.owner >= 0)
        p = match.owner[t]
        reached = np.round(np.nan_to_num(overlap.part_iou()[t, p]), DECIMALS) >= self.part
        shared = overlap.intersections[t, p] > 0
        truth, found = (overlap.truth_areas > 0) & is_part, (overlap.pred_areas > 0) & is_part
        counted = found[p] & (overlap.pred_areas[p] > overlap.ignored[t, p])
        right, bad = shared & reached, shared & ~reached
        both = [(right & truth[t]).sum(0), (bad & truth[t]).sum(0)]
        missed, wrong = truth[t] & ~shared, counted & ~shared
        others = [found[match.prediction == fate].sum(0) for fate in (1, 2, 3)]
        return (
            np.stack([*both, missed.sum(0), truth[match.owner < 0].sum(0)], axis=1),
            np.stack([*both, wrong.sum(0), *others], axis=1),
        )


def _take(
    owner: NDArray[np.intp],
    order: NDArray[np.intp],
    fits: NDArray[np.bool_],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
) -> None:
    """Let each prediction without a person take the best free one; `owner` is filled in."""
    for p in order:
        free = np.flatnonzero(fits[:, p] & (owner < 0))
        if free.size and p not in owner:
            owner[free[np.lexsort((-second[free, p], -first[free, p]))[0]]] = p


def _merged(overlap: Overlap, order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return (T,) whether the prediction with most of a person has another person as well."""
    if not overlap.num_pred:
        return np.zeros(overlap.num_truth, bool)
    areas = overlap.truth_areas[:, 1:].sum(1)[:, None]
    covers = 2 * overlap.foreground >= areas  # (T, P)
    most = order[overlap.foreground[:, order].argmax(axis=1)]
    mine = covers[np.arange(overlap.num_truth), most]
    return mine & (covers.sum(axis=0)[most] > 1)


def _inside(overlap: Overlap) -> NDArray[np.bool_]:
    """Return (P,) whether at least half of a prediction lies inside one truth person."""
    areas = overlap.pred_areas[:, 1:].sum(1) - overlap.ignored[:, :, 1:].sum(2)  # (T, P)
    return ((overlap.foreground > 0) & (2 * overlap.foreground >= areas)).any(axis=0)


def _count_pixels(overlap: Overlap, match: _Match) -> _Counts:
    """Return labelled pixels of truth persons: right, confused, missed."""
    t = np.flatnonzero(match.owner >= 0)
    right = int(overlap.intersections[t, match.owner[t], 1:].sum())
    either = int(overlap.foreground[t, match.owner[t]].sum())
    return np.array([right, either - right, int(overlap.truth_areas[:, 1:].sum()) - either])


def _total(records: list[_Record], name: str, shape: int | tuple[int, int]) -> _Counts:
    return sum((getattr(record, name) for record in records), np.zeros(shape, np.int64))


def _named(names: Sequence[str], counts: _Counts) -> dict[str, int]:
    return dict(zip(names, counts.tolist(), strict=True))
