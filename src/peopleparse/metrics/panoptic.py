"""Panoptic quality of part regions: one number for what is found and how well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.errors import InputError
from peopleparse.metrics.by_image import ByImage
from peopleparse.metrics.checks import check_label_ids, check_new, check_num_ids, plain
from peopleparse.metrics.overlap import Persons
from peopleparse.metrics.regions import Regions, regions_of_persons
from peopleparse.metrics.tally import Tally, make_tally


@dataclass(frozen=True)
class LabelQuality:
    """Panoptic quality of one label; NaN where neither truth nor prediction has it.

    Attributes:
        pq: sum of the IoUs of pairs over pairs + wrong / 2 + missed / 2; it is sq times rq.
        sq: mean IoU of the pairs; 0 without a pair.
        rq: pairs over pairs + wrong / 2 + missed / 2.
        matched, wrong, missed: pairs, and predicted and truth regions without a partner.
    """

    pq: float
    sq: float
    rq: float
    matched: int
    wrong: int
    missed: int


@dataclass(frozen=True)
class PanopticScores:
    """Panoptic quality of a set.

    Attributes:
        pq, sq, rq: means over the labels that truth or prediction has; NaN where there is none.
        labels: quality of each label id.
        images: images scored; missing_images of them had no prediction at all.
    """

    pq: float
    sq: float
    rq: float
    labels: dict[int, LabelQuality]
    images: int
    missing_images: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "panoptic/1", **plain(asdict(self))}


@dataclass(frozen=True, eq=False)
class _Record:
    label_ids: NDArray[np.intp]  # (M,) of the pairs
    iou: NDArray[np.float64]  # (M,) of the pairs
    num_truth: NDArray[np.int64]  # (C,)
    num_pred: NDArray[np.int64]  # (C,)
    missing: bool


class PanopticQuality(ByImage):
    """Panoptic quality (PQ) of the part regions of a set of images; scores play no part.

    Definition: a truth and a predicted region of one label and image are a pair if their IoU is
    above .5; of regions that do not overlap each other none can be in two pairs. For each label,
    PQ = sum of the IoUs of pairs / (pairs + wrong / 2 + missed / 2) over the whole set: the mean
    IoU of pairs (SQ) times their F1 (RQ). The headline is the mean over labels but background.
    Absent: a label in neither truth nor prediction is NaN and left out; one in only one of them is
    0. An image without a prediction counts its truth regions as missed. Regions without a pixel do
    not exist.
    Ties: where persons of one side overlap, pairs are made by falling IoU, each region once; equal
    IoUs go in the order of the regions: persons left to right.
    Rounding: each IoU is one division in float64, their sum is exact until it is rounded once.
    Source: Panoptic Segmentation, Kirillov et al. 2019, section 4; cocodataset/panopticapi,
    panopticapi/evaluation.py.
    Differs: no label is stuff, and no pixel is void but those that a truth person ignores.

    >>> metric = PanopticQuality(num_ids=4)
    >>> metric.update("photo", [[[1, 1, 1, 2]]], [[[1, 1, 3, 2]]])
    >>> quality = metric.compute()  # label 1: IoU 2/3; label 2: 1; label 3: only predicted
    >>> [round(quality.labels[i].pq, 3) for i in (1, 2, 3)], round(quality.pq, 3)
    ([0.667, 1.0, 0.0], 0.556)
    """

    def __init__(
        self, num_ids: int, ignore_id: int = 255, label_ids: Sequence[int] | None = None
    ) -> None:
        """Choose labels.

        Args:
            num_ids: labels are 0 to num_ids - 1.
            ignore_id: the truth's value for pixels that do not count.
            label_ids: the labels that are parts; default 1 to num_ids - 1.

        Raises:
            InputError: one of them is outside its range.
        """
        check_num_ids(num_ids, ignore_id)
        self.num_ids, self.ignore_id = num_ids, ignore_id
        self.label_ids = check_label_ids(label_ids, num_ids, first=1)
        self._records: dict[str, _Record] = {}

    def update(self, image_id: str, truth: Persons, prediction: Persons | None) -> None:
        """Add one image of persons; arguments and errors are those of `ByPersons.update`.

        Raises:
            InputError: shapes, labels or the image_id are wrong; nothing is added.
        """
        self.add(
            make_tally(
                image_id,
                truth,
                prediction,
                num_ids=self.num_ids,
                ignore_id=self.ignore_id,
            )
        )

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: the image is known, it has neither regions nor persons, or other labels.
        """
        check_new(tally.image_id, self._records)
        regions = tally.regions
        if regions is None:
            regions = regions_of_persons(tally.persons(), None)
        if regions.pred_empty is not None:
            regions = regions.take(np.flatnonzero(~regions.pred_empty))
        ids = np.concatenate([regions.truth_ids, regions.pred_ids])
        stray = sorted({int(i) for i in ids if not 0 < i < self.num_ids})
        if stray:
            raise InputError(
                f"regions must have label ids 1 to {self.num_ids - 1}, got {stray}, at image "
                f"'{tally.image_id}'. Check which scheme the regions were made with."
            )
        rows, columns = _pair(regions)
        self._records[tally.image_id] = _Record(
            label_ids=regions.truth_ids[rows],
            iou=regions.iou[rows, columns],
            num_truth=np.bincount(regions.truth_ids, minlength=self.num_ids),
            num_pred=np.bincount(regions.pred_ids, minlength=self.num_ids),
            missing=tally.missing,
        )

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        return (self.num_ids, self.ignore_id, self.label_ids)

    def compute(self) -> PanopticScores:
        """Return the quality of all images so far."""
        records = list(self._records.values())
        none = np.zeros(self.num_ids, np.int64)
        num_truth = sum((record.num_truth for record in records), none)
        num_pred = sum((record.num_pred for record in records), none)
        label_ids = np.concatenate([np.zeros(0, np.intp), *(r.label_ids for r in records)])
        iou = np.concatenate([np.zeros(0), *(record.iou for record in records)])
        labels = {
            label: _quality(iou[label_ids == label], int(num_truth[label]), int(num_pred[label]))
            for label in self.label_ids
        }
        known = [quality for quality in labels.values() if not math.isnan(quality.pq)]
        return PanopticScores(
            pq=_mean([quality.pq for quality in known]),
            sq=_mean([quality.sq for quality in known]),
            rq=_mean([quality.rq for quality in known]),
            labels=labels,
            images=len(records),
            missing_images=sum(record.missing for record in records),
        )


def _pair(regions: Regions) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the pairs above .5, each region in one pair at most."""
    rows, columns = np.nonzero(regions.iou > 0.5)
    order = np.argsort(-regions.iou[rows, columns], kind="stable")
    used_rows, used_columns, kept = set(), set(), []
    for index in order:
        row, column = int(rows[index]), int(columns[index])
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            kept.append(index)
    chosen = np.array(kept, np.intp)
    return rows[chosen], columns[chosen]


def _quality(iou: NDArray[np.float64], num_truth: int, num_pred: int) -> LabelQuality:
    pairs = len(iou)
    wrong, missed = num_pred - pairs, num_truth - pairs
    if not num_truth + num_pred:
        return LabelQuality(math.nan, math.nan, math.nan, 0, 0, 0)
    # fsum: the same whatever the order of images. Half of all regions: pairs + (wrong + missed) / 2
    total, halves = math.fsum(iou), (num_truth + num_pred) / 2
    return LabelQuality(
        pq=total / halves,
        sq=total / pairs if pairs else 0.0,
        rq=pairs / halves,
        matched=pairs,
        wrong=wrong,
        missed=missed,
    )


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
