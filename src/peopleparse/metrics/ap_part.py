"""AP^p and PCP: persons by the mean IoU of their parts, as the MHP benchmark scores them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peopleparse.metrics.ap_lambda import LAMBDAS, visible_persons
from peopleparse.metrics.average_precision import legacy_average_precision
from peopleparse.metrics.by_image import ByPersons
from peopleparse.metrics.candidates import (
    Candidates,
    check_mode,
    join,
    rank_candidates,
    value_at,
)
from peopleparse.metrics.checks import (
    DECIMALS,
    check_label_ids,
    check_new,
    check_num_ids,
    check_thresholds,
    plain,
)
from peopleparse.metrics.matching import best_truth, rank
from peopleparse.metrics.overlap import Overlap
from peopleparse.metrics.ranked import Ranked
from peopleparse.metrics.readings import READINGS, mean_part_iou
from peopleparse.metrics.tally import Tally

PART_MODES = ("recommended", "legacy-mhp")


@dataclass(frozen=True)
class PartScores:
    """AP^p and PCP at each threshold.

    Attributes:
        mode: "recommended" or "legacy-mhp".
        thresholds: mean part IoU that a right person, and part IoU that a right part, is above.
        ap: AP^p at each threshold; NaN where the set has no truth person.
        average: mean of `ap`: AP^p_vol with the default thresholds.
        pcp: PCP at each threshold; NaN where the set has no truth person.
        pcp_average: mean of `pcp`.
        matched, wrong, missed: persons at each threshold.
        images: images scored; missing_images of them had no prediction at all.
        truth_persons, predictions: what precision and recall are over.
        skipped: predictions below `min_score`, neither right nor wrong.
        dropped_truth: truth persons without a labelled pixel, left out.
        scored: False where the system gave no scores: recommended AP is then precision times
            recall.
    """

    mode: str
    thresholds: tuple[float, ...]
    ap: tuple[float, ...]
    average: float
    pcp: tuple[float, ...]
    pcp_average: float
    matched: tuple[int, ...]
    wrong: tuple[int, ...]
    missed: tuple[int, ...]
    images: int
    missing_images: int
    truth_persons: int
    predictions: int
    skipped: int
    dropped_truth: int
    scored: bool

    def ap_at(self, threshold: float) -> float:
        """Return AP^p at one of the thresholds; at .5 it is AP^p_50.

        Raises:
            InputError: AP was not computed at this threshold.
        """
        return value_at(self.thresholds, self.ap, threshold, "ap")

    def pcp_at(self, threshold: float) -> float:
        """Return PCP at one of the thresholds; papers print it at .5.

        Raises:
            InputError: PCP was not computed at this threshold.
        """
        return value_at(self.thresholds, self.pcp, threshold, "pcp")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "ap_p/1", **plain(asdict(self))}


@dataclass(frozen=True, eq=False)
class _Record:
    candidates: Candidates
    right_parts: NDArray[np.int64]  # (K, P) parts of the best truth person that are right
    parts: NDArray[np.int64]  # (P,) parts of the best truth person
    dropped: int
    missing: bool


class PartAP(ByPersons):
    """AP^p and PCP of a set of images, one person a unit.

    Definition: the mean part IoU of a truth and a predicted person is the mean of intersection
    over union of the labels that one or both have, background included: the reading `mhp` of
    `LambdaAP`, whose rules hold here. Over the whole set, predictions go in order of falling
    score; each looks for the truth person of its image with the highest mean, taken or not, and
    is right if that mean is above the threshold and no earlier one took the person. AP^p is the
    area under the precision-recall curve, AP^p_vol its mean over thresholds .1 to .9. PCP is the
    mean over all truth persons of the share of their parts (background is none) whose IoU with
    the right prediction is above the same threshold; a missed person counts 0.
    Absent: a set without a truth person gives NaN. An image without a prediction counts all its
    truth persons as missed. An empty prediction is one like any other: its background alone may
    make it right at low thresholds, as it may a person somewhere else. A truth person without a
    labelled pixel is left out and reported.
    Ties: as in `LambdaAP`: means equal to 12 decimals are equal, equal scores go by image_id, then
    left to right; without scores all predictions make one point of the curve.
    Legacy: `legacy-mhp` has these faults: scores are sorted unstably (ties go in the order given
    or another); means are compared as float64 leaves them, so that .30000000000000004 is above
    .3; the first truth person in the order given wins by such last bits. Of a system without
    scores every score is 1. PCP counts any label above the threshold, which changes nothing: a
    label that the truth lacks has IoU 0.
    Source: ZhaoJ9014/Multi-Human-Parsing, Evaluation/Multi-Human-Parsing/v1 and v2, eval_mhp.py;
    with min_score: soeaver/Parsing-R-CNN and soeaver/M2FP, parsing_eval.py.
    Differs: the v2 file and the later ones keep a truth person of whom all is ignored.

    >>> metric = PartAP(num_ids=3)
    >>> metric.update("photo", [[[1, 1, 2, 0]]], [[[1, 0, 2, 0]]], scores=[0.9])
    >>> scores = metric.compute()  # IoU 1/2 and 1, background 1/2: mean 2/3
    >>> scores.matched, scores.ap_at(0.5), scores.pcp_at(0.5)  # one of two parts is above .5
    ((1, 1, 1, 1, 1, 1, 0, 0, 0), 1.0, 0.5)
    """

    def __init__(
        self,
        num_ids: int,
        ignore_id: int = 255,
        mode: str = "recommended",
        thresholds: Sequence[float] = LAMBDAS,
        min_score: float | None = None,
        label_ids: Sequence[int] | None = None,
    ) -> None:
        """Choose labels and mode.

        Args:
            num_ids: labels are 0 to num_ids - 1.
            ignore_id: the truth's value for pixels that do not count.
            mode: "recommended" or "legacy-mhp".
            thresholds: IoU to be above.
            min_score: predictions with a lower score are left out, as some evaluators do.
            label_ids: the labels that are parts; default 1 to num_ids - 1. Background is added.

        Raises:
            InputError: one of them is outside its range or unknown.
        """
        check_num_ids(num_ids, ignore_id)
        self.num_ids, self.ignore_id = num_ids, ignore_id
        self.label_ids = check_label_ids(label_ids, num_ids, first=1)
        self.mode = check_mode(mode, PART_MODES)
        self.thresholds, self.min_score = check_thresholds(thresholds), min_score
        self._records: dict[str, _Record] = {}

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted.

        Raises:
            InputError: the image is known, or it was counted without persons or in other labels.
        """
        check_new(tally.image_id, self._records)
        overlap, visible = visible_persons(tally, self.num_ids)
        scores = np.ones(overlap.num_pred) if tally.scores is None else tally.scores
        truth, pred = np.arange(len(visible)), np.arange(len(scores))
        if self.mode != "recommended":  # in the order given
            truth, pred = np.argsort(tally.truth_order[visible]), np.argsort(tally.pred_order)
        best, value, right_parts, parts = self._match(overlap.take(truth, pred))
        self._records[tally.image_id] = _Record(
            candidates=Candidates(
                scores=scores[pred],
                best=best,
                value=value,
                num_truth=np.array(len(visible)),
                scored=tally.scores is not None,
            ),
            right_parts=right_parts,
            parts=parts,
            dropped=len(tally.truth_order) - len(visible),
            missing=tally.missing,
        )

    def _match(
        self, overlap: Overlap
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Return each prediction's best truth, their mean part IoU and the parts of that truth."""
        ids = np.array(self.label_ids, np.intp)
        mean = mean_part_iou(overlap, READINGS["mhp"], ids)
        best, value = best_truth(mean, DECIMALS if self.mode == "recommended" else None)
        if not overlap.num_truth:
            none = np.zeros((len(self.thresholds), overlap.num_pred), np.int64)
            return best, value, none, none[0]
        own = overlap.part_iou()[best, np.arange(overlap.num_pred)][:, ids]  # (P, parts)
        right = np.stack([(own > limit).sum(axis=1) for limit in self.thresholds])  # NaN: no
        return best, value, right, (overlap.truth_areas[best][:, ids] > 0).sum(axis=1)

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        labels = (self.num_ids, self.ignore_id, self.label_ids)
        return (*labels, self.mode, self.thresholds, self.min_score)

    def ranked(self) -> dict[str, Ranked]:
        """Return the ranked persons, as "person".

        Raises:
            InputError: some images came with scores and others without.
        """
        found, order = self._rank()
        legacy = self.mode != "recommended"
        return {"person": rank_candidates(found, self.thresholds, order, legacy=legacy)}

    def _rank(self) -> tuple[Candidates, NDArray[np.intp]]:
        found = join({name: record.candidates for name, record in self._records.items()})
        recommended = self.mode == "recommended"
        order = rank(found.scores) if recommended else np.argsort(-found.scores)
        if self.min_score is not None:  # after sorting: what is left out moves ties, too
            order = order[found.scores[order] >= self.min_score]
        return found, order

    def compute(self) -> PartScores:
        """Return the scores of all images so far.

        Raises:
            InputError: some images came with scores and others without.
        """
        found, order = self._rank()
        ranked = self.ranked()["person"]
        records = [self._records[name] for name in sorted(self._records)]
        total = int(ranked.num_truth.sum())
        if self.mode == "recommended":
            ap = tuple(float(value) for value in ranked.average_precision())
            average = math.fsum(ap) / len(ap)
        else:
            ap = tuple(legacy_average_precision(hits, total) for hits in ranked.hits)
            average = float(np.mean(ap))
        pcp = self._pcp(records, ranked, order, total)
        matched = tuple(int(hits.sum()) for hits in ranked.hits)
        return PartScores(
            mode=self.mode,
            thresholds=self.thresholds,
            ap=ap,
            average=average,
            pcp=pcp,
            pcp_average=math.fsum(pcp) / len(pcp),
            matched=matched,
            wrong=tuple(len(order) - n for n in matched),
            missed=tuple(total - n for n in matched),
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth_persons=total,
            predictions=len(order),
            skipped=len(found.scores) - len(order),
            dropped_truth=sum(record.dropped for record in records),
            scored=found.scored,
        )

    def _pcp(
        self, records: list[_Record], ranked: Ranked, order: NDArray[np.intp], total: int
    ) -> tuple[float, ...]:
        if not total:
            return (math.nan,) * len(self.thresholds)
        none = np.zeros((len(self.thresholds), 0), np.int64)
        right = np.concatenate([none, *(record.right_parts for record in records)], 1)[:, order]
        parts = np.concatenate([none[0], *(record.parts for record in records)])[order]
        found = []
        for row, hits in zip(right, ranked.hits, strict=True):
            mine, all_parts = row[hits], parts[hits]
            if self.mode == "recommended":
                # As fractions: the mean is the same in whatever order the persons come.
                sums = np.bincount(all_parts, mine)
                shares = sum(Fraction(int(n), d) for d, n in enumerate(sums) if n)
                found.append(float(shares / total))
            else:
                shares_then_missed = np.zeros(total)
                shares_then_missed[: len(mine)] = mine / all_parts
                found.append(float(np.mean(shares_then_missed)))
        return tuple(found)
