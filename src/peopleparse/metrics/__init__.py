"""Scores of people parsing: numpy in, exact numbers out, the same on any number of processes.

Every metric is a class with `update` (the maps of one image) or `add` (a `Tally` of it), `merge`
(another shard) and `compute` (a frozen dataclass with `to_dict` for JSON). Scores are fractions
in [0, 1].
"""

from __future__ import annotations

from peopleparse.metrics.ap_lambda import LambdaAP, LambdaAPResult, ReadingResult
from peopleparse.metrics.average_precision import average_precision
from peopleparse.metrics.confusion import ConfusionMatrix, SegmentationScores
from peopleparse.metrics.iou import box_iou, mask_iou
from peopleparse.metrics.overlap import Overlap, part_overlap, person_order
from peopleparse.metrics.person import FaceRecall, PersonAP, PersonScores
from peopleparse.metrics.readings import READINGS, Reading
from peopleparse.metrics.regions import Regions
from peopleparse.metrics.tally import Tally, make_tally

__all__ = [
    "READINGS",
    "ConfusionMatrix",
    "FaceRecall",
    "Overlap",
    "LambdaAP",
    "LambdaAPResult",
    "PersonAP",
    "PersonScores",
    "Reading",
    "ReadingResult",
    "Regions",
    "SegmentationScores",
    "Tally",
    "average_precision",
    "box_iou",
    "make_tally",
    "mask_iou",
    "part_overlap",
    "person_order",
]
