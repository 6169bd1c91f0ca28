"""Counting by runs equals counting pixel by pixel, on flat maps and on noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peopleparse.metrics import runs
from peopleparse.metrics.runs import find_runs, sum_runs
from tests.metrics.scenes import seeds


def make_columns(rng, size, noise):
    """Return two columns of runs; with noise nearly every pixel is a run of its own."""
    reach = 2 if noise else 40
    ends = np.cumsum(rng.integers(1, reach, size))
    return [rng.integers(0, 4, size).astype(np.uint8)[np.searchsorted(ends, np.arange(size))]
            for _ in range(2)]  # fmt: skip


@given(seeds, st.integers(1, 300), st.sampled_from([0, 7]))
def test_nothing_changes_within_a_run(seed, size, width):
    columns = make_columns(np.random.default_rng(seed), size, noise=False)
    starts, lengths = find_runs(columns, width=width) or (np.arange(size), np.ones(size, int))
    assert starts[0] == 0 and lengths.sum() == size
    assert (starts[1:] == np.cumsum(lengths)[:-1]).all()
    for column in columns:
        assert (np.repeat(column[starts], lengths) == column).all()
    if width:
        assert (starts // width == (starts + lengths - 1) // width).all()


@given(seeds, st.integers(1, 300))
def test_what_lies_under_matters_only_where_the_first_is_filled(seed, size):
    first, below = make_columns(np.random.default_rng(seed), size, noise=False)
    found = find_runs([first], [below])
    if found is None:
        return
    starts, lengths = found
    filled = first > 0
    assert (np.repeat(below[starts], lengths) == below)[filled].all()
    values = first[starts]
    assert ((values[1:] > 0) | (values[:-1] > 0)).all()


@given(seeds, st.integers(0, 200), st.booleans())
def test_sums_equal_a_count_of_pixels(seed, size, weighted):
    rng = np.random.default_rng(seed)
    columns = [
        rng.choice([0, 1, 255], size).astype(np.uint8),
        rng.integers(0, rng.choice([1, 3, 70000]), size),
        rng.integers(0, 5, size).astype(np.uint16),
    ]
    lengths = rng.integers(1, 9, size) if weighted else None
    expected: dict[tuple[int, ...], int] = {}
    for index, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        expected[row] = expected.get(row, 0) + (int(lengths[index]) if weighted else 1)
    rows, pixels = sum_runs(columns, lengths)
    found = zip(*(row.tolist() for row in rows), strict=True)
    assert dict(zip(found, pixels.tolist(), strict=True)) == expected


def test_sums_are_exact_beyond_float64():
    huge = np.array([2**53, 1])
    assert sum_runs([np.array([3, 3])], huge)[1].tolist() == [2**53 + 1]


@pytest.mark.parametrize("size", [8, 65, 1000])
def test_noise_is_told_apart_from_runs(size, rng):
    noise = rng.permutation(size)
    assert (find_runs([noise]) is None) == (size > runs._SMALL)
    assert find_runs([np.zeros(size, np.uint8)])[1].tolist() == [size]
