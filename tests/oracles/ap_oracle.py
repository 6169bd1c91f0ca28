"""AP^p, PCP, AP^r, AP^h and panoptic quality by their definitions: loops over pixels and persons.

A set of images maps image ids to (truth persons, predicted persons, scores); a person is a label
map, a label map a list of rows. Legacy functions follow the published scripts in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from tests.oracles.metrics_oracle import Map, part_counts, person_iou, pixels, place

Images = dict[str, tuple[list[Map], list[Map], list[float]]]
TENTHS = [Fraction(k, 10) for k in range(1, 10)]
TWENTIETHS = [Fraction(k, 20) for k in range(10, 20)]


def labels_of(person: Map, ignore_id: int = 255) -> list[int]:
    return sorted({label for label in pixels(person) if label not in (0, ignore_id)})


def part_iou(truth: Map, prediction: Map, label: int) -> Fraction | None:
    shared, either = part_counts(truth, prediction, label)
    return Fraction(shared, either) if either else None


def mean_with_background(truth: Map, prediction: Map, num_ids: int) -> Fraction:
    shares = [part_iou(truth, prediction, label) for label in range(num_ids)]
    present = [share for share in shares if share is not None]
    return sum(present, Fraction(0)) / len(present) if present else Fraction(0)


# One ranked list


def all_point(hits: list[bool], num_truth: int) -> float:
    """Best precision from each right prediction on, summed exactly, over the truth."""
    points = [sum(hits[: i + 1]) / (i + 1) for i in range(len(hits))]
    best = [max(points[i:]) for i in range(len(hits)) if hits[i]]
    return math.fsum(best) / num_truth if num_truth else math.nan


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def rank_units(units: list[tuple[float, str, tuple]]) -> list[int]:
    """By falling score, then image, then place."""
    return sorted(range(len(units)), key=lambda i: (-units[i][0], units[i][1], units[i][2]))


def match_once(
    ranked: list[tuple[str, list[Fraction]]], threshold: Fraction
) -> list[tuple[str, int] | None]:
    """The truth that each ranked unit takes; ranked: (image, how well each truth fits)."""
    taken: set[tuple[str, int]] = set()
    found: list[tuple[str, int] | None] = []
    for image_id, values in ranked:
        best = max(range(len(values)), key=lambda t: (values[t], -t), default=None)
        key = None if best is None else (image_id, best)
        if best is None or values[best] <= threshold or key in taken:
            found.append(None)
        else:
            taken.add((image_id, best))
            found.append((image_id, best))
    return found


# Persons


def sorted_truth(images: Images) -> dict[str, list[Map]]:
    return {
        name: sorted((t for t in truth if labels_of(t)), key=place)
        for name, (truth, _, _) in images.items()
    }


def rank_persons(
    images: Images, similarity: Callable[[Map, Map], Fraction]
) -> list[tuple[str, Map, list[Fraction]]]:
    truths = sorted_truth(images)
    units, maps = [], []
    for name, (_, predictions, scores) in images.items():
        for person, score in zip(predictions, scores, strict=True):
            units.append((score, name, place(person)))
            maps.append((name, person))
    found = []
    for index in rank_units(units):
        name, person = maps[index]
        found.append((name, person, [similarity(t, person) for t in truths[name]]))
    return found


def part_ap(images: Images, num_ids: int) -> tuple[list[float], list[float]]:
    """AP^p and PCP at .1 to .9."""
    truths = sorted_truth(images)
    total = sum(len(t) for t in truths.values())
    ranked = rank_persons(images, lambda t, p: mean_with_background(t, p, num_ids))
    ap, pcp = [], []
    for threshold in TENTHS:
        found = match_once([(name, values) for name, _, values in ranked], threshold)
        ap.append(all_point([f is not None for f in found], total))
        share = Fraction(0)
        for (name, person, _), taken in zip(ranked, found, strict=True):
            if taken is not None:
                truth = truths[name][taken[1]]
                right = [(part_iou(truth, person, i) or 0) > threshold for i in labels_of(truth)]
                share += Fraction(sum(right), len(right))
        pcp.append(float(share / total) if total else math.nan)
    return ap, pcp


def human_ap(images: Images) -> list[float]:
    """AP^h at .5 to .95."""
    total = sum(len(t) for t in sorted_truth(images).values())
    ranked = rank_persons(images, person_iou)
    ap = []
    for threshold in TWENTIETHS:
        found = match_once([(name, values) for name, _, values in ranked], threshold)
        ap.append(all_point([f is not None for f in found], total))
    return ap


# Regions


def region_ap(images: Images, num_ids: int) -> dict[int, list[float]]:
    """AP at .1 to .9 of each label."""
    truths = sorted_truth(images)
    found = {}
    for label in range(1, num_ids):
        owners = {n: [t for t in truth if label in labels_of(t)] for n, truth in truths.items()}
        units, values = [], []
        for name, (_, predictions, scores) in images.items():
            for person, score in zip(predictions, scores, strict=True):
                if label in pixels(person):
                    units.append((score, name, place(person)))
                    values.append([part_iou(t, person, label) or Fraction(0) for t in owners[name]])
        ranked = [(units[i][1], values[i]) for i in rank_units(units)]
        total = sum(len(o) for o in owners.values())
        hits = [[f is not None for f in match_once(ranked, t)] for t in TENTHS]
        found[label] = [all_point(h, total) for h in hits]
    return found


def panoptic(images: Images, num_ids: int) -> dict[int, tuple[float, float, float]]:
    """PQ, SQ and RQ of each label."""
    found = {}
    for label in range(1, num_ids):
        pairs: list[Fraction] = []
        regions = 0
        for truth, predictions, _ in images.values():
            owners = sorted((t for t in truth if label in labels_of(t)), key=place)
            finders = sorted((p for p in predictions if label in pixels(p)), key=place)
            regions += len(owners) + len(finders)
            close = [
                (-(part_iou(t, p, label) or 0), i, j)
                for i, t in enumerate(owners)
                for j, p in enumerate(finders)
            ]
            rows, columns = set(), set()
            for negative, i, j in sorted(close):
                if -negative > Fraction(1, 2) and i not in rows and j not in columns:
                    rows.add(i)
                    columns.add(j)
                    pairs.append(-negative)
        total = math.fsum(float(iou) for iou in pairs)
        if not regions:
            found[label] = (math.nan, math.nan, math.nan)
        else:
            sq = total / len(pairs) if pairs else 0.0
            found[label] = (total / (regions / 2), sq, len(pairs) / (regions / 2))
    return found


# What the published scripts do


def legacy_area(hits: list[bool], num_truth: int) -> float:
    """Steps of recall times the best precision from there on, with ends 0 and 1 put on."""
    recall, precision, right = [0.0], [0.0], 0
    for index, hit in enumerate(hits):
        right += hit
        recall.append(right / num_truth if num_truth else math.nan)
        precision.append(right / (index + 1))
    recall, precision = [*recall, 1.0], [*precision, 0.0]
    best = [max(precision[i:]) for i in range(len(precision))]
    steps = [
        (recall[i] - recall[i - 1]) * best[i]
        for i in range(1, len(recall))
        if recall[i] != recall[i - 1]
    ]
    return float(np.sum(steps))


def legacy_part_ap(images: Images, num_ids: int) -> tuple[list[float], list[float]]:
    """AP^p and PCP of the MHP script; images and persons in the order given."""
    truths = {name: [t for t in truth if labels_of(t)] for name, (truth, _, _) in images.items()}
    total = sum(len(t) for t in truths.values())
    units = [
        (name, person, score)
        for name, (_, predictions, scores) in images.items()
        for person, score in zip(predictions, scores, strict=True)
    ]
    order = np.argsort(-np.array([score for _, _, score in units]))
    best = []
    for index in order:
        name, person, _ = units[index]
        leader, top = None, -math.inf
        for number, truth in enumerate(truths[name]):
            shares = [part_iou(truth, person, label) for label in range(num_ids)]
            value = np.nanmean([math.nan if s is None else float(s) for s in shares])
            if value > top:
                leader, top = number, value
        best.append((leader, top))
    ap, pcp = [], []
    for threshold in (float(t) for t in TENTHS):
        taken, hits, shares = set(), [], []
        for index, (leader, top) in zip(order, best, strict=True):
            name, person, _ = units[index]
            hit = top > threshold and (name, leader) not in taken
            hits.append(hit)
            if hit:
                taken.add((name, leader))
                truth = truths[name][leader]
                above = [float(part_iou(truth, person, i) or 0) for i in range(1, num_ids)]
                shares.append(sum(v > threshold for v in above) / len(labels_of(truth)))
        ap.append(legacy_area(hits, total))
        pcp.append(float(np.mean(shares + [0.0] * (total - len(shares)))))
    return ap, pcp


def legacy_hits(best: list[float], scores: list, thresholds: list[Fraction]) -> list[list[bool]]:
    """Right or wrong by rank with no truth ever used up; scores may be text."""
    order = np.argsort(scores)[::-1]
    return [[best[i] > float(threshold) for i in order] for threshold in thresholds]


def legacy_human_ap(images: Images, as_text: bool) -> list[float]:
    """AP^h of M2FP, or with scores as text of QANet; persons in the order given."""
    best, scores, total = [], [], 0
    for truth, predictions, given in images.values():
        seen = [t for t in truth if labels_of(t)]
        total += len(seen)
        for person, score in zip(predictions, given, strict=True):
            if labels_of(person) or not as_text:
                best.append(max((float(person_iou(t, person)) for t in seen), default=-1.0))
                scores.append(repr(score) if as_text else score)
    return [legacy_area(hits, total) for hits in legacy_hits(best, scores, TWENTIETHS)]


def legacy_region_table(images: Images, num_ids: int) -> list[list[float]]:
    """AP^r by label and threshold of PGN, MG, M-CE2P and M2FP; persons in the order given."""
    table = []
    for label in range(1, num_ids):
        best, scores, total = [], [], 0
        for truth, predictions, given in images.values():
            owners = [t for t in truth if label in labels_of(t)]
            total += len(owners)
            for person, score in zip(predictions, given, strict=True):
                if label in pixels(person):
                    values = [float(part_iou(t, person, label) or 0) for t in owners]
                    best.append(max(values, default=-1.0))
                    scores.append(score)
        table.append([legacy_area(hits, total) for hits in legacy_hits(best, scores, TENTHS)])
    return table
