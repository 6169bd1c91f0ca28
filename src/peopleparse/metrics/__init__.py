"""Scores of people parsing: numpy in, exact numbers out, the same on any number of processes.

Every metric is a class with `update` (the maps of one image) or `add` (a `Tally` of it), `merge`
(another shard) and `compute` (a frozen dataclass with `to_dict` for JSON). Scores are fractions
in [0, 1].
"""

from __future__ import annotations

from peopleparse.metrics.anatomy import AnatomyFaults, AnatomyScores, Finding, audit_people
from peopleparse.metrics.ap_human import HumanAP, HumanScores
from peopleparse.metrics.ap_lambda import LambdaAP, LambdaAPResult, ReadingResult
from peopleparse.metrics.ap_part import PartAP, PartScores
from peopleparse.metrics.ap_region import RegionAP, RegionScores
from peopleparse.metrics.average_precision import average_precision
from peopleparse.metrics.confusion import ConfusionMatrix, SegmentationScores
from peopleparse.metrics.failures import FailureCounts, FailureScores, Fates
from peopleparse.metrics.iou import box_iou, mask_iou
from peopleparse.metrics.overlap import Overlap, part_overlap, person_order
from peopleparse.metrics.panoptic import PanopticQuality, PanopticScores
from peopleparse.metrics.person import FaceRecall, PersonAP, PersonScores
from peopleparse.metrics.readings import HEADLINES, READINGS, Reading
from peopleparse.metrics.regions import Regions
from peopleparse.metrics.spread import Spread, make_spread, spread_of_pixels, spread_of_readings
from peopleparse.metrics.tally import Tally, make_tally

__all__ = [
    "HEADLINES",
    "READINGS",
    "AnatomyFaults",
    "AnatomyScores",
    "ConfusionMatrix",
    "FaceRecall",
    "FailureCounts",
    "FailureScores",
    "Fates",
    "Finding",
    "HumanAP",
    "HumanScores",
    "LambdaAP",
    "LambdaAPResult",
    "Overlap",
    "PanopticQuality",
    "PanopticScores",
    "PartAP",
    "PartScores",
    "PersonAP",
    "PersonScores",
    "Reading",
    "ReadingResult",
    "RegionAP",
    "RegionScores",
    "Regions",
    "SegmentationScores",
    "Spread",
    "Tally",
    "audit_people",
    "average_precision",
    "box_iou",
    "make_spread",
    "make_tally",
    "mask_iou",
    "part_overlap",
    "person_order",
    "spread_of_pixels",
    "spread_of_readings",
]
