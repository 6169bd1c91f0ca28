"""A realistic evaluation for tests of the reports: two systems on the GPS scheme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from peopleparse.labels import get_scheme
from peopleparse.metrics import ConfusionMatrix

SYSTEMS = ("GPSNet", "baseline & co_1")
LAMBDAS = [k / 10 for k in range(1, 10)]
COCO = [k / 100 for k in range(50, 100, 5)]
# Pixels of each label in the truth, in thousands; belt, scarf and tie are small, as in photos.
_PIXELS = [
    90_000, 700, 1_900, 60, 9_800, 1_500, 7_600, 3_300, 90, 480, 470, 2_100, 1_200, 1_150, 1_350,
    1_300, 1_250, 210, 130, 0,
]  # fmt: skip
_QUALITY = [
    0.98, 0.62, 0.71, 0.34, 0.76, 0.52, 0.79, 0.55, 0.18, 0.49, 0.48, 0.82, 0.66, 0.65, 0.63, 0.62,
    0.58, 0.21, 0.16, 0.0,
]  # fmt: skip
_MIXED = {5: 7, 7: 4, 9: 10, 10: 9, 12: 13, 13: 12, 14: 15, 15: 14, 18: 12, 17: 4, 8: 6, 6: 5}


def make_example() -> dict[str, Any]:
    """Return an evaluation with every optional part; plain values, as JSON would give them."""
    return {
        "definition": "evaluation/1",
        "peopleparse": "0.1.0",
        "command": "peopleparse evaluate truth gpsnet.zip baseline --all-readings --bootstrap 1000",
        "mode": "recommended",
        "seed": 7,
        "seconds": 41.26,
        "scheme": "gps",
        "labels": list(get_scheme("gps").names),
        "truth": {"name": "GPS Indoor val", "format": "gps", "images": 1500, "sha256": "a1" * 32},
        "systems": [_make_system(0, 1.0), _make_system(1, 0.88)],
        "spread": {"ap_lambda": _make_spread()},
        "comparisons": [
            {
                "first": SYSTEMS[0], "second": SYSTEMS[1], "headline": key, "difference": d,
                "low": low, "high": high, "p_value": p, "resamples": 1000,
            }
            for key, d, low, high, p in (
                ("mean_iou", 0.0843, 0.0752, 0.0931, 0.002),
                ("ap_lambda_strict", 0.0674, 0.0561, 0.0782, 0.002),
                ("person_mask_ap", 0.0021, -0.0046, 0.0088, 0.541),
            )
        ],
    }  # fmt: skip


def _make_system(index: int, skill: float) -> dict[str, Any]:
    confusion = _make_confusion(skill)
    matrix = ConfusionMatrix(num_ids=20)
    matrix._matrix += confusion
    pixels = {**matrix.compute().to_dict(), "confusion": confusion.tolist()}
    system = {
        "name": SYSTEMS[index],
        "format": ("cihp", "gps")[index],
        "images": 1500 - 14 * index,
        "extra_images": 2 * index,
        "sha256": ("b2", "c3")[index] * 32,
        "missing": [f"indoor_{n:05d}" for n in range(100, 100 + 14 * index)],
        "faults": [
            {
                "image_id": "indoor_00731",
                "message": "parsing must be ids 0 to 19, got 23, at baseline/indoor_00731.png. "
                "Map other ids to the scheme first.",
            }
        ][:index],
        "scores": {"pixels": pixels, **_make_person_scores(skill)},
        "intervals": {},
        "curves": {name: _make_curve(skill, k) for k, name in enumerate(("strict", "mhp"))},
        "failures": _make_failures(index),
        "groups": _make_groups(skill),
        "worst": [
            {"image_id": f"indoor_{n:05d}", "score": 0.031 * k * skill}
            for k, n in enumerate((412, 77, 1093, 640))
        ],
    }
    system["intervals"] = _make_intervals(system["scores"], index)
    return system


def _make_confusion(skill: float) -> np.ndarray:
    confusion = np.zeros((20, 20), np.int64)
    for label, (pixels, quality) in enumerate(zip(_PIXELS, _QUALITY, strict=True)):
        right = int(pixels * (1 - (1 - quality) * (0.62 / skill**2)))
        rest = pixels - right
        confusion[label, label] += right
        other = _MIXED.get(label, 4 if label else 6)
        confusion[label, other] += rest // 2
        confusion[label, 0 if label else 4] += rest - rest // 2
    return confusion * 1000


def _make_row(skill: float, start: float, steps: int) -> list[float]:
    return [round(start * skill * (1 - (k / steps) ** 2), 4) for k in range(steps)]


def _make_person_scores(skill: float) -> dict[str, Any]:
    readings = {}
    for name, start in (("strict", 0.78), ("literal", 0.94), ("mhp", 0.86)):
        ap = _make_row(skill, start, 9)
        counts = [int(4000 * value) for value in ap]
        readings[name] = {
            "name": name, "ap": ap, "average": sum(ap) / 9, "matched": counts,
            "wrong": [4700 - c for c in counts], "missed": [4300 - c for c in counts],
        }  # fmt: skip
    people = {"images": 1500, "missing_images": 0, "truth": 4300, "predictions": 4700}
    coco, recall = _make_row(skill, 0.83, 10), _make_row(skill, 0.9, 10)
    person = {
        "thresholds": COCO, "ap": coco, "recall": recall, "average": sum(coco) / 10, **people,
    }  # fmt: skip
    ninth, tenth = _make_row(skill, 0.9, 9), _make_row(skill, 0.8, 10)
    by_label = {str(k): round(_QUALITY[k] * skill, 4) if k < 19 else None for k in range(1, 20)}
    return {
        "ap_lambda": {
            "definition": "ap_lambda/1", "thresholds": LAMBDAS, "readings": readings,
            "truth_persons": 4300, "predictions": 4700, "scored": True,
        },
        "ap_p": {
            "definition": "ap_p/1", "mode": "recommended", "thresholds": LAMBDAS, "ap": ninth,
            "average": sum(ninth) / 9, "pcp": ninth[::-1], "pcp_average": sum(ninth) / 9,
            "matched": [1] * 9, "wrong": [1] * 9, "missed": [1] * 9,
        },
        "ap_r": {
            "definition": "ap_r/1", "mode": "recommended", "thresholds": LAMBDAS, "ap": ninth,
            "average": sum(ninth) / 9,
            "labels": {k: {"ap": ninth, "average": v} for k, v in by_label.items()},
        },
        "ap_h": {
            "definition": "ap_h/1", "mode": "recommended", "thresholds": COCO, "ap": tenth,
            "average": sum(tenth) / 10,
        },
        "person_mask": {"definition": "person/1", "kind": "mask", **person},
        "person_box": {"definition": "person/1", "kind": "box", **person},
        "panoptic": {
            "definition": "panoptic/1", "pq": 0.41 * skill, "sq": 0.71, "rq": 0.58 * skill,
            "labels": {k: {"pq": v, "sq": v, "rq": v} for k, v in by_label.items()},
        },
    }  # fmt: skip


def _make_intervals(scores: dict[str, Any], index: int) -> dict[str, Any]:
    pixels, readings = scores["pixels"], scores["ap_lambda"]["readings"]
    values = {
        "mean_iou": (pixels["mean_iou"], 0.008),
        "overall_accuracy": (pixels["overall_accuracy"], 0.002),
        "mean_accuracy": (pixels["mean_accuracy"], 0.009),
        "frequency_weighted_iou": (pixels["frequency_weighted_iou"], 0.003),
        **{f"ap_lambda_{name}": (readings[name]["average"], 0.014) for name in readings},
        "person_mask_ap": (scores["person_mask"]["average"], 0.011 + 0.02 * index),
        "person_mask_ap_50": (scores["person_mask"]["ap"][0], 0.009),
        "person_box_ap": (scores["person_box"]["average"], 0.012),
    }
    return {
        key: {
            "value": value, "low": value - half, "high": value + 1.1 * half, "level": 0.95,
            "resamples": 1000,
        }
        for key, (value, half) in values.items()
    }  # fmt: skip


def _make_curve(skill: float, harder: int) -> dict[str, Any]:
    rng = np.random.default_rng(int(100 * skill) + harder)
    chance = np.linspace(1.0, 0.25, 1200) * skill ** (1 + harder)
    hits = rng.random(1200) < chance
    recall, precision = hits.cumsum() / 900, hits.cumsum() / np.arange(1, 1201)
    return {
        "threshold": 0.5,
        "recall": np.minimum(recall, 1).round(6).tolist(),
        "precision": precision.round(6).tolist(),
    }


def _make_failures(index: int) -> dict[str, Any]:
    parts = {
        str(label): {
            "truth": {
                "matched": 40 * label - 20 * index, "bad": 90 + 20 * index, "missed": 31,
                "lost": 55,
            },
            "prediction": {
                "right": 40 * label - 20 * index, "bad": 90 + 20 * index, "wrong": 24,
                "duplicate": 19, "split": 8, "background": 12,
            },
        }
        for label in range(1, 19)
    }  # fmt: skip
    return {
        "definition": "failures/1",
        "images": 1500, "missing_images": 14 * index, "truth_persons": 4300, "predictions": 4700,
        "dropped_truth": 0,
        "truth": {
            "matched": 3011 - 460 * index, "bad_parts": 602 + 190 * index,
            "missed": 498 + 205 * index, "merged": 189 + 65 * index,
        },
        "prediction": {
            "right": 3613 - 270 * index, "duplicate": 412 + 100 * index,
            "split": 287 + 50 * index, "background": 388 + 120 * index,
        },
        "truth_parts": _sum_of(part["truth"] for part in parts.values()),
        "predicted_parts": _sum_of(part["prediction"] for part in parts.values()),
        "pixels": {
            "right": 28_000_000 - 2_000_000 * index, "confused": 4_100_000 + 2_000_000 * index,
            "missed": 2_600_000,
        },
        "labels": parts,
        "good": 0.5, "person": 0.5, "part": 0.5,
    }  # fmt: skip


def _sum_of(tables: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for table in tables:
        total.update(table)
    return dict(total)


def _make_groups(skill: float) -> dict[str, Any]:
    keys = ("mean_iou", "ap_lambda_strict", "person_mask_ap")
    groups = {
        "person count": {"1": 0.62, "2": 0.58, "3 to 5": 0.5, "6 or more": 0.37},
        "person size": {"small": 0.31, "medium": 0.47, "large": 0.6},
    }
    return {
        grouping: {
            name: {
                "images": 300 + 10 * len(name),
                "persons": 700 + 31 * len(name),
                "scores": {key: value * skill * (1 - 0.2 * k) for k, key in enumerate(keys)},
            }
            for name, value in members.items()
        }
        for grouping, members in groups.items()
    }


def _make_spread() -> dict[str, Any]:
    values = {
        "strict": ("parts that one or both have", 0.4411, 0.4127),
        "literal": ("all parts of the scheme; one that neither has counts 1", 0.6202, 0.6231),
        "mhp": ("strict, with the background as one more part", 0.5274, 0.5102),
        "gt": ("truth looks for its prediction", 0.4502, 0.4198),
    }
    readings = [
        {"name": name, "description": words, "values": dict(zip(SYSTEMS, pair, strict=True))}
        for name, (words, *pair) in values.items()
    ]
    ranges = [max(v[k + 1] for v in values.values()) - 0.4127 for k in range(2)]
    return {
        "readings": readings,
        "ranking_changes": True,
        "flips": [
            {
                "first": SYSTEMS[0], "second": SYSTEMS[1], "equal": [],
                "first_ahead": ["strict", "mhp", "gt"], "second_ahead": ["literal"],
            }
        ],
        "range": dict(zip(SYSTEMS, (ranges[0] - 0.0284, ranges[1]), strict=True)),
    }  # fmt: skip
