"""AP^h: whole persons by the IoU of their masks, parts aside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.metrics.average_precision import legacy_average_precision
from peopleparse.metrics.by_image import ByPersons
from peopleparse.metrics.candidates import (
    Candidates,
    check_mode,
    join,
    published_order,
    rank_candidates,
    value_at,
)
from peopleparse.metrics.checks import check_new, check_num_ids, check_thresholds, plain
from peopleparse.metrics.matching import best_truth, rank
from peopleparse.metrics.ranked import Ranked
from peopleparse.metrics.tally import Tally

HUMAN_THRESHOLDS = tuple(k / 100 for k in range(50, 100, 5))
HUMAN_MODES = ("recommended", "legacy-m2fp", "legacy-qanet")


@dataclass(frozen=True)
class HumanScores:
    """AP^h at each threshold.

    Attributes:
        mode: "recommended" or a legacy one.
        thresholds: IoU that a right person is above.
        ap: AP^h at each threshold; NaN where the set has no truth person.
        average: mean of `ap`: AP^h_vol with the default thresholds.
        matched, wrong: predictions at each threshold; in a legacy mode more may be right than
            there are truth persons.
        images: images scored; missing_images of them had no prediction at all.
        truth_persons, predictions: what precision and recall are over.
        dropped_truth: truth persons without a labelled pixel, left out.
        scored: False where the system gave no scores: recommended AP is then precision times
            recall.
    """

    mode: str
    thresholds: tuple[float, ...]
    ap: tuple[float, ...]
    average: float
    matched: tuple[int, ...]
    wrong: tuple[int, ...]
    images: int
    missing_images: int
    truth_persons: int
    predictions: int
    dropped_truth: int
    scored: bool

    def ap_at(self, threshold: float) -> float:
        """Return AP^h at one of the thresholds.

        Raises:
            InputError: AP was not computed at this threshold.
        """
        return value_at(self.thresholds, self.ap, threshold, "ap")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "ap_h/1", **plain(asdict(self))}


@dataclass(frozen=True, eq=False)
class _Record:
    candidates: Candidates
    dropped: int
    missing: bool


class HumanAP(ByPersons):
    """AP^h of a set of images, one person mask a unit.

    Definition: over the whole set, predictions go in order of falling score; each looks for the
    truth person of its image with the highest mask IoU, taken or not, and is right if that IoU is
    above the threshold and no earlier one took the person. AP^h is the area under the
    precision-recall curve, AP^h_vol its mean over thresholds .5 to .95. A mask is every pixel
    with a label but background.
    Absent: a set without a truth person gives NaN. An image without a prediction counts all its
    truth persons as missed. An empty prediction is wrong. A truth person without a labelled pixel
    is left out and reported. Pixels that a truth person ignores count for no pair with it.
    Ties: as in `LambdaAP`.
    Legacy: in both modes a truth person makes every prediction right that fits, so that
    duplicates are right and recall may exceed 1; every step of recall adds to the area, those
    beyond 1 too, so that AP may exceed 1. Equal scores go in an unstable order, mostly last first.
    `legacy-m2fp` has no other fault. `legacy-qanet` also
    sorts scores as text, where '9.5e-05' comes before '0.999' (as Python writes them); leaves out
    images without a prediction, truth and all; and leaves out predictions without a pixel (the
    published script mostly stops there with an IndexError).
    Source: soeaver/QANet, lib/data/evaluation/parsing_eval.py; soeaver/M2FP,
    m2fp/evaluation/parsing_eval/parsing_eval.py.
    Differs: the published scripts read masks of persons from files of their own.

    >>> metric = HumanAP()
    >>> truth = [[[1, 1, 1, 1, 0]]]
    >>> twice = [[[1, 1, 1, 0, 0]], [[1, 1, 1, 1, 0]]]  # IoU 3/4 and 1
    >>> metric.update("photo", truth, twice, scores=[0.9, 0.8])
    >>> metric.compute().matched, metric.compute().ap_at(0.75)  # 3/4 is not above .75
    ((1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 0.5)
    >>> legacy = HumanAP(mode="legacy-m2fp")
    >>> legacy.update("photo", truth, twice, scores=[0.9, 0.8])
    >>> legacy.compute().ap_at(0.5)  # both are right: recall 200 %
    2.0
    """

    def __init__(
        self,
        num_ids: int = 2,
        ignore_id: int = 255,
        mode: str = "recommended",
        thresholds: Sequence[float] = HUMAN_THRESHOLDS,
    ) -> None:
        """Choose mode and thresholds.

        Args:
            num_ids: labels of the maps that `update` takes are 0 to num_ids - 1; 2 for masks.
            ignore_id: the truth's value for pixels that do not count.
            mode: "recommended", "legacy-m2fp" or "legacy-qanet".
            thresholds: IoU to be above.

        Raises:
            InputError: one of them is outside its range or unknown.
        """
        check_num_ids(num_ids, ignore_id)
        self.num_ids, self.ignore_id = num_ids, ignore_id
        self.mode = check_mode(mode, HUMAN_MODES)
        self.thresholds = check_thresholds(thresholds)
        self._records: dict[str, _Record] = {}

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted, in whatever labels.

        Raises:
            InputError: the image is known, or it was counted without persons.
        """
        check_new(tally.image_id, self._records)
        overlap = tally.persons()
        visible = np.flatnonzero(overlap.truth_areas[:, 1:].any(axis=1))
        dropped = overlap.num_truth - len(visible)
        scores = np.ones(overlap.num_pred) if tally.scores is None else tally.scores
        best, value = best_truth(overlap.person_iou()[visible])
        found = Candidates(
            scores, best, value, np.array(len(visible)), scored=tally.scores is not None
        )
        if self.mode != "recommended":
            found = found.take(np.argsort(tally.pred_order))  # in the order given
        if self.mode == "legacy-qanet":
            areas = overlap.pred_areas[np.argsort(tally.pred_order), 1:].sum(axis=1)
            found = found.take(np.flatnonzero(areas), np.array(0) if tally.missing else None)
        self._records[tally.image_id] = _Record(found, dropped, tally.missing)

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        return (self.num_ids, self.ignore_id, self.mode, self.thresholds)

    def ranked(self) -> dict[str, Ranked]:
        """Return the ranked persons, as "person".

        Raises:
            InputError: some images came with scores and others without.
        """
        found = self._join()
        if self.mode == "recommended":
            return {"person": rank_candidates(found, self.thresholds, rank(found.scores))}
        sort = published_order if self.mode == "legacy-m2fp" else _text_order
        order = sort(found.scores)
        ranked = rank_candidates(found, self.thresholds, order, once=False, legacy=True)
        return {"person": ranked}

    def _join(self) -> Candidates:
        return join({name: record.candidates for name, record in self._records.items()})

    def compute(self) -> HumanScores:
        """Return the scores of all images so far.

        Raises:
            InputError: some images came with scores and others without.
        """
        ranked = self.ranked()["person"]
        records = [self._records[name] for name in sorted(self._records)]
        total = int(ranked.num_truth.sum())
        if self.mode == "recommended":
            ap = tuple(float(value) for value in ranked.average_precision())
            average = math.fsum(ap) / len(ap)
        else:
            ap = tuple(legacy_average_precision(hits, total) for hits in ranked.hits)
            average = float(np.mean(ap))
        matched = tuple(int(hits.sum()) for hits in ranked.hits)
        return HumanScores(
            mode=self.mode,
            thresholds=self.thresholds,
            ap=ap,
            average=average,
            matched=matched,
            wrong=tuple(len(ranked.scores) - n for n in matched),
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth_persons=total,
            predictions=len(ranked.scores),
            dropped_truth=sum(record.dropped for record in records),
            scored=self._join().scored,
        )


def _text_order(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    text = [repr(float(score)) for score in scores]
    return np.argsort(np.array(text, dtype=str))[::-1]
