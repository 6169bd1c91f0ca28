"""AP and recall of whole persons and of faces, as COCO defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peopleparse.errors import InputError, suggest
from peopleparse.metrics.average_precision import average_precision
from peopleparse.metrics.by_image import ByImage
from peopleparse.metrics.checks import (
    as_boxes,
    as_scores,
    check_new,
    check_thresholds,
    count_scores,
    plain,
)
from peopleparse.metrics.iou import as_masks, box_overlap, mask_order, mask_overlap
from peopleparse.metrics.matching import match_free, rank
from peopleparse.metrics.overlap import person_order
from peopleparse.metrics.ranked import Ranked
from peopleparse.metrics.tally import Tally

COCO_THRESHOLDS = tuple(k / 100 for k in range(50, 100, 5))
Kind = Literal["mask", "box"]
_KINDS = ("mask", "box")


@dataclass(frozen=True)
class PersonScores:
    """AP and recall at each threshold.

    Attributes:
        kind: "mask" or "box".
        thresholds: IoU that a match must reach.
        ap, recall: one number a threshold; NaN where the set has no truth.
        average: mean of `ap`; AP@[.5:.95] with the default thresholds.
        images, truth, predictions: what was counted; crowds are no truth.
        missing_images: images for which the system gave nothing, not even an empty list.
        dropped_truth: truth without area, left out.
    """

    kind: str
    thresholds: tuple[float, ...]
    ap: tuple[float, ...]
    recall: tuple[float, ...]
    average: float
    images: int
    missing_images: int
    truth: int
    predictions: int
    dropped_truth: int

    def ap_at(self, threshold: float) -> float:
        """Return AP at one of the thresholds; at .5 it is AP50.

        Raises:
            InputError: AP was not computed at this threshold.
        """
        return self.ap[self._index(threshold)]

    def recall_at(self, threshold: float) -> float:
        """Return recall at one of the thresholds.

        Raises:
            InputError: recall was not computed at this threshold.
        """
        return self.recall[self._index(threshold)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; NaN becomes None."""
        return {"definition": "person/1", **plain(asdict(self))}

    def _index(self, threshold: float) -> int:
        for index, value in enumerate(self.thresholds):
            if abs(value - threshold) < 1e-9:
                return index
        raise InputError(
            f"threshold must be one of {list(self.thresholds)}, got {threshold}. "
            "Name it when the metric is made."
        )


@dataclass(frozen=True, eq=False)
class _Record:
    scores: NDArray[np.float64]  # (P,) falling
    matches: NDArray[np.intp]  # (K, P) truth index or -1
    counted: NDArray[np.bool_]  # (K, P) False where the match is a crowd
    num_truth: int
    dropped: int
    missing: bool


