"""AP^r: part regions by their IoU, class by class, as the CIHP benchmark scores them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.ap_lambda import LAMBDAS
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
from peopleparse.metrics.regions import Regions, regions_of_persons
from peopleparse.metrics.tally import Tally

REGION_MODES = ("recommended", "legacy-pgn", "legacy-mg", "legacy-mce2p", "legacy-m2fp")
_PREDICTED_ONLY = ("legacy-pgn", "legacy-mg", "legacy-mce2p")


@dataclass(frozen=True)
class LabelScores:
    """AP^r of one label.

    Attributes:
        ap: AP at each threshold; NaN for a label without a truth region, but in a legacy mode 0
            if it is not predicted either.
        average: mean of `ap`.
        matched: right predictions at each threshold; in a legacy mode more than `truth` may be.
        truth, predictions: regions of this label.
    """

    ap: tuple[float, ...]
    average: float
    matched: tuple[int, ...]
    truth: int
    predictions: int


@dataclass(frozen=True)
class RegionScores:
    """AP^r at each threshold, over all labels and for each.

    Attributes:
        mode: "recommended" or a legacy one.
        thresholds: IoU that a right region is above.
        ap: mean over labels of AP at each threshold; NaN where the set has no truth region.
        average: mean of `ap`: AP^r_vol with the default thresholds.
        labels: scores of each label id.
        images: images scored; missing_images of them had no prediction at all.
        truth, predictions: regions that were counted.
        empty_predictions: predicted regions without a pixel.
        scored: False where the system gave no scores: recommended AP is then precision times
            recall.
    """

    mode: str
    thresholds: tuple[float, ...]
    ap: tuple[float, ...]
    average: float
    labels: dict[int, LabelScores]
    images: int
    missing_images: int
    truth: int
    predictions: int
    empty_predictions: int
    scored: bool

    def ap_at(self, threshold: float) -> float:
        """Return AP^r at one of the thresholds.

        Raises:
            InputError: AP was not computed at this threshold.
        """
        return value_at(self.thresholds, self.ap, threshold, "ap")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "ap_r/1", **plain(asdict(self))}


@dataclass(frozen=True, eq=False)
class _Record:
    candidates: Candidates  # of all labels
    label_ids: NDArray[np.intp]  # (Q,)
    num_truth: NDArray[np.int64]  # (C,) truth regions of each label
    empty: int
    missing: bool


class RegionAP(ByPersons):
    """AP^r of a set of images, one part region a unit: what one person has of one label.

    Definition: for each label but background, predicted regions of the whole set go in order of
    falling score; each looks for the truth region of its label in its image with the highest IoU,
    taken or not, and is right if that IoU is above the threshold and no earlier one took the
    region. AP is the area under the precision-recall curve; AP^r its mean over labels, AP^r_vol
    the mean of that over thresholds .1 to .9. Regions are those of the tally, or else the parts of
    its persons, each with the score of its person.
    Absent: a label without a truth region is left out of the mean, predicted or not; NaN where no
    label has one. An image without a prediction counts its truth regions as missed. A predicted
    region without a pixel is wrong; a truth region without one does not exist.
    Ties: equal scores go by image_id, then persons left to right or regions as `count_regions`
    puts them; without scores all predictions make one point of the curve.
    Legacy: in every mode a truth region makes every prediction right that fits, so that duplicates
    are right and recall may exceed 1; every step of recall adds to the area, those beyond 1 too,
    so that AP may exceed 1. Equal scores go in an unstable order, mostly last first. A label in
    neither truth nor prediction counts AP 0. `legacy-pgn`, `legacy-mg` and `legacy-mce2p` leave
    out images without a prediction, truth and all, and predicted regions without a pixel (the
    published scripts mostly stop there with an IndexError). `legacy-pgn` is NaN if any label is
    predicted but not in the truth; the others leave that label out. `legacy-mce2p` also stores
    its table turned round: `ap` has the value of .1 under .9, of .4 under .6; only .5 and the
    mean are right. `legacy-m2fp` goes through the images with truth, and has predicted regions
    without a pixel wrong.
    Source: Engineering-Course/CIHP_PGN, evaluation/test_inst_part_ap.py; tfzhou/MG-HumanParsing,
    lib/evaluation/metrics.py (soeaver/QANet counts as it does); RanTaimu/M-CE2P,
    metrics/metrics.py; soeaver/M2FP, m2fp/evaluation/parsing_eval/parsing_eval.py.
    Differs: `ranked` has the thresholds of `legacy-mce2p` in their right places.

    >>> metric = RegionAP(num_ids=4)
    >>> truth = [[[1, 1, 2, 2]]]
    >>> metric.update("photo", truth, [[[1, 2, 2, 2]]], scores=[0.9])
    >>> scores = metric.compute()  # IoU 1/2 of label 1, 2/3 of label 2; label 3 is left out
    >>> scores.ap  # 1/2 is not above .5, 2/3 not above .7
    (1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.0, 0.0, 0.0)
    """

    def __init__(
        self,
        num_ids: int,
        ignore_id: int = 255,
        mode: str = "recommended",
        thresholds: Sequence[float] = LAMBDAS,
    ) -> None:
        """Choose labels and mode.

        Args:
            num_ids: labels are 0 to num_ids - 1.
            ignore_id: the truth's value for pixels that do not count.
            mode: "recommended", "legacy-pgn", "legacy-mg", "legacy-mce2p" or "legacy-m2fp".
            thresholds: IoU to be above.

        Raises:
            InputError: one of them is outside its range or unknown.
        """
        check_num_ids(num_ids, ignore_id)
        self.num_ids, self.ignore_id = num_ids, ignore_id
        self.mode = check_mode(mode, REGION_MODES)
        self.thresholds = check_thresholds(thresholds)
        self._records: dict[str, _Record] = {}

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: the image is known, it has neither regions nor persons, or other labels.
        """
        regions = tally.regions
        if regions is None:
            overlap, scores = tally.persons(), tally.scores
            if self.mode != "recommended":  # persons in the order given
                back = np.argsort(tally.pred_order)
                overlap = overlap.take(np.arange(overlap.num_truth), back)
                scores = None if scores is None else scores[back]
            regions = regions_of_persons(overlap, scores)
        elif self.mode != "recommended" and regions.pred_order is not None:
            regions = regions.take(np.argsort(regions.pred_order))
        self.add_regions(tally.image_id, regions, tally.missing)

    def add_regions(self, image_id: str, regions: Regions, missing: bool = False) -> None:
        """Add one image whose regions are counted, such as `count_regions` does.

        Args:
            image_id: name of the image, new to the set.
            regions: its regions; ties in scores go in their order.
            missing: whether the system gave nothing for this image.

        Raises:
            InputError: the image is known, or a label is outside the scheme.
        """
        check_new(image_id, self._records)
        for what, ids in (("truth", regions.truth_ids), ("predicted", regions.pred_ids)):
            stray = sorted({int(i) for i in ids if not 0 < i < self.num_ids})
            if stray:
                raise InputError(
                    f"{what} regions must have label ids 1 to {self.num_ids - 1}, got {stray}, "
                    f"at image '{image_id}'. Check which scheme the regions were made with."
                )
        none = np.zeros(len(regions.pred_ids), bool)
        empty = none if regions.pred_empty is None else regions.pred_empty
        num_truth = np.bincount(regions.truth_ids, minlength=self.num_ids)
        if self.mode in _PREDICTED_ONLY:
            regions = regions.take(np.flatnonzero(~empty))
            if missing:
                num_truth = np.zeros_like(num_truth)
        same = regions.truth_ids[:, None] == regions.pred_ids
        best, value = best_truth(np.where(same, regions.iou, -1.0))
        scores = np.ones(len(regions.pred_ids)) if regions.scores is None else regions.scores
        self._records[image_id] = _Record(
            candidates=Candidates(
                scores=scores,
                best=best,
                value=value,
                num_truth=np.array(len(regions.truth_ids)),
                scored=regions.scores is not None,
            ),
            label_ids=regions.pred_ids,
            num_truth=num_truth,
            empty=int(empty.sum()),
            missing=missing,
        )

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        return (self.num_ids, self.ignore_id, self.mode, self.thresholds)

    def ranked(self) -> dict[str, Ranked]:
        """Return the ranked regions of each label, under its id as text.

        Raises:
            InputError: some images came with scores and others without.
        """
        found = self._join()
        records = [self._records[name] for name in found.image_ids]
        label_ids = np.concatenate([np.zeros(0, np.intp), *(r.label_ids for r in records)])
        num_truth = np.stack([np.zeros(self.num_ids, np.int64), *(r.num_truth for r in records)])
        once, ranked = self.mode == "recommended", {}
        for label in range(1, self.num_ids):
            mine = found.take(label_ids == label, num_truth[1:, label])
            order = rank(mine.scores) if once else published_order(mine.scores)
            ranked[str(label)] = rank_candidates(
                mine, self.thresholds, order, once, legacy=not once
            )
        return ranked

    def _join(self) -> Candidates:
        return join({name: record.candidates for name, record in self._records.items()})

    def compute(self) -> RegionScores:
        """Return the scores of all images so far.

        Raises:
            InputError: some images came with scores and others without.
        """
        ranked = self.ranked()
        labels = {int(name): self._score_label(one) for name, one in ranked.items()}
        table = np.array([scores.ap for scores in labels.values()])
        ap, average = self._average(table)
        records = self._records.values()
        return RegionScores(
            mode=self.mode,
            thresholds=self.thresholds,
            ap=ap,
            average=average,
            labels=labels,
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth=sum(scores.truth for scores in labels.values()),
            predictions=sum(scores.predictions for scores in labels.values()),
            empty_predictions=sum(record.empty for record in records),
            scored=self._join().scored,
        )

    def _score_label(self, ranked: Ranked) -> LabelScores:
        total = int(ranked.num_truth.sum())
        if self.mode == "recommended":
            ap = tuple(float(value) for value in ranked.average_precision())
        elif total or len(ranked.scores):
            ap = tuple(legacy_average_precision(hits, total) for hits in ranked.hits)
        else:
            ap = (0.0,) * len(self.thresholds)  # the area under the two ends of an empty curve
        return LabelScores(
            ap=ap,
            average=math.fsum(ap) / len(ap),
            matched=tuple(int(hits.sum()) for hits in ranked.hits),
            truth=total,
            predictions=len(ranked.scores),
        )

    def _average(self, table: NDArray[np.float64]) -> tuple[tuple[float, ...], float]:
        """Return the mean over labels at each threshold, and the mean of all."""
        if self.mode == "recommended":
            kept = table[~np.isnan(table).any(axis=1)]
            columns = kept.T if len(kept) else np.full((len(self.thresholds), 1), math.nan)
            ap = tuple(math.fsum(column) / len(column) for column in columns)
            return ap, math.fsum(ap) / len(ap)
        mean = np.mean if self.mode == "legacy-pgn" else np.nanmean
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing is NaN
            values = mean(table, axis=0)
            average = float(mean(values))
        ap = tuple(float(value) for value in values)
        return (ap[::-1] if self.mode == "legacy-mce2p" else ap), average
