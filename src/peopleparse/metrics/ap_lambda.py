"""AP of persons by the mean IoU of their parts: the GPS paper's score, in its three readings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.average_precision import (
    Integration,
    average_precision,
    check_integration,
)
from peopleparse.metrics.checks import (
    check_new,
    check_num_ids,
    check_thresholds,
    plain,
)
from peopleparse.metrics.matching import best_truth, first_hits, rank
from peopleparse.metrics.overlap import Persons
from peopleparse.metrics.readings import Reading, get_reading, mean_part_iou
from peopleparse.metrics.tally import Tally, make_tally

LAMBDAS = tuple(k / 10 for k in range(1, 10))


@dataclass(frozen=True)
class ReadingResult:
    """AP of one reading.

    Attributes:
        name: the reading.
        ap: AP at each threshold; NaN where the set has no truth person.
        average: mean of `ap`: the paper's average AP.
        matched, wrong, missed: counts at each threshold; matched + missed are the truth persons,
            matched + wrong the predictions.
    """

    name: str
    ap: tuple[float, ...]
    average: float
    matched: tuple[int, ...]
    wrong: tuple[int, ...]
    missed: tuple[int, ...]


@dataclass(frozen=True)
class LambdaAPResult:
    """AP at every threshold in every reading, with what was counted.

    Attributes:
        thresholds: mean part IoU that a right prediction is above.
        readings: one result a reading, by name.
        images: images scored; missing_images of them had no prediction at all.
        truth_persons, predictions: what precision and recall are over.
        dropped_truth: truth persons without a labelled pixel, left out.
        scored: False where the system gave no scores: AP is then precision times recall.
        integration: "all-point" or "coco-101".
    """

    thresholds: tuple[float, ...]
    readings: dict[str, ReadingResult]
    images: int
    missing_images: int
    truth_persons: int
    predictions: int
    dropped_truth: int
    scored: bool
    integration: Integration

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "ap_lambda/1", **plain(asdict(self))}


@dataclass(frozen=True, eq=False)
class _Record:
    scores: NDArray[np.float64]  # (P,)
    best: NDArray[np.intp]  # (R, P) best truth person in each reading
    value: NDArray[np.float64]  # (R, P) mean part IoU with it
    num_truth: int
    dropped: int
    missing: bool
    scored: bool


class LambdaAP:
    """AP^lambda of a set of images, one person a unit.

    Definition: the mean part IoU of a truth and a predicted person is the mean over labels of
    intersection over union of their pixels. Over the whole set, predictions go in order of falling
    score; each one looks for the truth person of its image with the highest mean part IoU, taken
    or not. It is right if that mean is above the threshold and no earlier right prediction took
    the truth person; else it is wrong. AP is the area under the precision-recall curve, average AP
    the mean over thresholds .1 to .9. Readings: `strict` averages the parts that one or both
    persons have; `literal` all parts of the scheme, one that neither has counting 1; `mhp` is
    strict with the background as one more part.
    Absent: a set without a truth person gives NaN. An image without a prediction counts all its
    truth persons as missed. An empty prediction is wrong. A truth person without a labelled pixel
    is left out and reported. Pixels that a truth person ignores count for no pair with it.
    Ties: means equal to 12 decimals are equal; the leftmost truth person is taken. Equal scores
    go by image_id, then left to right (`person_order`), in a stable sort, so that neither image
    order nor person numbers matter. Without scores all predictions make one point of the curve.
    Source: Group People Segmentation paper, section 5.1, for thresholds and averages; the text
    names no scores, false positives or labels to average. `mhp`: ZhaoJ9014/Multi-Human-Parsing,
    Evaluation/Multi-Human-Parsing, for AP^p.
    Differs: the paper's text goes from truth to prediction; here one truth person has at most one
    right prediction. The published AP^p code sorts unstably and compares raw float64.

    >>> truth = [[[1, 1, 2, 0]]]  # one person: two pixels of part 1, one of part 2
    >>> metric = LambdaAP(num_ids=5)
    >>> metric.update("photo", truth, [[[1, 0, 2, 0]]], scores=[0.9])
    >>> result = metric.compute()  # IoU 1/2 and 1; parts 3 and 4 absent; background 1/2
    >>> {name: sum(reading.matched) for name, reading in result.readings.items()}
    {'strict': 7, 'literal': 8, 'mhp': 6}
    >>> round(result.readings["strict"].average, 4)  # mean .75: above .1 to .7, 7 of 9
    0.7778
    """

    def __init__(
        self,
        num_ids: int,
        ignore_id: int = 255,
        label_ids: Sequence[int] | None = None,
        readings: Iterable[str | Reading] = ("strict", "literal", "mhp"),
        thresholds: Sequence[float] = LAMBDAS,
        integration: Integration = "all-point",
    ) -> None:
        """Choose labels and readings.

        Args:
            num_ids: labels are 0 to num_ids - 1.
            ignore_id: the truth's value for pixels that do not count.
            label_ids: the labels that are parts; default 1 to num_ids - 1.
            readings: names in READINGS, or readings of your own.
            thresholds: mean part IoU to be above.
            integration: "all-point" or "coco-101".

        Raises:
            InputError: one of them is outside its range or unknown.
        """
        check_num_ids(num_ids, ignore_id)
        check_integration(integration)
        self.num_ids, self.ignore_id, self.integration = num_ids, ignore_id, integration
        self.label_ids = tuple(range(1, num_ids) if label_ids is None else label_ids)
        if not self.label_ids or not all(0 < i < num_ids for i in self.label_ids):
            raise InputError(
                f"label_ids must be ids 1 to {num_ids - 1}, got {list(self.label_ids)}. "
                "Leave out the background; a reading adds it."
            )
        self.readings = tuple(get_reading(reading) for reading in readings)
        names = [reading.name for reading in self.readings]
        if not names or len(set(names)) < len(names):
            raise InputError(
                f"readings must be one or more with different names, got {names}. "
                "Name each reading once."
            )
        self.thresholds = check_thresholds(thresholds)
        self._records: dict[str, _Record] = {}

    def update(
        self,
        image_id: str,
        truth: ArrayLike,
        prediction: Persons | None,
        scores: ArrayLike | None = None,
    ) -> None:
        """Add one image.

        Args:
            image_id: name of the image, new to the set.
            truth: (T, H, W) label ids, one map a person, everyone else 0.
            prediction: (P, H, W) label ids, one map a person; or the pair (parsing, instances),
                each (H, W), with persons 1 to P; or None where the system gave nothing.
            scores: (P,), or None for a system without scores. Of a pair, `scores[n - 1]` is
                person n, who may have no pixel.

        Raises:
            InputError: shapes, labels, scores or the image_id are not as above; nothing is added.
        """
        tally = make_tally(
            image_id, truth, prediction, scores, num_ids=self.num_ids, ignore_id=self.ignore_id
        )
        self.add(tally)

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted; ties go in the order of its persons.

        Raises:
            InputError: the image is known, or it was counted without persons or in other labels.
        """
        check_new(tally.image_id, self._records)
        overlap = tally.persons()
        if overlap.truth_areas.shape[1] != self.num_ids:
            raise InputError(
                f"overlap must count {self.num_ids} label ids, got "
                f"{overlap.truth_areas.shape[1]}, at image '{tally.image_id}'. "
                "Count and score with one scheme."
            )
        visible = np.flatnonzero(overlap.truth_areas[:, 1:].any(axis=1))
        dropped = overlap.num_truth - len(visible)
        if dropped:
            overlap = overlap.take(visible, np.arange(overlap.num_pred))
        ids = np.array(self.label_ids, np.intp)
        found = [best_truth(mean_part_iou(overlap, reading, ids)) for reading in self.readings]
        self._records[tally.image_id] = _Record(
            scores=np.ones(overlap.num_pred) if tally.scores is None else tally.scores,
            best=np.stack([index for index, _ in found]),
            value=np.stack([value for _, value in found]),
            num_truth=overlap.num_truth,
            dropped=dropped,
            missing=tally.missing,
            scored=tally.scores is not None,
        )

    def merge(self, other: LambdaAP) -> None:
        """Add the images of another shard.

        Raises:
            InputError: the settings differ, or an image is in both; nothing is added.
        """
        if self._settings() != other._settings():
            raise InputError(
                f"merged LambdaAP must have equal settings {self._settings()}, got "
                f"{other._settings()}. Make all shards with the same arguments."
            )
        for image_id in other._records:
            check_new(image_id, self._records)
        self._records.update(other._records)

    def compute(self) -> LambdaAPResult:
        """Return the scores of all images so far.

        Raises:
            InputError: some images came with scores and others without.
        """
        records = [self._records[image_id] for image_id in sorted(self._records)]
        scored = {record.scored for record in records if len(record.scores)}
        if len(scored) > 1:
            raise InputError(
                "scores must be given for all images or for none, got both. "
                "Fill in the missing scores."
            )
        num_truth = sum(record.num_truth for record in records)
        return LambdaAPResult(
            thresholds=self.thresholds,
            readings=self._read(records, num_truth, scored != {False}),
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth_persons=num_truth,
            predictions=sum(len(record.scores) for record in records),
            dropped_truth=sum(record.dropped for record in records),
            scored=scored != {False},
            integration=self.integration,
        )

    def _read(
        self, records: list[_Record], num_truth: int, scored: bool
    ) -> dict[str, ReadingResult]:
        start = np.cumsum([0, *(record.num_truth for record in records)])
        scores = np.concatenate([np.zeros(0), *(record.scores for record in records)])
        order = rank(scores)
        empty = np.zeros((len(self.readings), 0))
        best = np.concatenate(
            [empty.astype(np.intp), *(r.best + s for r, s in zip(records, start, strict=False))], 1
        )[:, order]
        value = np.concatenate([empty, *(record.value for record in records)], 1)[:, order]
        runs = None if scored else scores[order]
        found = {}
        for row, reading in enumerate(self.readings):
            hits = [first_hits(best[row], value[row] > limit) for limit in self.thresholds]
            ap = tuple(average_precision(h, num_truth, self.integration, runs) for h in hits)
            matched = tuple(int(h.sum()) for h in hits)
            found[reading.name] = ReadingResult(
                name=reading.name,
                ap=ap,
                average=float(np.mean(ap)),
                matched=matched,
                wrong=tuple(len(scores) - n for n in matched),
                missed=tuple(num_truth - n for n in matched),
            )
        return found

    def _settings(self) -> tuple[Any, ...]:
        labels = (self.num_ids, self.ignore_id, self.label_ids)
        return (*labels, self.readings, self.thresholds, self.integration)