class PersonAP(ByImage):
    """Person AP and recall of a set of images, by masks or by boxes.

    Definition: in each image the predictions, the best `max_detections` by falling score, each
    take the truth with the highest IoU that is still free, if that IoU is at least the threshold.
    AP is the mean of the highest precision at or beyond each of 101 recalls over the whole set's
    ranked predictions; AP@[.5:.95] its mean over ten thresholds. Recall is matched truth over
    truth. A crowd takes any number of predictions, which then count neither right nor wrong; its
    IoU is the share of the prediction inside it.
    Absent: a set without truth gives NaN (pycocotools: -1). Images without truth count their
    predictions as wrong; images without predictions their truth as missed. Truth without area
    (a person of whom nothing is visible) is left out and reported.
    Ties: equal IoUs go to the last truth, equal scores by image_id and then left to right, in a
    stable sort, so that neither image order nor person numbers matter.
    Source: COCO API, cocoeval, area "all".
    Differs: pycocotools breaks ties by the order in the files and counts truth without area.

    >>> metric = PersonAP("box")
    >>> truth = [[0, 0, 10, 10], [20, 0, 30, 10]]
    >>> metric.update("photo", truth, [[0, 0, 10, 8], [40, 0, 50, 10]], scores=[0.9, 0.8])
    >>> scores = metric.compute()  # IoU .8: right at .5 to .8, half of the truth found
    >>> scores.recall_at(0.5), round(scores.ap_at(0.5), 4)  # 51 of 101 recalls at precision 1
    (0.5, 0.505)
    >>> round(scores.average, 4)  # 7 of 10 thresholds
    0.3535
    """

    def __init__(
        self,
        kind: Kind,
        thresholds: Sequence[float] = COCO_THRESHOLDS,
        max_detections: int = 100,
    ) -> None:
        """Choose masks or boxes.

        Raises:
            InputError: an argument is unknown or outside its range.
        """
        if kind not in _KINDS:
            raise InputError(f"kind must be mask or box, got '{kind}'.{suggest(kind, _KINDS)}")
        if max_detections < 1:
            raise InputError(
                f"max_detections must be 1 or more, got {max_detections}. COCO takes 100."
            )
        self.kind, self.max_detections = kind, max_detections
        self.thresholds = check_thresholds(thresholds)
        self._records: dict[str, _Record] = {}

    def update(
        self,
        image_id: str,
        truth: ArrayLike,
        prediction: ArrayLike | None,
        scores: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
    ) -> None:
        """Add one image.

        Args:
            image_id: name of the image, new to the set.
            truth: kind "box": (T, 4) boxes; kind "mask": (T, H, W) bool, or (H, W) person
                numbers, where every number but 0 is a person.
            prediction: the same for predicted persons, numbered 1 to P; None where the system
                gave nothing.
            scores: (P,), or None for 1.0 each.
            crowd: (T,) bool, truth that is a crowd; default none.

        Raises:
            InputError: shapes, values or the image_id are not as above; nothing is added.
        """
        where = f"image '{image_id}'"
        if self.kind == "box":
            boxes, found = (
                as_boxes(truth, "truth", where),
                as_boxes(() if prediction is None else prediction, "prediction", where),
            )
            visible = np.asarray((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
            first, second = np.lexsort(boxes.T[::-1]), np.lexsort(found.T[::-1])
            iou, inside = box_overlap(boxes, found)
        else:
            masks = as_masks(truth, "truth", where)
            visible = np.asarray(masks.any(axis=(1, 2)))
            preds = np.zeros((0, *masks.shape[1:]), bool) if prediction is None else prediction
            iou, inside = mask_overlap(masks, preds, where, count_scores(scores))
            first, second = person_order(masks), mask_order(preds, iou.shape[1])
        crowds = _as_crowd(crowd, len(iou), where)
        first = first[visible[first]]
        iou = np.where(crowds[:, None], inside, iou)[np.ix_(first, second)]
        values = as_scores(scores, len(second), where)[second]
        self.add_iou(
            image_id,
            iou,
            values,
            crowds[first],
            missing=prediction is None,
            dropped=int((~visible).sum()),
        )

    def add(self, tally: Tally) -> None:
        """Add one image whose pixels are counted; boxes are those around the pixels.

        Raises:
            InputError: the image is known, or it was counted without persons.
        """
        overlap = tally.persons()
        visible = overlap.truth_areas[:, 1:].any(axis=1)
        if self.kind == "box":
            iou = box_overlap(
                tally.truth_boxes.astype(np.float64), tally.pred_boxes.astype(np.float64)
            )[0]
        else:
            iou = overlap.person_iou()
        self.add_iou(
            tally.image_id,
            iou[visible],
            tally.scores,
            missing=tally.missing,
            dropped=int((~visible).sum()),
        )

    def add_iou(
        self,
        image_id: str,
        iou: ArrayLike,
        scores: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
        missing: bool = False,
        dropped: int = 0,
    ) -> None:
        """Add one image whose (T, P) IoU is known; ties go in the order of rows and columns.

        Args:
            image_id: name of the image, new to the set.
            iou: (T, P), such as `Overlap.person_iou()`; a crowd's row is the share of each
                prediction inside it. Every row counts as truth.
            scores: (P,), or None for 1.0 each.
            crowd: (T,) bool, default none.
            missing: whether the system gave nothing for this image.
            dropped: truth without area that has no row.

        Raises:
            InputError: the image is known, or scores or crowd do not fit.
        """
        check_new(image_id, self._records)
        where = f"image '{image_id}'"
        iou = np.asarray(iou, np.float64)
        if iou.ndim != 2 or not np.isfinite(iou).all():
            raise InputError(
                f"iou must be (T, P) finite numbers, got shape {iou.shape}"
                f"{'' if np.isfinite(iou).all() else ' with NaN or infinity'}, at {where}. "
                "Give (0, P) for no truth."
            )
        crowds = _as_crowd(crowd, len(iou), where)
        values = as_scores(scores, iou.shape[1], where)
        order = rank(values)[: self.max_detections]
        matches = match_free(iou[:, order], np.array(self.thresholds), crowds)
        on_crowd = (matches >= 0) & np.append(crowds, False)[matches]
        self._records[image_id] = _Record(
            scores=values[order],
            matches=matches,
            counted=~on_crowd,
            num_truth=int((~crowds).sum()),
            dropped=dropped,
            missing=missing,
        )

    def compute(self) -> PersonScores:
        """Return the scores of all images so far."""
        records = [self._records[image_id] for image_id in sorted(self._records)]
        num_truth = sum(record.num_truth for record in records)
        scores = np.concatenate([np.zeros(0), *(record.scores for record in records)])
        order = rank(scores)
        none = np.zeros((len(self.thresholds), 0))
        counted = np.concatenate([none > 0, *(r.counted for r in records)], 1)[:, order]
        right = np.concatenate([none > 0, *(r.matches >= 0 for r in records)], 1)[:, order]
        hits = [row[kept] for row, kept in zip(right, counted, strict=True)]
        ap = tuple(average_precision(h, num_truth, "coco-101") for h in hits)
        recall = tuple(int(h.sum()) / num_truth if num_truth else float("nan") for h in hits)
        return PersonScores(
            kind=self.kind,
            thresholds=self.thresholds,
            ap=ap,
            recall=recall,
            average=float(np.mean(ap)),
            images=len(records),
            missing_images=sum(record.missing for record in records),
            truth=num_truth,
            predictions=len(scores),
            dropped_truth=sum(record.dropped for record in records),
        )

    def ranked(self) -> dict[str, Ranked]:
        """Return the ranked persons, as "person".

        Raises:
            InputError: a prediction is on a crowd, where it counts neither right nor wrong.
        """
        names = tuple(sorted(self._records))
        records = [self._records[name] for name in names]
        crowded = [name for name in names if not self._records[name].counted.all()]
        if crowded:
            raise InputError(
                "ranked persons must be right or wrong, got some on a crowd, at image "
                f"'{crowded[0]}'. Score without crowds."
            )
        scores = np.concatenate([np.zeros(0), *(record.scores for record in records)])
        order = rank(scores)
        none = np.zeros((len(self.thresholds), 0), np.intp)
        hits = np.concatenate([none, *(record.matches for record in records)], 1) >= 0
        image = np.repeat(np.arange(len(records)), [len(record.scores) for record in records])
        ranked = Ranked(
            image_ids=names,
            thresholds=self.thresholds,
            image=image[order],
            scores=scores[order],
            hits=hits[:, order],
            num_truth=np.array([record.num_truth for record in records], np.int64),
            integration="coco-101",
        )
        return {"person": ranked}

    def settings(self) -> tuple[Any, ...]:
        """Return what all shards must have in common."""
        return (self.kind, self.thresholds, self.max_detections)


class FaceRecall:
    """Share of truth faces that are found, by boxes.

    Definition: a truth face is the box of the face part of one truth person; a person without a
    visible face has none. Predicted face boxes, by falling score of their persons, each take the
    free truth face of the image with the highest IoU, if it is at least the threshold (.5); whose
    person the face is said to be does not matter. Recall is faces taken over truth faces.
    Absent: a set without a truth face gives NaN; an image without one adds nothing to recall.
    Source: the GPS paper only says that face boxes come from the segmentation; recall as in COCO.

    >>> metric = FaceRecall()
    >>> metric.update("photo", [[0, 0, 4, 4], None, [8, 0, 12, 4]], [[0, 1, 4, 4], None])
    >>> metric.compute().recall_at(0.5)  # IoU 3/4 for the first, nothing for the second face
    0.5
    """

    def __init__(self, thresholds: Sequence[float] = (0.5,)) -> None:
        self._boxes = PersonAP("box", thresholds, max_detections=10_000)

    def update(
        self,
        image_id: str,
        truth: Sequence[ArrayLike | None],
        prediction: Sequence[ArrayLike | None],
        scores: ArrayLike | None = None,
    ) -> None:
        """Add one image.

        Args:
            image_id: name of the image, new to the set.
            truth: one face box x1, y1, x2, y2 or None a truth person.
            prediction: one face box or None a predicted person.
            scores: one number a predicted person, or None for 1.0 each.

        Raises:
            InputError: a box, the scores or the image_id are not as above; nothing is added.
        """
        values = as_scores(scores, len(prediction), f"image '{image_id}'")
        kept = [index for index, box in enumerate(prediction) if box is not None]
        found = [box for box in prediction if box is not None]
        faces = [box for box in truth if box is not None]
        self._boxes.update(image_id, np.array(faces), np.array(found), values[kept])

    def merge(self, other: FaceRecall) -> None:
        """Add the images of another shard.

        Raises:
            InputError: the thresholds differ, or an image is in both; nothing is added.
        """
        self._boxes.merge(other._boxes)

    def compute(self) -> PersonScores:
        """Return recall (and AP) of the face boxes of all images so far."""
        return self._boxes.compute()


def _as_crowd(crowd: ArrayLike | None, count: int, where: str) -> NDArray[np.bool_]:
    crowds = np.zeros(count, bool) if crowd is None else np.asarray(crowd, bool)
    if crowds.shape != (count,):
        raise InputError(
            f"crowd must be one bool a truth person ({count}), got shape {crowds.shape}, "
            f"at {where}. Leave it out where there are no crowds."
        )
    return crowds
