"""metrics/assignment.py against every possible pairing."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from peopleparse.metrics.assignment import best_pairs


def best_sum_by_trying(gains: np.ndarray) -> float:
    """Return the largest sum of gains over all pairings, tried one by one."""
    rows, columns = gains.shape
    best = 0.0
    for count in range(1, min(rows, columns) + 1):
        for some in combinations(range(rows), count):
            for others in permutations(range(columns), count):
                best = max(best, float(sum(gains[r, c] for r, c in zip(some, others, strict=True))))
    return best


@pytest.mark.parametrize("seed", range(60))
def test_no_pairing_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 6, 2)
    gains = rng.uniform(-0.5, 1, (rows, columns))
    if seed % 3 == 0:
        gains = np.round(gains * 4)  # ties
    pairs = best_pairs(gains)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert sum(gains[pair] for pair in pairs) == pytest.approx(best_sum_by_trying(gains))
    assert all(gains[pair] > 0 for pair in pairs)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_is_paired_with_nobody(shape: tuple[int, int]) -> None:
    assert best_pairs(np.zeros(shape)) == []


def test_large_gains_are_paired_along_a_hidden_order() -> None:
    rng = np.random.default_rng(1)
    order = rng.permutation(60)
    gains = rng.uniform(0, 0.4, (60, 60))
    gains[np.arange(60), order] = 0.9
    assert best_pairs(gains) == list(enumerate(order.tolist()))
