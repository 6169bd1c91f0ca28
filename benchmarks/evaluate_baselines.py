"""The other sides of benchmarks/evaluate.py: pairs of persons counted over the whole image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = tuple[NDArray[np.int64], NDArray[np.int64]]


def as_maps(persons: Any, count: int) -> NDArray[np.uint8]:
    """Return one label map a person, of maps or of the pair (parsing, instances)."""
    if not isinstance(persons, tuple):
        return np.asarray(persons)
    parsing, instances = persons
    return np.stack([np.where(instances == n, parsing, 0) for n in range(1, count + 1)])


def count_by_loop(truth: NDArray[np.uint8], preds: NDArray[np.uint8], num_ids: int) -> Counts:
    """Return (T, P, C) intersections and unions: plain numpy, a pair and a label at a time."""
    shared = np.zeros((len(truth), len(preds), num_ids), np.int64)
    either = np.zeros_like(shared)
    for t, truth_map in enumerate(truth):
        for p, pred_map in enumerate(preds):
            for label in range(num_ids):
                first, second = truth_map == label, pred_map == label
                shared[t, p, label] = (first & second).sum()
                either[t, p, label] = (first | second).sum()
    return shared, either


def count_by_histogram(truth: NDArray[np.uint8], preds: NDArray[np.uint8], num_ids: int) -> Counts:
    """Return (T, P, C) intersections and unions: a histogram of the whole image a pair.

    So do the published evaluators of multi-human parsing, ZhaoJ9014/Multi-Human-Parsing
    (eval_mhp.py) and those that follow it.
    """
    shared = np.zeros((len(truth), len(preds), num_ids), np.int64)
    either = np.zeros_like(shared)
    for t, truth_map in enumerate(truth):
        for p, pred_map in enumerate(preds):
            inside = (truth_map >= 0) & (truth_map < num_ids)
            keys = num_ids * truth_map[inside].astype(int) + pred_map[inside]
            table = np.bincount(keys, minlength=num_ids**2).reshape(num_ids, num_ids)
            shared[t, p] = table.diagonal()
            either[t, p] = table.sum(0) + table.sum(1) - table.diagonal()
    return shared, either


BASELINES: dict[str, Callable[..., Counts]] = {
    "loop": count_by_loop,
    "histogram": count_by_histogram,
}
