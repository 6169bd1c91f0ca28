"""AP of persons by the mean IoU of their parts: the GPS paper's score, in all its readings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.average_precision import (
    Integration,
    check_integration,
    legacy_average_precision,
    sample_curve,
)
from peopleparse.metrics.by_image import ByPersons
from peopleparse.metrics.checks import (
    check_label_ids,
    check_new,
    check_num_ids,
    check_thresholds,
    plain,
)
from peopleparse.metrics.matching import best_prediction, best_truth, first_hits, rank
from peopleparse.metrics.overlap import Overlap
from peopleparse.metrics.ranked import Ranked
from peopleparse.metrics.readings import HEADLINES, Reading, get_reading, mean_part_iou
from peopleparse.metrics.tally import Tally

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
        integration: "all-point" or "coco-101", of readings that do not say.
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
    best: NDArray[np.intp]  # (R, P) truth person that is looked for or looks, in each reading
    value: NDArray[np.float64]  # (R, P) mean part IoU with it
    given: NDArray[np.intp]  # (P,) the predictions in the order in which they were given
    num_truth: int
    dropped: int
    missing: bool
    scored: bool


class LambdaAP(ByPersons):
    """AP^lambda of a set of images, one person a unit.

    Definition: the mean part IoU of a truth and a predicted person is the mean over labels of
    intersection over union of their pixels. Over the whole set, predictions go in order of falling
    score; each one looks for the truth person of its image with the highest mean part IoU, taken
    or not. It is right if that mean is above the threshold and no earlier right prediction took
    the truth person; else it is wrong. AP is the area under the precision-recall curve, average AP
    the mean over thresholds .1 to .9. Readings: `strict` averages the parts that one or both
    persons have; `literal` all parts of the scheme, one that neither has counting 1; `mhp` is
    strict with the background as one more part. READINGS names these three and all others: other
    labels, truth persons that look for predictions, other areas, no scores, the published script.
    Absent: a set without a truth person gives NaN. An image without a prediction counts all its
    truth persons as missed. An empty prediction is wrong. A truth person without a labelled pixel
    is left out and reported. Pixels that a truth person ignores count for no pair with it.
    Ties: means equal to 12 decimals are equal; the leftmost truth person is taken. Equal scores
    go by image_id, then left to right (`person_order`), in a stable sort, so that neither image
    order nor person numbers matter. Without scores all predictions make one point of the curve.
    Source: Group People Segmentation paper, section 5.1, for thresholds and averages; the text
    names no scores, false positives or labels to average. `mhp`: ZhaoJ9014/Multi-Human-Parsing,
    Evaluation/Multi-Human-Parsing, for AP^p.
    Differs: the paper's text goes from truth to prediction and lets two truth persons share one;
    here, in every reading, one prediction is right for one truth person at most. The published
    AP^p code sorts unstably and compares raw float64; `legacy-mhp` does, too.

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
        readings: Iterable[str | Reading] = HEADLINES,
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
            integration: "all-point" or "coco-101", for readings that do not say.

        Raises:
            InputError: one of them is outside its range or unknown.
        """
        check_num_ids(num_ids, ignore_id)
        check_integration(integration)
        self.num_ids, self.ignore_id, self.integration = num_ids, ignore_id, integration
        self.label_ids = check_label_ids(label_ids, num_ids, first=1)
        self.readings = tuple(get_reading(reading) for reading in readings)
        names = [reading.name for reading in self.readings]
        if not names or len(set(names)) < len(names):
            raise InputError(
                f"readings must be one or more with different names, got {names}. "
                "Name each reading once."
            )
        self.thresholds = check_thresholds(thresholds)
        self._records: dict[str, _Record] = {}

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted; ties go in the order of its persons.

        Raises:
            InputError: the image is known, or it was counted without persons or in other labels.
        """
        check_new(tally.image_id, self._records)
        overlap, visible = visible_persons(tally, self.num_ids)
        scores = np.ones(overlap.num_pred) if tally.scores is None else tally.scores
        places = np.argsort(tally.truth_order[visible], kind="stable")
        found = [self._match(overlap, reading, scores, places) for reading in self.readings]
        self._records[tally.image_id] = _Record(
            scores=scores,
            best=np.stack([index for index, _ in found]),
            value=np.stack([value for _, value in found]),
            given=np.argsort(tally.pred_order, kind="stable"),
            num_truth=overlap.num_truth,
            dropped=len(tally.truth_order) - len(visible),
            missing=tally.missing,
            scored=tally.scores is not None,
        )

    def compute(self) -> LambdaAPResult:
        """Return the scores of all images so far.

        Raises:
            InputError: some images came with scores and others without.
        """
        records = list(self._records.values())
        ranked = self.ranked()
        return LambdaAPResult(
            thresholds=self.thresholds,
            readings={r.name: _read(r, ranked[r.name]) for r in self.readings},
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth_persons=sum(record.num_truth for record in records),
            predictions=sum(len(record.scores) for record in records),
            dropped_truth=sum(record.dropped for record in records),
            scored=self._is_scored(),
            integration=self.integration,
        )

    def ranked(self) -> dict[str, Ranked]:
        """Return the ranked predictions of each reading, by its name.

        Raises:
            InputError: some images came with scores and others without.
        """
        scored = self._is_scored()
        image_ids = tuple(sorted(self._records))
        records = [self._records[image_id] for image_id in image_ids]
        num_truth = np.array([record.num_truth for record in records], np.int64)
        sizes = np.array([len(record.scores) for record in records], np.intp)
        first_truth, first = np.cumsum(num_truth) - num_truth, np.cumsum(sizes) - sizes
        image = np.repeat(np.arange(len(records)), sizes)
        scores = np.concatenate([np.zeros(0), *(r.scores for r in records)])
        none = np.zeros((len(self.readings), 0))
        best = np.concatenate([none.astype(np.intp), *(r.best for r in records)], 1)
        value = np.concatenate([none, *(r.value for r in records)], 1)
        given = np.concatenate([np.zeros(0, np.intp), *(r.given for r in records)])
        given += first[image]
        found = {}
        for row, reading in enumerate(self.readings):
            used = scores if reading.scored else np.ones(len(scores))
            # The published script sorts what it was given, unstably.
            order = given[np.argsort(-used[given])] if reading.legacy else rank(used)
            owner, mean = (best[row] + first_truth[image])[order], value[row, order]
            limits = np.array(self.thresholds)[:, None]
            above = mean >= limits if reading.inclusive else mean > limits
            found[reading.name] = Ranked(
                image_ids=image_ids,
                thresholds=self.thresholds,
                image=image[order],
                scores=used[order],
                hits=np.stack([first_hits(owner, good) for good in above]),
                num_truth=num_truth,
                scored=reading.legacy or (scored and reading.scored),
                integration=reading.integration or self.integration,
            )
        return found

    def curve(
        self, reading: str, threshold: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return recall and precision of at most 200 points of the curve, its two ends exact.

        Both are empty where there is no truth person or no prediction.

        Raises:
            InputError: the reading or the threshold is not one of the metric's.
        """
        ranked = self.ranked()
        if reading not in ranked:
            raise InputError(
                f"reading must be one of {list(ranked)}, got '{reading}'. "
                "Name it when the metric is made."
            )
        one, limits = ranked[reading], np.array(self.thresholds)
        if not np.isclose(limits, threshold, rtol=0, atol=1e-9).any():
            raise InputError(
                f"threshold must be one of {list(self.thresholds)}, got {threshold}. "
                "Name it when the metric is made."
            )
        hits = one.hits[np.abs(limits - threshold).argmin()]
        return sample_curve(hits, int(one.num_truth.sum()), None if one.scored else one.scores)

    def _match(
        self,
        overlap: Overlap,
        reading: Reading,
        scores: NDArray[np.float64],
        places: NDArray[np.intp],
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return each prediction's truth person, and their mean; `places` is the given order."""
        mean = mean_part_iou(overlap, reading, np.array(self.label_ids, np.intp))
        if reading.match == "truth":
            return best_prediction(mean, scores if reading.scored else np.ones(len(scores)))
        if reading.legacy and len(places):
            index, value = best_truth(mean[places], decimals=None)
            return places[index], value
        return best_truth(mean)

    def _is_scored(self) -> bool:
        scored = {record.scored for record in self._records.values() if len(record.scores)}
        if len(scored) > 1:
            raise InputError(
                "scores must be given for all images or for none, got both. "
                "Fill in the missing scores."
            )
        return scored != {False}

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        labels = (self.num_ids, self.ignore_id, self.label_ids)
        return (*labels, self.readings, self.thresholds, self.integration)


def visible_persons(tally: Tally, num_ids: int) -> tuple[Overlap, NDArray[np.intp]]:
    """Return the overlap of truth persons that have a labelled pixel, and who they are.

    Raises:
        InputError: the image was counted without persons or in other labels.
    """
    overlap = tally.persons()
    if overlap.truth_areas.shape[1] != num_ids:
        raise InputError(
            f"overlap must count {num_ids} label ids, got {overlap.truth_areas.shape[1]}, "
            f"at image '{tally.image_id}'. Count and score with one scheme."
        )
    visible = np.flatnonzero(overlap.truth_areas[:, 1:].any(axis=1))
    return overlap.take(visible, np.arange(overlap.num_pred)), visible


def _read(reading: Reading, ranked: Ranked) -> ReadingResult:
    num_truth, num_pred = int(ranked.num_truth.sum()), len(ranked.scores)
    if reading.legacy:
        ap = tuple(legacy_average_precision(h, num_truth) for h in ranked.hits)
    else:
        ap = tuple(ranked.average_precision().tolist())
    matched = tuple(int(h.sum()) for h in ranked.hits)
    return ReadingResult(
        name=reading.name,
        ap=ap,
        average=float(np.mean(ap)),
        matched=matched,
        wrong=tuple(num_pred - n for n in matched),
        missed=tuple(num_truth - n for n in matched),
    )
